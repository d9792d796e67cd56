"""Who we are for the broker: each way to authenticate, its sources, and when it is renewed."""

import base64
import json
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offloadctl import redaction
from offloadctl.errors import (
    BadReply,
    BrokerError,
    BrokerUnreachable,
    NotAuthenticated,
    OffloadctlError,
    ServerError,
    SettingsError,
)
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.model.settings import BasicAuth, BrokerAuth, BrokerSettings, OAuth2Auth, TokenAuth
from offloadctl.redaction import Secret, remember
from tests.rest_fakes import Answer, Asked, Bench, Broker, bench, in_turn, json_answer, refusal

TOPIC = TopicName.parse("acme/shop/orders")
CLUSTERS = json_answer(["eu"])
UNKNOWN = refusal(401, "Need to authenticate to perform the request")
ISSUER = "https://issuer.example.com/realms/pulsar"
DISCOVERY = "/realms/pulsar/.well-known/openid-configuration"
CLIENT = OAuth2Auth(ISSUER, "client-id", Secret("client-secret-of-ours"), audience="urn:pulsar")


def with_auth(auth: BrokerAuth | None, broker: Broker = lambda _: CLUSTERS) -> Bench:
    return bench(broker, BrokerSettings(admin_urls=("https://broker:8443",), auth=auth))


def sent_by(ours: Bench) -> list[str]:
    """The Authorization headers that the broker got, one for each request."""
    return [asked.headers.get("Authorization", "") for asked in ours.brokers.asked if asked.host == "broker:8443"]


def failure(of: Callable[[], object]) -> OffloadctlError:
    with pytest.raises(OffloadctlError) as caught:
        of()
    return caught.value


# -- without, text, environment, basic


def test_without_credentials_none_are_sent() -> None:
    ours = with_auth(None)

    ours.rest.clusters()

    assert not {"Authorization", "X-Pulsar-Auth-Method-Name", "Cookie"} & set(ours.brokers.asked[0].headers)


def test_a_token_is_sent_as_pulsar_sends_it() -> None:
    ours = with_auth(TokenAuth(text=Secret(" token-of-ours\n")))

    ours.rest.clusters()

    headers = ours.brokers.asked[0].headers
    assert (headers["Authorization"], headers["X-Pulsar-Auth-Method-Name"]) == ("Bearer token-of-ours", "token")


def test_a_token_from_the_environment_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_PULSAR_JWT", "token-of-environment")
    ours = with_auth(TokenAuth(environment="OUR_PULSAR_JWT"))

    ours.rest.clusters()

    assert sent_by(ours) == ["Bearer token-of-environment"]
    assert redaction.scrub("token-of-environment") == redaction.MASK


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_variable_that_holds_nothing_is_a_settings_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is not None:
        monkeypatch.setenv("OUR_PULSAR_JWT", value)

    found = failure(lambda: with_auth(TokenAuth(environment="OUR_PULSAR_JWT")))

    assert isinstance(found, SettingsError)
    assert "OUR_PULSAR_JWT" in found.message


def test_user_and_password_are_sent_as_pulsar_sends_them() -> None:
    ours = with_auth(BasicAuth("alice", Secret("pässword:1")))

    ours.rest.clusters()

    headers = ours.brokers.asked[0].headers
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode() == "alice:pässword:1"
    assert headers["X-Pulsar-Auth-Method-Name"] == "basic"


def test_the_encoded_password_is_a_secret_too() -> None:
    with_auth(BasicAuth("alice", Secret("password-of-alice")))

    assert redaction.scrub(base64.b64encode(b"alice:password-of-alice").decode()) == redaction.MASK


@pytest.mark.parametrize("text", ["two words", "line\nbreak", "tökén", "", "\x1b[31m"])
def test_what_cannot_be_a_token_is_a_settings_error_that_does_not_show_it(text: str) -> None:
    found = failure(lambda: with_auth(TokenAuth(text=Secret(text))))

    assert isinstance(found, SettingsError)
    assert not text or text not in found.message


@pytest.mark.parametrize(
    "auth", [TokenAuth(), TokenAuth(text=Secret("abcdef"), environment="X"), TokenAuth(file=Path("x"), environment="X")]
)
def test_a_token_has_exactly_one_source(auth: TokenAuth) -> None:
    assert "exactly one" in failure(lambda: with_auth(auth)).message


# -- token file


