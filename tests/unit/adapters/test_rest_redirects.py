"""Redirects: followed by hand, with method and body, and with our credentials only where somebody vouched for."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.exceptions import ConnectionError as Failed
from urllib3.connection import HTTPConnection
from urllib3.exceptions import MaxRetryError, NameResolutionError

from offloadctl.adapters.rest_calls import Call, Reply
from offloadctl.adapters.rest_redirects import MAX_HOPS, redirect_target
from offloadctl.errors import BadReply, BrokerUnreachable, RedirectRefused
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.model.settings import BasicAuth, BrokerSettings, OAuth2Auth, TlsSettings, TokenAuth
from offloadctl.redaction import Secret
from tests.rest_fakes import Answer, Asked, Bench, Broker, bench, json_answer, moved, refusal

TOPIC = TopicName.parse("acme/shop/orders")
STATUS = json_answer({"status": "RUNNING"})
STORED = json_answer(
    {"version": 0, "creationDate": "2026-01-01T00:00:00Z", "modificationDate": "2026-01-01T00:00:00Z", "ledgers": []}
)
TOKEN = TokenAuth(text=Secret("token-of-ours"))
HOME = "http://broker:8080"
TLS_HOME = "https://broker:8443"


def owner_is(owner: str, *, brokers: Answer | None = None) -> Broker:
    """A cluster whose every topic belongs to `owner`; `brokers` is the answer to who its brokers are."""

    def broker(asked: Asked) -> Answer:
        match asked.path.removeprefix("/admin/v2"):
            case "/clusters":
                return json_answer(["eu"])
            case "/brokers/eu":
                return brokers or refusal(403, "Unauthorized to ... super user")
            case _ if asked.host.startswith("broker:"):
                return moved(f"{owner}{asked.path}?authoritative=true")
            case _:
                return Answer(204) if asked.method == "PUT" else STATUS

    return broker


def settings(url: str = HOME, *trusted: str, auth: TokenAuth | BasicAuth | OAuth2Auth | None = TOKEN) -> BrokerSettings:
    return BrokerSettings(admin_urls=(url,), auth=auth, trusted_broker_hosts=trusted)


def ask(of: Bench) -> None:
    of.rest.offload_status(TOPIC)


def refused(of: Bench) -> RedirectRefused:
    with pytest.raises(RedirectRefused) as caught:
        ask(of)
    return caught.value


def who_saw_credentials(of: Bench) -> set[str]:
    return {asked.host for asked in of.brokers.asked if "Authorization" in asked.headers}


# -- what is sent on


def test_a_trigger_keeps_its_method_and_its_body() -> None:
    ours = bench(owner_is("http://two:8080"))

    ours.rest.trigger_offload(TOPIC, Position(33, 0))

    first, second = ours.brokers.asked[-2:]
    assert second.url == "http://two:8080/admin/v2/persistent/acme/shop/orders/offload?authoritative=true"
    assert (second.method, second.body) == ("PUT", b'{"ledgerId":33,"entryId":0,"partitionIndex":-1}')
    assert (second.body, second.headers["Content-Type"]) == (first.body, "application/json")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_read_follows_any_redirect_and_stays_a_read(status: int) -> None:
    ours = bench(lambda asked: moved("http://two:8080/there", status) if asked.host == "broker:8080" else STATUS)

    ask(ours)

    assert [(asked.method, asked.path) for asked in ours.brokers.asked][-1] == ("GET", "/there")


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_trigger_does_not_follow_a_redirect_that_may_change_its_method(status: int) -> None:
    def broker(asked: Asked) -> Answer:
        return moved("http://two:8080/there", status) if asked.method == "PUT" else json_answer(["eu"])

    ours = bench(broker)

    with pytest.raises(RedirectRefused):
        ours.rest.trigger_offload(TOPIC, Position(33, 0))

    assert ours.brokers.count("PUT") == 1
    assert {asked.host for asked in ours.brokers.asked} == {"broker:8080"}


def test_a_relative_location_stays_on_the_host() -> None:
    ours = bench(lambda asked: STATUS if asked.path == "/elsewhere" else moved("/elsewhere?a=b"))

    ask(ours)

    assert ours.brokers.asked[-1].url == "http://broker:8080/elsewhere?a=b"


# -- bounds


def test_hops_are_bounded() -> None:
    hops = iter(range(100))
    ours = bench(lambda _: moved(f"http://broker-{next(hops)}:8080/x"))

    found = refused(ours)

    assert len(ours.brokers.asked) == MAX_HOPS + 1
    assert "more than 5 times: broker:8080 > broker-0:8080 > " in found.message
    assert "unload" in found.hint


def test_two_brokers_that_send_us_to_each_other_are_left_alone() -> None:
    ours = bench(lambda asked: moved(f"http://{'two' if asked.host == 'one:8080' else 'one'}:8080/x"))

    assert "one:8080 > two:8080 > one:8080" in refused(ours).message


def test_a_trigger_in_a_loop_ends_too_and_was_accepted_by_nobody() -> None:
    ours = bench(lambda asked: moved("/again") if asked.method == "PUT" else json_answer(["eu"]))

    with pytest.raises(RedirectRefused):
        ours.rest.trigger_offload(TOPIC, Position(33, 0))


# -- who gets our credentials


def test_a_host_of_admin_urls_gets_them_on_any_port() -> None:
    ours = bench(owner_is("http://two:9999"), BrokerSettings(admin_urls=(HOME, "http://TWO:8080"), auth=TOKEN))

    ask(ours)

    assert who_saw_credentials(ours) == {"broker:8080", "two:9999"}


@pytest.mark.parametrize("pattern", ["two.example.com", "*.example.com", "TWO.*", "*.example.com:8080", "t[w]o.*"])
def test_a_host_that_a_pattern_trusts_gets_them(pattern: str) -> None:
    ours = bench(owner_is("http://Two.example.com:8080"), settings(HOME, "nowhere", pattern))

    ask(ours)

    assert len(who_saw_credentials(ours)) == 2


def test_a_broker_that_the_cluster_lists_gets_them_and_the_list_is_asked_for_once() -> None:
    ours = bench(owner_is("http://two:8080", brokers=json_answer(["broker:8080", "two:8080"])), settings())

    ask(ours)
    ask(ours)

    assert who_saw_credentials(ours) == {"broker:8080", "two:8080"}
    assert sum(asked.path.endswith("/brokers/eu") for asked in ours.brokers.asked) == 1


def test_any_other_host_gets_nothing_at_all_and_the_refusal_names_the_setting() -> None:
    ours = bench(owner_is("http://evil.example.com:8080", brokers=json_answer(["broker:8080"])), settings())

    found = refused(ours)

    assert {asked.host for asked in ours.brokers.asked} == {"broker:8080"}
    assert "redirected to evil.example.com:8080" in found.message
    assert "evil.example.com" in found.hint
    assert "trusted_broker_hosts" in found.hint


@pytest.mark.parametrize("pattern", ["example.com", "two.example.com:9", "*.example.org", ""])
def test_a_pattern_means_the_whole_host(pattern: str) -> None:
    ours = bench(owner_is("http://two.example.com:8080"), settings(HOME, pattern))

    refused(ours)


def test_without_the_right_to_list_brokers_a_redirect_is_refused_and_not_a_crash() -> None:
    ours = bench(owner_is("http://two:8080"), settings())

    assert "no broker that the cluster lists" in refused(ours).message
    assert who_saw_credentials(ours) == {"broker:8080"}


def test_a_list_of_brokers_that_is_itself_elsewhere_is_no_loop() -> None:
    ours = bench(lambda asked: moved(f"http://two:8080{asked.path}"), settings())

    refused(ours)

    assert {asked.host for asked in ours.brokers.asked} == {"broker:8080"}
    assert len(ours.brokers.asked) < 10


def test_a_new_broker_is_found_when_the_list_is_a_minute_old() -> None:
    known = ["broker:8080"]

    def broker(asked: Asked) -> Answer | Exception:
        return owner_is("http://two:8080", brokers=json_answer(known))(asked)

    ours = bench(broker, settings())
    refused(ours)
    known.append("two:8080")

    refused(ours)
    ours.clock.sleep(60)
    ask(ours)

    assert "two:8080" in who_saw_credentials(ours)


@pytest.mark.parametrize(
    "auth",
    [TOKEN, BasicAuth("user", Secret("password-of-ours"))],
    ids=["token", "basic"],
)
def test_every_kind_of_credential_stays_with_trusted_hosts(auth: TokenAuth | BasicAuth) -> None:
    refused(bench(owner_is("http://two:8080"), settings(auth=auth)))


def test_a_client_certificate_is_a_credential(tmp_path: Path) -> None:
    certificate = tmp_path / "client.pem"
    certificate.write_text("a certificate")
    tls = TlsSettings(certificate_file=certificate)
    ours = bench(owner_is("https://two:8443"), BrokerSettings(admin_urls=(TLS_HOME,), tls=tls))

    refused(ours)


def test_without_credentials_any_host_is_asked() -> None:
    ours = bench(owner_is("http://two:8080"), settings(auth=None))

    ask(ours)

    assert ours.brokers.asked[-1].host == "two:8080"
    assert not who_saw_credentials(ours)


def test_a_user_and_password_in_a_location_are_dropped() -> None:
    ours = bench(owner_is("http://user:password@two:8080"), settings(HOME, "two"))

    ask(ours)

    assert ours.brokers.asked[-1].host == "two:8080"
    assert ours.brokers.asked[-1].headers["Authorization"] == "Bearer token-of-ours"


# -- TLS


@pytest.mark.parametrize("auth", [TOKEN, None], ids=["with", "without"])
def test_a_redirect_never_leaves_tls(auth: TokenAuth | None) -> None:
    ours = bench(lambda asked: moved(f"http://broker:8080{asked.path}"), settings(TLS_HOME, "*", auth=auth))

    found = refused(ours)

    assert "leaves TLS" in found.message
    assert "webServicePortTls" in found.hint
    assert {asked.url.partition(":")[0] for asked in ours.brokers.asked} == {"https"}


def test_a_redirect_may_enter_tls_and_then_not_leave_it_again() -> None:
    def broker(asked: Asked) -> Answer:
        return moved("https://broker:8443/x" if asked.url.startswith("http:") else "http://broker:8080/y")

    ours = bench(broker, settings())

    assert "leaves TLS" in refused(ours).message
    assert [asked.url.partition(":")[0] for asked in ours.brokers.asked] == ["http", "https"]


# -- locations that lead nowhere


@pytest.mark.parametrize(
    "location",
    ["", "ftp://two/x", "http://two:0/x", "http://two:99999/x", "http://[::1/x", "javascript:x", "http://two/\x07"],
)
def test_a_location_that_cannot_be_asked_is_a_bad_reply_that_shows_it(location: str) -> None:
    ours = bench(lambda _: moved(location))

    with pytest.raises(BadReply) as caught:
        ask(ours)

    assert len(ours.brokers.asked) == 1
    assert "redirect" in caught.value.message
    assert caught.value.message.isprintable()


@given(location=st.text(max_size=60), base=st.sampled_from(["http://broker:8080/a/b?c=d", "https://[::1]:8443/a"]))
def test_any_location_is_a_url_that_can_be_asked_or_a_bad_reply(location: str, base: str) -> None:
    reply = Reply(Call("GET", "/a"), "broker:8080", 307, location=location)

    with suppress(BadReply):
        target = redirect_target(reply, base)

        assert target.startswith(("http://", "https://"))
        assert "@" not in target.split("/")[2]


def test_an_owner_whose_name_does_not_resolve_gets_a_hint_about_the_inside_of_the_cluster() -> None:
    def broker(asked: Asked) -> Answer | Exception:
        if asked.host == "broker:8080":
            return moved("http://pulsar-broker-2.pulsar.svc:8080/x")
        cause = NameResolutionError("pulsar-broker-2.pulsar.svc", HTTPConnection("x"), OSError(-2, "unknown"))  # type: ignore[arg-type]
        return Failed(MaxRetryError(None, "/x", cause))  # type: ignore[arg-type]

    ours = bench(broker)

    with pytest.raises(BrokerUnreachable) as caught:
        ask(ours)

    assert "pulsar-broker-2.pulsar.svc:8080: the name does not resolve" in caught.value.message
    assert "inside the cluster" in caught.value.hint
    assert "proxy" in caught.value.hint
    assert len(ours.brokers.asked) == 2


# -- what needs no owner, and yet is asked of it


def hands_over_to(owner: str) -> Broker:
    """A cluster whose first broker knows no stored ledgers: 4.0.7, where the topic has belonged to it before."""
    moved_on = owner_is(owner)

    def broker(asked: Asked) -> Answer | Exception:
        if not asked.path.endswith("/internal-info"):
            return moved_on(asked)
        gone = asked.host.startswith("broker:")
        return refusal(500, "Topic creation encountered an exception") if gone else STORED

    return broker


def test_stored_ledgers_are_asked_of_the_owner_that_a_redirect_led_to() -> None:
    of = bench(hands_over_to("http://broker2:8080"), settings(HOME, "broker2"))

    ask(of)
    found = of.rest.stored_ledgers(TOPIC)

    assert found.ledgers == ()
    assert [asked.host for asked in of.brokers.asked] == ["broker:8080", "broker2:8080", "broker2:8080"]


def test_an_owner_that_is_gone_is_not_waited_for() -> None:
    def broker(asked: Asked) -> Answer | Exception:
        if asked.path.endswith("/internal-info"):
            return Failed("gone") if asked.host.startswith("broker2:") else STORED
        return owner_is("http://broker2:8080")(asked)

    of = bench(broker, settings(HOME, "broker2"))

    ask(of)
    found = of.rest.stored_ledgers(TOPIC)

    assert found.ledgers == ()
    assert [asked.host for asked in of.brokers.asked][2:] == ["broker2:8080", "broker:8080"]


def test_loading_calls_go_to_the_owner_that_a_redirect_led_to() -> None:
    of = bench(owner_is("http://broker2:8080"), settings(HOME, "broker2"))

    for _ in range(3):
        ask(of)

    assert [asked.host for asked in of.brokers.asked] == ["broker:8080", *["broker2:8080"] * 3]
    assert of.rest.owner_of(TOPIC) == "broker2:8080"


@pytest.mark.parametrize("answer", [Failed("gone"), refusal(503), refusal(404)], ids=["gone", "busy", "unloaded"])
def test_an_owner_that_is_not_the_owner_any_more_is_looked_for_again(answer: Answer | Exception) -> None:
    owners = ["broker2:8080"]

    def broker(asked: Asked) -> Answer | Exception:
        if asked.host == "broker2:8080" and owners != ["broker2:8080"]:
            return answer
        return owner_is(f"http://{owners[0]}")(asked)

    of = bench(broker, settings(HOME, "broker2", "broker3"))
    ask(of)
    owners[0] = "broker3:8080"

    ask(of)
    ask(of)

    assert [asked.host for asked in of.brokers.asked][2:] == [
        "broker2:8080",
        "broker:8080",
        "broker3:8080",
        "broker3:8080",
    ]
    assert of.rest.owner_of(TOPIC) == "broker3:8080"


def test_an_owner_that_redirects_by_now_is_followed_and_the_new_one_remembered() -> None:
    def broker(asked: Asked) -> Answer | Exception:
        if asked.host == "broker2:8080" and not asked.query:
            return moved(f"http://broker3:8080{asked.path}?authoritative=true")
        return owner_is("http://broker2:8080")(asked)

    of = bench(broker, settings(HOME, "broker2", "broker3"))

    for _ in range(3):
        ask(of)

    assert [asked.host for asked in of.brokers.asked][2:] == ["broker2:8080", "broker3:8080", "broker3:8080"]
