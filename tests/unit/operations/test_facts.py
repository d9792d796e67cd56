"""internal-info and internalStats are joined only when they stand still together."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from offloadctl.errors import NotFound, Unstable
from offloadctl.model.ledger import (
    ManagedLedger,
    OffloadProgress,
    Position,
    ServedLedger,
    ServedLedgers,
    StoredLedger,
    StoredLedgers,
)
from offloadctl.model.names import TopicName
from offloadctl.operations.facts import LedgerReader, read_served
from offloadctl.units import ByteSize

TOPIC = TopicName("public", "crash", "crash")
CLOSED_AT = datetime(2026, 11, 24, 2, 12, 18, tzinfo=UTC)
DEAD_ATTEMPT = UUID("3f2a278e-19ad-49bb-92a8-ec9d3a2a9673")

# As recorded after a broker was killed during an upload: a context that is not complete, and a ledger closed by the
# restart. Pulsar lists the ledgers of internal-info in no order once an offload has rewritten them.
STORED = StoredLedgers(
    4,
    (
        StoredLedger(87, None, None, None, None),
        StoredLedger(82, 60, ByteSize(54_002_220), CLOSED_AT, DEAD_ATTEMPT),
        StoredLedger(83, 1, ByteSize(41), CLOSED_AT, None),
    ),
)
SERVED = ServedLedgers(
    (
        ServedLedger(82, 60, ByteSize(54_002_220), offloaded=False),
        ServedLedger(83, 1, ByteSize(41), offloaded=False),
        ServedLedger(87, 0, ByteSize(0), offloaded=False),
    ),
    current_entries=2,
    current_size=ByteSize(99),
    state="LedgerOpened",
)
COMPLETE = replace(SERVED, ledgers=(replace(SERVED.ledgers[0], offloaded=True), *SERVED.ledgers[1:]))
ROLLED = replace(SERVED, ledgers=(*SERVED.ledgers, ServedLedger(88, 0, ByteSize(0), offloaded=False)))


@dataclass
class StillClock:
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return CLOSED_AT

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Views:
    """A broker that gives one prepared answer after the other."""

    def __init__(
        self,
        served: list[ServedLedgers],
        stored: StoredLedgers = STORED,
        listing: frozenset[TopicName] = frozenset(),
    ) -> None:
        self.listing = listing
        self.listed = 0
        self._served: Iterator[ServedLedgers] = iter(served)
        self._stored = stored

    def served_ledgers(self, topic: TopicName) -> ServedLedgers:
        assert topic == TOPIC
        return next(self._served)

    def stored_ledgers(self, topic: TopicName) -> StoredLedgers:
        assert topic == TOPIC
        return self._stored

    def served_topics(self) -> frozenset[TopicName]:
        self.listed += 1
        return self.listing


def read(*served: ServedLedgers, stored: StoredLedgers = STORED) -> dict[int, OffloadProgress]:
    managed = read_served(Views(list(served), stored), StillClock(), TOPIC)  # type: ignore[arg-type]
    assert managed.served
    return {ledger.ledger_id: ledger.progress for ledger in managed.ledgers}


def test_a_context_without_completion_is_in_flight_whatever_is_offloaded_says() -> None:
    assert read(SERVED, SERVED) == {82: OffloadProgress.IN_FLIGHT, 83: OffloadProgress.LOCAL, 87: OffloadProgress.LOCAL}


def test_completion_comes_from_the_serving_broker() -> None:
    assert read(COMPLETE, COMPLETE)[82] is OffloadProgress.OFFLOADED


def test_ledgers_are_sorted_and_the_open_one_has_its_real_numbers() -> None:
    managed = read_served(Views([SERVED, SERVED]), StillClock(), TOPIC)  # type: ignore[arg-type]

    assert [ledger.ledger_id for ledger in managed.ledgers] == [82, 83, 87]
    assert managed.open is not None
    assert (managed.open.entries, managed.open.size, managed.open.closed_at) == (2, 99, None)


def test_a_flip_between_two_readings_is_read_again() -> None:
    assert read(SERVED, COMPLETE, COMPLETE)[82] is OffloadProgress.OFFLOADED


def test_a_complete_ledger_without_a_context_is_no_pair() -> None:
    without = replace(STORED, ledgers=tuple(replace(ledger, context_uuid=None) for ledger in STORED.ledgers))

    with pytest.raises(Unstable):
        read(*[COMPLETE] * 9, stored=without)


def test_views_that_never_agree_are_an_error_and_not_a_guess() -> None:
    with pytest.raises(Unstable, match="changed during each of 5 readings"):
        read(*[ROLLED] * 9)


def look(views: Views, *, may_load: bool = False) -> ManagedLedger:
    return LedgerReader(views, StillClock(), may_load=may_load).read(TOPIC)  # type: ignore[arg-type]


def test_a_topic_on_the_brokers_list_is_asked() -> None:
    assert look(Views([SERVED] * 2, listing=frozenset({TOPIC}))).served


def test_a_topic_that_is_not_on_the_list_is_left_alone() -> None:
    assert not look(Views([])).served


def test_within_a_minute_the_list_is_asked_for_once() -> None:
    views = Views([SERVED] * 4, listing=frozenset({TOPIC}))
    reader = LedgerReader(views, StillClock(), may_load=False)  # type: ignore[arg-type]

    reader.read(TOPIC)
    reader.read(TOPIC)

    assert views.listed == 1


def test_a_list_that_is_a_minute_old_is_asked_for_again() -> None:
    views, clock = Views([SERVED] * 2), StillClock()
    reader = LedgerReader(views, clock, may_load=False)  # type: ignore[arg-type]
    unloaded = reader.read(TOPIC)
    views.listing = frozenset({TOPIC})

    clock.sleep(59)
    soon = reader.read(TOPIC)
    clock.sleep(1)
    later = reader.read(TOPIC)

    assert [one.served for one in (unloaded, soon, later)] == [False, False, True]


def test_with_permission_to_load_nobody_is_asked_who_serves_it() -> None:
    views = Views([SERVED] * 2)

    assert look(views, may_load=True).served
    assert views.listed == 0


def test_without_loading_a_begun_offload_stays_unknown() -> None:
    managed = look(Views([]))

    assert not managed.served
    assert managed.ledgers[0].progress is OffloadProgress.BEGUN
    assert [ledger.is_open for ledger in managed.ledgers] == [False, False, True]


WITHOUT_LAST = replace(SERVED, ledgers=SERVED.ledgers[:-1], current_entries=0, current_size=ByteSize(0))


@pytest.mark.parametrize("end", [Position(83, 0), Position(87, -1)], ids=str)
def test_a_terminated_topic_whose_empty_last_ledger_the_broker_dropped_is_read(end: Position) -> None:
    ended = replace(STORED, terminated_at=end)

    assert read(WITHOUT_LAST, WITHOUT_LAST, stored=ended) == {82: OffloadProgress.IN_FLIGHT, 83: OffloadProgress.LOCAL}


@pytest.mark.parametrize("end", [None, Position(87, 1)], ids=["not terminated", "terminated in the last ledger"])
def test_any_other_ledger_that_the_broker_lacks_makes_no_pair(end: Position | None) -> None:
    with pytest.raises(Unstable):
        read(*[WITHOUT_LAST] * 9, stored=replace(STORED, terminated_at=end))


def test_the_last_ledger_of_a_terminated_topic_that_was_loaded_again_has_its_own_numbers() -> None:
    last = ServedLedger(87, 2, ByteSize(99), offloaded=False)
    again = replace(WITHOUT_LAST, ledgers=(*WITHOUT_LAST.ledgers, last))
    stored = replace(STORED, terminated_at=Position(87, 1))

    managed = read_served(Views([again, again], stored), StillClock(), TOPIC)  # type: ignore[arg-type]

    assert (managed.ledgers[-1].entries, managed.ledgers[-1].size) == (2, 99)


class NotYetCreated(Views):
    """A partitioned topic of which no partition has a managed ledger yet."""

    def partition_count(self, topic: TopicName) -> int:
        assert topic == TOPIC
        return 2

    def served_ledgers(self, topic: TopicName) -> ServedLedgers:
        raise NotFound("Topic partitions were not yet created", status=404)

    def stored_ledgers(self, topic: TopicName) -> StoredLedgers:
        raise NotFound(f"{topic} has no managed ledger", status=404)


@pytest.mark.parametrize("may_load", [True, False])
def test_a_partition_without_a_managed_ledger_is_empty_and_one_beyond_the_last_is_not_there(may_load: bool) -> None:
    reader = LedgerReader(NotYetCreated([]), StillClock(), may_load=may_load)  # type: ignore[arg-type]

    assert reader.read_or_empty(TOPIC.with_partition(1)).ledgers == ()
    for gone in (TOPIC.with_partition(2), TOPIC):
        with pytest.raises(NotFound):
            reader.read_or_empty(gone)
