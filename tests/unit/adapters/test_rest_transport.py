"""How calls reach a broker: retries for reads alone, triggers once, failover, rate limits, timeouts."""

from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import exceptions as pool_errors
from urllib3.connection import HTTPConnection

from offloadctl.adapters.pulsar_rest import PulsarRest
from offloadctl.errors import (
    BrokerError,
    BrokerUnreachable,
    Busy,
    NotAuthenticated,
    NotFound,
    ReadOnlyContext,
    ServerError,
    SettingsError,
)
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.model.settings import BrokerSettings, RateLimits, TokenAuth
from offloadctl.redaction import Secret
from tests.rest_fakes import Answer, Asked, Bench, Broker, bench, in_turn, json_answer, refusal

TOPIC = TopicName.parse("acme/shop/orders")
BEFORE = Position(33, 0)
CLUSTERS = json_answer(["eu"])
DOWN = Answer(503)
REFUSED = requests.exceptions.ConnectionError(
    pool_errors.MaxRetryError(None, "/", pool_errors.NewConnectionError(HTTPConnection("broker"), "refused"))  # type: ignore[arg-type]
)
RESET = requests.exceptions.ConnectionError(pool_errors.ProtocolError("aborted", ConnectionResetError(104, "reset")))
TIMED_OUT = requests.exceptions.ReadTimeout("read timed out")
TRIGGER = "PUT"


def failure(of: Callable[[], object]) -> BrokerError:
    with pytest.raises(BrokerError) as caught:
        of()
    return caught.value


def unless_trigger(broker: Broker, trigger: Broker) -> Broker:
    """One broker for reads, and another for what changes something."""
    return lambda asked: (trigger if asked.method == TRIGGER else broker)(asked)


def pauses_of(ours: Bench) -> float:
    return ours.clock.monotonic()


# -- reads are asked again


@pytest.mark.parametrize("trouble", [DOWN, Answer(502), Answer(504), Answer(429), REFUSED, RESET, TIMED_OUT], ids=str)
def test_a_read_is_asked_again_while_that_may_help(trouble: Answer | Exception) -> None:
    ours = bench(in_turn(trouble, trouble, CLUSTERS))

    assert ours.rest.clusters() == ("eu",)

    assert len(ours.brokers.asked) == 3


def test_pauses_grow() -> None:
    times: list[float] = []

    def broker(_: Asked) -> Answer:
        times.append(ours.clock.monotonic())
        return DOWN

    ours = bench(broker)
    failure(ours.rest.clusters)

    first, second, third = (later - earlier for earlier, later in pairwise(times))
    assert 0.1 <= first <= 0.2 <= second <= 0.4 <= third <= 0.8


def test_a_read_is_asked_four_times_and_then_the_last_answer_stands() -> None:
    ours = bench(lambda _: DOWN)

    assert isinstance(failure(ours.rest.clusters), ServerError)

    assert len(ours.brokers.asked) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 412, 500])
def test_an_answer_that_will_be_the_same_again_is_not_asked_for_twice(status: int) -> None:
    ours = bench(lambda _: refusal(status, "no"))

    failure(ours.rest.clusters)

    assert len(ours.brokers.asked) == 1
    assert pauses_of(ours) == 0


@pytest.mark.parametrize(
    "hopeless",
    [
        requests.exceptions.ConnectionError(
            pool_errors.MaxRetryError(
                None,  # type: ignore[arg-type]
                "/",
                pool_errors.NameResolutionError("broker", HTTPConnection("broker"), OSError(-2, "unknown")),  # type: ignore[arg-type]
            )
        ),
        requests.exceptions.SSLError(pool_errors.SSLError("wrong version number")),
        requests.exceptions.InvalidURL("no host"),
    ],
    ids=["name", "TLS", "URL"],
)
def test_what_no_waiting_heals_is_not_waited_for(hopeless: Exception) -> None:
    ours = bench(lambda _: hopeless)

    assert isinstance(failure(ours.rest.clusters), BrokerUnreachable)

    assert len(ours.brokers.asked) == 1


