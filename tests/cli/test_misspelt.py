"""Names that are not there: the exit code, and the nearest one that is."""

import re

import pytest

from tests.cli.conftest import Command

SCOPES = [("-n", "acme/shpo", "acme/shop"), ("--tenant", "acmee", "acme")]


@pytest.mark.usefixtures("connected", "topic")
@pytest.mark.parametrize(("option", "given", "nearest"), SCOPES)
@pytest.mark.parametrize("words", [("check",), ("offload", "status")])
def test_a_misspelt_scope_fails_and_names_the_nearest_one(
    words: tuple[str, ...], option: str, given: str, nearest: str, command: Command
) -> None:
    ran = command(*words, option, given)

    assert ran.code == 1
    assert f"did you mean {nearest}?" in ran.flowing


@pytest.mark.usefixtures("connected", "topic")
@pytest.mark.parametrize(
    "words", [("check",), ("offload", "status"), ("offload", "namespace", "acme/shop", "-s", "0", "--dry-run")]
)
def test_an_expression_that_fits_no_topic_is_told_and_is_no_failure(words: tuple[str, ...], command: Command) -> None:
    scope = () if "namespace" in words else ("-n", "acme/shop")

    ran = command(*words, *scope, "--match", "nothing-like-that")

    assert ran.code == 0
    assert re.search(r"^0 of [1-9]\d* topics match nothing-like-that$", ran.err, re.MULTILINE)
    assert "hint: --match is searched for in tenant/namespace/topic" in ran.err
    assert "topics match" not in command(*words, *scope, "--match", "shop").err


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize("words", [("offload", "status"), ("offload", "topic", "-s", "0", "--dry-run")])
def test_a_bare_name_that_is_not_there_is_answered_with_where_it_was_looked_for(
    words: tuple[str, ...], command: Command
) -> None:
    bare, full = command(*words, "orderz"), command(*words, "acme/shop/orderz")

    assert (bare.code, full.code) == (1, 1)
    assert "a name alone means public/default; of another namespace write tenant/namespace/orderz" in (
        bare.flowing + " ".join(bare.err.split())
    )
    assert "a name alone" not in full.out + full.err
