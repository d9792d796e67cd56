"""Check topics by point reads of the keys that their metadata names: read, look, look again, report.

A finding is told only after a second look, the objects first and the metadata after that: a broker takes a ledger out
of the metadata before it deletes its objects, so what is missing while the metadata still has it was not trimmed away.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from offloadctl.errors import BrokerError, Interrupted, NotFound, StoreError, UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.check import ALWAYS_TOLD, CheckedGroup, CheckReport, Inspection, LedgerCheck, Level, TopicCheck
from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadPolicies, OffloadProgress
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Reason
from offloadctl.model.status import UnreadTopic
from offloadctl.operations.check_ledger import Asked, LedgerChecker, Looked, ledgers_in_s3
from offloadctl.operations.check_order import out_of_time, with_findings, with_times
from offloadctl.operations.facts import LedgerReader, read_policies
from offloadctl.operations.topics import Target, find_target, refuse_system_topics
from offloadctl.operations.workers import StoppableClock, work_through
from offloadctl.ports import Ports

TOPICS_AT_ONCE: Final = 8
"""Reads of metadata wait for the network most of the time; the adapter's rate limit spares the broker."""

LEDGERS_AT_ONCE: Final = 4
"""Each may hold a few chunks of 8 MiB."""

_ROUNDS: Final = 3
"""So often is a ledger looked at whose objects or metadata change under the look."""

_PAUSE_S: Final = 0.5
"""Before what is missing is looked for again: an object store may be behind, a topic may be going away."""

_TOGETHER: Final = 8
"""So many ledgers of a topic at most are confirmed by one reading of its metadata."""

T = TypeVar("T")
R = TypeVar("R")


class CheckWatcher:
    """Is told how a check goes on; this one does nothing with it."""

    def begins(self, ledgers: Sequence[Ledger]) -> None:
        """The metadata is read, and the objects of these ledgers are looked at next."""

    def looked_at(self, one: LedgerCheck) -> None:
        """One of them is done, but for what must be confirmed; called by the thread that has looked."""


@dataclass(frozen=True, slots=True)
class Check:
    """How to check topics."""

    ports: Ports
    level: Level = Level.BLOCKS
    may_load: bool = False
    """Whether topics may be loaded that nobody serves; without that it stays unknown which offloads are complete."""
    fail_on: frozenset[ExitCode] = ALWAYS_TOLD
    watcher: CheckWatcher = field(default_factory=CheckWatcher)

    def report(self, topics: Sequence[TopicName]) -> CheckReport:
        """Look at every ledger of these topics that is in S3; one that cannot be read does not stop the others."""
        asked = tuple(dict.fromkeys(topics))
        refuse_system_topics(asked)
        if not self.ports.stores:
            raise UsageError(
                "no bucket is known, and a check looks into buckets",
                hint="name each bucket that was ever in use: --bucket NAME, or in the context",
            )
        return _Run(self).report(asked)


@dataclass(frozen=True, slots=True)
class _TopicRead:
    """One topic or partition as its metadata has it."""

    ledgers: ManagedLedger
    policies: OffloadPolicies | None

    def asked(self) -> list[Asked]:
        """The ledgers whose objects are to be looked at."""
        return ledgers_in_s3(self.ledgers, self.policies)

    def with_progress(self, *progress: OffloadProgress) -> int:
        """How many ledgers are so far."""
        return sum(ledger.progress in progress for ledger in self.ledgers.ledgers)


@dataclass(frozen=True, slots=True)
class _Found:
    """A topic that was asked for, with its partitions."""

    target: Target
    policies: OffloadPolicies | None


