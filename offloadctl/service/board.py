"""What the service knows of itself, in one place: filled by the loop and by runs, read whole by pages and metrics."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from offloadctl.exitcodes import ExitCode
from offloadctl.model.decision import Decision, Intent, Judged, Verdict
from offloadctl.operations.schedule import Tick
from offloadctl.service.checks_seen import Checks
from offloadctl.service.progress import AtWork, RunProgress
from offloadctl.service.surveying import Beside
from offloadctl.service.totals import Totals, totals_of

SUCCESSES: Final = frozenset({ExitCode.OK, ExitCode.WARNINGS})
"""After these a run counts as one that has done its work."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it at one moment. What is in no evaluation any more is not here any more."""

    started_at: datetime
    schedules: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    """The last one of each schedule that is in force."""
    not_evaluated: tuple[tuple[str, str], ...] = ()
    totals: Totals = field(default_factory=Totals)
    evaluated_at: datetime | None = None
    """The last evaluation that came to its end, and was not in vain."""
    evaluation_seconds: float | None = None
    evaluations: int = 0
    failed_evaluations: int = 0
    """Those that were in vain, too."""
    in_vain: bool = False
    """The last evaluation came to its end, and nothing that asks the cluster could be evaluated."""
    problem: str = ""
    """Why the last evaluation failed; empty if it did not."""
    reload_problem: str = ""
    """Why the file of schedules is not what is in force."""
    verdicts: Mapping[tuple[str, Verdict], int] = field(default_factory=dict)
    outcomes: Mapping[tuple[str, ExitCode], int] = field(default_factory=dict)
    moved: Mapping[str, int] = field(default_factory=dict)
    last_success: Mapping[str, datetime] = field(default_factory=dict)
    in_flight: tuple[Intent, ...] = ()
    last_runs: Mapping[str, str] = field(default_factory=dict)
    """By schedule: the id of the run that this process was at work on last."""
    at_work: Mapping[str, AtWork] = field(default_factory=dict)
    """By schedule: the topics of its runs that go on."""
    checks: Checks = field(default_factory=Checks)
    ending: bool = False
    standby: bool = False
    """Another instance has the lease; a `problem` says why it cannot even be waited for."""


