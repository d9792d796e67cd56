"""What reading every byte of a wide scope takes: told by its metadata, before a single object is read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from offloadctl.errors import Interrupted
from offloadctl.model.names import TopicName
from offloadctl.model.price import Prices
from offloadctl.model.sample import ByteSample, Sample
from offloadctl.model.scope import Scope
from offloadctl.operations.check_topics import TopicRead, TopicReader
from offloadctl.operations.facts import LedgerReader
from offloadctl.operations.scope import expand
from offloadctl.operations.workers import StoppableClock, work_through
from offloadctl.plan.storage import OBJECTS_PER_LEDGER, implied_data_size
from offloadctl.ports import Ports

_AT_ONCE: Final = 8

_GETS_A_LEDGER: Final = 4
"""HEAD and GET of both objects: a data object comes by one GET, however large it is."""

_PAGE: Final = 1000
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Estimate:
    """How much is to be read, and what it takes."""

    topics: int
    unread: int
    """Topics that could not be read, and namespaces and tenants that could not be listed: nothing is known of them."""
    ledgers: int
    size: int
    """At least: blocks before the last one end in padding."""
    lists: int

    @property
    def gets(self) -> int:
        """GET and HEAD requests."""
        return _GETS_A_LEDGER * self.ledgers

    def cost(self, prices: Prices) -> str:
        """In money, to the cent."""
        money = prices.of(gets=self.gets, lists=self.lists, size=self.size)
        return f"about ${money:,.2f}" if money >= _CENT else "less than $0.01"


def estimate(ports: Ports, scope: Scope, sample: Sample | ByteSample | None) -> Estimate:
    """Read the metadata of a wide scope, by one request for each topic; none is loaded. Raises Interrupted."""
    clock = StoppableClock(ports.clock)
    topics = TopicReader(ports.admin, LedgerReader(ports.admin, clock, may_load=False))
    expanded = expand(ports.admin, scope, clock)
    parts = expanded.parts

    def ledgers(part: TopicName) -> Sequence[_Ledger] | None:
        read = topics.read_stored(part)
        return tuple(_ledgers(read)) if isinstance(read, TopicRead) else None

    finished = work_through(parts, ledgers, at_once=_AT_ONCE, stop=clock.stop, done=lambda _ledgers: None)
    if finished.interrupted or len(finished.results) < len(parts):
        raise Interrupted("interrupted while metadata was read, before any object was")
    every = [one for some in finished.results.values() for one in some or ()]
    taking = (
        sample.window((one.uuid, one.ledger_id, one.size) for one in every)
        if isinstance(sample, ByteSample)
        else sample
    )
    taken = [one for one in every if taking is None or taking.takes(one.uuid, one.ledger_id)]
    unread = len(expanded.read.unread) + sum(one is None for one in finished.results.values())
    # What is nobody's is listed too, and nobody knows how much that is.
    lists = len(ports.stores) + OBJECTS_PER_LEDGER * len(every) // _PAGE if scope.everything else 0
    return Estimate(len(parts), unread, len(taken), sum(one.object_size for one in taken), lists)


@dataclass(frozen=True, slots=True)
class _Ledger:
    uuid: UUID
    ledger_id: int
    size: int
    object_size: int


def _ledgers(read: TopicRead) -> Iterator[_Ledger]:
    for one in read.asked():
        if one.ledger.context_uuid is not None:
            data = implied_data_size(one.ledger, None)
            yield _Ledger(one.ledger.context_uuid, one.ledger.ledger_id, one.ledger.size, data.size)