def test_retries_end_when_the_patience_of_one_read_is_over() -> None:
    def broker(_: Asked) -> Exception:
        ours.clock.sleep(50)
        return TIMED_OUT

    ours = bench(broker, BrokerSettings(admin_urls=("http://broker:8080",), read_timeout=60))

    assert "no answer within 60 s" in failure(ours.rest.clusters).message

    # The second try begins within the minute and ends behind it; there is no third.
    assert len(ours.brokers.asked) == 2


# -- Retry-After


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for(status: int) -> None:
    ours = bench(in_turn(Answer(status, b"", {"Retry-After": "7"}), CLUSTERS))

    ours.rest.clusters()

    assert pauses_of(ours) == 7


def test_retry_after_as_a_date_is_waited_for() -> None:
    def broker(_: Asked) -> Answer:
        moment = ours.clock.now() + timedelta(seconds=9)
        return Answer(503, b"", {"Retry-After": format_datetime(moment, usegmt=True)})

    ours = bench(broker, BrokerSettings(admin_urls=("http://broker:8080",), read_timeout=12))
    failure(ours.rest.clusters)

    assert pauses_of(ours) == 9


@pytest.mark.parametrize("header", ["31", "3600"])
def test_who_asks_to_be_left_alone_for_longer_is_left_alone_and_a_person_is_told(header: str) -> None:
    ours = bench(lambda _: Answer(503, b"", {"Retry-After": header}))

    found = failure(ours.rest.clusters)

    assert len(ours.brokers.asked) == 1
    assert f"Retry-After {header} s" in found.hint


@pytest.mark.parametrize("header", ["soon", "-1", ""])
def test_a_retry_after_that_says_nothing_leaves_the_usual_pause(header: str) -> None:
    ours = bench(in_turn(Answer(503, b"", {"Retry-After": header}), CLUSTERS))

    ours.rest.clusters()

    assert 0 < pauses_of(ours) <= 0.2


# -- triggers go out once


