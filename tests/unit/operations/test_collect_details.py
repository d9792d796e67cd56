"""Details of single topics: who is asked, for how long, when again, and what can be said without asking."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.adapters.memory import ManualClock
from offloadctl.errors import BrokerUnreachable
from offloadctl.model.ledger import StoredLedger, StoredLedgers
from offloadctl.model.measures import Measure, Number, Snapshot
from offloadctl.model.names import TopicName
from offloadctl.model.schedule import Extent
from offloadctl.model.status import Bound
from offloadctl.operations.collect_details import BulkSizes, Details, Wanted
from offloadctl.units import ByteSize
from tests.fake_broker import FakeBroker
from tests.schedules import AUDIT, BILLS, GIB, ORDERS, START, above, schedule

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LONG = Wanted(below=DAY.total_seconds())
EVERYTHING = Wanted()
IDLE = BulkSizes(is_idle=True)


def ledger(number: int, closed_at: datetime | None, *, offload: int | None = None, size: int = 100) -> StoredLedger:
    uuid = None if offload is None else UUID(int=offload + 1)
    return StoredLedger(number, 10 if closed_at else None, ByteSize(size) if closed_at else None, closed_at, uuid)


WAITING = (ledger(1, START - 2 * HOUR), ledger(2, START - HOUR), ledger(3, None))
NONE_WAITING = (ledger(1, START - HOUR),)


@dataclass
class Ledgers(FakeBroker):
    """Tells of ledgers; each answer takes its time."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    ledgers_now: tuple[StoredLedger, ...] = WAITING
    takes: float = 0.0
    asked: list[TopicName] = field(default_factory=list)
    fails: bool = False

    def stored_ledgers(self, topic: TopicName) -> StoredLedgers:
        self.asked.append(topic)
        self.clock.advance(timedelta(seconds=self.takes))
        if self.fails:
            raise BrokerUnreachable("nobody answers")
        return StoredLedgers(0, self.ledgers_now)


@dataclass
class World:
    broker: Ledgers = field(default_factory=Ledgers)

    def __post_init__(self) -> None:
        self.details = Details(self.broker, self.broker.clock)

    def look(
        self,
        sizes: BulkSizes | dict[TopicName, BulkSizes] = IDLE,
        wanted: Wanted = EVERYTHING,
        *,
        after: timedelta = timedelta(),
        topics: Sequence[TopicName] = (ORDERS,),
    ) -> dict[TopicName, Number]:
        """One evaluation: how long the oldest of each waits."""
        self.broker.clock.advance(after)
        now = self.broker.clock.now()
        each = sizes if isinstance(sizes, dict) else dict.fromkeys(topics, sizes)
        self.details.read(topics, each, now, wanted)
        return self.details.numbers(topics, now, wanted)[Measure.OLDEST_ELIGIBLE]

    def times_asked(self) -> int:
        return len(self.broker.asked)


def test_a_topic_that_no_broker_serves_is_asked_again_after_hours_only() -> None:
    world = World()

    ages = [world.look(after=30 * MINUTE)[ORDERS] for _ in range(12)]
    assert world.times_asked() == 1
    world.look(after=2 * HOUR)

    assert world.times_asked() == 2
    assert [(one.value, one.bound, one.at) for one in ages[::11]] == [
        (2.5 * 3600, Bound.EXACT, START + 30 * MINUTE),
        (8 * 3600, Bound.EXACT, START + 6 * HOUR),
    ]


def test_a_topic_that_somebody_has_loaded_since_is_asked_again() -> None:
    world = World()
    world.look()

    world.look(BulkSizes(200, 0), after=5 * MINUTE)
    world.look(IDLE, after=5 * MINUTE)

    assert world.times_asked() == 3


@pytest.mark.parametrize(
    ("then", "is_asked"),
    [
        (BulkSizes(500, 0), False),
        (BulkSizes(700, 0), False),
        (BulkSizes(400, 0), True),
        (BulkSizes(500, 100), True),
        (BulkSizes(500, None), True),
        (BulkSizes(), True),
    ],
)
def test_a_topic_is_asked_again_once_something_was_offloaded_or_trimmed_or_nobody_tells(
    then: BulkSizes, is_asked: bool
) -> None:
    world = World()
    world.look(BulkSizes(500, 0))

    world.look(then, after=30 * MINUTE)

    assert world.times_asked() == 1 + is_asked


def test_what_grows_may_hide_what_was_trimmed_and_is_believed_for_an_hour() -> None:
    world = World()

    for number in range(14):
        world.look(BulkSizes(500 + number, 0), after=5 * MINUTE)

    assert world.times_asked() == 2


def test_a_topic_that_cannot_have_waited_long_enough_is_not_asked_again_before_it_can() -> None:
    world = World(Ledgers(ledgers_now=NONE_WAITING))
    shrinking = [BulkSizes(10_000 - number, 0) for number in range(276)]

    ages = [(world.look(one, LONG, after=5 * MINUTE)[ORDERS], world.times_asked()) for one in shrinking]

    # The last of the list was closed an hour before it was asked, and may move by now.
    assert [(one.value, one.bound, asked) for one, asked in ages[270:]] == [
        *((3600 + number * 300, Bound.AT_MOST, 1) for number in range(271, 276)),
        (0, Bound.EXACT, 2),
    ]


