"""What may be rolled over and trimmed, decided on facts alone."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.errors import BadValue
from offloadctl.model.ledger import StoredLedger, StoredLedgers
from offloadctl.model.names import TopicName
from offloadctl.model.policies import NamespaceFacts, PolicyLevels, PolicyObject, Retention
from offloadctl.model.schedule import Action, RollOverAction, TrimAction
from offloadctl.model.topic_action import LastLedger, TopicState
from offloadctl.plan.policy_outcome import Affected
from offloadctl.plan.roll_over import judge_roll_over
from offloadctl.plan.schedule_reading import read_schedules
from offloadctl.plan.schedule_words import action_words
from offloadctl.plan.trim import judge_trim, taken_by_trim
from offloadctl.report.schema import schema_of
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


# -- as a file says it


def written(action: str, more: str = "") -> str:
    head = "apiVersion: offloadctl/v1\nkind: Schedule\nname: care\nscope: {all: true}\nwhen: {cron: 15 3 * * *}\n"
    return f"{head}action: {{{action}}}\n{more}"


@pytest.mark.parametrize(
    ("text", "action", "words"),
    [
        (
            "rollOver: {idleFor: 24h}",
            RollOverAction(timedelta(days=1)),
            "roll over what nobody has written to for 1d",
        ),
        (
            "rollOver: {idleFor: 90s, whileConnected: true, loadTopics: true}",
            RollOverAction(timedelta(seconds=90), while_connected=True, load_topics=True),
            "roll over what nobody has written to for 1m 30s, whoever is connected, loading topics for it",
        ),
        ("trim: {}", TrimAction(), "trim what is proved to be whole"),
        (
            "trim: {loadTopics: true}",
            TrimAction(load_topics=True),
            "trim what is proved to be whole, loading topics for it",
        ),
    ],
)
def test_a_file_says_which_topics_are_acted_on(text: str, action: Action, words: str) -> None:
    [found] = read_schedules(written(text), "schedules.yaml")

    assert (found.action, action_words(found.action)) == (action, words)
    jsonschema.validate(yaml.safe_load(written(text)), schema_of("Schedule"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (written("rollOver: {}"), "idleFor"),
        (written("rollOver: {idleFor: 0s}"), "line 6: action.rollOver.idleFor: so short a time says nothing"),
        (written("trim: {verified: false}"), "there is no such key"),
        (written("trim: {}, rollOver: {idleFor: 1d}"), "takes exactly one key"),
        (written("trim: {}", "limits: {bytesARun: 10G}"), "line 7: limits.bytesARun: nothing is moved by this action"),
    ],
)
def test_what_a_file_may_not_say_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(BadValue) as raised:
        read_schedules(text, "schedules.yaml")

    assert told in raised.value.message