TROUBLES: list[Answer | Exception] = [
    *(Answer(status) for status in (400, 401, 403, 404, 409, 412, 429, 500, 502, 503, 504)),
    Answer(503, b"", {"Retry-After": "1"}),
    REFUSED,
    RESET,
    TIMED_OUT,
    requests.exceptions.ConnectTimeout("connect"),
    requests.exceptions.ChunkedEncodingError("broken"),
    requests.exceptions.SSLError("tls"),
    requests.exceptions.ProxyError("proxy"),
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
@pytest.mark.parametrize("urls", [("http://broker:8080",), ("http://broker:8080", "http://two:8080")], ids=len)
def test_a_trigger_is_sent_once_whatever_happens(trouble: Answer | Exception, urls: tuple[str, ...]) -> None:
    ours = bench(
        unless_trigger(lambda _: CLUSTERS, lambda _: trouble),
        BrokerSettings(admin_urls=urls, auth=TokenAuth(text=Secret("token-of-ours"))),
    )

    failure(lambda: ours.rest.trigger_offload(TOPIC, BEFORE))

    assert ours.brokers.count(TRIGGER) == 1


def test_an_accepted_trigger_is_sent_once() -> None:
    ours = bench(unless_trigger(lambda _: CLUSTERS, lambda _: Answer(204)))

    ours.rest.trigger_offload(TOPIC, BEFORE)

    assert ours.brokers.count(TRIGGER) == 1


def test_a_trigger_that_runs_already_is_busy() -> None:
    ours = bench(unless_trigger(lambda _: CLUSTERS, lambda _: refusal(409, "Offload already in progress")))

    assert type(failure(lambda: ours.rest.trigger_offload(TOPIC, BEFORE))) is Busy


@pytest.mark.parametrize(("trouble", "perhaps"), [(RESET, True), (TIMED_OUT, True), (REFUSED, False)], ids=str)
def test_a_lost_answer_to_a_trigger_says_whether_it_may_have_been_accepted(trouble: Exception, perhaps: bool) -> None:
    ours = bench(unless_trigger(lambda _: CLUSTERS, lambda _: trouble))

    found = failure(lambda: ours.rest.trigger_offload(TOPIC, BEFORE))

    assert ("may have accepted" in found.hint) is perhaps


def test_a_trigger_goes_to_a_url_that_has_answered() -> None:
    def broker(asked: Asked) -> Answer | Exception:
        if asked.host == "dead:8080":
            return REFUSED
        return Answer(204) if asked.method == TRIGGER else CLUSTERS

    ours = bench(broker, BrokerSettings(admin_urls=("http://dead:8080", "http://broker:8080")))

    ours.rest.trigger_offload(TOPIC, BEFORE)

    assert [(asked.method, asked.host) for asked in ours.brokers.asked] == [
        ("GET", "dead:8080"),
        ("GET", "broker:8080"),
        (TRIGGER, "broker:8080"),
    ]


@pytest.mark.parametrize("trouble", [REFUSED, DOWN], ids=str)
def test_a_trigger_is_not_sent_where_nobody_answers(trouble: Answer | Exception) -> None:
    ours = bench(lambda _: trouble)

    failure(lambda: ours.rest.trigger_offload(TOPIC, BEFORE))

    assert ours.brokers.count(TRIGGER) == 0


def test_a_url_that_answers_no_is_there_all_the_same() -> None:
    ours = bench(unless_trigger(lambda _: refusal(403, "Unauthorized to ..."), lambda _: Answer(204)))

    ours.rest.trigger_offload(TOPIC, BEFORE)

    assert ours.brokers.count(TRIGGER) == 1


# -- read-only


def test_a_read_only_context_sends_nothing() -> None:
    ours = bench(lambda _: CLUSTERS, BrokerSettings(read_only=True), context_name="prod")

    with pytest.raises(ReadOnlyContext) as caught:
        ours.rest.trigger_offload(TOPIC, BEFORE)

    assert ours.brokers.asked == []
    assert "context 'prod' is read-only" in caught.value.message
    assert str(TOPIC) in caught.value.message


def test_a_read_only_context_may_read() -> None:
    assert bench(lambda _: CLUSTERS, BrokerSettings(read_only=True)).rest.clusters() == ("eu",)


# -- several admin URLs

TWO = BrokerSettings(admin_urls=("http://one:8080/", "http://two:8080"))


@pytest.mark.parametrize("trouble", [REFUSED, RESET, TIMED_OUT, DOWN, Answer(502), Answer(504)], ids=str)
def test_the_next_url_is_asked_at_once_when_one_is_away(trouble: Answer | Exception) -> None:
    ours = bench(lambda asked: trouble if asked.host == "one:8080" else CLUSTERS, TWO)

    assert ours.rest.clusters() == ("eu",)

    assert [asked.host for asked in ours.brokers.asked] == ["one:8080", "two:8080"]
    assert pauses_of(ours) == 0


def test_the_url_that_answered_is_asked_first_from_then_on() -> None:
    ours = bench(lambda asked: DOWN if asked.host == "one:8080" else CLUSTERS, TWO)

    ours.rest.clusters()
    ours.rest.clusters()

    assert [asked.host for asked in ours.brokers.asked] == ["one:8080", "two:8080", "two:8080"]


def test_an_answer_that_says_no_is_not_asked_for_elsewhere() -> None:
    ours = bench(lambda _: refusal(404, "no"), TWO)

    assert isinstance(failure(ours.rest.clusters), NotFound)

    assert len(ours.brokers.asked) == 1


def test_the_url_that_dies_later_is_replaced_by_the_other() -> None:
    dead: set[str] = set()
    ours = bench(lambda asked: REFUSED if asked.host in dead else CLUSTERS, TWO)
    ours.rest.clusters()

    dead.add("one:8080")

    assert ours.rest.clusters() == ("eu",)
    assert ours.brokers.asked[-1].host == "two:8080"


def test_when_all_urls_are_away_the_one_that_may_come_back_is_waited_for() -> None:
    unknown = requests.exceptions.InvalidURL("nobody")
    ours = bench(lambda asked: unknown if asked.host == "one:8080" else DOWN, TWO)

    assert isinstance(failure(ours.rest.clusters), ServerError)

    assert len(ours.brokers.asked) == 8


def test_when_nothing_answers_at_all_the_connection_that_may_heal_is_told() -> None:
    unknown = requests.exceptions.InvalidURL("nobody")
    ours = bench(lambda asked: unknown if asked.host == "one:8080" else TIMED_OUT, TWO)

    assert "two:8080: no answer within 60 s" in failure(ours.rest.clusters).message


def test_a_slash_at_the_end_of_a_url_is_no_part_of_it() -> None:
    ours = bench(lambda _: CLUSTERS, TWO)

    ours.rest.clusters()

    assert ours.brokers.asked[0].url == "http://one:8080/admin/v2/clusters"


def test_a_path_in_front_of_the_service_is_kept() -> None:
    ours = bench(lambda _: CLUSTERS, BrokerSettings(admin_urls=("https://gate/pulsar/eu",)))

    ours.rest.clusters()

    assert ours.brokers.asked[0].url == "https://gate/pulsar/eu/admin/v2/clusters"


@pytest.mark.parametrize(
    "url",
    ["broker:8080", "pulsar://broker:6650", "http://", "http://:8080", "http://broker:0", "http://[::1", "http://b\n"],
)
def test_what_is_no_admin_url_is_a_settings_error(url: str) -> None:
    with pytest.raises(SettingsError, match="no admin URL") as caught:
        bench(lambda _: CLUSTERS, BrokerSettings(admin_urls=(url,)))

    assert "http://host:8080" in caught.value.hint


def test_no_admin_url_at_all_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="no admin URL"):
        bench(lambda _: CLUSTERS, BrokerSettings(admin_urls=()))