class Board:
    """Keeps the facts; safe to use from several threads."""

    def __init__(self, started_at: datetime) -> None:
        self._lock = threading.Lock()
        self._facts = Facts(started_at)
        self._verdicts: Counter[tuple[str, Verdict]] = Counter()
        self._outcomes: Counter[tuple[str, ExitCode]] = Counter()
        self._moved: Counter[str] = Counter()
        self._in_flight: dict[str, Intent] = {}
        self._progress: dict[str, tuple[str, RunProgress]] = {}
        self._last_success: dict[str, datetime] = {}
        self._last_runs: dict[str, str] = {}

    def facts(self) -> Facts:
        """All of them, as they are now; nobody changes them later."""
        with self._lock:
            return replace(
                self._facts,
                verdicts=MappingProxyType(dict(self._verdicts)),
                outcomes=MappingProxyType(dict(self._outcomes)),
                moved=MappingProxyType(dict(self._moved)),
                last_success=MappingProxyType(dict(self._last_success)),
                in_flight=tuple(self._in_flight.values()),
                last_runs=MappingProxyType(dict(self._last_runs)),
                at_work=MappingProxyType(self._at_work()),
            )

    def standing_by(self, problem: str = "") -> None:
        """Another instance acts; what this one has evaluated is not told any more."""
        with self._lock:
            self._facts = replace(
                self._facts,
                standby=True,
                problem=problem,
                decisions=(),
                not_evaluated=(),
                totals=Totals(),
                checks=Checks(),
                evaluated_at=None,
                evaluation_seconds=None,
                in_vain=False,
            )

    def leading(self) -> None:
        """This instance acts; nothing is evaluated yet."""
        with self._lock:
            self._facts = replace(self._facts, standby=False, problem="")

    def in_force(self, schedules: tuple[str, ...], *, problem: str = "") -> None:
        """These schedules count now; a `problem` says why a newer file does not."""
        with self._lock:
            decisions = tuple(one for one in self._facts.decisions if one.schedule in schedules)
            self._facts = replace(self._facts, schedules=schedules, decisions=decisions, reload_problem=problem)
            for kept in (self._verdicts, self._outcomes):
                for key in [one for one in kept if one[0] not in schedules]:
                    del kept[key]
            by_schedule: tuple[dict[str, Any], ...] = (self._moved, self._last_success, self._last_runs)
            for by_name in by_schedule:
                for name in [one for one in by_name if one not in schedules]:
                    del by_name[name]

    def evaluated(self, tick: Tick, seconds: float, beside: Beside) -> None:
        """An evaluation came to its end."""
        totals, in_vain = totals_of(tick, beside), _is_in_vain(tick)
        with self._lock:
            self._verdicts.update((one.schedule, one.verdict) for one in tick.decisions)
            self._facts = replace(
                self._facts,
                decisions=tick.decisions,
                not_evaluated=tick.not_evaluated,
                totals=totals,
                checks=beside.checks,
                evaluated_at=self._facts.evaluated_at if in_vain else tick.at,
                evaluation_seconds=seconds,
                evaluations=self._facts.evaluations + (not in_vain),
                failed_evaluations=self._facts.failed_evaluations + in_vain,
                in_vain=in_vain,
                problem="",
            )

    def not_evaluated(self, problem: str) -> None:
        """An evaluation failed."""
        with self._lock:
            failed = self._facts.failed_evaluations + 1
            self._facts = replace(self._facts, failed_evaluations=failed, in_vain=False, problem=problem)

    def succeeded(self, schedule: str, at: datetime) -> None:
        """A run of it has done its work, as the decision log tells."""
        with self._lock:
            self._last_success[schedule] = max(at, self._last_success.get(schedule, at))

    def run_begun(self, intent: Intent) -> None:
        """It goes on."""
        with self._lock:
            self._in_flight[intent.run_id] = intent

    def run_watched(self, intent: Intent, progress: RunProgress) -> None:
        """How its topics stand is told there."""
        with self._lock:
            self._progress[intent.run_id] = intent.schedule, progress

    def run_gone(self, intent: Intent) -> None:
        """It goes on no more."""
        with self._lock:
            self._in_flight.pop(intent.run_id, None)
            self._progress.pop(intent.run_id, None)
            if intent.schedule in self._facts.schedules:
                self._last_runs[intent.schedule] = intent.run_id

    def checked(self, checks: Checks) -> None:
        """What checks have found by now."""
        with self._lock:
            self._facts = replace(self._facts, checks=checks)

    def run_ended(self, schedule: str, code: ExitCode, moved: int, at: datetime | None) -> None:
        """It has come to this; of a schedule that is in force no more nothing is counted."""
        with self._lock:
            if schedule not in self._facts.schedules:
                return
            self._outcomes[schedule, code] += 1
            self._moved[schedule] += moved
            if code in SUCCESSES and at is not None:
                self._last_success[schedule] = at

    def ending(self) -> None:
        """The service has been told to end."""
        with self._lock:
            self._facts = replace(self._facts, ending=True)

    def _at_work(self) -> dict[str, AtWork]:
        found = dict.fromkeys(self._facts.schedules, AtWork())
        for schedule, progress in self._progress.values():
            counts = zip(found.get(schedule, AtWork()), progress.counts(), strict=True)
            found[schedule] = AtWork(*map(sum, counts))
        return found


def _is_in_vain(tick: Tick) -> bool:
    """Whether schedules could not be evaluated, and no other one goes by a number."""
    return bool(tick.not_evaluated) and not any(_goes_by_numbers(one) for one in tick.decisions)


def _goes_by_numbers(decision: Decision) -> bool:
    return any(_has_number(one) for one in (decision.when, *decision.gates))


def _has_number(judged: Judged) -> bool:
    return any(one.value is not None for one in judged.seen) or any(_has_number(part) for part in judged.parts)
