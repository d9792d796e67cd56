"""`/metrics`: made whole from the facts at each scrape, so that what is gone is gone; nobody is asked for it.

Each subject has a module of its own: metrics_bytes, metrics_schedules, metrics_checks, metrics_traffic.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from offloadctl import __version__
from offloadctl.adapters import traffic
from offloadctl.model.price import Prices
from offloadctl.service.board import Facts
from offloadctl.service.metric_families import gauges
from offloadctl.service.metrics_bytes import of_namespaces, of_topics
from offloadctl.service.metrics_checks import of_checks
from offloadctl.service.metrics_schedules import of_evaluations, of_runs
from offloadctl.service.metrics_traffic import of_admin, of_stores


@dataclass(frozen=True, slots=True)
class Metrics:
    """Writes them in Prometheus' text form."""

    facts: Callable[[], Facts]
    prices: Prices = field(default_factory=Prices)

    def page(self, *, topics: int = 0) -> bytes:
        """All series there are now, and those of so many topics."""
        registry = CollectorRegistry()
        registry.register(_Collected(self.facts(), self.prices, topics))
        ProcessCollector(registry=registry)
        return generate_latest(registry)


@dataclass(frozen=True, slots=True, eq=False)
class _Collected(Collector):
    facts: Facts
    prices: Prices
    topics: int

    def collect(self) -> Iterable[Metric]:
        yield gauges("offloadctl_build_info", "The version.", ("version",), [((__version__,), 1)])
        leads = 0 if self.facts.standby else 1
        yield gauges("offloadctl_leader", "0: it stands by.", (), [((), leads)])
        yield from of_namespaces(self.facts.totals)
        yield from of_topics(self.facts.totals, self.topics)
        yield from of_evaluations(self.facts)
        yield from of_runs(self.facts)
        yield from of_checks(self.facts.checks)
        yield from of_admin(traffic.HTTP.told())
        yield from of_stores(traffic.S3.told(), self.prices)
