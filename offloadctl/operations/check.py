"""Check topics: read their metadata, look at what it names, look again at what there is to tell, report.

A finding is told only after a second look, the objects first and the metadata after that: a broker takes a ledger out
of the metadata before it deletes its objects, so what is missing while the metadata still has it was not trimmed away.
Named topics are checked by point reads of the keys that their metadata names. Wide scopes go through in portions, and
of each only what there is to tell is kept.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Final, TypeVar

from offloadctl.errors import Interrupted, UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.bucket import BucketCheck
from offloadctl.model.check import ALWAYS_TOLD, CheckedGroup, CheckReport, CheckStatus, LedgerCheck, Level
from offloadctl.model.check_run import RunAsked
from offloadctl.model.journal import Attempt
from offloadctl.model.ledger import Ledger
from offloadctl.model.limits import Limits
from offloadctl.model.names import TopicName
from offloadctl.model.sample import ByteSample, Sample, Window
from offloadctl.model.scope import Scope, ScopeRead
from offloadctl.model.status import UnreadTopic
from offloadctl.operations.bucket_lists import BucketLists
from offloadctl.operations.bucket_offer import offer_of
from offloadctl.operations.budget import Budget, MeteredStore
from offloadctl.operations.check_buckets import BucketChecker
from offloadctl.operations.check_groups import LookedTopic, folded, group_of, is_unread, name_of
from offloadctl.operations.check_ledger import Asked, LedgerChecker
from offloadctl.operations.check_memory import Memory, RunMemory
from offloadctl.operations.check_order import out_of_time
from offloadctl.operations.check_sample import window_of
from offloadctl.operations.check_sharing import claim_for
from offloadctl.operations.check_topics import Found, TopicRead, TopicReader
from offloadctl.operations.check_twice import SecondLooks
from offloadctl.operations.facts import LedgerReader
from offloadctl.operations.scope import expand, named_topics
from offloadctl.operations.topics import Target
from offloadctl.operations.workers import PATIENCE_S, Stop, StoppableClock, work_through
from offloadctl.ports import BrokerAdmin, Ports
from offloadctl.units import format_duration

TOPICS_AT_ONCE: Final = 8
"""Reads of metadata wait for the network most of the time; the adapter's rate limit spares the broker."""

LEDGERS_AT_ONCE: Final = 4
"""Each may hold a few chunks of 8 MiB."""

_TOGETHER: Final = 8
"""So many ledgers of a topic at most are confirmed by one reading of its metadata."""

_PORTION: Final = 64
"""So many topics of a wide scope are held in memory at once."""

_Read = tuple[Mapping[TopicName | Target, Found | UnreadTopic], Mapping[TopicName, TopicRead | UnreadTopic]]

T = TypeVar("T")
R = TypeVar("R")


class CheckWatcher:
    """Is told how a check goes on; this one does nothing with it."""

    def begins(self, ledgers: Sequence[Ledger]) -> None:
        """More metadata is read, and the objects of these ledgers are looked at next."""

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
    sample: Sample | ByteSample | None = None
    """Which ledgers to look at, if not all of them."""
    limits: Limits = field(default_factory=Limits)
    sharing: tuple[BrokerAdmin, ...] = ()
    """Of other clusters that keep ledgers in the same buckets."""
    left: tuple[Attempt, ...] = ()
    """Attempts of the journal of runs that were not seen to be complete: their uploads may be open."""
    memory: Memory | None = None
    """What is remembered of other checks and of this one; None: nothing."""
    then: Callable[[CheckReport], CheckReport] = lambda report: report
    """What else belongs to the check, once all objects were looked at."""
    stop: Stop = field(default_factory=Stop)
    """Whoever sets it interrupts the check within a second or two; what was looked at by then is reported, or
    Interrupted is raised if that is nothing."""

    def report(self, topics: Sequence[TopicName]) -> CheckReport:
        """Look at every ledger of these topics that is in S3; one that cannot be read does not stop the others."""
        return self.report_scope(Scope.of(topics=topics))

    def report_scope(self, scope: Scope) -> CheckReport:
        """The same of a scope; of a wide one sound ledgers are counted and not kept."""
        if not self.ports.stores:
            raise UsageError(
                "no bucket is known, and a check looks into buckets",
                hint="name each bucket that was ever in use: --bucket NAME, or in the context"
                + offer_of(self.ports.admin, scope),
            )
        return _Run(self, scope).report()

    def asked(self, scope: Scope) -> RunAsked:
        """Everything that decides what the report says."""
        memory = self.memory
        return RunAsked(
            context=memory.context if memory is not None else "",
            scope=str(scope),
            level=self.level.value,
            sample=str(self.sample) if self.sample is not None else "",
            load_topics="yes" if self.may_load else "",
            max_age=format_duration(memory.max_age) if memory is not None and memory.max_age is not None else "",
            shared_with=memory.shared_with if memory is not None else (),
            buckets=tuple(sorted(store.location for store in self.ports.stores)),
        )


