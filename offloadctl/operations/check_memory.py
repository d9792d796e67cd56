"""What a check remembers as it goes, and what it is told of earlier ones.

A memory that cannot be used costs no check its result: then everything is looked at, and that is said.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from offloadctl.check.presence import ARCHIVED
from offloadctl.errors import CannotResume, StateError
from offloadctl.model.check import CheckReport, Inspection, LedgerCheck, Level, TopicCheck
from offloadctl.model.check_run import CheckRun, RunAsked
from offloadctl.model.names import TopicName
from offloadctl.model.verified import (
    Figures,
    OffloadedLedger,
    Place,
    Verified,
)
from offloadctl.operations.bucket_lists import BucketLists
from offloadctl.operations.check_ledger import Asked
from offloadctl.operations.check_topics import TopicRead
from offloadctl.operations.ledger_objects import LedgerObjects
from offloadctl.ports import Clock, ObjectInfo
from offloadctl.ports.checks import CheckRuns, VerifiedStore

_TOGETHER: Final = 256
"""So many looks at most wait to be written."""

_BETWEEN_S: Final = 0.5
"""So long at most do they wait: what a kill takes away is what came since."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What a check may use of what is remembered, and what it is to leave there."""

    verified: VerifiedStore
    runs: CheckRuns
    max_age: timedelta | None = None
    """What was looked at so long ago or later, and is unchanged, is not looked at again."""
    keeps: bool = True
    """Whether anything is remembered of this check."""
    resumes: bool = False
    """Whether it goes on with a run that did not end."""
    context: str = ""
    shared_with: tuple[str, ...] = ()
    """The contexts of the other clusters in the same buckets."""
    untold: list[CheckRun] = field(default_factory=list)
    """Runs that are done, and whose report nobody has seen yet."""

    def of(self, whose: str, *, max_age: timedelta | None = None) -> "Memory":
        """The same for runs of this one only: nobody else goes on with them."""
        return replace(self, context=f"{self.context}, {whose}", max_age=max_age, untold=[])

    def close(self, asked: RunAsked, at: datetime) -> None:
        """Nobody is to go on with any run that asked this, whole or not."""
        self.told(at)
        with suppress(StateError):
            for one in self.runs.unfinished():
                if one.asked == asked and self.runs.take_up(one):
                    self.runs.end(one, at)

    def told(self, at: datetime) -> None:
        """The report is out: nobody needs to go on with its run, nor with an older one that asked the same.

        Whoever is killed before that can still go on, and gets the same report.
        """
        with suppress(StateError):
            for run in self.untold:
                self.runs.end(run, at)
                for one in self.runs.unfinished():
                    if one.asked == run.asked and one.number < run.number and self.runs.take_up(one):
                        self.runs.end(one, at)
        self.untold.clear()


