"""The listings of a check's buckets, and which ledgers they settle."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from offloadctl.check.pairing import Pairing
from offloadctl.errors import StoreError
from offloadctl.format.keys import split_key
from offloadctl.model.check import Inspection, LedgerCheck, Level
from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadProgress
from offloadctl.model.names import TopicName
from offloadctl.operations.check_ledger import Asked
from offloadctl.operations.listing import PAGE, list_bucket
from offloadctl.operations.workers import StoppableClock, one_answer
from offloadctl.ports import ObjectInfo, ObjectStore

_HEADS_A_LEDGER: Final = 2


@dataclass(slots=True)
class BucketList:
    """One bucket's listing."""

    store: ObjectStore
    pairing: Pairing = field(default_factory=Pairing)
    is_whole: bool = False
    error: str = ""
    """Why it could not be listed to its end."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """A ledger whose offload is begun and not complete."""

    topic: TopicName
    ledger: Ledger


class BucketLists:
    """All buckets of a check. Nothing is listed before it is asked for; metadata is read after that."""

    def __init__(self, stores: Sequence[ObjectStore], clock: StoppableClock, *, keeps_etags: bool = False) -> None:
        self.lists = [BucketList(store, Pairing(keeps_etags=keeps_etags)) for store in stores]
        self.in_flight: list[InFlight] = []
        self._clock = clock
        self._lock = threading.Lock()
        self._heads = 0
        self._worth: int | None = None

    @property
    def is_begun(self) -> bool:
        """Whether anything was listed."""
        return any(one.is_whole or one.error for one in self.lists)

    def list_all(self) -> None:
        """List every bucket; one that cannot be listed stops no other one. Raises Interrupted."""
        for one in self.lists:
            try:
                self._list(one)
            except StoreError as error:
                one.error = error.message

    def list_if_cheaper(self, ledgers: int) -> None:
        """List once the requests for single keys, these ledgers' too, are as many as those for the listing."""
        if self.is_begun or self._clock.stop.is_set():
            return
        if self._worth is None:
            self._worth = one_answer(lambda: sum(map(_requests, self.lists)), self._clock.stop)
        self._heads += _HEADS_A_LEDGER * ledgers
        if self._heads >= self._worth:
            self.list_all()

    def claim(self, managed: ManagedLedger, *, is_ours: bool = True) -> None:
        """The metadata names these ledgers' objects; whatever their state, they belong to somebody."""
        for ledger in managed.ledgers:
            if ledger.context_uuid is None:
                continue
            for one in self.lists:
                one.pairing.claim(ledger.context_uuid, ledger.ledger_id)
            if is_ours and ledger.progress is OffloadProgress.IN_FLIGHT:
                self.in_flight.append(InFlight(managed.topic, ledger))

    def settle(
        self, asked: Sequence[Asked], looked_at: Callable[[LedgerCheck], None]
    ) -> tuple[list[LedgerCheck], list[Asked]]:
        """The ledgers of which the listings tell that they are sound, and those that must be looked at."""
        sound, others = [], []
        for one in asked:
            check = self._sound(one)
            if check is None:
                others.append(one)
            else:
                looked_at(check)
                sound.append(check)
        return sound, others

    def _sound(self, asked: Asked) -> LedgerCheck | None:
        ledger = asked.ledger
        assert ledger.context_uuid is not None  # noqa: S101 - whatever was begun has one
        for one in self.lists:
            row = one.pairing.claim(ledger.context_uuid, ledger.ledger_id)
            size = None if row is None else one.pairing.sound_size(row, ledger.entries, ledger.size)
            if size is not None:
                look = Inspection(Level.LISTING, object_bytes=size)
                return LedgerCheck(asked.topic, ledger, look, one.store.bucket)
        return None

    def _list(self, one: BucketList) -> None:
        def take(objects: Sequence[ObjectInfo]) -> None:
            with self._lock:
                one.pairing.add(objects)

        list_bucket(one.store, take, self._clock)
        one.is_whole = True


def _requests(one: BucketList) -> int:
    """About how many requests a listing takes, by how far its first page comes; what cannot be told is very many."""
    try:
        first = list(islice(one.store.list(), PAGE))
    except StoreError:
        return 0
    if len(first) < PAGE:
        return 0
    last = split_key(first[-1].key)
    return 2**128 // (last[0] + 1) if last is not None else 2**128
