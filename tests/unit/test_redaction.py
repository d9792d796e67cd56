"""Secrets: a type that does not show itself, and the net for what the type cannot reach."""

import base64
import copy
import html
import json
import traceback
from urllib.parse import quote

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.redaction import MASK, Secret, remember, remember_address, remember_environment, scrub, switched_off

SECRETS = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters=MASK), min_size=4, max_size=30
).filter(lambda secret: secret not in ("true", "false", "null"))


def test_a_secret_shows_itself_in_no_usual_way() -> None:
    secret = Secret("swordfish")

    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r}", "%s" % secret, str([secret]), str({"a": secret})]  # noqa: UP031

    assert all("swordfish" not in text for text in shown)
    assert secret.reveal() == "swordfish"


def test_a_secret_is_compared_and_hashed_by_its_text() -> None:
    assert Secret("a-secret") == Secret("a-secret")
    assert Secret("a-secret") != Secret("another")
    assert Secret("a-secret") != "a-secret"
    assert len({Secret("a-secret"), Secret("a-secret")}) == 1


def test_a_copied_secret_is_still_one() -> None:
    assert "swordfish" not in repr(copy.deepcopy(Secret("swordfish")))


def test_a_secret_cannot_be_written_to_json_by_accident() -> None:
    with pytest.raises(TypeError):
        json.dumps({"token": Secret("swordfish")})


def test_a_secret_does_not_stand_in_an_error() -> None:
    text = "".join(traceback.format_exception(ValueError("cannot use", Secret("swordfish"))))

    assert text == f"ValueError: ('cannot use', Secret({MASK}))\n"


def test_making_a_secret_is_enough_for_the_net_to_know_it() -> None:
    Secret("swordfish")

    assert scrub("the password is swordfish!") == f"the password is {MASK}!"


@given(SECRETS)
def test_every_spelling_of_a_secret_is_found(secret: str) -> None:
    remember(secret)

    for text in (
        secret,
        json.dumps({"token": secret}),
        json.dumps({"token": secret}, ensure_ascii=False),
        f"/token/{quote(secret, safe='')}?token={quote(secret)}",
        html.escape(f"<p>{secret}</p>"),
        f"cannot use {secret!r}",
    ):
        assert secret not in scrub(text)


@given(SECRETS, SECRETS)
def test_a_secret_within_another_leaves_no_rest(first: str, second: str) -> None:
    remember(first)
    remember(first + second)

    assert scrub(f"<{first + second}>") == f"<{MASK}>"


@given(st.text())
def test_a_text_without_secrets_stays_as_it_is(text: str) -> None:
    assert scrub(text) == text


@given(SECRETS, st.text())
def test_scrubbing_twice_is_scrubbing_once(secret: str, text: str) -> None:
    remember(secret)

    once = scrub(text + secret + text)

    assert scrub(once) == once


@pytest.mark.parametrize("secret", ["a\nlong private\nkey", "  padded  ", "with space\n"])
def test_each_line_of_a_secret_is_one_and_its_padding_is_not(secret: str) -> None:
    remember(secret)

    for line in secret.splitlines():
        assert line.strip() not in scrub(f"<{line.strip()}>") or len(line.strip()) < 4


@pytest.mark.parametrize("text", ["", "abc", " ab ", "true", "false", "null"])
def test_what_is_too_short_or_in_every_document_is_no_secret(text: str) -> None:
    remember(text)

    assert scrub(f"x{text}y") == f"x{text}y"


@pytest.mark.parametrize(
    "name",
    [
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "OFFLOADCTL_TOKEN",
        "OFFLOADCTL_AUTH_PASSWORD",
        "OFFLOADCTL_AUTH_CLIENT_SECRET",
        "MY_API_KEY",
        "github_token",
        "PASSWORD",
    ],
)
def test_variables_with_the_name_of_a_secret_are_remembered(name: str) -> None:
    remember_environment({name: "swordfish-42"})

    assert scrub("swordfish-42") == MASK


@pytest.mark.parametrize(
    ("name", "value"),
    [("OFFLOADCTL_TOKEN_FILE", "/run/secret/token"), ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE1"), ("MY_TOKEN", "none")],
)
def test_other_variables_are_not(name: str, value: str) -> None:
    remember_environment({name: value})

    assert scrub(value) == value


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"])
def test_passwords_of_proxies_are_remembered_in_both_spellings(name: str) -> None:
    remember_environment({name: "http://me:open%2Fsesame@proxy:3128"})

    assert scrub("open%2Fsesame open/sesame http://me") == f"{MASK} {MASK} http://me"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_the_header_that_carries_a_proxy_s_password_is_a_secret_too(encoding: str) -> None:
    remember_environment({"HTTPS_PROXY": "http://me:%C3%B6ffne%2Fdich@proxy:3128"})

    header = base64.b64encode("me:öffne/dich".encode(encoding)).decode()
    assert scrub(f"Basic {header}") == f"Basic {MASK}"


@pytest.mark.parametrize(
    "address",
    ["http://me:sesame@host", "me:sesame@host", "http://me:sesame@[", "http://me:sesame@host:99999", "x://:sesame@"],
)
def test_the_password_of_an_address_is_found_whatever_else_is_wrong_with_it(address: str) -> None:
    remember_address(address)

    assert scrub(address) == address.replace("sesame", MASK)


@pytest.mark.parametrize("value", ["http://proxy:3128", "proxy", "http://[", ""])
def test_proxies_without_a_password_are_no_trouble(value: str) -> None:
    remember_environment({"HTTPS_PROXY": value})

    assert scrub(f"<{value}>") == f"<{value}>"


def test_the_net_can_be_opened_and_closes_again() -> None:
    remember("swordfish")

    with switched_off():
        assert scrub("swordfish") == "swordfish"
    assert scrub("swordfish") == MASK


def test_the_net_closes_after_an_error_too() -> None:
    remember("swordfish")

    with pytest.raises(RuntimeError), switched_off():
        raise RuntimeError
    assert scrub("swordfish") == MASK


def test_yaml_does_not_know_secrets_either() -> None:
    with pytest.raises(yaml.representer.RepresenterError):
        yaml.safe_dump({"token": Secret("swordfish")})
