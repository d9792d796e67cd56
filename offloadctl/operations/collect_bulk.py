"""Numbers of schedules out of bulk reads: of each topic, broker and bookie, with the metric or call they come from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from offloadctl.errors import UsageError
from offloadctl.model.measures import Measure, Number
from offloadctl.model.names import TopicName
from offloadctl.model.status import Bound
from offloadctl.ports.schedule import LoadReport, Sample, Scrape, TopicLoad

TOTAL: Final = "pulsar_storage_logical_size"
OFFLOADED: Final = "pulsar_storage_offloaded_size"
READ_AT: Final = "pulsar_subscription_last_consumed_timestamp"
COLD_READS: Final = "brk_ledgeroffloader_read_offload_rate"
WRITE_ERRORS: Final = "brk_ledgeroffloader_write_storage_error"
_HEAP: Final = ("jvm_memory_bytes_used", "jvm_memory_bytes_max")
_DIRECT: Final = ("jvm_memory_direct_bytes_used", "jvm_memory_direct_bytes_max")

SOURCES: Final[Mapping[Measure, str]] = {
    Measure.LOCAL_BYTES: f"{TOTAL} - {OFFLOADED}",
    Measure.OLDEST_ELIGIBLE: "internal-info",
    Measure.BACKLOG_BYTES: "backlogSize of broker-stats/topics",
    Measure.BACKLOG_MESSAGES: "msgBacklog of broker-stats/topics (entries: a batch is one)",
    Measure.UNREAD_FOR: f"bytesOutCount of broker-stats/topics, {READ_AT}",
    Measure.COLD_READS: COLD_READS,
    Measure.BROKER_CPU: "cpu of broker-stats/load-report",
    Measure.BROKER_MEMORY: f"{_HEAP[0]} / {_HEAP[1]} of the heap",
    Measure.BROKER_DIRECT_MEMORY: f"{_DIRECT[0]} / {_DIRECT[1]}",
    Measure.BOOKIE_DISK: "bookie_ledger_dir_*_usage",
    Measure.S3_ERRORS: f"{WRITE_ERRORS}_total",
}
"""Where the numbers of each measure come from, in the words that stand beside them."""


def topic_samples(scrapes: Iterable[Scrape], name: str) -> Iterator[tuple[TopicName, Sample, Scrape]]:
    """The samples of that metric that name a topic."""
    for scrape in scrapes:
        for sample in scrape.samples:
            if sample.name == name and (topic := _topic(sample.labels)) is not None:
                yield topic, sample, scrape


def sizes(scrapes: Sequence[Scrape], name: str) -> dict[TopicName, int]:
    """Bytes by topic, of whichever broker serves it."""
    return {topic: int(sample.value) for topic, sample, _ in topic_samples(scrapes, name)}


def tell_of_every_topic(scrapes: Sequence[Scrape]) -> bool:
    """Whether every broker has answered and tells of single topics, so that none of them serves any other."""
    totals = [sample for scrape in scrapes for sample in scrape.samples if sample.name == TOTAL]
    return bool(totals) and all("topic" in one.labels for one in totals) and not any(one.why for one in scrapes)


def local_bytes(scrapes: Sequence[Scrape], loads: Mapping[TopicName, TopicLoad]) -> dict[TopicName, Number]:
    """What is stored without what is offloaded; where only broker-stats tells of a topic, no more than all of it."""
    offloaded = sizes(scrapes, OFFLOADED)
    found = {
        topic: Number("storageSize of broker-stats/topics, what is offloaded included", load.storage_bytes, None, _MOST)
        for topic, load in loads.items()
    }
    for topic, sample, scrape in topic_samples(scrapes, TOTAL):
        if topic in offloaded:
            value = max(0.0, sample.value - offloaded[topic])
            found[topic] = Number(SOURCES[Measure.LOCAL_BYTES], value, scrape.at)
    return found


def backlogs(loads: Mapping[TopicName, TopicLoad], measure: Measure) -> dict[TopicName, Number]:
    """Of the topics that are loaded."""
    source = SOURCES[measure]
    if measure is Measure.BACKLOG_BYTES:
        return {topic: Number(source, load.backlog_bytes) for topic, load in loads.items()}
    return {topic: Number(source, load.backlog_entries) for topic, load in loads.items()}


def cold_reads(scrapes: Sequence[Scrape]) -> dict[TopicName, Number]:
    """Of the topics that brokers tell of: one that nobody reads has no series, once its broker knows the metric."""
    known = [scrape for scrape in scrapes if COLD_READS in scrape.families]
    found = {
        topic: Number(f"{COLD_READS}: no series, so nothing is read", 0.0, scrape.at)
        for topic, _, scrape in topic_samples(known, TOTAL)
    }
    for topic, sample, scrape in topic_samples(known, COLD_READS):
        found[topic] = Number(COLD_READS, sample.value, scrape.at)
    return found


def last_reads(scrapes: Sequence[Scrape]) -> dict[TopicName, datetime]:
    """When a subscription that is still there has got something last; since the broker has loaded the topic."""
    found: dict[TopicName, datetime] = {}
    for topic, sample, scrape in topic_samples(scrapes, READ_AT):
        if sample.value > 0:
            at = datetime.fromtimestamp(sample.value / 1000, scrape.at.tzinfo)
            found[topic] = max(at, found.get(topic, at))
    return found


def memory(scrapes: Sequence[Scrape], measure: Measure) -> dict[str, Number]:
    """In use of the most allowed, by broker."""
    used, most = _HEAP if measure is Measure.BROKER_MEMORY else _DIRECT
    return {scrape.instance: _share(scrape, SOURCES[measure], used, most) for scrape in scrapes}


def processors(reports: Sequence[LoadReport]) -> dict[str, Number]:
    """In use, by broker."""
    source = SOURCES[Measure.BROKER_CPU]
    return {one.instance: Number(source, one.cpu, one.at, why=one.why) for one in reports}


def disks(scrapes: Sequence[Scrape]) -> dict[str, Number]:
    """In use, by bookie and directory; a bookie that says nothing is unknown."""
    found: dict[str, Number] = {}
    for scrape in scrapes:
        if not scrape.samples:
            why = scrape.why or "it tells of no ledger directory"
            found[scrape.instance] = Number(SOURCES[Measure.BOOKIE_DISK], why=why)
        for one in scrape.samples:
            directory = one.name.removeprefix("bookie_ledger_dir_").removesuffix("_usage")
            found[f"{scrape.instance} {directory}"] = Number(one.name, one.value / 100, scrape.at)
    return found


_MOST: Final = Bound.AT_MOST


def _share(scrape: Scrape, source: str, used: str, most: str) -> Number:
    if scrape.why:
        return Number(source, why=scrape.why)
    found = {
        one.name: one.value
        for one in scrape.samples
        if one.name in (used, most) and one.labels.get("area", "heap") == "heap"
    }
    if used not in found or found.get(most, -1) <= 0:
        return Number(source, why="the broker does not tell it, or has no limit")
    return Number(source, found[used] / found[most], scrape.at)


def _topic(labels: Mapping[str, str]) -> TopicName | None:
    """`splitTopicAndPartitionLabelInPrometheus` puts the partition's number into a label of its own."""
    try:
        topic = TopicName.parse(labels.get("topic", ""))
        number = int(labels.get("partition", -1))
    except (UsageError, ValueError):
        return None
    return topic.with_partition(number) if number >= 0 and topic.partition is None else topic
