"""Answers as values: what is ignored, what is needed, what is said of an answer that cannot be understood."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offloadctl.adapters.pulsar_rest import PulsarRest
from offloadctl.errors import BadReply, BrokerError, NotAuthorised, NotFound, ServerError
from offloadctl.model.ledger import Cursor, OffloadState, OffloadStatus, Position, StoredLedger
from offloadctl.model.names import TopicName
from offloadctl.units import ByteSize
from tests.recordings import recording
from tests.rest_fakes import Answer, Asked, Broker, bench, by_path, in_turn, json_answer, refusal

TOPIC = TopicName.parse("persistent://acme/shop/orders")
PARENT = "/persistent/acme/shop/orders"
INFO = {
    "version": 3,
    "ledgers": [
        {"ledgerId": 33, "timestamp": 1795486230297, "isOffloaded": False},
        {
            "ledgerId": 31,
            "entries": 1000,
            "size": 1046762,
            "timestamp": 1795486230185,
            "isOffloaded": True,
            "offloadedContextUuid": "3f2a278e-19ad-49bb-92a8-ec9d3a2a9673",
        },
    ],
}
STATS = {
    "ledgers": [{"ledgerId": 31, "entries": 1000, "size": 1046762, "offloaded": True}],
    "currentLedgerEntries": 5,
    "currentLedgerSize": 7,
    "state": "LedgerOpened",
}
STATUS = {"status": "SUCCESS", "lastError": "", "firstUnoffloadedMessage": {"ledgerId": 33, "entryId": 0}}
FAILED_PAGE = Answer(500, recording("03-topic-offload", 31).response_body, {"Content-Type": "application/json"})


def without(value: dict[str, Any], *path: str | int) -> dict[str, Any]:
    """A copy that lacks what is at the path."""
    copy: dict[str, Any] = json.loads(json.dumps(value))
    inner: Any = copy
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return copy


def with_odd_fields(value: Any) -> Any:
    """A copy with a field in each object that no version of Pulsar has had so far."""
    match value:
        case dict():
            same = {name: with_odd_fields(inner) for name, inner in value.items()}
            # The names in a map of partitions are no fields.
            return same if f"{TOPIC}-partition-0" in same else {"field of a coming version": [{"a": None}]} | same
        case list():
            return [with_odd_fields(one) for one in value]
        case _:
            return value


def said(answer: Answer, of: Callable[[PulsarRest], object]) -> BrokerError:
    with pytest.raises(BrokerError) as caught:
        of(bench(lambda _: answer).rest)
    return caught.value


# -- each value


def test_ledgers_are_sorted_and_the_open_one_has_neither_numbers_nor_a_time() -> None:
    stored = bench(lambda _: json_answer(INFO)).rest.stored_ledgers(TOPIC)

    assert stored.version == 3
    assert stored.ledgers == (
        StoredLedger(
            31,
            1000,
            ByteSize(1046762),
            datetime(2026, 11, 24, 2, 10, 30, 185000, UTC),
            UUID("3f2a278e-19ad-49bb-92a8-ec9d3a2a9673"),
        ),
        StoredLedger(33, None, None, None, None),
    )


def test_a_closed_ledger_without_a_size_keeps_its_entries() -> None:
    info = {"version": 1, "ledgers": [{"ledgerId": 7, "entries": 3, "timestamp": 0, "isOffloaded": False}]}

    (ledger,) = bench(lambda _: json_answer(info)).rest.stored_ledgers(TOPIC).ledgers

    assert (ledger.entries, ledger.size) == (3, None)


def test_the_end_of_a_terminated_topic_is_told() -> None:
    info = INFO | {"terminatedPosition": {"ledgerId": 33, "entryId": 12}}

    assert bench(lambda _: json_answer(info)).rest.stored_ledgers(TOPIC).terminated_at == Position(33, 12)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24T02:10:30.78Z", datetime(2026, 11, 24, 2, 10, 30, 780000, UTC)),
        ("2026-11-24T03:10:30.297+01:00", datetime(2026, 11, 24, 2, 10, 30, 297000, UTC)),
        ("2026-11-24T02:10:30", datetime(2026, 11, 24, 2, 10, 30, tzinfo=UTC)),
        ("0001-01-01T00:00:00+01:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_the_time_of_the_last_change_is_in_utc_and_an_odd_one_is_none(
    text: str | None, moment: datetime | None
) -> None:
    stored = bench(lambda _: json_answer(INFO | {"modificationDate": text})).rest.stored_ledgers(TOPIC)

    assert stored.modified_at == moment
    assert moment is None or stored.modified_at is None or stored.modified_at.tzinfo is UTC


def test_a_served_topic_without_a_confirmed_entry_has_none() -> None:
    served = bench(lambda _: json_answer(STATS)).rest.served_ledgers(TOPIC)

    assert served.last_confirmed is None
    assert (served.current_entries, served.current_size, served.state) == (5, 7, "LedgerOpened")


def test_an_empty_managed_ledger_ends_before_its_first_entry() -> None:
    served = bench(lambda _: json_answer(STATS | {"lastConfirmedEntry": "31:-1"})).rest.served_ledgers(TOPIC)

    assert served.last_confirmed == Position(31, -1)


@pytest.mark.parametrize(
    ("cursor", "expected"),
    [
        ({"cursorsLedgerId": -1, "markDelete": {"ledgerId": 31, "entryId": 6}}, Cursor("a b/c", Position(31, 6))),
        (
            {"cursorsLedgerId": 40, "markDelete": {"ledgerId": 31, "entryId": 6}},
            Cursor("a b/c", Position(31, 6), False),
        ),
        ({"cursorsLedgerId": 40}, Cursor("a b/c", Position(-1, -1), False)),
    ],
)
def test_a_stored_cursor_is_current_unless_it_has_a_ledger_of_its_own(cursor: dict[str, Any], expected: Cursor) -> None:
    info = INFO | {"cursors": {"a+b%2Fc": cursor}}

    assert bench(lambda _: json_answer(info)).rest.stored_ledgers(TOPIC).cursors == (expected,)


def test_served_cursors_come_by_name_with_their_real_positions() -> None:
    cursors = {"b": {"markDeletePosition": "31:-1", "cursorLedger": 40}, "a": {"markDeletePosition": "33:7"}}

    served = bench(lambda _: json_answer(STATS | {"cursors": cursors})).rest.served_ledgers(TOPIC)

    assert served.cursors == (Cursor("a", Position(33, 7)), Cursor("b", Position(31, -1)))


def test_a_status_names_a_message_only_when_there_is_one() -> None:
    nothing = STATUS | {"status": "RUNNING", "firstUnoffloadedMessage": {"ledgerId": -1, "entryId": -1}}

    rest = bench(in_turn(json_answer(STATUS), json_answer(nothing), json_answer({"status": "NOT_RUN"}))).rest

    assert rest.offload_status(TOPIC) == OffloadStatus(OffloadState.SUCCESS, "", Position(33, 0))
    assert rest.offload_status(TOPIC) == OffloadStatus(OffloadState.RUNNING)
    assert rest.offload_status(TOPIC) == OffloadStatus(OffloadState.NOT_RUN)


@pytest.mark.parametrize("text", ["4.0.7", "5.0.0-SNAPSHOT", "2.8.1.30~acme+7", "fortytwo", '"3.3.1"\n'])
def test_any_version_is_taken_as_it_is(text: str) -> None:
    assert bench(lambda _: Answer(200, text.encode())).rest.broker_version() == text.strip().strip('"')


@pytest.mark.parametrize("text", ["", "<html>", "4.0.7 build 9", "x" * 100])
def test_what_is_no_version_is_a_bad_reply(text: str) -> None:
    assert isinstance(said(Answer(200, text.encode()), lambda rest: rest.broker_version()), BadReply)


# -- which cluster


def test_the_only_cluster_is_the_brokers_own() -> None:
    ours = bench(by_path({"/clusters": json_answer(["eu"])}))

    assert ours.rest.own_cluster() == "eu"
    assert len(ours.brokers.asked) == 1


def test_of_several_clusters_the_broker_tells_its_own() -> None:
    ours = bench(
        by_path(
            {
                "/clusters": json_answer(["eu", "us"]),
                "/brokers/configuration/runtime": json_answer({"clusterName": "us", "zooKeeperServers": "zk"}),
            }
        )
    )

    assert ours.rest.own_cluster() == "us"


def test_which_of_several_clusters_stays_unknown_without_the_right_to_ask() -> None:
    denied = refusal(401, "Unauthorized to validateBothSuperuserAndBrokerOperation for originalPrincipal [null]")
    ours = bench(by_path({"/clusters": json_answer(["eu", "us"]), "/brokers/configuration/runtime": denied}))

    assert ours.rest.own_cluster() is None


def test_a_brokers_settings_are_not_shown_when_they_cannot_be_understood() -> None:
    odd = json_answer({"brokerClientAuthenticationParameters": "opensesame"})
    ours = bench(by_path({"/clusters": json_answer(["eu", "us"]), "/brokers/configuration/runtime": odd}))

    with pytest.raises(BadReply, match="not shown") as caught:
        ours.rest.own_cluster()

    assert "opensesame" not in caught.value.message


# -- extra and missing fields


CALLS: dict[str, tuple[Any, Callable[[PulsarRest], object]]] = {
    "internal-info": (INFO, lambda rest: rest.stored_ledgers(TOPIC)),
    "internal-info of partitions": (
        {"version": 0, "partitions": {f"{TOPIC}-partition-0": INFO}},
        lambda rest: rest.stored_ledgers_by_partition(TOPIC),
    ),
    "internalStats": (STATS, lambda rest: rest.served_ledgers(TOPIC)),
    "offload": (STATUS, lambda rest: rest.offload_status(TOPIC)),
    "partitions": ({"partitions": 3, "deleted": False}, lambda rest: rest.partition_count(TOPIC)),
    "clusters": (["eu"], lambda rest: rest.clusters()),
    "offloadPolicies": ({"managedLedgerOffloadDriver": "S3"}, lambda rest: rest.offload_policies(TOPIC)),
}


@pytest.mark.parametrize("name", CALLS)
def test_fields_of_a_coming_version_change_nothing(name: str) -> None:
    body, call = CALLS[name]

    now, then = (
        call(bench(lambda _: json_answer(body)).rest),
        call(bench(lambda _: json_answer(with_odd_fields(body))).rest),
    )

    assert now == then


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    match value:
        case dict():
            inner = [found for name, v in value.items() for found in _paths(v, (*path, name))]
            return [(*path, name) for name in value] + inner
        case list():
            return [found for number, v in enumerate(value) for found in _paths(v, (*path, number))]
        case _:
            return []


OPTIONAL = {"offloadedContextUuid", "isOffloaded", "entries", "size", "lastError", "firstUnoffloadedMessage", "deleted"}
OPTIONAL |= {"managedLedgerOffloadDriver"}
NEEDED = [
    (name, path)
    for name, (body, _) in CALLS.items()
    for path in _paths(body)
    if path[-1] not in OPTIONAL | {f"{TOPIC}-partition-0"}
    and not (name.endswith("partitions") and path == ("version",))
] + [("internalStats", ("ledgers", 0, "entries")), ("internalStats", ("ledgers", 0, "size"))]


@pytest.mark.parametrize(("name", "path"), NEEDED, ids=str)
def test_a_missing_needed_field_is_a_bad_reply_that_names_it_and_shows_what_came(
    name: str, path: tuple[str | int, ...]
) -> None:
    body, call = CALLS[name]

    found = said(json_answer(without(body, *path)), call)

    assert type(found) is BadReply
    assert f"`{path[-1]}`" in found.message
    assert "it said '{" in found.message
    assert "webServiceUrl" in found.hint
    assert found.status == 200


def test_an_offloaded_ledger_without_its_uuid_is_a_bad_reply() -> None:
    found = said(
        json_answer(without(INFO, "ledgers", 1, "offloadedContextUuid")), lambda rest: rest.stored_ledgers(TOPIC)
    )

    assert "ledger 31" in found.message


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("internal-info", {"ledgers": [INFO["ledgers"][0] | {"ledgerId": "x"}]}),  # type: ignore[index]
        ("internal-info", {"ledgers": [INFO["ledgers"][1] | {"offloadedContextUuid": "no uuid"}]}),  # type: ignore[index]
        ("internal-info", {"ledgers": [INFO["ledgers"][1] | {"entries": -1}]}),  # type: ignore[index]
        ("internal-info", {"ledgers": [INFO["ledgers"][1] | {"timestamp": 10**18}]}),  # type: ignore[index]
        ("internal-info of partitions", {"partitions": {"not://a/topic/name": INFO}}),
        ("internalStats", {"lastConfirmedEntry": "31"}),
        ("internalStats", {"currentLedgerSize": -1}),
        ("offload", {"status": "PAUSED"}),
        ("partitions", {"partitions": -1}),
    ],
    ids=lambda value: str(value)[:70],
)
def test_a_value_that_cannot_be_is_a_bad_reply(name: str, change: dict[str, Any]) -> None:
    body, call = CALLS[name]

    assert type(said(json_answer(body | change), call)) is BadReply


# -- empty answers


@pytest.mark.parametrize("body", [b"", b" \n", b"null"])
def test_an_empty_answer_is_null_which_for_policies_means_that_none_are_set(body: bytes) -> None:
    policies = bench(lambda _: Answer(200, body)).rest.offload_policies(TOPIC)

    assert (policies.driver, policies.bucket, policies.max_block_size) == (None, None, None)


@pytest.mark.parametrize("name", [name for name in CALLS if name != "offloadPolicies"])
def test_an_empty_answer_where_a_value_is_needed_is_a_bad_reply(name: str) -> None:
    found = said(Answer(200), CALLS[name][1])

    assert type(found) is BadReply
    assert "it said nothing" in found.message


# -- what is shown


def test_a_page_that_is_no_answer_is_shown_in_one_short_line() -> None:
    page = b"<html>\r\n<h1>Sign in\x1b[31m</h1>" + b"<p>lorem ipsum</p>" * 1000

    found = said(Answer(200, page), lambda rest: rest.clusters())

    assert "it said '<html> <h1>Sign in [31m</h1><p>lorem" in found.message
    assert len(found.message) < 600
    assert found.message.isprintable()


def test_policies_that_cannot_be_understood_are_not_shown() -> None:
    body = {"managedLedgerOffloadDriver": 7, "s3ManagedLedgerOffloadCredentialSecret": "opensesame"}

    found = said(json_answer(body), lambda rest: rest.offload_policies(TOPIC))

    assert type(found) is BadReply
    assert "opensesame" not in found.message
    assert "not shown" in found.message


# -- internal-info of what is not there: 500 without a reason


def answers(listed: list[str], *, partitions: Answer) -> Broker:
    return by_path(
        {
            f"{PARENT}/internal-info": FAILED_PAGE,
            f"{PARENT}/partitions": partitions,
            "/persistent/acme/shop": json_answer(listed),
        }
    )


def test_a_topic_that_nobody_knows_is_not_found() -> None:
    ours = bench(answers([], partitions=refusal(404, "Topic persistent://acme/shop/orders not found")))

    with pytest.raises(NotFound, match="persistent://acme/shop/orders has no managed ledger"):
        ours.rest.stored_ledgers(TOPIC)


def test_a_partition_that_was_never_written_to_is_not_found_although_its_parent_says_that_it_exists() -> None:
    ours = bench(answers(["persistent://acme/shop/other"], partitions=json_answer({"partitions": 0})))

    with pytest.raises(NotFound, match="no managed ledger"):
        ours.rest.stored_ledgers(TOPIC)


def test_a_failure_about_a_topic_that_is_there_stays_a_failure() -> None:
    ours = bench(answers([str(TOPIC)], partitions=json_answer({"partitions": 0})))

    with pytest.raises(ServerError, match="Request failed"):
        ours.rest.stored_ledgers(TOPIC)


def test_a_failure_that_nobody_can_explain_stays_a_failure() -> None:
    ours = bench(answers([], partitions=refusal(403, "Unauthorized to ...")))

    with pytest.raises(ServerError, match="Request failed"):
        ours.rest.stored_ledgers(TOPIC)


def test_any_other_500_is_not_looked_into() -> None:
    ours = bench(
        lambda _: refusal(500, "\n --- An unexpected error occurred in the server ---\n\nMessage: disk full\n")
    )

    with pytest.raises(ServerError, match="500, disk full"):
        ours.rest.stored_ledgers(TOPIC)

    assert len(ours.brokers.asked) == 1


# -- partitions


def info_of(numbers: dict[int, dict[str, Any]]) -> Answer:
    return json_answer(
        {"version": 0, "partitions": {f"{TOPIC}-partition-{number}": info for number, info in numbers.items()}}
    )


def test_all_partitions_come_in_one_answer() -> None:
    ours = bench(lambda _: info_of({0: INFO, 1: INFO}))

    found = ours.rest.stored_ledgers_by_partition(TOPIC)

    assert list(found) == [TOPIC.with_partition(0), TOPIC.with_partition(1)]
    assert len(ours.brokers.asked) == 1


def test_a_partition_without_a_managed_ledger_does_not_hide_the_others() -> None:
    def broker(asked: Asked) -> Answer:
        path = asked.path.removeprefix("/admin/v2")
        if path == f"{PARENT}/partitions":
            return json_answer({"partitions": 3})
        if path == f"{PARENT}-partition-1/partitions":
            return json_answer({"partitions": 0})
        if path == "/persistent/acme/shop":
            return json_answer([f"{TOPIC}-partition-0", f"{TOPIC}-partition-2"])
        if path in (f"{PARENT}/internal-info", f"{PARENT}-partition-1/internal-info"):
            return FAILED_PAGE
        return json_answer(INFO)

    found = bench(broker).rest.stored_ledgers_by_partition(TOPIC)

    assert list(found) == [TOPIC.with_partition(0), TOPIC.with_partition(2)]


def test_the_partitions_of_a_topic_that_is_not_there_are_not_found() -> None:
    ours = bench(answers([], partitions=refusal(404, "not found")))

    with pytest.raises(NotFound):
        ours.rest.stored_ledgers_by_partition(TOPIC)


# -- served topics


STATS_OF_TOPICS = {
    "acme/shop": {
        "0x00000000_0x40000000": {"persistent": {str(TOPIC): {"msgRateIn": 1}}, "non-persistent": {"np": {}}},
        "0x40000000_0x80000000": {"non-persistent": {}},
    },
    "pulsar/standalone/localhost:8080": {
        "0x0_0x1": {"persistent": {"persistent://pulsar/standalone/localhost:8080/healthcheck": {}}}
    },
}


def test_the_only_broker_is_asked_by_the_name_that_we_know() -> None:
    ours = bench(
        by_path(
            {
                "/clusters": json_answer(["standalone"]),
                "/brokers/standalone": json_answer(["inside-of-docker:8080"]),
                "/broker-stats/topics": json_answer(STATS_OF_TOPICS),
            }
        )
    )

    assert ours.rest.served_topics() == {TOPIC}
    assert {asked.host for asked in ours.brokers.asked} == {"broker:8080"}


def test_each_of_several_brokers_is_asked_for_its_own_topics() -> None:
    def broker(asked: Asked) -> Answer:
        match asked.path.removeprefix("/admin/v2"):
            case "/clusters":
                return json_answer(["eu", "us"])
            case "/brokers":
                return json_answer(["one:8080", "two:8080"])
            case _:
                topic = f"persistent://acme/shop/{asked.host.removesuffix(':8080')}"
                return json_answer({"acme/shop": {"0x0_0x1": {"persistent": {topic: {}}}}})

    ours = bench(broker)

    assert {topic.local_name for topic in ours.rest.served_topics()} == {"one", "two"}
    assert [asked.host for asked in ours.brokers.asked[-2:]] == ["one:8080", "two:8080"]


def test_served_topics_need_a_super_user() -> None:
    denied = refusal(403, "Unauthorized to validateBothSuperuserAndBrokerOperation")
    ours = bench(by_path({"/clusters": json_answer(["standalone"])}, denied))

    with pytest.raises(NotAuthorised) as caught:
        ours.rest.served_topics()

    assert "super user" in caught.value.hint


# -- names in paths


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("persistent://acme/shop/orders", "/admin/v2/persistent/acme/shop/orders/internalStats"),
        ("orders", "/admin/v2/persistent/public/default/orders/internalStats"),
        ("acme/shop/two words", "/admin/v2/persistent/acme/shop/two+words/internalStats"),
        ("acme/shop/a+b%2F?#é", "/admin/v2/persistent/acme/shop/a%2Bb%252F%3F%23%C3%A9/internalStats"),
        # Java writes %7E. To requests, and to any server, that is the same.
        ("acme/shop/~*:", "/admin/v2/persistent/acme/shop/~*%3A/internalStats"),
    ],
)
def test_a_name_is_sent_as_javas_url_encoder_writes_it(name: str, path: str) -> None:
    ours = bench(lambda _: json_answer(STATS))

    ours.rest.served_ledgers(TopicName.parse(name))

    assert ours.brokers.asked[0].url == f"http://broker:8080{path}"


# -- any answer whatsoever


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)


@st.composite
def near_misses(draw: st.DrawFn) -> bytes:
    """A good answer with something else somewhere in it."""
    body: Any = json.loads(json.dumps(draw(st.sampled_from([body for body, _ in CALLS.values()]))))
    path = draw(st.sampled_from(_paths(body) or [()]))
    inner = body
    for step in path[:-1]:
        inner = inner[step]
    if path:
        inner[path[-1]] = draw(JSON)
    return json.dumps(body).encode()


@settings(max_examples=300)
@given(
    status=st.sampled_from([200, 204, 301, 307, 400, 401, 403, 404, 405, 409, 412, 418, 429, 500, 503]),
    body=st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()) | near_misses(),
    header=st.sampled_from(["Location", "Retry-After", "Content-Type"]),
    text=st.text(st.characters(codec="latin-1", exclude_characters="\r\n\x00"), max_size=40),
)
def test_no_answer_makes_anything_but_a_broker_error(status: int, body: bytes, header: str, text: str) -> None:
    rest = bench(lambda _: Answer(status, body, {header: text})).rest

    calls = [call for _, call in CALLS.values()]
    extra: list[Callable[[PulsarRest], object]] = [
        lambda rest: rest.broker_version(),
        lambda rest: rest.own_cluster(),
        lambda rest: rest.served_topics(),
        lambda rest: rest.trigger_offload(TOPIC, Position(1, 0)),
    ]
    for call in (*calls, *extra):
        with suppress(BrokerError):
            call(rest)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 100_000, b"1" * 10_000, b"\xff\xfe", b'"\\ud800"'], ids=len
)
@pytest.mark.parametrize("status", [200, 500])
def test_hostile_bodies_are_refused_like_others(status: int, body: bytes) -> None:
    for _, call in CALLS.values():
        assert isinstance(said(Answer(status, body), call), BadReply | ServerError)
