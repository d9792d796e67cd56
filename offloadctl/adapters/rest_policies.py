"""`offloadPolicies` as the settings in force. Fields that hold credentials are not even decoded.

Which key counts for a driver: TieredStorageConfiguration.java tries the driver's own key first and the general key
second, and only `aws-s3` and `google-cloud-storage` have keys of their own. "Has" means present: a blank one counts.
"""

from typing import Final

import msgspec

from offloadctl.adapters.rest_calls import Reply
from offloadctl.adapters.rest_replies import Value, understood
from offloadctl.model.ledger import OffloadPolicies
from offloadctl.units import ByteSize

_DEFAULT_BLOCK_SIZE: Final = 64 * 1024 * 1024
"""TieredStorageConfiguration.java, getMaxBlockSizeInBytes: what counts when no key says anything."""

# JCloudBlobStoreProvider.java: the drivers that write blocks; it compares their names without regard to case.
_WITH_BLOCKS: Final = frozenset({"aws-s3", "google-cloud-storage", "s3", "aliyun-oss", "azureblob", "transient"})


def offload_policies_of(reply: Reply) -> OffloadPolicies:
    """`offloadPolicies?applied=true`; an empty answer means that nothing is set anywhere."""
    return understood(reply, _Policies | None, _in_force)  # type: ignore[arg-type]  # a union is a form, not a class


class _Policies(msgspec.Struct, frozen=True):
    driver: str | None = msgspec.field(name="managedLedgerOffloadDriver", default=None)
    size_threshold: int | None = msgspec.field(name="managedLedgerOffloadThresholdInBytes", default=None)
    age_threshold: int | None = msgspec.field(name="managedLedgerOffloadThresholdInSeconds", default=None)
    deletion_lag: int | None = msgspec.field(name="managedLedgerOffloadDeletionLagInMillis", default=None)
    read_priority: str | None = msgspec.field(name="managedLedgerOffloadedReadPriority", default=None)
    bucket: str | None = msgspec.field(name="managedLedgerOffloadBucket", default=None)
    region: str | None = msgspec.field(name="managedLedgerOffloadRegion", default=None)
    endpoint: str | None = msgspec.field(name="managedLedgerOffloadServiceEndpoint", default=None)
    block_size: int | None = msgspec.field(name="managedLedgerOffloadMaxBlockSizeInBytes", default=None)
    s3_bucket: str | None = msgspec.field(name="s3ManagedLedgerOffloadBucket", default=None)
    s3_region: str | None = msgspec.field(name="s3ManagedLedgerOffloadRegion", default=None)
    s3_endpoint: str | None = msgspec.field(name="s3ManagedLedgerOffloadServiceEndpoint", default=None)
    s3_block_size: int | None = msgspec.field(name="s3ManagedLedgerOffloadMaxBlockSizeInBytes", default=None)
    gcs_bucket: str | None = msgspec.field(name="gcsManagedLedgerOffloadBucket", default=None)
    gcs_region: str | None = msgspec.field(name="gcsManagedLedgerOffloadRegion", default=None)
    gcs_block_size: int | None = msgspec.field(name="gcsManagedLedgerOffloadMaxBlockSizeInBytes", default=None)


class _Location(msgspec.Struct, frozen=True):
    bucket: str | None = None
    region: str | None = None
    endpoint: str | None = None
    block_size: int | None = None


def _in_force(policies: _Policies | None) -> OffloadPolicies:
    if policies is None:
        return OffloadPolicies()
    own = _own_location(policies)
    block_size = _first(own.block_size, policies.block_size)
    if block_size is None and (policies.driver or "").lower() in _WITH_BLOCKS:
        block_size = _DEFAULT_BLOCK_SIZE
    return OffloadPolicies(
        driver=policies.driver or None,
        bucket=_first(own.bucket, policies.bucket),
        region=_first(own.region, policies.region),
        endpoint=_without_user(_first(own.endpoint, policies.endpoint)),
        max_block_size=None if block_size is None else ByteSize(block_size),
        deletion_lag_ms=policies.deletion_lag,
        size_threshold=policies.size_threshold,
        age_threshold_s=policies.age_threshold,
        read_priority=_as_in_broker_conf(policies.read_priority),
    )


def _own_location(policies: _Policies) -> _Location:
    match (policies.driver or "").lower():
        case "aws-s3":
            return _Location(policies.s3_bucket, policies.s3_region, policies.s3_endpoint, policies.s3_block_size)
        case "google-cloud-storage":
            return _Location(policies.gcs_bucket, policies.gcs_region, None, policies.gcs_block_size)
        case _:
            return _Location()


def _without_user(endpoint: str | None) -> str | None:
    """The address alone: somebody may have put keys into it, and it is printed."""
    if endpoint is None or "@" not in endpoint:
        return endpoint
    scheme, separator, rest = endpoint.partition("://")
    return scheme + separator + rest.rpartition("@")[2] if separator else endpoint.rpartition("@")[2]


def _first(own: Value | None, general: Value | None) -> Value | None:
    return general if own is None else own


def _as_in_broker_conf(priority: str | None) -> str | None:
    # JSON has the enum's name TIERED_STORAGE_FIRST, broker.conf and pulsar-admin say tiered-storage-first.
    return priority.lower().replace("_", "-") if priority else None