def test_a_token_file_is_read_anew_even_if_its_size_and_time_stay_the_same(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("token-1\n")
    state = file.stat()
    ours = with_auth(TokenAuth(file=file))
    ours.rest.clusters()

    with file.open("r+") as opened:
        opened.write("token-2\n")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    ours.rest.clusters()

    assert sent_by(ours) == ["Bearer token-1", "Bearer token-2"]
    assert redaction.scrub("token-2") == redaction.MASK


def test_a_token_file_behind_a_link_that_is_turned_is_read_anew(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("token-1")
    (tmp_path / "two").write_text("token-2")
    link = tmp_path / "token"
    link.symlink_to("one")
    ours = with_auth(TokenAuth(file=link))
    ours.rest.clusters()

    (tmp_path / "new").symlink_to("two")
    (tmp_path / "new").replace(link)
    ours.rest.clusters()

    assert sent_by(ours) == ["Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize("exchange", [Path.unlink, lambda file: file.write_text("")], ids=["missing", "empty"])
def test_in_the_moment_of_an_exchange_the_last_token_is_good(
    tmp_path: Path, exchange: Callable[[Path], object]
) -> None:
    file = tmp_path / "token"
    file.write_text("token-1")
    ours = with_auth(TokenAuth(file=file))
    ours.rest.clusters()

    exchange(file)
    ours.rest.clusters()

    assert sent_by(ours) == ["Bearer token-1"] * 2


@pytest.mark.parametrize("content", [None, "", "two words"])
def test_a_token_file_that_holds_none_is_a_settings_error_that_names_it(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    ours = with_auth(TokenAuth(file=file))

    found = failure(ours.rest.clusters)

    assert isinstance(found, SettingsError)
    assert str(file) in found.message
    assert ours.brokers.asked == []


def test_a_token_file_that_gets_something_else_is_an_error_after_a_minute_and_not_an_old_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("token-1")
    ours = with_auth(TokenAuth(file=file))
    ours.rest.clusters()

    file.write_text("Error: vault is sealed")
    ours.rest.clusters()

    assert sent_by(ours) == ["Bearer token-1"] * 2, "it may be half written"
    ours.clock.sleep(61)
    assert isinstance(failure(ours.rest.clusters), SettingsError)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=80))
def test_any_token_file_is_a_header_that_can_be_sent_or_a_settings_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    ours = with_auth(TokenAuth(file=file))

    try:
        ours.rest.clusters()
    except SettingsError:
        assert ours.brokers.asked == []
    else:
        requests.Request("GET", "http://x", headers={"Authorization": sent_by(ours)[0]}).prepare()


# -- OAuth2


class Issuer:
    """An OAuth2 issuer, and the broker that believes it: each token is good for the requests that are said."""

    def __init__(self, lifetime: object = 3600) -> None:
        self.lifetime = lifetime
        self.granted = 0
        self.forms: list[dict[str, list[str]]] = []
        self.revoked: set[str] = set()

    def __call__(self, asked: Asked) -> Answer:
        if asked.host == "issuer.example.com":
            return self._answer(asked)
        token = asked.headers.get("Authorization", "").removeprefix("Bearer ")
        if token in self.revoked or not token:
            return UNKNOWN
        return Answer(204) if asked.method == "PUT" else CLUSTERS

    def _answer(self, asked: Asked) -> Answer:
        if asked.path == DISCOVERY:
            return json_answer({"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token", "scopes_supported": []})
        assert (asked.method, asked.path) == ("POST", "/realms/pulsar/token")
        assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert "Authorization" not in asked.headers
        self.forms.append(parse_qs((asked.body or b"").decode()))
        self.granted += 1
        told = {} if self.lifetime is None else {"expires_in": self.lifetime}
        return json_answer({"access_token": f"access-{self.granted}", "token_type": "Bearer", **told})


def test_a_token_is_fetched_by_client_credentials_and_sent() -> None:
    issuer = Issuer()
    ours = with_auth(CLIENT, issuer)

    ours.rest.clusters()

    assert sent_by(ours) == ["Bearer access-1"]
    assert ours.brokers.asked[-1].headers["X-Pulsar-Auth-Method-Name"] == "token"
    assert issuer.forms == [
        {
            "grant_type": ["client_credentials"],
            "client_id": ["client-id"],
            "client_secret": ["client-secret-of-ours"],
            "audience": ["urn:pulsar"],
        }
    ]
    assert redaction.scrub("access-1") == redaction.MASK


def test_nothing_is_fetched_before_it_is_needed() -> None:
    ours = with_auth(CLIENT, Issuer())

    assert ours.brokers.asked == []


def test_a_scope_is_asked_for_and_a_slash_at_the_issuers_end_is_no_part_of_it() -> None:
    issuer = Issuer()
    ours = with_auth(OAuth2Auth(ISSUER + "/", "client-id", Secret("client-secret-of-ours"), scope="admin x"), issuer)

    ours.rest.clusters()

    assert issuer.forms[0]["scope"] == ["admin x"]
    assert "audience" not in issuer.forms[0]


def test_one_token_serves_all_requests_until_shortly_before_its_end() -> None:
    ours = with_auth(CLIENT, Issuer(lifetime=3600))

    for wait in (0, 3539, 0.9, 0.2):
        ours.clock.sleep(wait)
        ours.rest.clusters()

    assert sent_by(ours) == ["Bearer access-1"] * 3 + ["Bearer access-2"]


@pytest.mark.parametrize(
    ("lifetime", "good_for"),
    [(60, 30), (90, 45), (600, 540), ("600", 540), (None, 240), (0, 240), (-5, 240), ("nan", 240), (1e999, 240)],
)
def test_a_token_is_renewed_before_its_end_however_that_is_told(lifetime: object, good_for: float) -> None:
    ours = with_auth(CLIENT, Issuer(lifetime if lifetime != float("inf") else "inf"))

    for wait in (0, good_for - 0.5, 1):
        ours.clock.sleep(wait)
        ours.rest.clusters()

    assert sent_by(ours) == ["Bearer access-1", "Bearer access-1", "Bearer access-2"]


def test_a_token_that_was_withdrawn_is_renewed_once_for_a_read() -> None:
    issuer = Issuer()
    ours = with_auth(CLIENT, issuer)
    ours.rest.clusters()

    issuer.revoked.add("access-1")

    assert ours.rest.clusters() == ("eu",)
    assert sent_by(ours) == ["Bearer access-1", "Bearer access-1", "Bearer access-2"]


def test_a_broker_that_believes_no_token_is_asked_twice_and_no_more() -> None:
    issuer = Issuer()
    issuer.revoked.update({"access-1", "access-2", "access-3"})
    ours = with_auth(CLIENT, issuer)

    assert isinstance(failure(ours.rest.clusters), NotAuthenticated)

    assert sent_by(ours) == ["Bearer access-1", "Bearer access-2"]


def test_a_trigger_is_not_sent_again_with_a_new_token_but_the_next_one_has_it() -> None:
    issuer = Issuer()
    ours = with_auth(CLIENT, issuer)
    ours.rest.clusters()
    issuer.revoked.add("access-1")

    assert isinstance(failure(lambda: ours.rest.trigger_offload(TOPIC, Position(33, 0))), NotAuthenticated)
    assert ours.brokers.count("PUT") == 1
    ours.rest.trigger_offload(TOPIC, Position(33, 0))

    assert sent_by(ours)[-1] == "Bearer access-2"


def test_a_role_without_rights_does_not_cost_a_new_token() -> None:
    issuer = Issuer()
    denied = refusal(401, "Unauthorized to validateTopicOperation for operation [OFFLOAD]")
    ours = with_auth(CLIENT, lambda asked: issuer(asked) if asked.host.startswith("issuer") else denied)

    failure(ours.rest.clusters)

    assert issuer.granted == 1


def test_threads_share_one_token() -> None:
    issuer = Issuer()
    ours = with_auth(CLIENT, issuer)
    threads = [threading.Thread(target=ours.rest.clusters) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert issuer.granted == 1
    assert sent_by(ours) == ["Bearer access-1"] * 8


# -- an issuer that gives none


def issuer_that(answers: Broker) -> Bench:
    def broker(asked: Asked) -> Answer | Exception:
        return answers(asked) if asked.host == "issuer.example.com" else CLUSTERS

    return with_auth(CLIENT, broker)


def discovery_then(answer: Answer | Exception) -> Broker:
    endpoint = json_answer({"token_endpoint": f"{ISSUER}/token"})
    return lambda asked: endpoint if asked.method == "GET" else answer


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 418])
def test_an_issuer_that_says_no_is_never_taken_for_a_missing_topic(status: int) -> None:
    denial = json_answer({"error": "invalid_client", "error_description": "unknown client"}, status)
    for answers in (discovery_then(denial), lambda _: denial):
        ours = issuer_that(answers)

        found = failure(partial(ours.rest.stored_ledgers, TOPIC))

        assert type(found) is NotAuthenticated
        assert "issuer.example.com" in found.message
        assert "invalid_client: unknown client" in found.message
        assert sent_by(ours) == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_issuer_that_fails_is_a_server_error(status: int) -> None:
    found = failure(issuer_that(discovery_then(Answer(status, b"<html>"))).rest.clusters)

    assert type(found) is ServerError
    assert "issuer" in found.hint


@pytest.mark.parametrize("where", ["discovery", "token"])
def test_an_issuer_that_is_not_reached_is_named_and_the_trigger_was_not_sent(where: str) -> None:
    lost = requests.exceptions.ReadTimeout("slow")
    ours = issuer_that(discovery_then(lost) if where == "token" else lambda _: lost)

    found = failure(lambda: ours.rest.trigger_offload(TOPIC, Position(33, 0)))

    assert isinstance(found, BrokerUnreachable)
    assert "OAuth2 issuer is not reached" in found.message
    assert "issuer_url" in found.hint
    assert "accepted" not in found.hint
    assert sent_by(ours) == []


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (Answer(200, b"<html>Sign in</html>"), "issuer"),
        (json_answer({"issuer": ISSUER}), "issuer"),
        (json_answer({"token_endpoint": "http://issuer.example.com/token"}), "issuer"),
        (json_answer({"token_endpoint": "https://[::1/token"}), "issuer"),
        (json_answer({"token_endpoint": "https://user:pw@issuer.example.com/token"}), "issuer"),
        (json_answer({"token_endpoint": "/token"}), "issuer"),
    ],
    ids=["page", "missing", "less safe", "no URL", "with a user", "relative"],
)
def test_a_discovery_that_leads_nowhere_safe_is_a_bad_reply(answer: Answer, hint: str) -> None:
    ours = issuer_that(lambda _: answer)

    found = failure(ours.rest.clusters)

    assert type(found) is BadReply
    assert hint in found.hint
    assert len(ours.brokers.asked) == 1


