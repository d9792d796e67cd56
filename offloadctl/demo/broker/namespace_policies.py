"""What is set for a namespace: offload policies and their single fields, retention, quotas, persistence."""

from collections.abc import Callable
from typing import Any, Final

from offloadctl.demo.broker.access import namespace_policy
from offloadctl.demo.broker.bodies import read_number, read_object, read_policy
from offloadctl.demo.broker.routes import Answer, Call, Route
from offloadctl.demo.broker.settings_json import QUOTA_TYPES, fits, persistence_from, quota_from, retention_from
from offloadctl.demo.broker.values import (
    NO_CONTENT,
    NULL,
    Refused,
    Response,
    as_json,
    jetty_page,
    refusal,
    unexpected,
)
from offloadctl.demo.policies import DELETION_LAG, THRESHOLD, THRESHOLD_IN_SECONDS, JsonValue, new_policy, shown
from offloadctl.demo.policies import refusal as policy_refusal

# -- offload


def offload_policies(call: Call) -> Response:
    """The policy of this level only."""
    policy = call.policies.offload
    return as_json(None if policy is None else shown(policy))


def set_offload_policies(call: Call) -> Response:
    """Replaces the policy as a whole; only driver and bucket are checked."""
    policy = checked_policy(call)
    if call.namespace not in call.cluster.namespaces:
        missing = "org.apache.pulsar.metadata.api.MetadataStoreException$NotFoundException: "
        raise unexpected(missing, "java.util.concurrent.CompletionException")
    call.policies.set_offload(policy)
    return NO_CONTENT


def remove_offload_policies(call: Call) -> Response:
    """The policy with its thresholds; the broker takes a missing namespace for a race."""
    if call.namespace not in call.cluster.namespaces:
        raise refusal(409, "Concurrent modification")
    call.policies.offload = None
    return NO_CONTENT


def checked_policy(call: Call) -> dict[str, JsonValue | None]:
    """The policy in a request's body, or the 412 that tells what is wrong with it (AdminResource.java)."""
    given = read_policy(call.request)
    if given is None:
        raise refusal(412, "The offloadPolicies must be specified for namespace offload.")
    if (reason := policy_refusal(new_policy(given))) is not None:
        raise refusal(412, reason)
    return given


def _get_field(name: str) -> Answer:
    return lambda call: as_json(call.policies.field_in_force(name))


def _put_field(name: str, answer: Response = NO_CONTENT) -> Answer:
    def put(call: Call) -> Response:
        value = read_number(call.request)
        if value is None:
            raise Refused(Response(400, b"The request entity cannot be empty.", "application/json"))
        call.policies.set_field(name, value)
        return answer

    return put


def delete_deletion_lag(call: Call) -> Response:
    """Back to the broker's own."""
    call.policies.set_field(DELETION_LAG, None)
    return NO_CONTENT


# -- retention, quotas, persistence


def retention(call: Call) -> Response:
    """The namespace's own."""
    return as_json(call.policies.retention)


def set_retention(call: Call) -> Response:
    """An empty body is null, which removes it."""
    body = read_object(call.request, "org.apache.pulsar.common.policies.data.RetentionPolicies")
    _require_namespace(call, "Namespace policies does not exist")
    wanted = None if body is None else retention_from(body)
    if not fits(call.policies.backlog_quotas.get("destination_storage"), wanted):
        raise refusal(412, "Retention Quota must exceed configured backlog quota for namespace.")
    call.policies.retention = wanted
    return NO_CONTENT


def delete_retention(call: Call) -> Response:
    """Back to the broker's own."""
    _require_namespace(call, "Namespace policies does not exist")
    call.policies.retention = None
    return NO_CONTENT


def backlog_quotas(call: Call) -> Response:
    """By type."""
    return as_json(call.policies.backlog_quotas)


def set_backlog_quota(call: Call) -> Response:
    """Of one type; it must leave less than retention keeps."""
    body = read_object(call.request, "org.apache.pulsar.common.policies.data.impl.BacklogQuotaImpl")
    kind = _quota_type(call)
    if body is None:
        what = 'Cannot invoke "org.apache.pulsar.common.policies.data.BacklogQuota.validate()"'
        raise unexpected(f'{what} because "quota" is null', "java.lang.NullPointerException")
    quota = quota_from(body, call.namespace)
    _require_namespace(call, "")
    if kind == "destination_storage" and not fits(quota, call.policies.retention):
        what = "Backlog Quota exceeds configured retention quota for namespace."
        raise refusal(412, f"{what} Please increase retention quota and retry")
    call.policies.backlog_quotas[kind] = quota
    return NO_CONTENT


def delete_backlog_quota(call: Call) -> Response:
    """Of one type."""
    _require_namespace(call, "")
    call.policies.backlog_quotas.pop(_quota_type(call), None)
    return NO_CONTENT


def persistence(call: Call) -> Response:
    """The namespace's own."""
    return as_json(call.policies.persistence)


def set_persistence(call: Call) -> Response:
    """Replaces it as a whole."""
    body = read_object(call.request, "org.apache.pulsar.common.policies.data.PersistencePolicies")
    if body is None:
        raise refusal(400, "persistence policies should not be null")
    wanted = persistence_from(body)
    call.policies.persistence = wanted
    return NO_CONTENT


def _quota_type(call: Call) -> str:
    kind = call.request.params.get("backlogQuotaType", "destination_storage")
    if kind not in QUOTA_TYPES:
        # A query parameter that is no enum constant is a 404 in JAX-RS.
        raise Refused(jetty_page(call.request, 404, "Not Found"))
    return kind


def delete_persistence(call: Call) -> Response:
    """Back to the broker's own."""
    call.policies.persistence = None
    return NO_CONTENT


def _require_namespace(call: Call, words: str) -> None:
    if call.namespace not in call.cluster.namespaces:
        raise refusal(404, words)


_NAMESPACE: Final = "/admin/v2/namespaces/{tenant}/{namespace}"


def _of(policy: str, path: str, **answers: Callable[[Call], Any]) -> tuple[Route, ...]:
    """The methods of one policy's path: reading needs one right, everything else another."""
    return tuple(
        Route(method, f"{_NAMESPACE}/{path}", answer, (namespace_policy(policy, _operation(method)),))
        for method, answer in answers.items()
    )


def _operation(method: str) -> str:
    return "READ" if method == "GET" else "WRITE"


ROUTES: Final = (
    *_of("OFFLOAD", "offloadPolicies", GET=offload_policies, POST=set_offload_policies),
    *_of("OFFLOAD", "removeOffloadPolicies", DELETE=remove_offload_policies),
    *_of("OFFLOAD", "offloadThreshold", GET=_get_field(THRESHOLD), PUT=_put_field(THRESHOLD)),
    *_of(
        "OFFLOAD",
        "offloadThresholdInSeconds",
        GET=_get_field(THRESHOLD_IN_SECONDS),
        PUT=_put_field(THRESHOLD_IN_SECONDS, NULL),
    ),
    *_of(
        "OFFLOAD",
        "offloadDeletionLagMs",
        GET=_get_field(DELETION_LAG),
        PUT=_put_field(DELETION_LAG),
        DELETE=delete_deletion_lag,
    ),
    *_of("RETENTION", "retention", GET=retention, POST=set_retention, DELETE=delete_retention),
    *_of("BACKLOG", "backlogQuotaMap", GET=backlog_quotas),
    *_of("BACKLOG", "backlogQuota", POST=set_backlog_quota, DELETE=delete_backlog_quota),
    *_of("PERSISTENCE", "persistence", GET=persistence, POST=set_persistence, DELETE=delete_persistence),
)
