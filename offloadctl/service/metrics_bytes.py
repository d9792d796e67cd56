"""Metrics of what is stored where: by namespace, and of the largest topics for whoever asks for them."""

from collections.abc import Iterator, Mapping

from prometheus_client.core import Metric

from offloadctl.service.metric_families import Series, gauges, maybe
from offloadctl.service.totals import Totals


def of_namespaces(totals: Totals) -> Iterator[Metric]:
    """The bytes of each."""
    labels = ("namespace",)
    yield gauges("offloadctl_local_bytes", "In BookKeeper and not offloaded.", labels, _by_name(totals.local_bytes))
    yield gauges(
        "offloadctl_offloaded_bytes", "Offloaded, as brokers tell it.", labels, _by_name(totals.offloaded_bytes)
    )
    yield gauges(
        "offloadctl_eligible_bytes",
        "What an offload with threshold 0 would move, of the topics that were asked for their ledgers.",
        labels,
        _by_name(totals.eligible_bytes),
    )
    yield gauges(
        "offloadctl_doubly_stored_bytes",
        "Offloaded, and still in BookKeeper until the deletion lag is over.",
        ("namespace", "bound"),
        (
            *(((name, "at-least"), value) for name, value in totals.twice_at_least.items()),
            *(((name, "at-most"), value) for name, value in totals.twice_at_most.items()),
        ),
    )
    yield gauges(
        "offloadctl_oldest_eligible_seconds",
        "How long the oldest ledger has been closed that an offload would move.",
        labels,
        _by_name(totals.oldest_eligible),
    )
    about = "Numbers that schedules ask for and nobody tells."
    yield gauges("offloadctl_unknown_numbers", about, ("measure",), _by_name(totals.unknown))
    yield from maybe("offloadctl_topics", "Topics that schedules look at one by one.", totals.topics)
    yield from maybe("offloadctl_topics_told", "Topics whose sizes are known.", totals.topics_told)
    yield from maybe("offloadctl_topics_asked", "Of these, so many were asked for their ledgers.", totals.topics_asked)
    about = "Schedules some of whose topics could not be listed."
    yield from maybe("offloadctl_schedules_incomplete", about, totals.incomplete)


def of_topics(totals: Totals, most: int) -> Iterator[Metric]:
    """The bytes of the largest ones; none by default."""
    if not most:
        return
    labels, shown = ("topic",), totals.largest[:most]
    yield gauges(
        "offloadctl_topic_local_bytes",
        "In BookKeeper and not offloaded.",
        labels,
        (((one.topic,), one.local_bytes) for one in shown),
    )
    yield gauges(
        "offloadctl_topic_offloaded_bytes",
        "Offloaded, as its broker tells it.",
        labels,
        (((one.topic,), one.offloaded_bytes) for one in shown if one.offloaded_bytes is not None),
    )
    yield gauges(
        "offloadctl_topic_eligible_bytes",
        "What an offload with threshold 0 would move.",
        labels,
        (((one.topic,), one.eligible_bytes) for one in shown if one.eligible_bytes is not None),
    )


def _by_name(values: Mapping[str, float]) -> Series:
    return (((name,), value) for name, value in values.items())