class _Run:
    """One command's check."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._clock = StoppableClock(check.ports.clock)
        self._reader = LedgerReader(check.ports.admin, self._clock, may_load=check.may_load)
        self._checker = LedgerChecker(check.ports.stores, check.level, self._clock.stop)
        self._interrupted = False

    def report(self, topics: Sequence[TopicName]) -> CheckReport:
        started_at = self._clock.now()
        found = self._work(topics, self._find, at_once=TOPICS_AT_ONCE)
        parts = {part: one.policies for one in found.values() if isinstance(one, _Found) for part in one.target.parts}
        read = self._work(tuple(parts), lambda part: self._read(part, parts[part]), at_once=TOPICS_AT_ONCE)
        looked = self._look_at([one for one in read.values() if isinstance(one, _TopicRead)])
        return CheckReport(
            level=self._check.level,
            groups=tuple(_group(topic, found.get(topic), read, looked) for topic in topics),
            started_at=started_at,
            finished_at=self._clock.now(),
            fail_on=self._check.fail_on,
            interrupted=ExitCode.INTERRUPTED if self._interrupted else None,
        )

    # -- metadata

    def _find(self, topic: TopicName) -> _Found | UnreadTopic:
        admin = self._check.ports.admin
        try:
            return _Found(find_target(admin, topic), read_policies(admin, topic))
        except BrokerError as error:
            return UnreadTopic(topic, Reason(error.code, error.message), error.hint)

    def _read(self, topic: TopicName, policies: OffloadPolicies | None) -> _TopicRead | UnreadTopic:
        try:
            return _TopicRead(self._reader.read(topic), policies)
        except BrokerError as error:
            return UnreadTopic(topic, Reason(error.code, error.message), error.hint)

    # -- objects

    def _look_at(self, read: Sequence[_TopicRead]) -> dict[TopicName, list[LedgerCheck]]:
        asked = [each.asked() for each in read]
        self._check.watcher.begins([one.ledger for ledgers in asked for one in ledgers])
        together = [portion for ledgers in asked for portion in _portions(ledgers)]
        done = self._work(together, self._look_at_some, at_once=LEDGERS_AT_ONCE)
        checked: dict[TopicName, list[LedgerCheck]] = {each.ledgers.topic: [] for each in read}
        for check in (check for checks in done.values() for check in checks):
            checked[check.topic].append(check)
        ordered = {topic: sorted(checks, key=lambda one: one.ledger.ledger_id) for topic, checks in checked.items()}
        suspicious = tuple(each for each in read if out_of_time(each.asked(), ordered[each.ledgers.topic]))
        in_order = self._work(
            suspicious, lambda each: self._check_order(each, ordered[each.ledgers.topic]), at_once=LEDGERS_AT_ONCE
        )
        return ordered | {each.ledgers.topic: checks for each, checks in in_order.items()}

    def _check_order(self, read: _TopicRead, checks: Sequence[LedgerCheck]) -> list[LedgerCheck]:
        """Tell whose objects are of another ledger's time, if a second look agrees with the first one."""
        topic, seen = read.ledgers.topic, out_of_time(read.asked(), checks)
        now = self._read(topic, read.policies)
        if isinstance(now, UnreadTopic):
            return [_unconfirmed_time(one, now.reason.text) if one.ledger.ledger_id in seen else one for one in checks]
        # Only beginnings matter here: whole objects were read already.
        checker = replace(self._checker, level=min(self._check.level, Level.BLOCKS, key=list(Level).index))
        asked = now.asked()
        again = [checker.look(one).check for one in asked if one.ledger.ledger_id in seen]
        times = {one.ledger.ledger_id: one.inspection.times for one in again}
        agreed = out_of_time(asked, with_times(checks, times))
        return with_findings(
            checks, {ledger: agreed[ledger] for ledger in seen if ledger in agreed and ledger in times}
        )

    def _look_at_some(self, asked: tuple[Asked, ...]) -> list[LedgerCheck]:
        """Ledgers of one topic, whose metadata is then read once to confirm what was found."""
        settled: list[LedgerCheck] = []
        unsettled: list[Looked] = []
        try:
            for one in asked:
                looked = self._checker.look(one)
                self._check.watcher.looked_at(looked.check)
                if looked.is_unsettled:
                    unsettled.append(looked)
                else:
                    settled.append(looked.check)
            return settled + (self._confirm(asked[0].topic, unsettled) if unsettled else [])
        except Interrupted:
            # A finding that could not be looked at twice is none yet.
            return settled

    def _confirm(self, topic: TopicName, looks: Sequence[Looked]) -> list[LedgerCheck]:
        """The same ledgers, each looked at until two looks agree, or gone."""
        settled: list[LedgerCheck] = []
        waiting = list(looks)
        for _ in range(_ROUNDS):
            if any(one.is_missing for one in waiting):
                self._clock.sleep(_PAUSE_S)
            again = [(one, self._is_unchanged(one)) for one in waiting]
            now = self._read(topic, looks[0].asked.policies)
            waiting = []
            for one, unchanged in again:
                outcome = self._settle(one, now, unchanged=unchanged)
                if isinstance(outcome, Looked):
                    waiting.append(outcome)
                else:
                    settled.append(outcome)
            if not waiting:
                return settled
        return settled + [_unconfirmed(one, "they changed with each look") for one in waiting]

    def _is_unchanged(self, one: Looked) -> bool | StoreError:
        try:
            return self._checker.is_unchanged(one)
        except StoreError as error:
            return error

    def _settle(
        self, one: Looked, now: _TopicRead | UnreadTopic, *, unchanged: bool | StoreError
    ) -> LedgerCheck | Looked:
        """What to tell of a ledger, or the next look at it."""
        if isinstance(now, UnreadTopic):
            gone = now.reason.code == NotFound.code
            return _trimmed(one) if gone else _unconfirmed(one, now.reason.text)
        fresh = next((each for each in now.asked() if each.ledger.ledger_id == one.asked.ledger.ledger_id), None)
        if fresh is None:
            return _trimmed(one)
        if isinstance(unchanged, StoreError):
            return _unconfirmed(one, unchanged.message)
        if unchanged and fresh.ledger == one.asked.ledger:
            return one.check
        again = self._checker.look(fresh)
        return again if again.is_unsettled else again.check

    def _work(self, items: Sequence[T], work: Callable[[T], R], *, at_once: int) -> dict[T, R]:
        """The results of what was done before an interruption."""

        def attempt(item: T) -> R | None:
            try:
                return work(item)
            except Interrupted:
                return None

        if self._clock.stop.is_set():
            # No worker would begin, and nobody would answer.
            return {}
        finished = work_through(items, attempt, at_once=at_once, stop=self._clock.stop, done=lambda _result: None)
        self._interrupted = self._interrupted or finished.interrupted
        return {items[index]: one for index, one in sorted(finished.results.items()) if one is not None}