@pytest.mark.parametrize("token", ["", "two words", "tökén", 7, None])
def test_a_granted_token_that_is_none_is_a_bad_reply_that_does_not_show_it(token: object) -> None:
    found = failure(issuer_that(discovery_then(json_answer({"access_token": token}))).rest.clusters)

    assert type(found) is BadReply
    assert "two words" not in found.message
    assert "not shown" in found.message


def test_an_issuer_that_repeats_the_secret_does_not_get_it_printed() -> None:
    remember("client-secret-of-ours")  # as it is when the settings are read
    denial = json_answer({"error": "invalid_client", "error_description": "client-secret-of-ours is wrong"}, 401)

    assert "client-secret-of-ours" not in failure(issuer_that(discovery_then(denial)).rest.clusters).message


@pytest.mark.parametrize("url", ["issuer.example.com", "ftp://issuer", "https://user:pw@issuer"])
def test_an_issuer_url_that_cannot_be_asked_is_a_settings_error(url: str) -> None:
    found = failure(lambda: with_auth(OAuth2Auth(url, "client-id", Secret("client-secret-of-ours"))))

    assert isinstance(found, SettingsError)
    assert "issuer URL" in found.message
    assert "pw" not in found.message


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.dictionaries(
        st.sampled_from(["token_endpoint", "access_token", "expires_in", "error", "error_description"]), inner
    ),
    max_leaves=6,
)


@given(
    status=st.sampled_from([200, 204, 301, 400, 401, 404, 500]),
    bodies=st.lists(st.binary(max_size=60) | ANY_JSON.map(lambda value: json.dumps(value).encode()), min_size=1),
)
def test_no_issuer_makes_anything_but_a_broker_error(status: int, bodies: list[bytes]) -> None:
    answers: list[Any] = [Answer(200, f'{{"token_endpoint": "{ISSUER}/token"}}'.encode())]
    answers += [Answer(status, body) for body in bodies]
    for issuer in (in_turn(*answers), in_turn(*answers[1:])):
        try:
            issuer_that(issuer).rest.clusters()
        except OffloadctlError as exc:
            assert isinstance(exc, BrokerError)  # noqa: PT017 - a good answer is good, too
