"""Ledgers' objects in a bucket that no metadata names: whose they are, and whether anybody will ever read them.

Nothing is told of an object that was not there twice, before and after its topic's metadata was read anew: a broker
takes a ledger out of the metadata first and deletes its objects then.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final, TypeVar

from offloadctl.check.pairing import ListedPair, Pairing
from offloadctl.check.subject import Subject
from offloadctl.check.user_metadata import CLUSTER_KEY, OWNER_KEY, VERSION_KEY
from offloadctl.errors import BadValue, BrokerError, Interrupted, NotFound, StoreError
from offloadctl.format.keys import ObjectRole, data_key, index_key
from offloadctl.model.bucket import ObjectSum, Strays
from offloadctl.model.finding import Finding
from offloadctl.model.ledger import StoredLedger
from offloadctl.model.names import TopicName
from offloadctl.operations.workers import PATIENCE_S, StoppableClock, work_through
from offloadctl.ports import BrokerAdmin, ObjectStore

Item = TypeVar("Item")
Result = TypeVar("Result")

_AT_ONCE: Final = 8

_PAUSE_S: Final = 10.0
"""Between two looks: brokers delete the objects of a ledger right after they have taken it out of the metadata."""

MOST: Final = 10_000
"""So many strays are looked at: each costs a request or two."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of the strays of one bucket, or of some of them."""

    strays: Strays = field(default_factory=Strays)
    findings: tuple[Finding, ...] = ()
    not_covered: tuple[str, ...] = ()

    def __add__(self, other: "Judged") -> "Judged":
        return Judged(self.strays + other.strays, self.findings + other.findings, self.not_covered + other.not_covered)


@dataclass(frozen=True, slots=True)
class StrayJudge:
    """Judges strays if the metadata of every topic that may own them was read; otherwise it only counts them."""

    admins: tuple[BrokerAdmin, ...]
    """Ours, and those of the clusters that share the buckets."""
    clock: StoppableClock
    clusters: frozenset[str]
    """Their names, as objects carry them; empty if one of them is not known."""
    begun_before: datetime
    """Younger objects may be in flight."""
    every_topic_known: bool
    most: int = MOST

    def judge(self, store: ObjectStore, pairing: Pairing) -> Judged:
        """The strays of one bucket; raises Interrupted."""
        old = self._old(pairing)
        total = Judged(Strays(young=_sum(pair for pair in pairing.unclaimed() if not self._is_old(pair))))
        if not self.every_topic_known or not self.clusters:
            return total + Judged(Strays(owner_unknown=_sum(old)))
        candidates = list(islice(old, self.most))
        left = _sum(old)
        if left.objects:
            why = f"{left.objects} more objects in {store.location} that no metadata names were not looked at"
            total += Judged(Strays(owner_unknown=left), not_covered=(why,))
        owners: defaultdict[TopicName, list[ListedPair]] = defaultdict(list)
        for pair, owner in zip(candidates, self._work(candidates, lambda one: self._owner(store, one)), strict=True):
            if isinstance(owner, TopicName):
                owners[owner].append(pair)
            else:
                total += owner
        if owners:
            self.clock.sleep(_PAUSE_S)
        asked = list(owners.items())
        return sum(self._work(asked, lambda one: self._of_topic(store, *one)), total)

    def _is_old(self, pair: ListedPair) -> bool:
        return pair.modified < self.begun_before

    def _old(self, pairing: Pairing) -> Iterator[ListedPair]:
        return (pair for pair in pairing.unclaimed() if self._is_old(pair))

    def _owner(self, store: ObjectStore, pair: ListedPair) -> TopicName | Judged:
        """The topic that its user metadata names, or what it is instead."""
        sums = _sum([pair])
        try:
            info = store.head(_key(pair))
        except StoreError as error:
            return Judged(Strays(owner_unknown=sums), not_covered=(error.message,))
        if info is None:
            return Judged(Strays(gone=sums))
        metadata = info.user_metadata
        if OWNER_KEY not in metadata and VERSION_KEY not in metadata:
            return Judged(Strays(not_pulsars=sums))
        cluster = metadata.get(CLUSTER_KEY)
        if cluster is not None and cluster not in self.clusters:
            return Judged(Strays(foreign=sums))
        try:
            owner = TopicName.from_managed_ledger_name(metadata.get(OWNER_KEY, ""))
        except BadValue:
            return Judged(Strays(owner_unknown=sums))
        return owner if cluster is not None else Judged(Strays(owner_unknown=sums))

    def _of_topic(self, store: ObjectStore, topic: TopicName, pairs: Sequence[ListedPair]) -> Judged:
        try:
            ledgers = [ledger for admin in self.admins for ledger in _ledgers(admin, topic)]
        except BrokerError as error:
            return Judged(Strays(owner_unknown=_sum(pairs)), not_covered=(f"{topic}: {error.message}",))
        return sum(
            (
                self._one(store, topic, pair, [one for one in ledgers if one.ledger_id == pair.ledger_id])
                for pair in pairs
            ),
            Judged(),
        )

    def _one(self, store: ObjectStore, topic: TopicName, pair: ListedPair, ledgers: Sequence[StoredLedger]) -> Judged:
        sums = _sum([pair])
        if any(ledger.context_uuid == pair.uuid for ledger in ledgers):
            return Judged(Strays(named_meanwhile=sums))
        try:
            if store.head(_key(pair)) is None:
                return Judged(Strays(gone=sums))
        except StoreError as error:
            return Judged(Strays(owner_unknown=sums), not_covered=(error.message,))
        return Judged(Strays(judged=sums), (_finding(topic, pair, ledgers[0] if ledgers else None),))

    def _work(self, items: Sequence[Item], work: Callable[[Item], Result]) -> list[Result]:
        if self.clock.stop.is_set():
            raise Interrupted("interrupted before strays were looked at")
        finished = work_through(
            items, work, at_once=_AT_ONCE, stop=self.clock.stop, done=lambda _result: None, patience=PATIENCE_S
        )
        if finished.interrupted or len(finished.results) < len(items):
            raise Interrupted("interrupted while strays were looked at")
        return [finished.results[index] for index in range(len(items))]


def _finding(topic: TopicName, pair: ListedPair, ledger: StoredLedger | None) -> Finding:
    subject = Subject(data_key(pair.uuid, pair.ledger_id), index_key(pair.uuid, pair.ledger_id), topic, pair.ledger_id)
    found = f"{'two objects' if pair.objects > 1 else 'one object'} of {pair.size} bytes, written {pair.modified:%F}"
    if ledger is None:
        what = "the topic has no such ledger any more, and its objects are still there"
        return subject.finding("orphan", what, role=_role(pair), expected="no object", found=found)
    now = f"its metadata names {ledger.context_uuid}" if ledger.context_uuid else "its metadata names none"
    what = "objects of an older attempt to offload the ledger are still there"
    return subject.finding("older-attempt", what, role=_role(pair), expected=now, found=found)


def _ledgers(admin: BrokerAdmin, topic: TopicName) -> tuple[StoredLedger, ...]:
    try:
        return admin.stored_ledgers(topic).ledgers
    except NotFound:
        return ()


def _role(pair: ListedPair) -> ObjectRole:
    return ObjectRole.DATA if pair.data_size is not None else ObjectRole.INDEX


def _key(pair: ListedPair) -> str:
    key = data_key if pair.data_size is not None else index_key
    return key(pair.uuid, pair.ledger_id)


def _sum(pairs: Iterable[ListedPair]) -> ObjectSum:
    return sum((ObjectSum(pair.objects, pair.size) for pair in pairs), ObjectSum())