# -- rate limits


def test_calls_that_load_nothing_and_calls_that_load_have_limits_of_their_own() -> None:
    rates = RateLimits(light=20, loading=2)
    ours = bench(
        lambda asked: CLUSTERS if asked.path.endswith("clusters") else json_answer({"status": "RUNNING"}),
        BrokerSettings(admin_urls=("http://broker:8080",), rates=rates),
    )

    for _ in range(20):
        ours.rest.clusters()
    assert pauses_of(ours) == 0
    for _ in range(2):
        ours.rest.offload_status(TOPIC)
    assert pauses_of(ours) == 0

    ours.rest.clusters()
    assert pauses_of(ours) == 1
    for _ in range(3):
        ours.rest.offload_status(TOPIC)
    assert pauses_of(ours) == 2


def test_the_limits_are_fifty_and_ten_by_default() -> None:
    ours = bench(lambda asked: CLUSTERS if asked.path.endswith("clusters") else json_answer({"status": "RUNNING"}))

    for _ in range(50):
        ours.rest.clusters()
    for _ in range(10):
        ours.rest.offload_status(TOPIC)
    assert pauses_of(ours) == 0

    ours.rest.offload_status(TOPIC)
    assert pauses_of(ours) == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda rest: rest.served_ledgers(TOPIC),
        lambda rest: rest.offload_status(TOPIC),
        lambda rest: rest.trigger_offload(TOPIC, BEFORE),
    ],
    ids=["internalStats", "offload-status", "offload"],
)
def test_calls_that_may_load_a_topic_count_as_such(call: Callable[[PulsarRest], object]) -> None:
    def broker(asked: Asked) -> Answer:
        return CLUSTERS if asked.path.endswith("clusters") else Answer(404)

    ours = bench(broker, BrokerSettings(admin_urls=("http://broker:8080",), rates=RateLimits(light=1000, loading=1)))

    for _ in range(3):
        failure(lambda: call(ours.rest))

    assert pauses_of(ours) == 2