class _Run:
    """One command's check."""

    def __init__(self, check: Check, scope: Scope) -> None:
        self._check = check
        self._scope = scope
        self._clock = StoppableClock(check.ports.clock, check.stop)
        self._budget = Budget(check.limits, self._clock)
        self._memory = RunMemory(check.memory, check.level, self._clock)
        stores = tuple(MeteredStore(store, self._budget) for store in check.ports.stores)
        reader = LedgerReader(check.ports.admin, self._clock, may_load=check.may_load)
        self._topics = TopicReader(check.ports.admin, reader)
        self._checker = LedgerChecker(stores, check.level, self._clock.stop)
        self._lists = BucketLists(stores, self._clock, keeps_etags=self._memory.spares)
        self._sample: Sample | Window | None = None
        self._unread = False
        self._is_cut_short = False

    def report(self) -> CheckReport:
        started_at = self._memory.begin(self._check.asked(self._scope))
        is_complete = False
        try:
            report = self._check.then(self._report(started_at))
            self._memory.keep_read_back(report)
            if self._scope.is_wide:
                report = replace(report, groups=tuple(map(folded, report.groups)))
            is_cut_short = bool(self._budget.spent) and report.status is not CheckStatus.FULL
            is_complete = report.interrupted is None and not is_cut_short
        finally:
            is_resumable = self._memory.end(is_complete=is_complete)
        return replace(report, is_resumable=is_resumable, not_remembered=self._memory.broken)

    def _report(self, started_at: datetime) -> CheckReport:
        if self._scope.everything:
            # The bucket first: a broker writes a ledger's uuid before it uploads, so metadata names what is listed.
            self._lists.list_all()
        read, asked = self._asked()
        self._take_sample(asked)
        groups = [group for some in self._portions_of(asked) for group in self._groups(some)]
        buckets = self._buckets(started_at, read)
        return CheckReport(
            level=self._check.level,
            groups=tuple(groups),
            started_at=started_at,
            finished_at=self._clock.now(),
            fail_on=self._check.fail_on,
            interrupted=self._clock.code,
            scope=read,
            buckets=buckets,
            sample=self._sample or self._check.sample,
            spent=self._budget.spent if self._is_cut_short else "",
        )

    @property
    def _looks(self) -> SecondLooks:
        memory, watcher = self._memory, self._check.watcher
        return SecondLooks(
            self._checker, self._topics, self._clock, watcher.looked_at, known=memory.unchanged, keep=memory.keep
        )

    # -- the scope

    def _asked(self) -> tuple[ScopeRead, Sequence[TopicName | Target]]:
        if not self._scope.is_wide:
            return named_topics(self._scope)
        expanded = expand(self._check.ports.admin, self._scope, self._clock)
        return expanded.read, expanded.targets

    def _take_sample(self, asked: Sequence[TopicName | Target]) -> None:
        """Find out which ledgers are in the sample; those of a size are known once all metadata was read."""
        sample = self._check.sample
        if isinstance(sample, ByteSample) and self._memory.window:
            self._sample = sample.again(self._memory.window)
        elif isinstance(sample, ByteSample):
            try:
                self._sample = window_of(sample, self._topics, asked, self._clock)
            except Interrupted as error:
                self._clock.end_by(error)
                return
            self._memory.keep_window(self._sample.bounds)
        else:
            self._sample = sample
        self._topics = replace(self._topics, sample=self._sample)

    def _portions_of(self, asked: Sequence[TopicName | Target]) -> Iterator[Sequence[TopicName | Target]]:
        size = _PORTION if self._scope.is_wide else max(1, len(asked))
        return (asked[start : start + size] for start in range(0, len(asked), size))

    def _groups(self, asked: Sequence[TopicName | Target]) -> Iterator[CheckedGroup]:
        found, read = self._read_by_listing(asked) if self._trusts_listings else self._read_all(asked)
        parts = [part for one in found.values() if isinstance(one, Found) for part in one.target.parts]
        self._unread = self._unread or len(found) < len(asked) or len(read) < len(parts)
        self._unread = self._unread or any(map(is_unread, (*found.values(), *read.values())))
        looked = self._look_at([one for one in read.values() if isinstance(one, TopicRead)])
        groups = (group_of(name_of(one), found.get(one), read, looked) for one in asked)
        # Readers ask for samples of sound ledgers, too: those are kept until then, and so a wide scope must be sampled.
        folds = self._scope.is_wide and self._check.level is not Level.READBACK
        return (folded(group) for group in groups) if folds else groups

    def _read_all(self, asked: Sequence[TopicName | Target]) -> _Read:
        found = self._work(asked, self._topics.find, at_once=TOPICS_AT_ONCE)
        parts = {part: one.policies for one in found.values() if isinstance(one, Found) for part in one.target.parts}
        return found, self._work(
            tuple(parts), lambda part: self._topics.read(part, parts[part]), at_once=TOPICS_AT_ONCE
        )

    def _read_by_listing(self, asked: Sequence[TopicName | Target]) -> _Read:
        """One request for each topic; more only for those with ledgers that the listings do not settle.

        Where both objects are there, it makes no difference to their readers whether the metadata calls them complete.
        """
        found: dict[TopicName | Target, Found | UnreadTopic] = {
            one: Found(one, None) for one in asked if isinstance(one, Target)
        }
        parts = tuple(part for one in asked if isinstance(one, Target) for part in one.parts)
        read = self._work(parts, self._topics.read_stored, at_once=TOPICS_AT_ONCE)
        known = [one for one in read.values() if isinstance(one, TopicRead)]
        ledgers = [one.asked() for one in known]
        self._list_if_cheaper(sum(map(len, ledgers)))
        suspicious = tuple(
            one.ledgers.topic
            for one, begun in zip(known, ledgers, strict=True)
            if self._lists.settle(begun, lambda _check: None)[1]
        )
        return found, read | self._work(suspicious, self._topics.read_all, at_once=TOPICS_AT_ONCE)

    # -- objects

    @property
    def _trusts_listings(self) -> bool:
        """Whether the listings are all that is asked for, as far as they settle anything."""
        return self._scope.is_wide and self._check.level is Level.LISTING and not self._check.may_load

    def _buckets(self, started_at: datetime, read: ScopeRead) -> tuple[BucketCheck, ...]:
        every_topic_known = read.is_every_topic and not self._unread and self._read_sharing()
        admins = (self._check.ports.admin, *self._check.sharing)
        checker = BucketChecker(
            admins, self._topics, self._clock, started_at, self._scope.everything, every_topic_known, self._check.left
        )
        return checker.look_at(self._lists)

    def _read_sharing(self) -> bool:
        """Whether all is known that the other clusters name; what they name is theirs."""
        try:
            return all(claim_for(admin, self._lists, self._clock) for admin in self._check.sharing)
        except (Interrupted, KeyboardInterrupt) as error:
            self._clock.end_by(error)
            return False

    def _settle(self, asked: Sequence[Sequence[Asked]]) -> tuple[list[LedgerCheck], list[list[Asked]]]:
        """What the listings settle, and what must be looked at."""
        if not self._scope.is_wide:
            return [], [list(ledgers) for ledgers in asked]
        watcher = self._check.watcher
        if self._check.level is not Level.LISTING:
            both = [self._memory.settle(ledgers, self._lists, watcher.looked_at) for ledgers in asked]
        else:
            if not self._trusts_listings:
                self._list_if_cheaper(sum(map(len, asked)))
            both = [self._lists.settle(ledgers, watcher.looked_at) for ledgers in asked]
        return [one for sound, _ in both for one in sound], [others for _, others in both]

    def _list_if_cheaper(self, ledgers: int) -> None:
        try:
            self._lists.list_if_cheaper(ledgers)
        except (Interrupted, KeyboardInterrupt) as error:
            self._clock.end_by(error)

    def _look_at(self, read: Sequence[TopicRead]) -> dict[TopicName, LookedTopic]:
        self._check.watcher.begins([one.ledger for each in read for one in each.asked()])
        for each in read:
            self._lists.claim(each.ledgers)
        done = self._memory.done(read)
        for check in done.checks:
            self._check.watcher.looked_at(check)
        every = [done.without(each.asked()) for each in read]
        known = self._memory.recall(chain(*every))
        if known and self._scope.is_wide:
            self._list_if_cheaper(known)
        settled, asked = self._settle(every)
        together = [portion for ledgers in asked for portion in _portions(ledgers)]
        looked = self._work(together, self._looks.look_at_some, at_once=LEDGERS_AT_ONCE)
        checked: dict[TopicName, list[LedgerCheck]] = {each.ledgers.topic: [] for each in read}
        for check in chain(done.checks, settled, *looked.values()):
            checked[check.topic].append(check)
        ordered = {topic: sorted(checks, key=lambda one: one.ledger.ledger_id) for topic, checks in checked.items()}
        ordered |= self._with_order(read, ordered)
        return {topic: LookedTopic(checks, done.gone.get(topic, 0)) for topic, checks in ordered.items()}

    def _with_order(
        self, read: Sequence[TopicRead], ordered: Mapping[TopicName, list[LedgerCheck]]
    ) -> dict[TopicName, list[LedgerCheck]]:
        """The topics of which some ledgers' objects seem to be of another time, looked at once more."""
        suspicious = tuple(each for each in read if out_of_time(each.asked(), ordered[each.ledgers.topic]))
        told = self._work(
            suspicious, lambda each: self._looks.check_order(each, ordered[each.ledgers.topic]), at_once=LEDGERS_AT_ONCE
        )
        for checks in told.values():
            self._memory.keep([one for one in checks if one.inspection.findings])
        return {each.ledgers.topic: checks for each, checks in told.items()}

    def _work(self, items: Sequence[T], work: Callable[[T], R], *, at_once: int) -> dict[T, R]:
        """The results of what was done before an interruption."""

        def attempt(item: T) -> R | None:
            if self._budget.spent:
                self._is_cut_short = True
                return None
            try:
                return work(item)
            except Interrupted:
                return None

        if self._clock.stop.is_set():
            # No worker would begin, and nobody would answer.
            return {}
        finished = work_through(
            items, attempt, at_once=at_once, stop=self._clock.stop, done=lambda _result: None, patience=PATIENCE_S
        )
        return {items[index]: one for index, one in sorted(finished.results.items()) if one is not None}


def _portions(asked: Sequence[Asked]) -> Iterator[tuple[Asked, ...]]:
    """A topic's ledgers in portions: small enough to keep all workers busy and to lose little by an interruption."""
    size = max(1, min(_TOGETHER, len(asked) // LEDGERS_AT_ONCE))
    return (tuple(asked[start : start + size]) for start in range(0, len(asked), size))
