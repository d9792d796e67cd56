"""What could move, by the ledgers of so many topics at an evaluation; and what is stored twice, by the lag in force."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.scene import CLICKS, ORDERS, RETURNS, TUNING, set_up
from offloadctl.errors import BrokerError, BrokerUnreachable, Interrupted, NotFound, Terminated
from offloadctl.model.ledger import OffloadPolicies, Position, StoredLedger, StoredLedgers
from offloadctl.model.names import TopicName
from offloadctl.model.status import TopicStatus
from offloadctl.operations import collect_bulk as bulk
from offloadctl.operations.status import Status
from offloadctl.operations.survey import Survey, Surveyed
from offloadctl.units import ByteSize
from tests.schedules import START

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass
class Admin:
    """Knows topics with one closed ledger each, and what it was asked."""

    sizes: Mapping[TopicName, int]
    lag_ms: int | None = 0
    asked: list[TopicName] = field(default_factory=list)
    policies_asked: Counter[str] = field(default_factory=Counter)
    silent: set[TopicName] = field(default_factory=set)
    error: BrokerError = field(default_factory=lambda: NotFound("no such topic", status=404))

    def stored_ledgers(self, topic: TopicName) -> StoredLedgers:
        self.asked.append(topic)
        if topic in self.silent:
            raise self.error
        closed = StoredLedger(1, 1, ByteSize(self.sizes[topic]), START, None)
        return StoredLedgers(0, (closed, StoredLedger(2, None, None, None, None)))

    def offload_policies(self, topic: TopicName) -> OffloadPolicies:
        self.policies_asked[str(topic.namespace_name)] += 1
        return OffloadPolicies(deletion_lag_ms=self.lag_ms)


def topics(count: int) -> dict[TopicName, int]:
    return {TopicName("acme", "shop", f"t{number}"): 10 * (number + 1) for number in range(count)}


def survey(admin: Admin, **changes: Any) -> Survey:
    return Survey(admin, **changes)  # type: ignore[arg-type] # all that a survey asks


def test_it_tells_what_the_status_of_each_topic_tells_while_uploads_go_on_and_after_them() -> None:
    world = InMemoryCluster(tuning=TUNING)
    set_up(world.cluster, advance=world.advance)
    topics = [ORDERS, RETURNS, *(CLICKS.with_partition(number) for number in range(3))]
    for topic in (ORDERS, CLICKS.with_partition(2)):
        open_one = world.admin().stored_ledgers(topic).ledgers[-1]
        world.admin().trigger_offload(topic, Position(open_one.ledger_id, 0))
    in_flight = []
    for seconds in (1, 3600):
        world.advance(timedelta(seconds=seconds))
        world.cluster.refresh_stats()
        scrapes = world.numbers().broker_metrics()
        totals, offloaded = bulk.sizes(scrapes, bulk.TOTAL), bulk.sizes(scrapes, bulk.OFFLOADED)

        found = Survey(world.admin()).look(totals, offloaded, world.clock.now()).waiting

        parts = [one for one in Status(world.ports()).report(topics).parts if isinstance(one, TopicStatus)]
        eligible = {part.topic: sum(ledger.size for ledger in part.eligible) for part in parts}
        assert {topic: found[topic].eligible(offloaded[topic]) for topic in topics} == eligible
        in_flight.append((any(part.in_flight for part in parts), any(part.offloaded for part in parts)))
    assert in_flight == [(True, True), (False, True)]


def test_so_many_are_asked_at_once_the_largest_first_and_then_those_asked_longest_ago() -> None:
    known = topics(5)
    admin = Admin(known)
    looking = survey(admin, most=2)

    rounds = []
    for number in range(4):
        looking.look(known, {}, START + number * HOUR)
        rounds.append({topic.local_name for topic in admin.asked})
        admin.asked.clear()

    assert rounds[:2] == [{"t3", "t4"}, {"t1", "t2"}]
    assert [len(one) for one in rounds] == [2, 2, 2, 2]
    assert "t0" in rounds[2]
    assert rounds[2] | rounds[3] > {"t0", "t3", "t4"}


def test_who_does_not_answer_is_unknown_until_the_next_turn_and_who_is_gone_is_forgotten() -> None:
    known = topics(3)
    admin = Admin(known, silent={next(iter(known))})
    looking = survey(admin)
    first = looking.look(known, {}, START)
    admin.silent.clear()

    soon = looking.look(known, {}, START + MINUTE)
    second = looking.look(dict(list(known.items())[:2]), {}, START + HOUR)

    assert len(first.waiting) == len(soon.waiting) == 2
    assert [one.untouched for _, one in sorted(second.waiting.items())] == [10, 20]


def test_where_nobody_answers_not_everybody_is_asked_and_all_keep_their_turn() -> None:
    known = topics(100)
    admin = Admin(known, silent=set(known), error=BrokerUnreachable("nobody there"))
    looking = survey(admin)
    looking.look(known, {}, START)
    asked = len(admin.asked)
    admin.silent.clear()

    found = looking.look(known, {}, START + MINUTE)

    assert asked < 20
    assert len(found.waiting) == 100


def test_the_lag_is_asked_once_an_hour_for_each_namespace() -> None:
    known = topics(3)
    admin = Admin(known, lag_ms=3_600_000)
    looking = survey(admin)

    def look(at: datetime, size: int) -> Surveyed:
        return looking.look(known, dict.fromkeys(known, size), at)

    look(START, 0)
    look(START + MINUTE, 5)
    found = look(START + 2 * MINUTE, 5)
    later = look(START + 63 * MINUTE, 5)

    assert {tuple(one) for one in found.twice.values()} == {(5, 5)}
    assert {tuple(one) for one in later.twice.values()} == {(0, 5)}
    assert admin.policies_asked == {"acme/shop": 2}


def test_without_a_lag_the_copy_stays_for_ever() -> None:
    known = topics(1)

    found = survey(Admin(known, lag_ms=None)).look(known, dict.fromkeys(known, 7), START)

    assert [tuple(one) for one in found.twice.values()] == [(7, 7)]


def test_it_ends_when_it_is_to_end() -> None:
    looking = survey(Admin(topics(1)))
    looking.stop.by(Terminated("ended"))

    with pytest.raises(Interrupted):
        looking.look(topics(1), {}, START)