def _portions(asked: Sequence[Asked]) -> Iterator[tuple[Asked, ...]]:
    """A topic's ledgers in portions: small enough to keep all workers busy and to lose little by an interruption."""
    size = max(1, min(_TOGETHER, len(asked) // LEDGERS_AT_ONCE))
    return (tuple(asked[start : start + size]) for start in range(0, len(asked), size))


def _trimmed(one: Looked) -> LedgerCheck:
    return replace(one.check, inspection=Inspection(one.check.inspection.level), trimmed=True)


def _unconfirmed(one: Looked, why: str) -> LedgerCheck:
    """Without a second look nothing is told but that there is something to look at."""
    inspection, ledger = one.check.inspection, one.asked.ledger.ledger_id
    if not inspection.findings:
        return one.check
    codes = ", ".join(dict.fromkeys(finding.code for finding in inspection.findings))
    reason = f"ledger {ledger} of {one.asked.topic}: {codes} seen, but not confirmed by a second look: {why}"
    return replace(one.check, inspection=replace(inspection, findings=(), not_covered=(reason,)))


def _unconfirmed_time(one: LedgerCheck, why: str) -> LedgerCheck:
    reason = (
        f"ledger {one.ledger.ledger_id} of {one.topic}: ledger-time seen, but not confirmed by a second look: {why}"
    )
    return replace(one, inspection=replace(one.inspection, not_covered=(*one.inspection.not_covered, reason)))


def _group(
    topic: TopicName,
    found: _Found | UnreadTopic | None,
    read: Mapping[TopicName, _TopicRead | UnreadTopic],
    looked: Mapping[TopicName, Sequence[LedgerCheck]],
) -> CheckedGroup:
    if isinstance(found, _Found):
        parts = tuple(_part(part, read.get(part), looked.get(part, ())) for part in found.target.parts)
        return CheckedGroup(topic, found.target.partitions, parts)
    return CheckedGroup(topic, 0, (found if found is not None else _not_begun(topic),))


def _part(
    topic: TopicName, read: _TopicRead | UnreadTopic | None, ledgers: Sequence[LedgerCheck]
) -> TopicCheck | UnreadTopic:
    if not isinstance(read, _TopicRead):
        return read if read is not None else _not_begun(topic)
    return TopicCheck(
        topic,
        served=read.ledgers.served,
        ledgers=tuple(ledgers),
        in_flight=read.with_progress(OffloadProgress.IN_FLIGHT),
        local=read.with_progress(OffloadProgress.LOCAL),
        not_begun=len(read.asked()) - len(ledgers),
    )


def _not_begun(topic: TopicName) -> UnreadTopic:
    return UnreadTopic(topic, Reason(Interrupted.code, "the check was interrupted before this topic's turn"))
