"""Offload policies as a broker keeps them: defaults that leak, three levels that merge, and what a POST checks.

OffloadPoliciesImpl.java is the authority. Policies travel as JSON objects here, under Pulsar's own field names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from offloadctl.demo.bundles import DEFAULT_BUNDLES
from offloadctl.model.names import TopicName

JsonValue = str | int | bool | dict[str, str]
PolicyJson = dict[str, JsonValue]

THRESHOLD: Final = "managedLedgerOffloadThresholdInBytes"
THRESHOLD_IN_SECONDS: Final = "managedLedgerOffloadThresholdInSeconds"
DELETION_LAG: Final = "managedLedgerOffloadDeletionLagInMillis"

SUPPORTED_DRIVERS: Final = ("S3", "aws-s3", "google-cloud-storage", "filesystem", "azureblob", "aliyun-oss")

# OffloadPoliciesImpl.java:104-178: what every new policy object holds, whoever asked for it. None: not set.
_FIELDS: Final[Mapping[str, JsonValue | None]] = {
    "offloadersDirectory": "./offloaders",
    "managedLedgerOffloadDriver": None,
    "managedLedgerOffloadMaxThreads": 2,
    "managedLedgerOffloadPrefetchRounds": 1,
    "managedLedgerOffloadThresholdInSeconds": None,
    "managedLedgerOffloadThresholdInBytes": None,
    "managedLedgerOffloadDeletionLagInMillis": None,
    "managedLedgerOffloadedReadPriority": None,
    "managedLedgerExtraConfigurations": {},
    "s3ManagedLedgerOffloadRegion": None,
    "s3ManagedLedgerOffloadBucket": None,
    "s3ManagedLedgerOffloadServiceEndpoint": None,
    "s3ManagedLedgerOffloadMaxBlockSizeInBytes": 67108864,
    "s3ManagedLedgerOffloadReadBufferSizeInBytes": 1048576,
    "s3ManagedLedgerOffloadCredentialId": None,
    "s3ManagedLedgerOffloadCredentialSecret": None,
    "s3ManagedLedgerOffloadRole": None,
    "s3ManagedLedgerOffloadRoleSessionName": "pulsar-s3-offload",
    "gcsManagedLedgerOffloadRegion": None,
    "gcsManagedLedgerOffloadBucket": None,
    "gcsManagedLedgerOffloadMaxBlockSizeInBytes": 134217728,
    "gcsManagedLedgerOffloadReadBufferSizeInBytes": 1048576,
    "gcsManagedLedgerOffloadServiceAccountKeyFile": None,
    "fileSystemProfilePath": None,
    "fileSystemURI": None,
    "managedLedgerOffloadBucket": None,
    "managedLedgerOffloadRegion": None,
    "managedLedgerOffloadServiceEndpoint": None,
    "managedLedgerOffloadMaxBlockSizeInBytes": None,
    "managedLedgerOffloadReadBufferSizeInBytes": None,
}
_READ_PRIORITIES: Final = ("TIERED_STORAGE_FIRST", "BOOKKEEPER_FIRST")

# What the jcloud client takes when no key at all is set (TieredStorageConfiguration.java:241-266).
_DEFAULT_BLOCK_SIZE: Final = 64 * 1024 * 1024


def new_policy(given: Mapping[str, JsonValue | None] | None = None) -> PolicyJson:
    """A policy object: what was given over the defaults; unknown fields and nulls are dropped."""
    policy = {name: value for name, value in _FIELDS.items() if value is not None}
    for name, value in (given or {}).items():
        # An unknown enum text is read as null (ObjectMapperFactory.java:172).
        unknown_priority = name == "managedLedgerOffloadedReadPriority" and value not in _READ_PRIORITIES
        if name in _FIELDS and value is not None and not unknown_priority:
            policy[name] = value
    return policy


def refusal(policy: Mapping[str, JsonValue]) -> str | None:
    """Why a POST of this policy is answered with 412, or None; nothing else is checked (AdminResource.java:952)."""
    driver = str(policy.get("managedLedgerOffloadDriver", "")).lower()
    if driver not in {supported.lower() for supported in SUPPORTED_DRIVERS}:
        return "The driver is not supported, support value: " + ",".join(SUPPORTED_DRIVERS)
    keys = ["managedLedgerOffloadBucket"]
    if driver in {"s3", "aws-s3"}:
        keys.append("s3ManagedLedgerOffloadBucket")
    elif driver == "google-cloud-storage":
        keys.append("gcsManagedLedgerOffloadBucket")
    if driver != "filesystem" and not any(policy.get(key) for key in keys):
        return "The bucket must be specified for namespace offload."
    return None


def shown(policy: Mapping[str, JsonValue]) -> PolicyJson:
    """The policy as GET returns it: fields in order, with three booleans that are read-only."""
    driver = str(policy.get("managedLedgerOffloadDriver", "")).lower()
    ordered = {name: policy[name] for name in _FIELDS if name in policy}
    return ordered | {
        "s3Driver": driver in {"s3", "aws-s3"},
        "gcsDriver": driver == "google-cloud-storage",
        "fileSystemDriver": driver == "filesystem",
    }


def merged(
    topic: Mapping[str, JsonValue] | None, namespace: Mapping[str, JsonValue] | None, broker: Mapping[str, JsonValue]
) -> PolicyJson:
    """The policy in force: topic over namespace over broker, field by field; defaults of the first two count as set."""
    policy = new_policy()
    for level in (broker, namespace or {}, topic or {}):
        policy.update({name: value for name, value in level.items() if name in _FIELDS})
    return policy


class TopicPolicies(dict[TopicName, PolicyJson]):
    """What topics have themselves, and what they have `everywhere`: in every cluster."""

    def __init__(self) -> None:
        super().__init__()
        self.everywhere: dict[TopicName, PolicyJson] = {}
        self.retention_everywhere: dict[TopicName, dict[str, int]] = {}

    def in_force(self, topic: TopicName) -> PolicyJson | None:
        """The topic's own, and as a whole the global one only without it (BrokerService, getManagedLedgerConfig)."""
        own = self.get(topic)
        return self.everywhere.get(topic) if own is None else own

    def forget(self, topic: TopicName) -> None:
        """The topic is gone."""
        self.pop(topic, None)
        self.everywhere.pop(topic, None)
        self.retention_everywhere.pop(topic, None)


