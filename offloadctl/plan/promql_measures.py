"""The measures of schedules as PromQL, for what Prometheus has scraped of brokers and bookies."""

from collections.abc import Mapping
from typing import Final

from offloadctl.model.measures import Measure
from offloadctl.model.schedule import Comparison

# Bookies tell their JVM's memory by the same names as brokers; only brokers have this metric.
_OF_BROKERS: Final = "and on (instance) pulsar_broker_storage_size"

_EXPRESSIONS: Final[Mapping[Measure, str]] = {
    Measure.LOCAL_BYTES: "pulsar_storage_logical_size - pulsar_storage_offloaded_size",
    Measure.BACKLOG_BYTES: "pulsar_storage_backlog_size",
    Measure.BACKLOG_MESSAGES: "max by (topic) (pulsar_subscription_back_log)",
    Measure.COLD_READS: "brk_ledgeroffloader_read_offload_rate",
    Measure.BROKER_MEMORY: (
        f'jvm_memory_bytes_used{{area="heap"}} / jvm_memory_bytes_max{{area="heap"}} {_OF_BROKERS}'
    ),
    Measure.BROKER_DIRECT_MEMORY: f"jvm_memory_direct_bytes_used / jvm_memory_direct_bytes_max {_OF_BROKERS}",
    # A broker that stands alone says 0: it has no load manager that looks.
    Measure.BROKER_CPU: "(pulsar_lb_cpu_usage > 0) / 100",
    Measure.BOOKIE_DISK: 'max by (instance) ({__name__=~"bookie_ledger_dir_.+_usage"}) / 100',
    Measure.S3_ERRORS: ("sum by (instance) (increase(brk_ledgeroffloader_write_storage_error_total[5m])) / 5"),
}
_WITHOUT: Final[Mapping[Measure, str]] = {
    Measure.OLDEST_ELIGIBLE: "brokers tell no metric of it: it stands in the topics' metadata",
    Measure.UNREAD_FOR: "brokers tell no metric of it: readers that are gone take their time stamp with them",
}


def expression_of(comparison: Comparison) -> str:
    """What to ask Prometheus for a comparison's numbers; empty if it cannot have them."""
    return comparison.query or _EXPRESSIONS.get(comparison.measure, "")


def why_without(measure: Measure) -> str:
    """Why Prometheus has nothing of a measure."""
    return _WITHOUT.get(measure, "")
