"""One request over real sockets: what is sent, through which proxy, trusting whom; and why there was no answer."""

import gzip
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from offloadctl import __version__
from offloadctl.adapters.memory import ManualClock
from offloadctl.adapters.pulsar_rest import PulsarRest
from offloadctl.adapters.rest_http import build_session
from offloadctl.errors import BadReply, BrokerUnreachable, NotAuthenticated, OffloadctlError, SettingsError
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.model.settings import BasicAuth, BrokerSettings, TlsSettings, TokenAuth
from offloadctl.redaction import Secret
from tests.certificates import Authority
from tests.sockets import Listener, answering, closed_port, hanging_up_after, http, resetting, silent

TOPIC = TopicName.parse("acme/shop/orders")
CLUSTERS = http(b'["eu"]')
ACCEPTED = b"HTTP/1.1 204 No Content\r\n\r\n"


def rest_at(*urls: str, **more: object) -> PulsarRest:
    return PulsarRest(BrokerSettings(admin_urls=urls, **more), ManualClock())  # type: ignore[arg-type]


def failure(of: Callable[[], object]) -> OffloadctlError:
    with pytest.raises(OffloadctlError) as caught:
        of()
    return caught.value


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


# -- what is sent


def test_a_request_names_this_tool_and_asks_for_json() -> None:
    with answering(CLUSTERS) as broker, rest_at(broker.url) as rest:
        rest.clusters()

    (heard,) = broker.heard
    assert heard.line == "GET /admin/v2/clusters HTTP/1.1"
    assert heard.headers["user-agent"] == f"offloadctl/{__version__}"
    assert heard.headers["accept"].startswith("application/json")
    assert "content-type" not in heard.headers


def test_a_connection_is_kept_for_the_next_request() -> None:
    with answering(CLUSTERS) as broker, rest_at(broker.url) as rest:
        for _ in range(5):
            rest.clusters()

    assert len(broker.heard) == 5
    assert broker.connections == 1


def test_a_trigger_goes_out_on_a_new_connection_since_an_idle_one_may_be_closed_meanwhile() -> None:
    with answering(CLUSTERS, ACCEPTED, CLUSTERS) as broker, rest_at(broker.url) as rest:
        rest.clusters()
        rest.trigger_offload(TOPIC, Position(33, 0))
        rest.clusters()

    assert [heard.line.partition(" ")[0] for heard in broker.heard] == ["GET", "PUT", "GET"]
    assert broker.heard[1].body == b'{"ledgerId":33,"entryId":0,"partitionIndex":-1}'
    assert broker.connections == 2


def test_a_broker_that_always_hangs_up_is_no_trouble() -> None:
    with hanging_up_after(CLUSTERS, ACCEPTED) as broker, rest_at(broker.url) as rest:
        rest.clusters()
        rest.trigger_offload(TOPIC, Position(33, 0))

    assert [heard.line.partition(" ")[0] for heard in broker.heard] == ["GET", "PUT"]


def test_a_trigger_does_not_disturb_the_reads_of_other_threads() -> None:
    failures: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(30):
                rest.clusters()
        except BaseException as exc:  # noqa: BLE001 - the thread must not hide it
            failures.append(exc)

    def talk(listener: Listener, connection: socket.socket) -> None:
        while (heard := listener.hear(connection)) is not None:
            connection.sendall(CLUSTERS if heard.line.startswith("GET") else ACCEPTED)

    with Listener(talk) as broker, rest_at(broker.url) as rest:
        rest.clusters()
        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for _ in range(30):
            rest.trigger_offload(TOPIC, Position(33, 0))
        for reader in readers:
            reader.join()

    assert failures == []
    assert sum(heard.line.startswith("PUT") for heard in broker.heard) == 30
    assert len(broker.heard) == 1 + 30 + 90


def test_netrc_is_never_looked_into() -> None:
    netrc = Path.home() / ".netrc"
    netrc.write_text("machine 127.0.0.1 login netrc-user password netrc-password\ndefault login a password b\n")
    netrc.chmod(0o600)

    with answering(CLUSTERS) as broker, rest_at(broker.url) as rest:
        rest.clusters()

    assert "authorization" not in broker.heard[0].headers


def test_a_url_with_a_user_in_it_is_refused_without_showing_the_password() -> None:
    found = failure(lambda: rest_at("http://alice:url-password@broker:8080"))

    assert isinstance(found, SettingsError)
    assert "broker:8080" in found.message
    assert "url-password" not in found.message + found.hint


def test_cookies_are_not_sent_back() -> None:
    with answering(http(b'["eu"]', Set_Cookie="session=1; Path=/")) as broker, rest_at(broker.url) as rest:
        rest.clusters()
        rest.clusters()

    assert "cookie" not in broker.heard[1].headers


