"""Credentials: which keys belong together, which exclude each other, and where a secret is read from."""

import base64
import json
from pathlib import Path

import pytest

from offloadctl.config.auth import auth_from, excluded_by, strongest_auth
from offloadctl.config.given import Given, Layer, by_context
from offloadctl.config.keys import KEYS, Value
from offloadctl.errors import SettingsError
from offloadctl.model.settings import BasicAuth, OAuth2Auth, TokenAuth
from offloadctl.redaction import Secret, scrub

AUTH_KEYS = [key.path for key in KEYS if key.path.startswith("auth.")]
OAUTH2: dict[str, Value] = {"auth.issuer_url": "https://issuer", "auth.client_id": "me"}


def given(**values: Value) -> tuple[Given, ...]:
    return tuple(Given(f"auth.{name}", value, by_context("a")) for name, value in values.items())


@pytest.mark.parametrize(
    ("values", "auth"),
    [
        ({"token": Secret("a-token")}, TokenAuth(text=Secret("a-token"))),
        ({"token_file": Path("/run/token")}, TokenAuth(file=Path("/run/token"))),
        ({"token_env": "MY_TOKEN"}, TokenAuth(environment="MY_TOKEN")),
        ({"user": "me", "password": Secret("sesame")}, BasicAuth("me", Secret("sesame"))),
        ({"user": "me", "password_env": "MY_PASSWORD"}, BasicAuth("me", Secret("from-env"))),
        (
            {"issuer_url": "https://i", "client_id": "me", "client_secret": Secret("sesame"), "scope": "s"},
            OAuth2Auth("https://i", "me", Secret("sesame"), scope="s"),
        ),
        (
            {"issuer_url": "https://i", "client_id": "me", "client_secret_env": "MY_PASSWORD", "audience": "a"},
            OAuth2Auth("https://i", "me", Secret("from-env"), audience="a"),
        ),
        ({}, None),
    ],
)
def test_values_become_credentials(values: dict[str, Value], auth: object) -> None:
    assert auth_from(given(**values), {"MY_PASSWORD": " from-env\n"}) == auth


def test_secrets_are_read_from_files_and_trimmed(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("sesame\n")

    assert auth_from(given(user="me", password_file=file), {}) == BasicAuth("me", Secret("sesame"))
    found = auth_from(given(issuer_url="https://i", client_id="me", client_secret_file=file), {})
    assert found == OAuth2Auth("https://i", "me", Secret("sesame"))


def test_a_key_file_brings_the_client_and_its_secret(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps({"type": "client_credentials", "client_id": "from-file", "client_secret": "sesame"}))

    found = auth_from(given(issuer_url="https://i", key_file=file), {})
    named = auth_from(given(issuer_url="https://i", client_id="mine", key_file=file), {})

    assert found == OAuth2Auth("https://i", "from-file", Secret("sesame"))
    assert named == OAuth2Auth("https://i", "mine", Secret("sesame"))


def test_the_header_of_basic_authentication_is_as_secret_as_the_password() -> None:
    auth_from(given(user="me", password=Secret("sesame")), {})

    header = base64.b64encode(b"me:sesame").decode()
    assert scrub(header) == "******"


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"user": "me"}, r"context a: auth\.user is given without auth\.password_file"),
        ({"password": Secret("x" * 5)}, r"context a: auth\.password is given without auth\.user"),
        ({"issuer_url": "https://i"}, r"need auth\.client_secret_file, auth\.client_secret_env or auth\.key_file"),
        ({"client_id": "me", "client_secret": Secret("x" * 5)}, r"need auth\.issuer_url beside auth\.client_id"),
        ({"issuer_url": "https://i", "client_secret": Secret("x" * 5)}, r"need auth\.client_id beside"),
        ({"user": "me", "password_env": "UNSET"}, r"auth\.password_env \(context a\): the environment variable UNSET"),
        ({"user": "me", "password_env": "BLANK"}, r"the environment variable BLANK is not set"),
        ({"user": "me", "password_file": Path("/nowhere")}, r"auth\.password_file \(context a\): /nowhere cannot be"),
        ({"issuer_url": "https://i", "key_file": Path("/nowhere")}, r"auth\.key_file \(context a\): /nowhere cannot"),
    ],
)
def test_incomplete_credentials_say_what_is_missing(values: dict[str, Value], complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        auth_from(given(**values), {"BLANK": "  "})


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_secret_file_is_refused(content: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(content)

    with pytest.raises(SettingsError, match=r"auth\.password_file \(context a\): .* is empty"):
        auth_from(given(user="me", password_file=file), {})


@pytest.mark.parametrize(
    "content",
    ["swordfish", '{"client_id": "me", "client_secret": swordfish}', '{"client_secret": "swordfish"}', '["swordfish"]'],
)
def test_a_key_file_that_is_none_is_refused_without_showing_it(content: str, tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text(content)

    with pytest.raises(SettingsError, match=r"key file .*key\.json") as caught:
        auth_from(given(issuer_url="https://i", key_file=file), {})

    assert "swordfish" not in caught.value.message + caught.value.hint


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(SettingsError, match="cannot be read: it is not UTF-8"):
        auth_from(given(user="me", password_file=file), {})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("auth.token", "auth.token_file"),
        ("auth.token_env", "auth.token_file"),
        ("auth.password", "auth.password_env"),
        ("auth.client_secret", "auth.key_file"),
        ("auth.token", "auth.user"),
        ("auth.user", "auth.issuer_url"),
    ],
)
def test_keys_of_one_source_that_exclude_each_other_are_refused(first: str, second: str) -> None:
    layer = Layer(tuple(Given(path, "x", by_context("a")) for path in (first, second)))

    with pytest.raises(SettingsError, match=f"context a: {first} and {second} exclude each other"):
        strongest_auth([layer])


@pytest.mark.parametrize("path", AUTH_KEYS)
def test_exclusion_is_mutual_and_never_of_oneself(path: str) -> None:
    excluded = excluded_by(path, AUTH_KEYS)

    assert path not in excluded
    assert all(path in excluded_by(other, AUTH_KEYS) for other in excluded)


def test_keys_that_are_no_credentials_exclude_nothing() -> None:
    assert excluded_by("cluster", AUTH_KEYS) == ()
    assert excluded_by("auth.token", ("cluster", "tls.ca_file")) == ()


def test_a_weaker_source_of_another_kind_is_left_out_altogether() -> None:
    strong = Layer((Given("auth.token_file", Path("/t"), by_context("strong")),))
    weak = Layer(given(user="me", password=Secret("sesame")))

    assert [one.path for one in strongest_auth([strong, weak])] == ["auth.token_file"]
