"""What people read: the facts are there, in words, at 80 columns, without colour; names with brackets stay whole."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from io import StringIO

import pytest
from rich.console import Console, RenderableType

from offloadctl.errors import NotFound
from offloadctl.model.ledger import OffloadPolicies, StoredLedger
from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadWish
from offloadctl.operations.offload import ObjectsCheck, Offload
from offloadctl.operations.offload_run import OffloadTopics
from offloadctl.operations.status import Status
from offloadctl.ports import Ports
from offloadctl.report.offload_text import run_text
from offloadctl.report.origin import Origin
from offloadctl.report.status_text import status_text
from offloadctl.report.text import ago
from offloadctl.units import ByteSize
from tests.fake_broker import CLOSED_AT, RUNNING, SUCCESS, FakeBroker, VirtualClock
from tests.unit.report.test_documents import damaged, nothing, whole

TOPIC, PARTED = TopicName("acme", "shop", "orders"), TopicName("acme", "shop", "parted")
ORIGIN = Origin("prod", "standalone")


class Broker(FakeBroker):
    """`parted` has three partitions; the offload settings are all there."""

    def partition_count(self, topic: TopicName) -> int:
        if topic.local_name == "gone":
            raise NotFound("Topic persistent://acme/shop/gone not found", status=404)
        return 3 if topic == PARTED else 0

    def offload_policies(self, topic: TopicName) -> OffloadPolicies:
        return OffloadPolicies("S3", "cold", endpoint="http://minio:9000", deletion_lag_ms=4 * 3600 * 1000)


def printed(parts: Iterable[RenderableType], *, width: int = 80) -> str:
    """As a terminal of that width would show it; wrapped lines joined by one blank."""
    file = StringIO()
    screen = Console(width=width, no_color=True, highlight=False, file=file)
    for part in parts:
        screen.print(part)
    text = file.getvalue()
    assert all(len(line) <= width for line in text.splitlines())
    return text


def flowing(parts: Iterable[RenderableType]) -> str:
    return " ".join(printed(parts).split())


def work(broker: FakeBroker, *, threshold: int = 0, check: ObjectsCheck = whole) -> OffloadTopics:
    return OffloadTopics(Offload(Ports(broker, VirtualClock()), OffloadWish(ByteSize(threshold)), 60, check))


def run(*topics: TopicName, check: ObjectsCheck = whole, broker: FakeBroker | None = None) -> Iterator[RenderableType]:
    return run_text(work(broker or Broker(), check=check).run(topics or (TOPIC,)), ORIGIN)


def plan(*, threshold: int = 0, load: bool = False) -> Iterator[RenderableType]:
    offload = work(Broker(), threshold=threshold)
    return run_text(OffloadTopics(offload.offload, may_load=load).dry_run([TOPIC]), ORIGIN)


def test_a_plan_tells_what_moves_where_to_and_when_the_disk_is_free() -> None:
    text = flowing(plan())

    assert "context prod, cluster standalone" in text
    assert "would move 2 ledgers, 2 MiB: before 33:0" in text
    assert "4 objects, at least 2 MiB of data, in cold at http://minio:9000, by the driver S3" in text
    assert "can go 4h after its ledger's offload" in text


def test_a_plan_that_moves_nothing_says_why() -> None:
    text = flowing(plan(threshold=2**30, load=True))

    assert "nothing-to-do" in text
    assert "kept 3 ledgers, 2.5 MiB, not above the threshold of 1 GiB" in text
    assert "the open ledger holds 511.7 KiB of them" in text


def test_a_confirmed_run_shows_each_ledger() -> None:
    text = flowing(run())

    assert "31 1,000 1022.2 KiB 1022.2 KiB confirmed" in text
    assert "moved 2 ledgers, 2 MiB: before 33:0" in text


def test_damage_says_once_what_it_means_and_what_to_do_now() -> None:
    text = flowing(run(check=damaged))

    assert text.count("damage: cut [truncated]") == 2
    assert (text.count("means c"), text.count("do now d")) == (1, 1)


def test_a_timeout_says_what_may_be_wrong() -> None:
    text = flowing(run(broker=Broker([RUNNING], nothing)))

    assert "timed-out" in text
    assert "RUNNING is only a claim" in text


def test_partitions_are_rows_under_one_heading_and_all_topics_have_a_total() -> None:
    text = printed(run(PARTED, TOPIC))

    assert "persistent://acme/shop/parted  (context prod, cluster standalone, 3 partitions)" in text
    assert "Total" in text
    assert "4 confirmed" in text


def test_a_topic_that_is_not_there_is_named_with_the_brokers_words() -> None:
    text = flowing(run(TopicName("acme", "shop", "gone")))

    assert "Topic persistent://acme/shop/gone not found" in text


def test_of_very_many_ledgers_the_first_and_the_last_are_shown() -> None:
    broker = Broker()
    broker.ledgers |= {
        number: StoredLedger(number, 10, ByteSize(1000), CLOSED_AT, None) for number in range(1_000, 3_000)
    }
    offload = work(broker)

    short = printed(run_text(offload.dry_run([TOPIC]), ORIGIN))
    wide = printed(run_text(offload.dry_run([TOPIC]), ORIGIN, wide=True), width=160)

    assert "… 1,983 more" in short
    assert len(short.splitlines()) < 50
    assert len(wide.splitlines()) > 2_000


def test_control_characters_in_names_are_shown_and_not_obeyed() -> None:
    text = printed(run(TopicName("acme", "shop", "x\x1b]0;owned\x07\x9b2K")))

    assert "x\\x1b]0;owned\\x07\\x9b2K" in text
    assert "\x1b" not in text


def test_brackets_in_names_are_no_markup() -> None:
    text = printed(run(TopicName("acme", "shop", "[bold]orders[/bold]")))

    assert "[bold]orders[/bold]" in text


@pytest.mark.parametrize("wide", [False, True])
def test_a_status_shows_the_claim_beside_the_ledgers(wide: bool) -> None:
    broker = Broker([SUCCESS])
    broker.finish(31)
    report = Status(Ports(broker, VirtualClock()), may_load=True).report([TOPIC])

    text = " ".join(printed(status_text(report, ORIGIN, wide=wide), width=160 if wide else 80).split())

    assert "SUCCESS" in text
    assert "1022.2 KiB" in text
    assert "at most 1022.2 KiB" in text


def test_a_status_without_a_question_says_that_none_was_asked() -> None:
    text = flowing(status_text(Status(Ports(Broker(), VirtualClock())).report([TOPIC]), ORIGIN))

    assert "not asked" in text
    assert "--load-topics" in text


def test_several_topics_are_one_table() -> None:
    topics = [TopicName("acme", "shop", f"orders-{number}") for number in range(3)]
    report = Status(Ports(Broker([SUCCESS]), VirtualClock()), may_load=True).report(topics)

    lines = printed(status_text(report, ORIGIN)).splitlines()

    assert sum("BROKER SAYS" in line for line in lines) == 1
    assert sum("acme/shop/orders-" in line for line in lines) == 3


def test_a_topic_that_cannot_be_read_stands_below_the_table() -> None:
    report = Status(Ports(Broker([SUCCESS]), VirtualClock())).report([TopicName("acme", "shop", "gone"), TOPIC])

    assert "Topic persistent://acme/shop/gone not found" in flowing(status_text(report, ORIGIN))


def test_a_clock_that_is_ahead_makes_nothing_younger_than_now() -> None:
    now = VirtualClock().now()

    assert ago(now + timedelta(hours=1), now) == "0s ago"
