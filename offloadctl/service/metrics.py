"""`/metrics`: made whole from the facts at each scrape, so that what is gone is gone; nobody is asked for it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from offloadctl import __version__
from offloadctl.adapters.traffic import HTTP
from offloadctl.service.board import Facts

Values = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Metrics:
    """Writes them in Prometheus' text form."""

    facts: Callable[[], Facts]

    def page(self) -> bytes:
        """All series there are now."""
        registry = CollectorRegistry()
        registry.register(_Collected(self.facts()))
        ProcessCollector(registry=registry)
        return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def collect(self) -> Iterable[Metric]:
        yield from _numbers(self._facts)
        yield from _schedules(self._facts)
        yield from _service(self._facts)


def _numbers(facts: Facts) -> Iterator[Metric]:
    totals = facts.totals
    yield _gauges("local_bytes", "In BookKeeper and not offloaded.", "namespace", totals.local_bytes)
    yield _gauges("offloaded_bytes", "Offloaded, as brokers tell it.", "namespace", totals.offloaded_bytes)
    yield _gauges(
        "oldest_eligible_seconds",
        "How long the oldest ledger has been closed that an offload would move.",
        "namespace",
        totals.oldest_eligible,
    )
    yield _gauges("unknown_numbers", "Numbers that schedules ask for and nobody tells.", "measure", totals.unknown)
    yield GaugeMetricFamily("offloadctl_topics", "Topics that schedules look at one by one.", totals.topics)
    yield GaugeMetricFamily(
        "offloadctl_schedules_incomplete", "Schedules some of whose topics could not be listed.", totals.incomplete
    )


def _schedules(facts: Facts) -> Iterator[Metric]:
    runs = CounterMetricFamily(
        "offloadctl_runs", "Runs that have ended in this process.", labels=["schedule", "exit_code", "outcome"]
    )
    for (schedule, code), number in facts.outcomes.items():
        runs.add_metric([schedule, str(int(code)), code.name.lower()], number)
    yield runs
    decisions = CounterMetricFamily(
        "offloadctl_decisions", "Decisions of this process.", labels=["schedule", "decision"]
    )
    for (schedule, verdict), number in facts.verdicts.items():
        decisions.add_metric([schedule, verdict.value], number)
    yield decisions
    moved = CounterMetricFamily("offloadctl_moved_bytes", "Bytes that runs of this process moved.", labels=["schedule"])
    for schedule, size in facts.moved.items():
        moved.add_metric([schedule], size)
    yield moved
    in_flight = dict.fromkeys(facts.schedules, 0.0)
    for intent in facts.in_flight:
        in_flight[intent.schedule] = in_flight.get(intent.schedule, 0.0) + 1
    yield _gauges("runs_in_flight", "Runs that go on.", "schedule", in_flight)
    yield _gauges(
        "last_success_timestamp_seconds",
        "When a run last ended with exit code 0 or 3, as far back as the decision log goes.",
        "schedule",
        {schedule: at.timestamp() for schedule, at in facts.last_success.items()},
    )


def _service(facts: Facts) -> Iterator[Metric]:
    build = GaugeMetricFamily("offloadctl_build_info", "The version.", labels=["version"])
    build.add_metric([__version__], 1)
    yield build
    yield GaugeMetricFamily("offloadctl_schedules", "Schedules in force.", len(facts.schedules))
    is_current = not facts.reload_problem
    yield GaugeMetricFamily(
        "offloadctl_schedules_file_is_in_force", "0: the file that is there cannot be used.", is_current
    )
    yield CounterMetricFamily("offloadctl_evaluations", "Evaluations that came to their end.", facts.evaluations)
    yield CounterMetricFamily("offloadctl_evaluations_failed", "Evaluations that did not.", facts.failed_evaluations)
    yield from _maybe("offloadctl_evaluation_seconds", "How long the last evaluation took.", facts.evaluation_seconds)
    yield from _maybe(
        "offloadctl_evaluated_timestamp_seconds", "When the last evaluation was.", _timestamp(facts.evaluated_at)
    )
    told = HTTP.told()
    requests = CounterMetricFamily(
        "offloadctl_admin_requests", "Requests to brokers, bookies and Prometheus.", labels=["answer"]
    )
    for answer, number in told.answers.items():
        requests.add_metric([answer], number)
    yield requests
    yield CounterMetricFamily(
        "offloadctl_admin_request_seconds", "How long their answers took, together.", told.seconds
    )


def _gauges(name: str, about: str, label: str, values: Values) -> Metric:
    found = GaugeMetricFamily(f"offloadctl_{name}", about, labels=[label])
    for one, value in values.items():
        found.add_metric([one], value)
    return found


def _maybe(name: str, about: str, value: float | None) -> Iterator[Metric]:
    """No series where there is no number: 0 would be one."""
    if value is not None:
        yield GaugeMetricFamily(name, about, value)


def _timestamp(at: datetime | None) -> float | None:
    return at.timestamp() if at is not None else None