@dataclass(slots=True)
class NamespacePolicies:
    """What a namespace has beside its topics.

    The two older thresholds can be given only when the namespace is created: 4.0.7 writes every later change into
    the offload policy, which comes into being for it.
    """

    offload: PolicyJson | None = None
    older_threshold: int = -1
    older_threshold_in_seconds: int = -1
    retention: dict[str, int] | None = None
    persistence: dict[str, float] | None = None
    backlog_quotas: dict[str, dict[str, int | str]] = field(default_factory=dict)
    bundle_count: int = DEFAULT_BUNDLES
    readers: dict[str, list[str]] = field(default_factory=dict)
    """Roles that may produce or consume, and what of it."""
    properties: dict[str, str] = field(default_factory=dict)
    """Labels that people give."""

    def set_offload(self, given: Mapping[str, JsonValue | None]) -> None:
        """POST offloadPolicies: what was not given is gone."""
        self.offload = new_policy(given)

    def set_field(self, name: str, value: int | None) -> None:
        """PUT or DELETE of a single field, such as offloadThreshold: any number is accepted."""
        if self.offload is None:
            self.offload = new_policy()
        if value is None:
            self.offload.pop(name, None)
        else:
            self.offload[name] = value

    def field_in_force(self, name: str) -> int | None:
        """GET of a single field: the offload policy's value, else the older one's, which is -1 by default."""
        older = {THRESHOLD: self.older_threshold, THRESHOLD_IN_SECONDS: self.older_threshold_in_seconds}
        value = (self.offload or {}).get(name, older.get(name))
        return value if isinstance(value, int) else None

    @property
    def in_force(self) -> PolicyJson | None:
        """The policy with the older thresholds folded in where it is silent (OffloadPoliciesImpl.java, oldPolicies)."""
        older: PolicyJson = {}
        if self.older_threshold != -1:
            older[THRESHOLD] = self.older_threshold
        if self.older_threshold_in_seconds != -1:
            older[THRESHOLD_IN_SECONDS] = self.older_threshold_in_seconds
        if self.offload is None and not older:
            return None
        return older | (self.offload or new_policy())


@dataclass(frozen=True, slots=True)
class EffectivePolicy:
    """What the managed ledger and its offloader make of a merged policy."""

    driver: str | None
    bucket: str | None
    max_block_size: int
    threshold: int
    threshold_in_seconds: int
    deletion_lag_ms: int | None

    @classmethod
    def of(cls, policy: Mapping[str, JsonValue]) -> "EffectivePolicy":
        """Read it as the driver does: `aws-s3` looks at the s3 keys first, `S3` at the generic ones only."""
        driver = policy.get("managedLedgerOffloadDriver")

        def of_driver(name: str) -> JsonValue | None:
            if str(driver).lower() == "aws-s3" and f"s3ManagedLedgerOffload{name}" in policy:
                return policy[f"s3ManagedLedgerOffload{name}"]
            return policy.get(f"managedLedgerOffload{name}")

        bucket, lag = of_driver("Bucket"), policy.get(DELETION_LAG)
        return cls(
            driver=str(driver) if driver else None,
            bucket=str(bucket) if bucket else None,
            max_block_size=_number(of_driver("MaxBlockSizeInBytes"), _DEFAULT_BLOCK_SIZE),
            threshold=_number(policy.get(THRESHOLD), -1),
            threshold_in_seconds=_number(policy.get(THRESHOLD_IN_SECONDS), -1),
            deletion_lag_ms=None if lag is None else _number(lag, -1),
        )


def _number(value: JsonValue | None, default: int) -> int:
    return value if isinstance(value, int) else default