class RunMemory:
    """The memory of one run; safe to use from several threads."""

    def __init__(self, memory: Memory | None, level: Level, clock: Clock) -> None:
        self._memory = memory
        # What a broker gives to a reader is not known by looking at objects.
        self._level = level if level is not Level.READBACK else Level.ENTRIES
        self._report_level = level
        self._clock = clock
        self._lock = threading.Lock()
        self._run: CheckRun | None = None
        self._is_resumed = False
        self._since: datetime | None = None
        self._waiting: list[Verified] = []
        self._gone: list[OffloadedLedger] = []
        self._written_at = clock.monotonic()
        self._earlier: Mapping[tuple[OffloadedLedger, Place], Verified] = {}
        self.broken = ""
        """Why it could not be used, from then on."""

    # -- the run

    def begin(self, asked: RunAsked) -> datetime:
        """Begin a run or take one up, and tell when it began; CannotResume if there is none to go on with."""
        now = self._clock.now()
        memory = self._memory
        if memory is None:
            return now
        if memory.resumes:
            self._run = _taken_up(memory.runs, asked)
            self._is_resumed = True
        elif memory.keeps:
            try:
                self._run = memory.runs.begin(asked, now)
            except StateError as error:
                self._break(error)
        began_at = self._run.began_at if self._run is not None else now
        if memory.max_age is not None:
            self._since = began_at - memory.max_age
        return began_at

    @property
    def window(self) -> str:
        """Which ledgers the sample of the run turned out to be; empty if that is not known yet."""
        return self._run.window if self._run is not None else ""

    def keep_window(self, window: str) -> None:
        """Another run that goes on with this one must look at the same ledgers."""
        if (runs := self._writable()) is not None and self._run is not None:
            try:
                runs.runs.set_window(self._run, window)
            except StateError as error:
                self._break(error)

    def end(self, *, is_complete: bool) -> bool:
        """Nothing more is looked at; tells whether another run can go on although the report of this one is out."""
        self._flush()
        memory, run = self._writable(), self._run
        # Whoever still waits for a store, and was left behind, has nothing more to say.
        self._run = None
        if memory is None or run is None:
            return False
        if is_complete:
            memory.untold.append(run)
            return False
        try:
            memory.runs.release(run)
        except StateError as error:
            self._break(error)
            return False
        return True

    # -- what is known

    def done(self, topics: Sequence[TopicRead]) -> "Done":
        """What the run that is gone on with has looked at of these topics, as far as it is so still."""
        if not self._is_resumed or self._run is None or (memory := self._usable()) is None:
            return Done()
        try:
            looks = memory.runs.clean_by(self._run, [one.ledgers.topic for one in topics])
        except StateError as error:
            self._break(error)
            return Done()
        asked = {name_of(one): one for topic in topics for one in topic.asked()}
        now = {one.ledgers.topic: one.ledgers for one in topics}
        gone = Counter(
            look.ledger.topic for look in looks if now[look.ledger.topic].ledger(look.ledger.ledger_id) is None
        )
        checks = [self._again(asked[look.ledger], look) for look in looks if look.ledger in asked]
        return Done(tuple(one for one in checks if one is not None), gone)

    @property
    def spares(self) -> bool:
        """Whether ledgers may need no look, since earlier checks have looked."""
        return self._memory is not None and self._memory.max_age is not None

    def recall(self, asked: Iterable[Asked]) -> int:
        """Find out what earlier checks have verified of these; tells of how many something is known."""
        self._earlier = {}
        if self._since is None or (memory := self._usable()) is None:
            return 0
        try:
            looks = memory.verified.clean_since(map(name_of, asked), self._level, self._since)
        except StateError as error:
            self._break(error)
            return 0
        # What this run itself has looked at is no earlier check's; what is of a time to come had a wrong clock.
        mine, now = self._run.number if self._run is not None else None, self._clock.now()
        self._earlier = {(one.ledger, one.objects.place): one for one in looks if one.run != mine and one.at <= now}
        return len({ledger for ledger, _ in self._earlier})

    def unchanged(self, asked: Asked, objects: LedgerObjects) -> LedgerCheck | None:
        """A ledger that needs no look, since an earlier check has looked and its objects are still the same."""
        seen = objects.seen
        look = self._earlier.get((name_of(asked), seen.place))
        if look is None or look.objects != seen:
            return None
        if any(_is_newer(one, look.at) or one.storage_class in ARCHIVED for one in (objects.data, objects.index)):
            return None
        return self._spared(asked, look)

    def settle(
        self, asked: Sequence[Asked], lists: BucketLists, looked_at: Callable[[LedgerCheck], None]
    ) -> tuple[list[LedgerCheck], list[Asked]]:
        """The ledgers of which the listings tell that they are as an earlier check has left them, and the others."""
        spared, others = list[LedgerCheck](), list[Asked]()
        for one in asked:
            check = self._listed(one, lists) if self._earlier else None
            if check is None:
                others.append(one)
            else:
                looked_at(check)
                spared.append(check)
        return spared, others

    def _listed(self, asked: Asked, lists: BucketLists) -> LedgerCheck | None:
        ledger = name_of(asked)
        for one in lists.lists:
            look = self._earlier.get((ledger, Place(one.store.location, one.store.bucket)))
            if look is not None and one.pairing.is_unchanged(
                ledger.uuid, ledger.ledger_id, look.objects.marks, look.at
            ):
                return self._spared(asked, look)
        return None

    def _spared(self, asked: Asked, look: Verified) -> LedgerCheck:
        inspection = Inspection(self._report_level, object_bytes=_size(look), times=look.figures.times)
        place = look.objects.place
        return LedgerCheck(asked.topic, asked.ledger, inspection, place.bucket, objects=look.objects, earlier=look.at)

    # -- what is to be known

    def keep(self, checks: Sequence[LedgerCheck]) -> None:
        """Remember what came of some ledgers, soon."""
        memory, run = self._writable(), self._run
        if memory is None or run is None:
            return
        gone = [_offloaded(one) for one in checks if one.trimmed or (one.inspection.findings and one.objects is None)]
        looks = [look for one in checks if (look := self._look(one, run, self._level)) is not None]
        with self._lock:
            self._waiting += looks
            self._gone += gone
            many = len(self._waiting) + len(self._gone) >= _TOGETHER
            is_time = many or self._clock.monotonic() - self._written_at >= _BETWEEN_S
        if is_time:
            self._flush()

    def keep_read_back(self, report: CheckReport) -> None:
        """Remember what a broker gave of the ledgers: the deepest look at them."""
        run = self._run
        if report.level is not Level.READBACK or report.interrupted is not None or run is None:
            return
        parts = [part for part in report.parts if isinstance(part, TopicCheck) and part.readback is not None]
        checks = [one for part in parts if not part.not_covered for one in part.ledgers]
        looks = [self._look(one, run, Level.READBACK) for one in checks]
        with self._lock:
            self._waiting += [look for look in looks if look is not None]

    def _look(self, check: LedgerCheck, run: CheckRun, level: Level) -> Verified | None:
        """None for what proves nothing."""
        look, objects = check.inspection, check.objects
        is_clean = not look.findings
        if objects is None or check.trimmed or (is_clean and (look.not_covered or check.earlier is not None)):
            return None
        if is_clean and level is Level.LISTING:
            # To see that objects are unchanged costs what looking at them costs there.
            return None
        return Verified(
            _offloaded(check),
            objects,
            level,
            self._clock.now(),
            run.number,
            is_clean,
            Figures(look.bytes_read, look.blocks, look.counts, look.times),
        )

    def _flush(self) -> None:
        with self._lock:
            looks, self._waiting = self._waiting, []
            gone, self._gone = self._gone, []
            self._written_at = self._clock.monotonic()
        if (memory := self._writable()) is None:
            return
        try:
            if gone:
                memory.verified.forget(gone)
            if looks:
                memory.verified.remember(looks)
        except StateError as error:
            self._break(error)

    def _again(self, asked: Asked, look: Verified) -> LedgerCheck | None:
        """The ledger as this run has left it before it was cut short; None if that was a look less deep."""
        if not look.level.includes(self._level):
            return None
        figures = look.figures
        inspection = Inspection(
            self._report_level,
            object_bytes=_size(look),
            bytes_read=figures.bytes_read,
            blocks=figures.blocks,
            counts=figures.counts,
            times=figures.times,
        )
        return LedgerCheck(asked.topic, asked.ledger, inspection, look.objects.place.bucket, objects=look.objects)

    def _usable(self) -> Memory | None:
        return None if self.broken else self._memory

    def _writable(self) -> Memory | None:
        return self._memory if self._memory is not None and self._memory.keeps and not self.broken else None

    def _break(self, error: StateError) -> None:
        self.broken = error.message


