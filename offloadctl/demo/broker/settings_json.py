"""Retention, quotas and persistence as a broker checks and shows them (Policies.java, AdminResource.java)."""

from collections.abc import Mapping
from typing import Any, Final

from offloadctl.demo.broker.bodies import long_field
from offloadctl.demo.broker.values import refusal
from offloadctl.demo.bundles import boundaries
from offloadctl.demo.policies import NamespacePolicies, shown

QUOTA_TYPES: Final = ("destination_storage", "message_age")

_QUOTA_POLICIES: Final = ("producer_request_hold", "producer_exception", "consumer_backlog_eviction")
_MAX_ENSEMBLE: Final = 5
_ONE_ZERO: Final = (
    "Invalid retention policy: Setting a single time or size limit to 0 is invalid when one of the limits has a"
    " non-zero value. Use the value of -1 instead of 0 to ignore a specific limit. To disable retention both limits"
    " must be set to 0."
)
_EMPTY: Final = (
    "clusterDispatchRate",
    "topicDispatchRate",
    "subscriptionDispatchRate",
    "replicatorDispatchRate",
    "clusterSubscribeRate",
)


def retention_from(body: Mapping[str, Any]) -> dict[str, int]:
    """A retention that a broker accepts."""
    minutes, mebibytes = long_field(body, "retentionTimeInMinutes", 0), long_field(body, "retentionSizeInMB", 0)
    if (minutes == 0) != (mebibytes == 0):
        raise refusal(400, _ONE_ZERO)
    return {"retentionTimeInMinutes": minutes, "retentionSizeInMB": mebibytes}


def quota_from(body: Mapping[str, Any], namespace: object) -> dict[str, int | str]:
    """A quota as it is stored: the limit under its old name too."""
    policy = body.get("policy")
    if policy not in _QUOTA_POLICIES:
        raise refusal(
            400,
            f"Set namespace[{namespace}] backlog quota failed because the data validation failed."
            " the attribute policy cannot be null",
        )
    size = long_field(body, "limitSize", long_field(body, "limit", 0))
    return {"limit": size, "limitSize": size, "limitTime": long_field(body, "limitTime", 0), "policy": policy}


def fits(quota: Mapping[str, int | str] | None, retention: Mapping[str, int] | None) -> bool:
    """Whether more is kept than the quota lets pile up; only the quota of sizes is looked at."""
    if quota is None or retention is None or not any(retention.values()):
        return True
    minutes, mebibytes = retention["retentionTimeInMinutes"], retention["retentionSizeInMB"]
    enough_size = mebibytes == -1 or mebibytes * 1024 * 1024 > int(quota["limitSize"])
    return enough_size and (minutes == -1 or minutes * 60 > int(quota["limitTime"]))


def persistence_from(body: Mapping[str, Any]) -> dict[str, float]:
    """A persistence policy that a broker accepts."""
    names = ("bookkeeperEnsemble", "bookkeeperWriteQuorum", "bookkeeperAckQuorum")
    ensemble, write, ack = (long_field(body, name, 0) for name in names)
    if not 0 < ensemble <= _MAX_ENSEMBLE:
        raise refusal(400, f"Bookkeeper-Ensemble must be <= {_MAX_ENSEMBLE} and > 0.")
    if not ensemble >= write >= ack > 0:
        raise refusal(400, f"Bookkeeper Ensemble ({ensemble}) >= WriteQuorum ({write}) >= AckQuorum ({ack})")
    rate = float(body.get("managedLedgerMaxMarkDeleteRate") or 0.0)
    return dict(zip(names, (ensemble, write, ack), strict=True)) | {"managedLedgerMaxMarkDeleteRate": rate}


def whole_policies(policies: NamespacePolicies, cluster: str) -> dict[str, Any]:
    """GET of a namespace: what is not set is left out."""
    count = policies.bundle_count
    whole: dict[str, Any] = {
        "auth_policies": {"namespace_auth": policies.readers, "destination_auth": {}, "subscription_auth_roles": {}},
        "replication_clusters": [cluster],
        "allowed_clusters": [],
        "bundles": {"boundaries": boundaries(count), "numBundles": count},
        "backlog_quota_map": policies.backlog_quotas,
        **{name: {} for name in _EMPTY},
        "persistence": policies.persistence,
        "publishMaxMessageRate": {},
        "latency_stats_sample_rate": {},
        "retention_policies": policies.retention,
        "deleted": False,
        "encryption_required": False,
        "subscription_auth_mode": "None",
        "offload_threshold": policies.older_threshold,
        "offload_threshold_in_seconds": policies.older_threshold_in_seconds,
        "schema_compatibility_strategy": "UNDEFINED",
        "is_allow_auto_update_schema": True,
        "schema_validation_enforced": False,
        "offload_policies": None if policies.offload is None else shown(policies.offload),
        "subscription_types_enabled": [],
        "properties": policies.properties,
        "migrated": False,
    }
    return {name: value for name, value in whole.items() if value is not None}