def test_whoever_compares_sums_or_local_bytes_needs_more_than_a_bound() -> None:
    one = above(Measure.OLDEST_ELIGIBLE, DAY.total_seconds())
    summed, local = replace(one, extent=Extent.NAMESPACE), above(Measure.LOCAL_BYTES, GIB)
    snapshot = Snapshot(START, topics={Measure.LOCAL_BYTES: {ORDERS: Number("x", 1.0)}})

    assert Wanted.by([schedule(one)], [ORDERS, BILLS], snapshot) == LONG
    assert Wanted.by([schedule(one), schedule(summed)], [ORDERS], snapshot) == EVERYTHING
    assert Wanted.by([schedule(one), schedule(local)], [ORDERS, BILLS], snapshot) == replace(
        LONG, local=frozenset({BILLS})
    )


def test_the_most_local_bytes_are_looked_at_first_and_then_whoever_has_waited_longest() -> None:
    world = World()
    world.details.most = 1
    sizes = {AUDIT: BulkSizes(100, 90), BILLS: BulkSizes(5000, 0), ORDERS: BulkSizes(9000, 5000)}

    for _ in range(5):
        world.look({topic: replace(one, offloaded=None) for topic, one in sizes.items()}, after=5 * MINUTE, topics=[])
    for number in range(5):
        changed = {topic: replace(one, offloaded=(one.offloaded or 0) + number) for topic, one in sizes.items()}
        world.look(changed, after=5 * MINUTE, topics=(AUDIT, BILLS, ORDERS))

    assert world.broker.asked == [BILLS, ORDERS, AUDIT, BILLS, ORDERS]


def test_an_evaluation_asks_no_longer_than_its_seconds_and_says_how_many_were_left() -> None:
    world = World(Ledgers(takes=1.0))
    topics = [TopicName("acme", "shop", f"t{number:02}") for number in range(40)]

    known = world.look(topics=topics)

    assert 5 <= len(known) == world.times_asked() <= 5 + 8
    assert world.details.left == 40 - len(known)
    for _ in range(10):
        known = world.look(topics=topics, after=MINUTE)
    assert (len(known), world.times_asked(), world.details.left) == (40, 40, 0)


def test_whoever_cannot_be_asked_is_unknown_with_the_reason_and_asked_again() -> None:
    world = World(Ledgers(fails=True))

    number = world.look()[ORDERS]
    world.broker.fails = False
    again = world.look(after=5 * MINUTE)[ORDERS]

    assert (number.value, number.why) == (None, "nobody answers")
    assert again.value is not None


def test_a_clock_that_was_put_back_lets_nothing_hold() -> None:
    world = World()
    world.look(wanted=LONG, after=DAY)

    world.details.read([ORDERS], {ORDERS: IDLE}, START, LONG)

    assert world.times_asked() == 2


CHANGES = st.lists(st.sampled_from(["trim", "close", "open", "begin", "complete", "fail", "publish"]), max_size=12)


@given(
    closed=st.lists(st.tuples(st.integers(0, 500), st.sampled_from([None, "begun", "complete"])), max_size=6),
    is_open=st.booleans(),
    offloaded_told=st.booleans(),
    changes=CHANGES,
)
def test_whatever_happens_no_ledger_waits_longer_than_is_told(
    closed: list[tuple[int, str | None]], is_open: bool, offloaded_told: bool, changes: list[str]
) -> None:
    ages = sorted((age for age, _ in closed), reverse=True)
    ledgers = [
        ledger(number, START - age * MINUTE, offload=number if state else None)
        for number, (age, (_, state)) in enumerate(zip(ages, closed, strict=True))
    ]
    complete = {number for number, (_, state) in enumerate(closed) if state == "complete"}
    if is_open:
        ledgers.append(ledger(len(ledgers), None))
    world = World(Ledgers(ledgers_now=tuple(ledgers)))
    told = BulkSizes(10**6, 100 * len(complete) if offloaded_told else None)
    world.look(told, Wanted(below=10.0**9))

    number = len(ledgers)
    for step, change in enumerate(changes):
        at = START + (step + 1) * MINUTE
        match change:
            case "trim" if ledgers:
                complete.discard(ledgers.pop(0).ledger_id)
            case "close" if ledgers and ledgers[-1].closed_at is None:
                ledgers[-1] = ledger(ledgers[-1].ledger_id, at)
            case "open" if not ledgers or ledgers[-1].closed_at is not None:
                ledgers.append(ledger(number := number + 1, None))
            case "begin":
                ledgers = [
                    replace(one, context_uuid=one.context_uuid or UUID(int=step + 99)) if one.closed_at else one
                    for one in ledgers[:-1]
                ] + ledgers[-1:]
            case "complete":
                complete |= {one.ledger_id for one in ledgers if one.context_uuid is not None}
            case "fail":
                ledgers = [one if one.ledger_id in complete else replace(one, context_uuid=None) for one in ledgers]
            case _:
                pass
    world.broker.ledgers_now = tuple(ledgers)
    later = {ORDERS: BulkSizes(1, 1)}
    world.broker.clock.advance(HOUR)
    now = world.broker.clock.now()

    most = world.look(later, Wanted(below=10.0**9))[ORDERS]
    waiting = [one.closed_at for one in ledgers[:-1] if one.closed_at is not None and one.ledger_id not in complete]

    assert world.times_asked() == 1
    assert most.value is not None
    assert most.bound is Bound.AT_MOST
    assert most.value >= max(((now - one).total_seconds() for one in waiting), default=0)
