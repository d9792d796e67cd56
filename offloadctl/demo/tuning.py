"""How a simulated cluster behaves, and what its broker.conf says about offload."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from offloadctl.demo.policies import JsonValue

DEFAULT_BLOCK_SIZE: Final = 6 * 1024 * 1024
"""Above maxMessageSize + 10 KiB + 140, so that every message fits, and small enough to see several blocks."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """How the cluster behaves in time and size."""

    upload_rate: float = 32 * 1024 * 1024
    """Bytes a second that one offload thread uploads."""
    upload_overhead: float = 0.05
    """Seconds that each ledger takes beside its bytes."""
    offload_threads: int = 2
    max_entries_per_ledger: int = 1000
    trim_interval: timedelta = timedelta(seconds=120)
    """retentionCheckIntervalInSeconds."""
    stats_interval: timedelta = timedelta(seconds=60)
    """statsUpdateFrequencyInSecs: so old may be what broker-stats says about loaded topics."""
    retention_minutes: int = -1
    retention_mebibytes: int = -1
    """Broker defaults. Pulsar's own are 0: topics without a subscription would lose each closed ledger at once."""
    backlog_quota_bytes: int = -1
    """backlogQuotaDefaultLimitBytes."""
    offload_on_topic_load: bool = False
    broker_entry_index: bool = False
    """Whether entries begin with broker entry metadata, as with Pulsar's index interceptor."""


def broker_properties(
    bucket: str,
    *,
    endpoint: str = "http://127.0.0.1:9000",
    region: str = "us-east-1",
    driver: str = "aws-s3",
    max_block_size: int = DEFAULT_BLOCK_SIZE,
    deletion_lag_ms: int = 4 * 3600 * 1000,
) -> dict[str, JsonValue]:
    """What a sound broker.conf says about offload: both families of keys, equal."""
    both: Mapping[str, JsonValue] = {
        "Bucket": bucket,
        "Region": region,
        "ServiceEndpoint": endpoint,
        "MaxBlockSizeInBytes": max_block_size,
    }
    properties: dict[str, JsonValue] = {
        "offloadersDirectory": "/pulsar/offloaders",
        "managedLedgerOffloadDriver": driver,
        "managedLedgerOffloadDeletionLagInMillis": deletion_lag_ms,
    }
    for name, value in both.items():
        properties[f"s3ManagedLedgerOffload{name}"] = value
        properties[f"managedLedgerOffload{name}"] = value
    return properties
