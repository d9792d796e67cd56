"""Metrics of schedules: what they decide, their runs, and the evaluations."""

from collections.abc import Iterator, Mapping

from prometheus_client.core import Metric

from offloadctl.service.board import Facts
from offloadctl.service.metric_families import Series, counter, counters, gauge, gauges, maybe, timestamp

_SCHEDULE = ("schedule",)


def of_runs(facts: Facts) -> Iterator[Metric]:
    """Those that have ended, and those that go on."""
    yield counters(
        "offloadctl_runs_total",
        "Runs that have ended in this process.",
        ("schedule", "exit_code", "outcome"),
        (((name, str(int(code)), code.name.lower()), number) for (name, code), number in facts.outcomes.items()),
    )
    about = "Bytes that runs of this process moved."
    yield counters("offloadctl_moved_bytes_total", about, _SCHEDULE, _by_schedule(facts.moved))
    in_flight = dict.fromkeys(facts.schedules, 0)
    for intent in facts.in_flight:
        in_flight[intent.schedule] = in_flight.get(intent.schedule, 0) + 1
    yield gauges("offloadctl_runs_in_flight", "Runs that go on.", _SCHEDULE, _by_schedule(in_flight))
    yield gauges(
        "offloadctl_run_begun_timestamp_seconds",
        "When each run that goes on was decided on; the run's id is that of log lines, history and explain.",
        ("schedule", "run"),
        (((intent.schedule, intent.run_id), intent.at.timestamp()) for intent in facts.in_flight),
    )
    yield gauges(
        "offloadctl_last_run_info",
        "The id of the last run that does not go on any more.",
        ("schedule", "run"),
        (((name, run_id), 1) for name, run_id in facts.last_runs.items()),
    )
    yield gauges(
        "offloadctl_topics_in_flight",
        "Topics that runs are at work on.",
        _SCHEDULE,
        (((name,), one.in_flight) for name, one in facts.at_work.items()),
    )
    yield gauges(
        "offloadctl_topics_queued",
        "Topics whose turn has not come, or that wait for one of their broker's offload threads.",
        _SCHEDULE,
        (((name,), one.queued) for name, one in facts.at_work.items()),
    )
    yield gauges(
        "offloadctl_topics_stalled",
        "Topics at work of which nothing moves.",
        _SCHEDULE,
        (((name,), one.stalled) for name, one in facts.at_work.items()),
    )
    yield gauges(
        "offloadctl_last_success_timestamp_seconds",
        "When a run last ended with exit code 0 or 3, as far back as the decision log goes.",
        _SCHEDULE,
        (((name,), at.timestamp()) for name, at in facts.last_success.items()),
    )


def of_evaluations(facts: Facts) -> Iterator[Metric]:
    """What came of them, and when."""
    yield counters(
        "offloadctl_decisions_total",
        "Decisions of this process.",
        ("schedule", "decision"),
        (((name, verdict.value), number) for (name, verdict), number in facts.verdicts.items()),
    )
    yield gauge("offloadctl_schedules", "Schedules in force.", len(facts.schedules))
    about = "0: the file that is there cannot be used, or there has been none for a minute."
    yield gauge("offloadctl_schedules_file_is_in_force", about, not facts.reload_problem)
    yield counter("offloadctl_evaluations_total", "Evaluations that came to their end.", facts.evaluations)
    about = "Evaluations that did not, or in which nothing that asks the cluster could be evaluated."
    yield counter("offloadctl_evaluations_failed_total", about, facts.failed_evaluations)
    yield from maybe("offloadctl_evaluation_seconds", "How long the last evaluation took.", facts.evaluation_seconds)
    about = "When the last evaluation was that has not failed."
    yield from maybe("offloadctl_evaluated_timestamp_seconds", about, timestamp(facts.evaluated_at))


def _by_schedule(values: Mapping[str, float]) -> Series:
    return (((name,), value) for name, value in values.items())