@dataclass(frozen=True, slots=True)
class Done:
    """What a run had looked at before it was cut short."""

    checks: tuple[LedgerCheck, ...] = ()
    gone: Mapping[TopicName, int] = field(default_factory=dict)
    """So many of each topic it had looked at that the topic has no longer."""

    def without(self, asked: Sequence[Asked]) -> list[Asked]:
        """The ledgers that it had not looked at."""
        if not self.checks:
            return list(asked)
        names = {(one.topic, one.ledger.ledger_id) for one in self.checks}
        return [one for one in asked if (one.topic, one.ledger.ledger_id) not in names]


def name_of(asked: Asked) -> OffloadedLedger:
    """The ledger and its attempt."""
    assert asked.ledger.context_uuid is not None  # noqa: S101 - whatever was begun has one
    return OffloadedLedger(asked.topic, asked.ledger.ledger_id, asked.ledger.context_uuid)


def _is_newer(info: ObjectInfo, moment: datetime) -> bool:
    """Whether it was written since; by a copy onto itself it may have lost its user metadata and kept its ETag."""
    return info.last_modified is not None and info.last_modified > moment


def _size(look: Verified) -> int:
    return look.objects.marks.data.size + look.objects.marks.index.size


def _offloaded(check: LedgerCheck) -> OffloadedLedger:
    assert check.ledger.context_uuid is not None  # noqa: S101 - as above
    return OffloadedLedger(check.topic, check.ledger.ledger_id, check.ledger.context_uuid)


def _taken_up(runs: CheckRuns, asked: RunAsked) -> CheckRun:
    """The newest unfinished run that asks just this; raises CannotResume, and a StateError."""
    unfinished = runs.unfinished()
    same = [one for one in unfinished if one.asked == asked]
    for one in same:
        if runs.take_up(one):
            return one
    if same:
        raise CannotResume(
            f"the check that was begun on {same[0].began_at:%Y-%m-%d at %H:%M:%S %Z} goes on in another process",
            hint="wait for it, or end it",
        )
    if not unfinished:
        raise CannotResume(
            "there is no unfinished check to go on with", hint="leave --resume out, and the check begins anew"
        )
    last = unfinished[0]
    differences = "; ".join(last.asked.differences(asked))
    raise CannotResume(
        f"no unfinished check asked for this; the last one, of {last.began_at:%Y-%m-%d at %H:%M:%S %Z}, "
        f"had {differences}",
        hint="repeat its command with --resume added, or leave --resume out, and the check begins anew",
    )
