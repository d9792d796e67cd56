"""Tenants and namespaces: which there are, making, unloading and deleting them."""

from typing import Any, Final

from offloadctl.demo.broker.access import (
    SUPER_USER,
    TENANT_ADMIN,
    Level,
    any_tenant_operation,
    namespace_operation,
    namespace_policy,
    tenant_operation,
)
from offloadctl.demo.broker.bodies import long_field, read_object
from offloadctl.demo.broker.routes import Call, Route
from offloadctl.demo.broker.settings_json import retention_from, whole_policies
from offloadctl.demo.broker.values import NO_CONTENT, Response, as_json, refusal, unexpected
from offloadctl.demo.bundles import DEFAULT_BUNDLES, boundaries, bundles
from offloadctl.demo.policies import NamespacePolicies, new_policy

# -- tenants


def list_tenants(call: Call) -> Response:
    """All of them."""
    return as_json(sorted(call.cluster.tenants))


def tenant(call: Call) -> Response:
    """Its admins and clusters."""
    admins = call.cluster.tenants.get(call.names["tenant"])
    if admins is None:
        raise refusal(404, "Tenant does not exist")
    return as_json({"adminRoles": admins, "allowedClusters": [call.cluster.name]})


def create_tenant(call: Call) -> Response:
    """A tenant with its admins."""
    body = read_object(call.request, "org.apache.pulsar.common.policies.data.TenantInfoImpl") or {}
    if call.names["tenant"] in call.cluster.tenants:
        raise refusal(409, "Tenant already exist")
    call.cluster.tenants[call.names["tenant"]] = tuple(body.get("adminRoles") or ())
    return NO_CONTENT


def list_namespaces(call: Call) -> Response:
    """The namespaces of a tenant."""
    if call.names["tenant"] not in call.cluster.tenants:
        raise refusal(404, "Tenant not found")
    names = (name for name in call.cluster.namespaces if name.tenant == call.names["tenant"])
    return as_json(sorted(str(name) for name in names))


# -- namespaces


def properties(call: Call) -> Response:
    """The labels that people have given it."""
    return as_json(call.policies.properties)


def set_properties(call: Call) -> Response:
    """They are added to those that are there."""
    call.policies.properties.update(read_object(call.request, "java.util.Map") or {})
    return NO_CONTENT


def whole(call: Call) -> Response:
    """Everything that is set."""
    return as_json(whole_policies(call.policies, call.cluster.name))


def create(call: Call) -> Response:
    """A namespace, perhaps with policies; only here the older thresholds can be given."""
    namespace = call.namespace
    body = read_object(call.request, "org.apache.pulsar.common.policies.data.Policies") or {}
    if namespace.tenant not in call.cluster.tenants:
        raise refusal(404, "Tenant does not exist")
    if namespace in call.cluster.namespaces:
        raise refusal(409, "Namespace already exists")
    call.cluster.namespaces[namespace] = _policies_from(body)
    return NO_CONTENT


def delete(call: Call) -> Response:
    """A namespace without a topic."""
    namespace, cluster = call.namespace, call.cluster
    if namespace not in cluster.namespaces:
        raise refusal(404, f"Namespace {namespace} does not exist.")
    if any(topic.namespace_name == namespace for topic in (*cluster.metadata, *cluster.partitioned)):
        raise refusal(409, "Cannot delete non empty namespace")
    del cluster.namespaces[namespace]
    return NO_CONTENT


def list_bundles(call: Call) -> Response:
    """Their boundaries."""
    count = call.policies.bundle_count
    return as_json({"boundaries": boundaries(count), "numBundles": count})


def unload(call: Call) -> Response:
    """All topics of the namespace."""
    if call.namespace not in call.cluster.namespaces:
        raise refusal(404, "Namespace not found")
    call.cluster.unload_bundle(call.namespace)
    return NO_CONTENT


def unload_bundle(call: Call) -> Response:
    """All topics of one bundle."""
    bundle = call.names["bundle"]
    known = {name.partition("_")[0]: name for name in bundles(call.policies.bundle_count)}
    if bundle.count("_") != 1:
        raise unexpected("Invalid bundle range", "java.lang.IllegalArgumentException")
    if bundle not in known.values():
        expected = known.get(bundle.partition("_")[0])
        which = f"Invalid upper boundary for bundle {call.namespace}/{bundle}."
        raise refusal(412, f"{which} Expected upper boundary of {call.namespace}/{expected}")
    call.cluster.unload_bundle(call.namespace, bundle)
    return NO_CONTENT


def _policies_from(body: dict[str, Any]) -> NamespacePolicies:
    retention, offload = body.get("retention_policies"), body.get("offload_policies")
    return NamespacePolicies(
        offload=None if offload is None else new_policy(offload),
        older_threshold=long_field(body, "offload_threshold", -1),
        older_threshold_in_seconds=long_field(body, "offload_threshold_in_seconds", -1),
        retention=None if retention is None else retention_from(retention),
        bundle_count=long_field(body.get("bundles") or {}, "numBundles", 0) or DEFAULT_BUNDLES,
    )


_TENANT: Final = "/admin/v2/tenants/{tenant}"
_NAMESPACES: Final = "/admin/v2/namespaces/{tenant}"
_NAMESPACE: Final = f"{_NAMESPACES}/{{namespace}}"

ROUTES: Final = (
    Route("GET", "/admin/v2/tenants", list_tenants, (any_tenant_operation("LIST_TENANTS"),)),
    Route("GET", _TENANT, tenant, (any_tenant_operation("GET_TENANT", Level.TENANT_ADMIN),)),
    Route("PUT", _TENANT, create_tenant, (any_tenant_operation("CREATE_TENANT"),)),
    Route("GET", _NAMESPACES, list_namespaces, (tenant_operation("LIST_NAMESPACES"),)),
    Route("GET", _NAMESPACE, whole, (namespace_policy("ALL", "READ"),)),
    Route("PUT", _NAMESPACE, create, (tenant_operation("CREATE_NAMESPACE"),)),
    Route("DELETE", _NAMESPACE, delete, (tenant_operation("DELETE_NAMESPACE"),)),
    Route("GET", f"{_NAMESPACE}/bundles", list_bundles, (namespace_operation("GET_BUNDLE", Level.READER),)),
    Route("GET", f"{_NAMESPACE}/properties", properties, (TENANT_ADMIN,)),
    Route("PUT", f"{_NAMESPACE}/properties", set_properties, (TENANT_ADMIN,)),
    Route("PUT", f"{_NAMESPACE}/unload", unload, (SUPER_USER,)),
    Route("PUT", f"{_NAMESPACE}/{{bundle}}/unload", unload_bundle, (SUPER_USER,)),
)
