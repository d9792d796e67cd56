"""What may be rolled over and trimmed, decided on facts alone."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from offloadctl.model.ledger import StoredLedger, StoredLedgers
from offloadctl.model.names import TopicName
from offloadctl.model.policies import NamespaceFacts, PolicyLevels, PolicyObject, Retention
from offloadctl.model.schedule import RollOverAction
from offloadctl.model.topic_action import LastLedger, TopicState
from offloadctl.plan.policy_outcome import Affected
from offloadctl.plan.roll_over import judge_roll_over
from offloadctl.plan.trim import judge_trim, taken_by_trim
from offloadctl.units import ByteSize

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ORDERS = TopicName("acme", "shop", "orders")
HOUR = timedelta(hours=1)
EVERYTHING = Retention(-1, -1)

moments = st.none() | st.timedeltas(timedelta(hours=-2), timedelta(days=3)).map(lambda ago: NOW - ago)
ledgers = st.builds(
    LastLedger,
    st.just(ORDERS),
    st.booleans(),
    st.none() | st.just(7),
    st.integers(0, 3),
    st.just(ByteSize(100)),
    moments,
    st.integers(0, 2),
    st.booleans(),
    moments,
)
wishes = st.builds(RollOverAction, st.timedeltas(timedelta(seconds=1), timedelta(days=2)), st.booleans(), st.booleans())


@given(last=ledgers, wish=wishes)
def test_only_a_ledger_is_rolled_over_that_has_entries_and_nobody_uses(last: LastLedger, wish: RollOverAction) -> None:
    result = judge_roll_over(last, wish, NOW)

    is_idle = last.written_at is not None and NOW - last.written_at >= wish.idle_for
    is_old = last.changed_at is not None and NOW - last.changed_at >= wish.idle_for
    may_unload = last.served and last.entries > 0 and is_idle and (not last.clients or wish.while_connected)
    may_load = not last.served and wish.load_topics and is_old
    is_wanted = last.ledger_id is not None and not last.terminated and (may_unload or may_load)
    assert result.state is (TopicState.PLANNED if is_wanted else TopicState.LEFT)
    assert result.reason.text


def stored(*hours_ago: int, offloaded: bool = True) -> StoredLedgers:
    """Ledgers closed so long ago, and an open one."""
    closed = [
        StoredLedger(number, 10, ByteSize(1000), NOW - ago * HOUR, UUID(int=number) if offloaded else None)
        for number, ago in enumerate(hours_ago, 1)
    ]
    return StoredLedgers(1, (*closed, StoredLedger(99, None, None, None, None)))


def levels(lag_ms: int | None, *, driver: str = "S3", known: bool = True, kept: Retention = EVERYTHING) -> PolicyLevels:
    fields: dict[str, str | int] = {"managedLedgerOffloadDriver": driver} if driver else {}
    fields |= {} if lag_ms is None else {"managedLedgerOffloadDeletionLagInMillis": lag_ms}
    facts = NamespaceFacts(retention=kept)
    return PolicyLevels(ORDERS, facts=facts, broker=PolicyObject(dict(fields)), broker_is_known=known)


def copies(found: StoredLedgers, policies: PolicyLevels) -> int:
    return taken_by_trim(found, policies, NOW).copies


def test_copies_go_of_offloaded_ledgers_that_are_older_than_the_lag() -> None:
    assert copies(stored(9, 5, 3), levels(4 * 3_600_000)) == 2
    assert copies(stored(9, 5, 3, offloaded=False), levels(0)) == 0
    assert copies(stored(9, 5, 3), levels(-1)) == 0
    assert copies(stored(9, 5, 3), levels(None)) == 0, "without a lag no copy ever goes"
    assert copies(stored(9, 5, 3), levels(0, driver="")) == 0, "without an offloader neither"


def test_what_is_not_known_of_the_brokers_settings_may_let_every_copy_go() -> None:
    assert copies(stored(9, 5, 3), levels(None, known=False)) == 3
    assert copies(stored(9, 5, 3), levels(0, driver="", known=False)) == 3


@given(
    ages=st.lists(st.integers(0, 50), max_size=4),
    offloaded=st.booleans(),
    lag_ms=st.none() | st.integers(-1, 60 * 3_600_000),
    kept=st.sampled_from([Retention(-1, -1), Retention(0, 0), Retention(600, -1)]),
    doubt=st.sampled_from(["", "a check found damage"]),
)
def test_nothing_is_trimmed_while_there_is_a_doubt(
    ages: list[int], lag_ms: int | None, kept: Retention, doubt: str, *, offloaded: bool
) -> None:
    taken = taken_by_trim(stored(*sorted(ages, reverse=True), offloaded=offloaded), levels(lag_ms, kept=kept), NOW)

    result = judge_trim(ORDERS, taken, Affected(doubt=doubt))

    if taken.is_nothing:
        assert result.state is TopicState.LEFT
    else:
        assert result.state is (TopicState.REFUSED if doubt else TopicState.PLANNED)
        assert doubt in result.reason.text