def test_retries_count_too() -> None:
    ours = bench(lambda _: DOWN, BrokerSettings(admin_urls=("http://broker:8080",), rates=RateLimits(light=0.1)))

    failure(ours.rest.clusters)

    assert pauses_of(ours) >= 30


@given(st.lists(st.sampled_from(["light", "loading", "pause"]), max_size=80))
def test_no_mix_of_calls_is_ever_faster_than_its_limits(calls: list[str]) -> None:
    times: dict[str, list[float]] = {"clusters": [], "offload": []}

    def broker(asked: Asked) -> Answer:
        kind = asked.path.rpartition("/")[2]
        times[kind].append(ours.clock.monotonic())
        return CLUSTERS if kind == "clusters" else json_answer({"status": "RUNNING"})

    ours = bench(broker, BrokerSettings(admin_urls=("http://broker:8080",), rates=RateLimits(light=7, loading=3)))
    for call in calls:
        match call:
            case "light":
                ours.rest.clusters()
            case "loading":
                ours.rest.offload_status(TOPIC)
            case _:
                ours.clock.sleep(0.3)

    for kind, rate in (("clusters", 7), ("offload", 3)):
        sent = times[kind]
        assert all(later - earlier >= 1 - 1e-5 for earlier, later in zip(sent, sent[rate:], strict=False))


# -- timeouts


def test_every_request_has_both_timeouts() -> None:
    settings = BrokerSettings(admin_urls=("http://broker:8080",), connect_timeout=3, read_timeout=7)
    ours = bench(unless_trigger(lambda _: CLUSTERS, lambda _: Answer(204)), settings)

    ours.rest.trigger_offload(TOPIC, BEFORE)
    ours.rest.clusters()

    assert {asked.timeout for asked in ours.brokers.asked} == {(3, 7)}


# -- who is asked


def test_an_unauthorised_read_is_not_repeated_with_the_same_token() -> None:
    ours = bench(
        lambda _: refusal(401, "Need to authenticate to perform the request"),
        BrokerSettings(admin_urls=("http://broker:8080",), auth=TokenAuth(text=Secret("token-of-ours"))),
    )

    assert isinstance(failure(ours.rest.clusters), NotAuthenticated)

    assert len(ours.brokers.asked) == 1


def test_a_broker_whose_advertised_name_is_not_reached_gets_a_hint_about_the_inside_of_the_cluster() -> None:
    def broker(asked: Asked) -> Answer | Exception:
        if asked.host != "broker:8080":
            return REFUSED
        return CLUSTERS if asked.path.endswith("/clusters") else json_answer(["in-1:8080", "in-2:8080"])

    ours = bench(broker)

    found = failure(ours.rest.served_topics)

    assert isinstance(found, BrokerUnreachable)
    assert "in-1:8080" in found.message
    assert "inside the cluster" in found.hint


def test_a_cluster_whose_name_is_odd_is_asked_for_by_all_of_it() -> None:
    ours = bench(lambda asked: json_answer(["a/b ?"] if asked.path.endswith("/clusters") else ["one:8080"]))

    ours.rest._transport.list_brokers()

    assert ours.brokers.asked[-1].url.endswith("/admin/v2/brokers/a%2Fb%20%3F")


def test_closing_gives_the_connections_back() -> None:
    ours = bench(lambda _: CLUSTERS)
    closed: list[bool] = []
    ours.brokers.close = lambda: closed.append(True)  # type: ignore[method-assign]

    with ours.rest as rest:
        rest.clusters()
        assert not closed

    assert closed