def test_a_packed_answer_is_unpacked() -> None:
    packed = http(gzip.compress(b'["eu"]'), Content_Encoding="gzip")

    with answering(packed) as broker, rest_at(broker.url) as rest:
        assert rest.clusters() == ("eu",)


# -- no answer


@pytest.fixture
def port() -> Iterator[str]:
    """A host and port where nobody listens."""
    with closed_port() as name:
        yield name


def test_a_closed_port_is_unreachable_in_the_systems_own_words(port: str) -> None:
    found = failure(rest_at(f"http://{port}").clusters)

    assert type(found) is BrokerUnreachable
    assert found.message == f"GET /admin/v2/clusters at {port}: no connection: Connection refused"
    assert "admin_urls" in found.hint


def test_a_name_that_does_not_resolve_is_unreachable_at_once() -> None:
    clock = ManualClock()

    found = failure(PulsarRest(BrokerSettings(admin_urls=("http://broker.invalid:8080",)), clock).clusters)

    assert isinstance(found, BrokerUnreachable)
    assert "broker.invalid:8080: the name does not resolve" in found.message
    assert clock.monotonic() == 0


def test_a_reset_is_asked_again_and_then_told() -> None:
    with resetting() as broker, rest_at(broker.url) as rest:
        found = failure(rest.clusters)

    assert type(found) is BrokerUnreachable
    assert "the connection broke off: Connection reset by peer" in found.message
    assert len(broker.heard) == 4


def test_a_reset_trigger_is_not_sent_again_and_may_have_been_accepted() -> None:
    with answering(CLUSTERS) as one, resetting() as two:
        rest = rest_at(one.url)
        rest.clusters()
        rest._transport._answered = two.url
        found = failure(lambda: rest.trigger_offload(TOPIC, Position(33, 0)))
        rest.close()

    assert isinstance(found, BrokerUnreachable)
    assert "may have accepted" in found.hint
    assert len(two.heard) == 1


def test_a_broker_that_says_nothing_is_given_up_after_the_read_timeout() -> None:
    with silent() as broker, rest_at(broker.url, read_timeout=0.2) as rest:
        found = failure(rest.clusters)

    assert type(found) is BrokerUnreachable
    assert "no answer within 0.2 s" in found.message


