"""The measures of schedules as PromQL, for what Prometheus has scraped of brokers and bookies."""

from collections.abc import Mapping
from typing import Final

from offloadctl.model.measures import Measure
from offloadctl.model.schedule import Comparison

# Bookies tell their JVM's memory by the same names as brokers; only brokers have this metric.
_OF_BROKERS: Final = "and on (instance) pulsar_broker_storage_size"
DIRECTORY: Final = "directory"
"""The label that says which of a bookie's."""
_OF_TOPICS: Final = "pulsar_storage_logical_size"

_EXPRESSIONS: Final[Mapping[Measure, str]] = {
    Measure.LOCAL_BYTES: f"{_OF_TOPICS} - pulsar_storage_offloaded_size",
    Measure.BACKLOG_BYTES: "pulsar_storage_backlog_size",
    Measure.BACKLOG_MESSAGES: "max by (topic) (pulsar_subscription_back_log)",
    Measure.COLD_READS: (
        f"brk_ledgeroffloader_read_offload_rate or on (instance, topic) 0 * {_OF_TOPICS}"  # no series: nothing is read
    ),
    Measure.BROKER_MEMORY: (
        f'jvm_memory_bytes_used{{area="heap"}} / jvm_memory_bytes_max{{area="heap"}} {_OF_BROKERS}'
    ),
    Measure.BROKER_DIRECT_MEMORY: f"jvm_memory_direct_bytes_used / jvm_memory_direct_bytes_max {_OF_BROKERS}",
    # In percent. A broker that stands alone says 0, or some 1e-7 for ever: it has no load manager that looks again.
    Measure.BROKER_CPU: "(pulsar_lb_cpu_usage > 0.001) / 100",
    Measure.BOOKIE_DISK: (
        f'label_replace({{__name__=~"bookie_ledger_dir_.+_usage"}}, "{DIRECTORY}", "$1", "__name__",'
        ' "bookie_ledger_dir_(.+)_usage") / 100'
    ),
    # A counter is there from its first error on, which `increase` does not see; without one there was none.
    Measure.S3_ERRORS: (
        "sum by (instance) (increase(brk_ledgeroffloader_write_storage_error_total[5m])) / 5"
        " or on (instance) 0 * pulsar_broker_storage_size"
    ),
}
_WITHOUT: Final[Mapping[Measure, str]] = {
    Measure.OLDEST_ELIGIBLE: "brokers tell no metric of it: it stands in the topics' metadata",
    Measure.UNREAD_FOR: "brokers tell no metric of it: readers that are gone take their time stamp with them",
}


def subject_of(measure: Measure, labels: Mapping[str, str]) -> str:
    """Whose number a series of that expression is, by the name that live numbers have; empty if it is nobody's."""
    if measure.is_of_topics:
        return labels.get("topic", "")
    instance = labels.get("instance", "")
    return f"{instance} {labels[DIRECTORY]}" if instance and DIRECTORY in labels else instance


def expression_of(comparison: Comparison) -> str:
    """What to ask Prometheus for a comparison's numbers; empty if it cannot have them."""
    return comparison.query or _EXPRESSIONS.get(comparison.measure, "")


def why_without(measure: Measure) -> str:
    """Why Prometheus has nothing of a measure."""
    return _WITHOUT.get(measure, "")
