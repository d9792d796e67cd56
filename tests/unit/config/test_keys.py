"""The table of keys: what each kind accepts, and what an error says."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.config.keys import (
    BUCKET_KEYS,
    KEYS,
    Key,
    Kind,
    Value,
    check_typed,
    find_bucket_key,
    find_key,
    parse_text,
)
from offloadctl.errors import SettingsError
from offloadctl.redaction import Secret, scrub

WHERE = "somewhere"


def key_of(kind: Kind) -> Key:
    return Key("the.key", kind, "What it is for.")


def test_paths_and_variables_are_unique() -> None:
    assert len({key.path for key in KEYS}) == len(KEYS)
    assert len({key.variable for key in KEYS}) == len(KEYS)
    assert len({key.path for key in BUCKET_KEYS}) == len(BUCKET_KEYS)


def test_a_variable_is_the_path_in_capitals() -> None:
    assert find_key("tls.verify_hostname", WHERE).variable == "OFFLOADCTL_TLS_VERIFY_HOSTNAME"


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.TEXT, "  pulsar-prod ", "pulsar-prod"),
        (Kind.SECRET, " s3cr3t\n", Secret("s3cr3t")),
        (Kind.FILE, "/run/token", Path("/run/token")),
        (Kind.SWITCH, "true", True),
        (Kind.SWITCH, "YES", True),
        (Kind.SWITCH, "1", True),
        (Kind.SWITCH, "off", False),
        (Kind.SWITCH, "no", False),
        (Kind.NUMBER, "50", 50.0),
        (Kind.NUMBER, "0.5", 0.5),
        (Kind.LIST, "*.example.com, broker-*", ("*.example.com", "broker-*")),
        (Kind.LIST, "", ()),
        (Kind.URL, "https://minio:9000/", "https://minio:9000"),
        (Kind.SERVICE_URL, "pulsar+ssl://broker:6651/", "pulsar+ssl://broker:6651"),
        (Kind.URLS, "http://a:8080,https://b:8443/", ("http://a:8080", "https://b:8443")),
    ],
)
def test_text_becomes_the_value_of_its_kind(kind: Kind, text: str, value: Value) -> None:
    assert parse_text(key_of(kind), text, WHERE) == value


@pytest.mark.parametrize(
    ("kind", "text", "complaint"),
    [
        (Kind.TEXT, "  ", "must be a string"),
        (Kind.SECRET, "", "must be a secret string, not an empty one"),
        (Kind.FILE, "", "must be a file name, not an empty one"),
        (Kind.FILE, "~nobody-of-that-name/x", "must be a file name, and nobody's home is meant by its ~"),
        (Kind.SWITCH, "maybe", "must be true or false, not 'maybe'"),
        (Kind.NUMBER, "ten", "must be a number above zero, not 'ten'"),
        (Kind.NUMBER, "0", "must be a number above zero, not 0"),
        (Kind.NUMBER, "-3", "must be a number above zero, not -3"),
        (Kind.NUMBER, "nan", "must be a number above zero, not nan"),
        (Kind.NUMBER, "inf", "must be a number above zero, not inf"),
        (Kind.URL, "minio:9000", "must be an http or https address, not 'minio:9000'"),
        (Kind.URL, "ftp://minio", "must be an http or https address"),
        (Kind.SERVICE_URL, "http://broker:8080", "must be a pulsar or pulsar+ssl address, not"),
        (Kind.URL, "http://", "must be an http or https address"),
        (Kind.URL, "http://host:port", "does not parse"),
        (Kind.URLS, "", "must be a list of http or https addresses, not an empty one"),
        (Kind.URLS, "http://a:8080,b:8080", "must be a list of http or https addresses"),
    ],
)
def test_text_that_does_not_fit_is_refused_with_its_place_and_the_key(kind: Kind, text: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=r"somewhere: the\.key") as caught:
        parse_text(key_of(kind), text, WHERE)

    assert complaint in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (Kind.TEXT, 5, "a number"),
        (Kind.TEXT, True, "true or false"),
        (Kind.SECRET, 12345, "a number"),
        (Kind.SWITCH, "true", "a string"),
        (Kind.SWITCH, 1, "a number"),
        (Kind.NUMBER, True, "true or false"),
        (Kind.NUMBER, "5", "a string"),
        (Kind.LIST, "a", "a string"),
        (Kind.LIST, ["a", 1], "a list with other things in it"),
        (Kind.URLS, "http://a:8080", "a string"),
        (Kind.FILE, {"a": 1}, "a dict"),
    ],
)
def test_a_typed_value_of_another_type_is_refused(kind: Kind, value: object, found: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_typed(key_of(kind), value, WHERE)

    assert caught.value.message == f"somewhere: the.key must be {kind.value}, not {found}"


def test_an_error_about_a_typed_value_never_shows_it() -> None:
    with pytest.raises(SettingsError) as caught:
        check_typed(key_of(Kind.NUMBER), "swordfish-42", WHERE)

    assert "swordfish" not in caught.value.message + caught.value.hint


def test_file_names_are_meant_from_the_base_and_from_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    key = key_of(Kind.FILE)

    assert check_typed(key, "token", WHERE, tmp_path) == tmp_path / "token"
    assert check_typed(key, "/run/token", WHERE, tmp_path) == Path("/run/token")
    assert check_typed(key, "~/token", WHERE, tmp_path) == Path("/home/me/token")
    assert parse_text(key, "token", WHERE) == Path("token")


@pytest.mark.parametrize("path", [key.path for key in KEYS])
def test_every_key_is_found_by_its_path(path: str) -> None:
    assert find_key(path, WHERE).path == path


@pytest.mark.parametrize(
    ("word", "nearest"),
    [
        ("admin_url", "admin_urls"),
        ("auth.tokenfile", "auth.token_file"),
        ("token_file", "auth.token_file"),
        ("verify", "tls.verify"),
        ("readonly", "read_only"),
    ],
)
def test_an_unknown_key_is_an_error_that_names_the_nearest(word: str, nearest: str) -> None:
    with pytest.raises(SettingsError, match=f"somewhere: unknown key '{word}'") as caught:
        find_key(word, WHERE)

    assert caught.value.hint == f"did you mean {nearest}?"


def test_an_unknown_key_without_a_near_one_is_told_the_known_ones() -> None:
    with pytest.raises(SettingsError) as caught:
        find_bucket_key("qqqq", WHERE)

    assert caught.value.hint == "known are ca_file, endpoint, name, note, path_style, profile, region"


@pytest.mark.parametrize("path", ["admin_urls", "endpoint", "auth.issuer_url"])
def test_an_address_with_a_password_is_refused_and_the_password_remembered(path: str) -> None:
    key = find_bucket_key(path, WHERE) if path == "endpoint" else find_key(path, WHERE)

    with pytest.raises(SettingsError, match="holds a user name or a password") as caught:
        parse_text(key, "https://me:open%2Fsesame@host:8443", WHERE)

    assert "sesame" not in caught.value.message
    assert scrub("open/sesame open%2Fsesame") == "****** ******"


def test_the_proxy_may_have_a_password_which_is_remembered() -> None:
    value = parse_text(find_key("proxy", WHERE), "http://me:opensesame@proxy:3128", WHERE)

    assert value == "http://me:opensesame@proxy:3128"
    assert scrub(str(value)) == "http://me:******@proxy:3128"


@given(st.sampled_from(list(Kind)), st.text(max_size=40))
def test_any_text_is_a_value_or_an_error_with_a_place(kind: Kind, text: str) -> None:
    assert isinstance(value_or_complaint(kind, text), str | bool | float | Path | Secret | tuple)


def value_or_complaint(kind: Kind, text: str) -> Value:
    try:
        return parse_text(key_of(kind), text, WHERE)
    except SettingsError as error:
        return error.message.removeprefix("somewhere: the.key")
