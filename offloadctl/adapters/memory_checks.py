"""What checks remember, in memory: for tests, and as the measure of the file."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from offloadctl.model.check import Level
from offloadctl.model.check_run import CheckRun, RunAsked
from offloadctl.model.names import TopicName
from offloadctl.model.verified import OffloadedLedger, Place, Verified, merged, newest_clean


@dataclass
class SharedMemory:
    """What outlives a process, and which processes have which runs."""

    verified: dict[OffloadedLedger, dict[Place, list[Verified]]] = field(default_factory=lambda: defaultdict(dict))
    runs: dict[int, CheckRun] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    held: set[int] = field(default_factory=set)


class MemoryChecks:
    """Keeps the promises of `ports.checks.VerifiedStore` and `CheckRuns`; one for each process."""

    def __init__(self, shared: SharedMemory | None = None) -> None:
        self._shared = shared if shared is not None else SharedMemory()
        self._mine: set[int] = set()

    def clean_since(self, ledgers: Iterable[OffloadedLedger], level: Level, since: datetime) -> Sequence[Verified]:
        """The newest of each ledger and bucket."""
        known = (places for one in dict.fromkeys(ledgers) for places in self._shared.verified.get(one, {}).values())
        newest = (newest_clean(looks, level, since) for looks in known)
        return [one for one in newest if one is not None]

    def remember(self, looks: Sequence[Verified]) -> None:
        """Keep these."""
        for one in looks:
            places = self._shared.verified[one.ledger]
            places[one.objects.place] = merged(places.get(one.objects.place, ()), one)

    def forget(self, ledgers: Iterable[OffloadedLedger]) -> None:
        """Nothing is known of these any more."""
        for one in ledgers:
            self._shared.verified.pop(one, None)

    def begin(self, asked: RunAsked, at: datetime) -> CheckRun:
        """A new run."""
        run = CheckRun(len(self._shared.runs) + 1, asked, at)
        self._shared.runs[run.number] = run
        self._hold(run)
        return run

    def unfinished(self) -> Sequence[CheckRun]:
        """The newest first."""
        runs = [one for one in self._shared.runs.values() if one.number not in self._shared.ended]
        return sorted(runs, key=lambda one: one.number, reverse=True)

    def take_up(self, run: CheckRun) -> bool:
        """Make it ours."""
        if run.number in self._shared.held or run.number in self._shared.ended:
            return False
        self._hold(run)
        return True

    def set_window(self, run: CheckRun, window: str) -> None:
        """Keep the window."""
        self._shared.runs[run.number] = replace(self._shared.runs[run.number], window=window)

    def clean_by(self, run: CheckRun, topics: Iterable[TopicName]) -> Sequence[Verified]:
        """What the run has found clean of these topics."""
        asked = set(topics)
        looks = (look for places in self._shared.verified.values() for some in places.values() for look in some)
        mine = [one for one in looks if one.run == run.number and one.is_clean and one.ledger.topic in asked]
        return sorted(mine, key=lambda one: one.ledger)

    def end(self, run: CheckRun, at: datetime) -> None:  # noqa: ARG002 - nobody asks when
        """It is finished."""
        self._shared.ended.add(run.number)
        self.release(run)

    def release(self, run: CheckRun) -> None:
        """Not ours any more."""
        self._shared.held.discard(run.number)
        self._mine.discard(run.number)

    def close(self) -> None:
        """What a process leaves behind when it dies: its runs are nobody's."""
        self._shared.held -= self._mine
        self._mine.clear()

    def _hold(self, run: CheckRun) -> None:
        self._shared.held.add(run.number)
        self._mine.add(run.number)