@pytest.mark.parametrize(
    "half",
    [http(b'["eu"', length=100), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n[", b"HTTP/1.", b""],
    ids=["length", "chunk", "head", "nothing"],
)
def test_half_an_answer_is_none(half: bytes) -> None:
    with hanging_up_after(half, half, CLUSTERS) as broker, rest_at(broker.url) as rest:
        assert rest.clusters() == ("eu",)

    assert len(broker.heard) == 3


def test_half_an_answer_that_stays_half_is_unreachable_and_never_a_short_value() -> None:
    with hanging_up_after(http(b'["eu"]', length=7)) as broker, rest_at(broker.url) as rest:
        assert type(failure(rest.clusters)) is BrokerUnreachable


@pytest.mark.parametrize("noise", [b"220 smtp.example.com ESMTP\r\n", b"\x16\x03\x01\x00\xff", b"\r\n\r\n"], ids=str)
def test_what_is_no_http_is_unreachable(noise: bytes) -> None:
    with hanging_up_after(noise) as broker, rest_at(broker.url) as rest:
        found = failure(rest.clusters)

    assert isinstance(found, BrokerUnreachable)
    assert found.message.isprintable()


def test_an_answer_that_cannot_be_unpacked_is_unreachable_at_once() -> None:
    with answering(http(b"not packed", Content_Encoding="gzip")) as broker, rest_at(broker.url) as rest:
        found = failure(rest.clusters)

    assert "cannot be unpacked" in found.message
    assert len(broker.heard) == 1


def test_a_page_of_another_service_is_a_bad_reply() -> None:
    with answering(http(b"<html>It works!</html>", Content_Type="text/html")) as broker, rest_at(broker.url) as rest:
        assert type(failure(rest.clusters)) is BadReply


# -- TLS


def test_a_certificate_of_the_ca_file_is_trusted(authority: Authority) -> None:
    tls = TlsSettings(ca_file=authority.ca_file)

    with answering(CLUSTERS, context=authority.context()) as broker, rest_at(broker.url, tls=tls) as rest:
        assert rest.clusters() == ("eu",)


def test_an_unknown_certificate_is_refused_at_once_with_a_hint(authority: Authority) -> None:
    with answering(CLUSTERS, context=authority.context()) as broker, rest_at(broker.url) as rest:
        found = failure(rest.clusters)

    assert isinstance(found, BrokerUnreachable)
    assert "its certificate is refused: unable to get local issuer certificate" in found.message
    assert "ca_file" in found.hint
    assert broker.connections == 1
    assert broker.heard == []


def test_our_credentials_do_not_go_to_a_broker_that_is_not_trusted(authority: Authority) -> None:
    with answering(CLUSTERS, context=authority.context()) as broker:
        rest = rest_at(broker.url, auth=TokenAuth(text=Secret("token-of-ours")))
        failure(rest.clusters)
        rest.close()

    assert broker.heard == []


@pytest.mark.parametrize("verify_hostname", [True, False])
def test_the_name_in_the_certificate_is_checked_unless_that_is_switched_off(
    authority: Authority, *, verify_hostname: bool
) -> None:
    other = authority.context(authority.issue("other", x509.DNSName("other.example.com")))
    tls = TlsSettings(ca_file=authority.ca_file, verify_hostname=verify_hostname)

    with answering(CLUSTERS, context=other) as broker, rest_at(broker.url, tls=tls) as rest:
        if verify_hostname:
            assert "IP address mismatch" in failure(rest.clusters).message
        else:
            assert rest.clusters() == ("eu",)


def test_a_name_that_is_not_checked_leaves_the_chain_checked(authority: Authority, tmp_path: Path) -> None:
    tls = TlsSettings(ca_file=Authority(tmp_path, "another").ca_file, verify_hostname=False)

    with answering(CLUSTERS, context=authority.context()) as broker, rest_at(broker.url, tls=tls) as rest:
        assert "its certificate is refused" in failure(rest.clusters).message


def test_any_certificate_is_taken_when_that_is_what_the_context_says(authority: Authority) -> None:
    with (
        answering(CLUSTERS, context=authority.context()) as broker,
        rest_at(broker.url, tls=TlsSettings(verify=False)) as rest,
    ):
        assert rest.clusters() == ("eu",)


def test_the_environments_bundle_does_not_win_against_the_contexts_ca(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(Authority(tmp_path, "another").ca_file))

    for tls in (TlsSettings(ca_file=authority.ca_file), TlsSettings(verify=False)):
        with answering(CLUSTERS, context=authority.context()) as broker, rest_at(broker.url, tls=tls) as rest:
            assert rest.clusters() == ("eu",)


def test_the_environments_bundle_counts_where_the_context_has_none(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.ca_file))

    with answering(CLUSTERS, context=authority.context()) as broker, rest_at(broker.url) as rest:
        assert rest.clusters() == ("eu",)


def test_tls_asked_of_a_plain_broker_says_so() -> None:
    def talk(_: Listener, connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(http(b"", "400 Bad Request"))

    with Listener(talk) as broker, rest_at(broker.url.replace("http:", "https:")) as rest:
        found = failure(rest.clusters)

    assert isinstance(found, BrokerUnreachable)
    assert "TLS fails" in found.message
    assert "http://" in found.hint
    assert "ca_file" not in found.hint
    assert broker.connections == 1


@pytest.mark.parametrize("together", [False, True], ids=["two files", "one file"])
def test_a_client_certificate_is_presented(authority: Authority, tmp_path: Path, *, together: bool) -> None:
    own = authority.issue("client")
    both = tmp_path / "both.pem"
    both.write_bytes(own.key.read_bytes() + own.certificate.read_bytes())
    tls = (
        TlsSettings(ca_file=authority.ca_file, certificate_file=both)
        if together
        else TlsSettings(ca_file=authority.ca_file, certificate_file=own.certificate, key_file=own.key)
    )

    context = authority.context(asks_clients=True)
    with answering(CLUSTERS, context=context) as broker, rest_at(broker.url, tls=tls) as rest:
        assert rest.clusters() == ("eu",)


def test_without_the_client_certificate_that_is_asked_for_nothing_is_answered(authority: Authority) -> None:
    tls = TlsSettings(ca_file=authority.ca_file)
    context = authority.context(asks_clients=True)

    with answering(CLUSTERS, context=context) as broker, rest_at(broker.url, tls=tls) as rest:
        assert isinstance(failure(rest.clusters), BrokerUnreachable)

    assert broker.heard == []


@pytest.mark.parametrize(
    "tls",
    [
        TlsSettings(ca_file=Path("missing.pem")),
        TlsSettings(certificate_file=Path("missing.pem")),
        TlsSettings(key_file=Path("missing.pem")),
    ],
    ids=["ca_file", "certificate_file", "key_file"],
)
def test_a_tls_file_that_is_not_there_is_a_settings_error_that_names_it(tls: TlsSettings) -> None:
    found = failure(lambda: rest_at("https://broker:8443", tls=tls))

    assert isinstance(found, SettingsError)
    assert "missing.pem" in found.message


def test_a_tls_file_that_holds_something_else_is_an_error_of_ours(authority: Authority, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("not a certificate")

    for tls in (
        TlsSettings(ca_file=wrong),
        TlsSettings(ca_file=authority.ca_file, certificate_file=wrong),
        TlsSettings(ca_file=authority.ca_file, certificate_file=authority.issue("c").certificate, key_file=wrong),
    ):
        with answering(CLUSTERS, context=authority.context()) as broker, rest_at(broker.url, tls=tls) as rest:
            assert isinstance(failure(rest.clusters), BrokerUnreachable)


# -- proxies


def test_the_environments_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(CLUSTERS) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        with rest_at("http://broker.invalid:8080") as rest:
            assert rest.clusters() == ("eu",)

    assert proxy.heard[0].line == "GET http://broker.invalid:8080/admin/v2/clusters HTTP/1.1"


def test_each_host_has_the_proxy_that_the_environment_means_for_it(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("http_proxy", f"http://{port}")
    monkeypatch.setenv("no_proxy", "one.example, two.example:8080")
    session = build_session(TlsSettings())

    def proxies(url: str) -> Any:
        return session.merge_environment_settings(url, {}, None, session.verify, None)["proxies"]

    for _ in range(2):
        assert not proxies("http://one.example:8080/admin/v2/clusters")
        assert not proxies("http://two.example:8080/admin/v2/clusters")
        assert proxies("http://two.example:8081/admin/v2/clusters")["http"] == f"http://{port}"
        assert proxies("http://three.example/admin/v2/clusters")["http"] == f"http://{port}"


def test_the_environments_exceptions_are_kept_to(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("http_proxy", f"http://{port}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    with answering(CLUSTERS) as broker, rest_at(broker.url) as rest:
        assert rest.clusters() == ("eu",)


def test_the_contexts_proxy_wins_against_the_environments(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("http_proxy", f"http://{port}")
    monkeypatch.setenv("all_proxy", f"http://{port}")

    with answering(CLUSTERS) as proxy, rest_at("http://broker.invalid:8080", proxy=proxy.url) as rest:
        assert rest.clusters() == ("eu",)

    assert len(proxy.heard) == 1


def test_a_proxy_gets_its_own_password_and_the_broker_gets_ours() -> None:
    with answering(CLUSTERS) as proxy:
        rest = rest_at(
            "http://broker.invalid:8080",
            proxy=proxy.url.replace("//", "//gate:proxy%2Fpassword@"),
            auth=BasicAuth("alice", Secret("password-of-alice")),
        )
        rest.clusters()
        rest.close()

    headers = proxy.heard[0].headers
    assert headers["proxy-authorization"] == f"Basic {b64encode(b'gate:proxy/password').decode()}"
    assert headers["authorization"] == f"Basic {b64encode(b'alice:password-of-alice').decode()}"


def test_a_proxy_that_is_not_there_is_named_without_its_password(port: str) -> None:
    proxy = f"http://gate:proxy-password@{port}"

    for url in ("http://broker.invalid:8080", "https://broker.invalid:8443"):
        found = failure(rest_at(url, proxy=proxy).clusters)

        assert isinstance(found, BrokerUnreachable)
        assert f"the HTTP proxy {port} gives no connection: Connection refused" in found.message
        assert "proxy-password" not in found.message + found.hint
        assert found.__cause__ is None


def test_a_proxy_that_wants_a_password_is_told_apart_from_the_broker() -> None:
    refusing = http(b"", "407 Proxy Authentication Required")

    with answering(refusing) as proxy, rest_at("http://broker.invalid:8080", proxy=proxy.url) as rest:
        plain = failure(rest.clusters)
    with answering(refusing) as proxy, rest_at("https://broker.invalid:8443", proxy=proxy.url) as rest:
        tunnelled = failure(rest.clusters)

    assert isinstance(plain, NotAuthenticated)
    assert "proxy" in plain.hint
    assert isinstance(tunnelled, BrokerUnreachable)
    assert "407 Proxy Authentication Required" in tunnelled.message
    assert proxy.heard[0].line.startswith("CONNECT broker.invalid:8443 ")


def test_a_trigger_that_no_proxy_took_was_surely_not_accepted(port: str) -> None:
    with answering(CLUSTERS) as broker:
        rest = rest_at(broker.url)
        rest.clusters()
        rest.close()
        dead = rest_at(broker.url, proxy=f"http://{port}")
        dead._transport._answered = broker.url
        found = failure(lambda: dead.trigger_offload(TOPIC, Position(33, 0)))

    assert "accepted" not in found.hint
