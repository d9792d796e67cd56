"""Families of metrics made of plain values; each name is given whole, as it is read."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

Series = Iterable[tuple[tuple[str, ...], float]]
"""The values of the labels, and the number."""


def gauge(name: str, about: str, value: float) -> Metric:
    """A gauge without labels."""
    return GaugeMetricFamily(name, about, value)


def gauges(name: str, about: str, labels: tuple[str, ...], series: Series) -> Metric:
    """A gauge with labels."""
    found = GaugeMetricFamily(name, about, labels=labels)
    for values, number in series:
        found.add_metric(values, number)
    return found


def counter(name: str, about: str, value: float) -> Metric:
    """A counter without labels; the end of its name, `_total`, is the library's to write."""
    return CounterMetricFamily(name.removesuffix("_total"), about, value)


def counters(name: str, about: str, labels: tuple[str, ...], series: Series) -> Metric:
    """A counter with labels."""
    found = CounterMetricFamily(name.removesuffix("_total"), about, labels=labels)
    for values, number in series:
        found.add_metric(values, number)
    return found


def maybe(name: str, about: str, value: float | None) -> Iterator[Metric]:
    """No series where there is no number: 0 would be one."""
    if value is not None:
        yield GaugeMetricFamily(name, about, value)


def timestamp(at: datetime | None) -> float | None:
    """Seconds since 1970."""
    return at.timestamp() if at is not None else None
