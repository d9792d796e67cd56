"""The command line as the journal keeps it: as a shell takes it, not endless, and without secrets."""

import shlex

from offloadctl.cli.command_words import command_words, given
from offloadctl.redaction import Secret


def test_they_are_what_a_shell_takes() -> None:
    arguments = ["offload", "topic", "acme/shop/orders", "--reason", "Ann's ticket"]

    with given(arguments):
        words = command_words()

    assert shlex.split(words) == arguments


def test_a_shells_quotes_hide_no_secret() -> None:
    secret = Secret("it's-a-secret-of-some-length")

    with given(["offload", "all", "--admin-url", f"http://me:{secret.reveal()}@host"]):
        words = command_words()

    assert "a-secret-of-some" not in words


def test_of_a_secret_that_a_long_line_is_cut_in_nothing_is_left() -> None:
    secret = Secret("0123456789" * 100)

    with given(["offload", "topic", "x" * 1500, "--reason", secret.reveal()]):
        words = command_words()

    assert "0123456789" not in words
