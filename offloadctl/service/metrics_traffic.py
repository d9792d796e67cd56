"""Metrics of what the process has sent: to brokers, and to object stores with what that costs."""

from collections.abc import Iterator

from prometheus_client.core import HistogramMetricFamily, Metric

from offloadctl.adapters import traffic
from offloadctl.model.price import Prices
from offloadctl.service.metric_families import counter, counters

_LIKE_LISTS = ("List", "Put", "Copy", "Create", "Upload", "Complete")
"""S3 bills PUT, COPY, POST and LIST alike, and GET and all others at a lower price."""


def of_admin(told: traffic.Told) -> Iterator[Metric]:
    """Requests by HTTP that go to no object store."""
    yield counters(
        "offloadctl_admin_requests_total",
        "Requests to brokers, bookies and Prometheus.",
        ("answer",),
        (((answer,), number) for answer, number in told.answers.items()),
    )
    bounds = (*map(str, traffic.BOUNDS_S), "+Inf")
    yield HistogramMetricFamily(
        "offloadctl_admin_request_duration_seconds",
        "How long their answers took.",
        buckets=list(zip(bounds, told.durations, strict=True)),
        sum_value=told.seconds,
    )


def of_stores(told: traffic.StoreTold, prices: Prices) -> Iterator[Metric]:
    """Each attempt counts for itself."""
    yield counters(
        "offloadctl_s3_requests_total",
        "Requests to object stores.",
        ("operation", "answer"),
        ((labels, number) for labels, number in told.requests.items()),
    )
    about = "Requests to object stores that were answered with 429 or 503."
    yield counter("offloadctl_s3_throttled_total", about, told.throttled)
    yield counter("offloadctl_s3_read_bytes_total", "Bytes of objects that were read.", told.bytes_read)
    lists = sum(number for (operation, _), number in told.requests.items() if operation.startswith(_LIKE_LISTS))
    cost = prices.of(gets=sum(told.requests.values()) - lists, lists=lists, size=told.bytes_read)
    yield counter("offloadctl_s3_cost_dollars_total", "What these requests and bytes cost, about.", float(cost))
