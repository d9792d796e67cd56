"""pulsarctl's contexts, and how a file's owner is told."""

import json
from pathlib import Path

import pytest

from offloadctl.config.importing import Tool, load_any
from offloadctl.config.keys import Value
from offloadctl.config.pulsarctl import PulsarctlContexts, load_pulsarctl, parse_pulsarctl
from offloadctl.errors import SettingsError
from offloadctl.redaction import MASK, Secret, scrub

FILE = Path("/home/me/.config/pulsar/config")
TEXT = """\
auth-info:
  eu:
    locationoforigin: /home/me/.config/pulsar/config
    tls_trust_certs_file_path: ca.pem
    tls_allow_insecure_connection: true
    token: tok-of-eu
    tokenFile: ""
    issuer_endpoint: ""
    clientID: ""
    audience: ""
    key_file: ""
  us:
    issuer_endpoint: https://issuer/
    client_id: me
    audience: urn:pulsar
    scope: all
    key_file: /keys/us.json
contexts:
  eu:
    admin-service-url: https://eu:8443
    bookie-service-url: http://bookie:8080
  us:
    admin-service-url: https://us-1:8443,us-2:8443
    bookie-service-url: ""
  bare:
    admin-service-url: ""
current-context: us
"""


def values_of(found: PulsarctlContexts, name: str) -> dict[str, Value]:
    (one,) = (one for one in found.contexts if one.name == name)
    return {given.path: given.value for given in one.layer.given}


def login(lines: str) -> dict[str, Value]:
    return values_of(
        parse_pulsarctl(f"contexts:\n  a: {{admin-service-url: ''}}\nauth-info:\n  a:\n{lines}", FILE), "a"
    )


def test_every_context_becomes_settings() -> None:
    found = parse_pulsarctl(TEXT, FILE)

    assert found.current == "us"
    assert values_of(found, "eu") == {
        "admin_urls": ("https://eu:8443",),
        "tls.ca_file": FILE.parent / "ca.pem",
        "tls.verify": False,
        "auth.token": Secret("tok-of-eu"),
    }
    assert values_of(found, "us") == {
        "admin_urls": ("https://us-1:8443", "https://us-2:8443"),
        "auth.issuer_url": "https://issuer",
        "auth.client_id": "me",
        "auth.audience": "urn:pulsar",
        "auth.scope": "all",
        "auth.key_file": Path("/keys/us.json"),
    }
    assert values_of(found, "bare") == {}


def test_what_is_left_out_and_what_is_dangerous_is_told() -> None:
    eu, us, _ = parse_pulsarctl(TEXT, FILE).contexts

    assert [one.key for one in eu.left_out] == ["bookie-service-url"]
    assert "certificate is not checked" in eu.remarks[0]
    assert (us.left_out, us.remarks) == ((), ())


@pytest.mark.parametrize(
    ("lines", "settings"),
    [
        ("    tokenFile: /run/token\n", {"auth.token_file": Path("/run/token")}),
        (
            "    tls_cert_file: /c.pem\n    tls_key_file: /k.pem\n",
            {"tls.certificate_file": Path("/c.pem"), "tls.key_file": Path("/k.pem")},
        ),
        (
            "    issuer_endpoint: https://i\n    clientID: old\n",
            {"auth.issuer_url": "https://i", "auth.client_id": "old"},
        ),
        ("    token: t0ken\n    tokenFile: /run/token\n", {"auth.token": Secret("t0ken")}),
        ("    token: t0ken\n    issuer_endpoint: https://i\n", {"auth.token": Secret("t0ken")}),
    ],
)
def test_each_way_to_log_in_is_read(lines: str, settings: dict[str, Value]) -> None:
    assert login(lines) == settings


def test_what_a_token_pushes_aside_and_what_is_unknown_is_listed() -> None:
    lines = "    token: t0ken\n    tokenFile: /run/token\n    issuer_endpoint: https://i\n    novelty: 1\n"
    text = f"contexts:\n  a: {{admin-service-url: '', other: 1}}\nauth-info:\n  a:\n{lines}"

    (one,) = parse_pulsarctl(text, FILE).contexts

    assert [left.key for left in one.left_out] == ["other", "novelty", "tokenFile", "issuer_endpoint"]


def test_only_the_chosen_contexts_are_read_whatever_is_wrong_with_the_others() -> None:
    text = TEXT.replace("https://eu:8443", "pulsar://eu:6650")

    found = parse_pulsarctl(text, FILE, only=("us",))

    assert [one.name for one in found.contexts] == ["us"]
    with pytest.raises(SettingsError, match="pulsarctl context eu: admin_urls must be"):
        parse_pulsarctl(text, FILE)


def test_a_context_that_is_not_in_the_file_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match="unknown context 'uss'") as caught:
        parse_pulsarctl(TEXT, FILE, only=("uss",))

    assert caught.value.hint == "did you mean us?"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("contexts: [", "line 1: not YAML|not YAML"),
        ("token: swordfish: x\n", "line 1: not YAML"),
        ("- swordfish\n", "must be a table"),
        ("contexts: swordfish\n", "contexts: must be a table"),
        ("contexts: {}\n", "holds no contexts"),
        ("contexts: {a: swordfish}\n", "config, a: must be a table"),
        ("contexts: {a: {}}\nauth-info: {a: swordfish}\n", "config, a: must be a table"),
        ("contexts: {1: {}}\n", "contexts: must be a table"),
        ("contexts: {a: {}}\nauth-info: {a: {token: [swordfish]}}\n", "auth.token must be a secret string"),
        ("\x00", "not YAML"),
    ],
)
def test_a_file_that_is_none_is_refused_without_showing_what_it_holds(text: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint) as caught:
        parse_pulsarctl(text, FILE)

    assert "swordfish" not in caught.value.message + caught.value.hint


def test_a_token_is_remembered() -> None:
    parse_pulsarctl(TEXT, FILE)

    assert scrub("tok-of-eu") == MASK


def test_a_current_context_that_is_not_there_is_none() -> None:
    assert parse_pulsarctl("contexts: {a: {}}\ncurrent-context: b\n", FILE).current is None


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load_pulsarctl(tmp_path / "nowhere")

    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="it is not UTF-8"):
        load_pulsarctl(tmp_path / "binary")


# -- whose file is it?


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        (TEXT, Tool.PULSARCTL),
        ("current-context: a\ncontexts: {a: {}}\n", Tool.PULSARCTL),
        ("webServiceUrl=http://a:8080\n", Tool.CLIENT_CONF),
        ("# comment\n\n  authPlugin : token\nauthParams : token:x-y-z\n", Tool.CLIENT_CONF),
        ("tlsAllowInsecureConnection=true\n", Tool.CLIENT_CONF),
        ("brokerServiceUrl pulsar://a:6650\n", Tool.CLIENT_CONF),
    ],
)
def test_the_owner_of_a_file_is_told_by_its_keys(text: str, tool: Tool, tmp_path: Path) -> None:
    path = tmp_path / "some-file"
    path.write_text(text)

    assert load_any(path).tool is tool


@pytest.mark.parametrize("text", ["", "hello = 1\n", json.dumps({"token": "swordfish"}), "[contexts.a]\n"])
def test_any_other_file_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "some-file"
    path.write_text(text)

    with pytest.raises(SettingsError, match=r"is neither a client\.conf nor a file of pulsarctl's contexts"):
        load_any(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere cannot be read: No such file or directory"):
        load_any(tmp_path / "nowhere")


def test_a_client_conf_has_no_contexts_to_choose_from(tmp_path: Path) -> None:
    path = tmp_path / "client.conf"
    path.write_text("webServiceUrl=http://a:8080\n")

    with pytest.raises(SettingsError, match="holds no contexts to choose from"):
        load_any(path, only=("a",))
