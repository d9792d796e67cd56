"""What reading every byte of a wide scope costs is told before, and needs a yes or a budget, on a terminal or not."""

import io
import sys

import pytest

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.model.names import TopicName
from tests.cli.conftest import Command, fill
from tests.cli.test_check import offload

ORDERS, CLICKS = TopicName("cost", "shop", "orders"), TopicName("cost", "shop", "clicks")
WIDE = ("check", "-n", "cost/shop", "--level", "entries")


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def shop(connected: EmbeddedCluster) -> EmbeddedCluster:
    """A namespace of two topics with three ledgers each in S3."""
    for topic in (ORDERS, CLICKS):
        if topic not in connected.cluster.metadata:
            fill(connected, topic)
            offload(connected, topic)
    return connected


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(text))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)


def test_elsewhere_nothing_is_read_without_a_yes(command: Command, shop: EmbeddedCluster) -> None:
    ran = command(*WIDE, "-o", "json")

    assert (ran.code, ran.document["kind"]) == (6, "Error")
    assert "of 6 ledgers in 2 topics, by 24 GET and HEAD requests, for less than $0.01" in ran.err
    assert "0.0004 a thousand GET" in ran.err
    assert "https://aws.amazon.com/s3/pricing, as of 20" in ran.err
    assert "add --yes, or a budget" in ran.err


@pytest.mark.parametrize("given", [("--yes",), ("--max-requests", "1000"), ("--max-duration", "1h")])
def test_a_yes_or_a_budget_is_enough(command: Command, shop: EmbeddedCluster, given: tuple[str, ...]) -> None:
    ran = command(*WIDE, *given, "-o", "json")

    assert (ran.code, ran.document["coverage"]["ledgersCovered"]) == (0, 6)
    assert ran.document["coverage"]["bytesRead"] == ran.document["coverage"]["objectBytes"]
    assert "to read: " in ran.err


def test_a_rate_is_no_budget(command: Command, shop: EmbeddedCluster) -> None:
    assert command(*WIDE, "--rate", "100").code == 6


def test_the_price_is_that_of_the_sample(command: Command, shop: EmbeddedCluster) -> None:
    """Which half a ledger is in depends on its uuid: one half may be empty, and together they are all."""
    halves = []
    for seed in (0, 1):
        half = command(*WIDE, "--sample", "1/2", "--seed", str(seed), "-o", "json")

        covered = half.document["coverage"]["ledgersCovered"]
        assert f"of {covered:,} ledgers of the sample 1/2, seed {seed} in 2 topics, by {4 * covered:,} GET" in half.err
        halves.append(covered)

    assert sum(halves) == 6


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("n\n", 6), ("\n", 6)])
def test_on_a_terminal_it_is_asked_for(
    command: Command, shop: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    answer(monkeypatch, typed)

    ran = command(*WIDE)

    assert ran.code == code
    assert "Read all of it?" in ran.err


def test_prices_can_be_given(command: Command, shop: EmbeddedCluster) -> None:
    ran = command(*WIDE, "--price", "get=1000", "--price", "transfer=0.09")

    assert (
        "for about $24.00 at 1000 a thousand GET, 0.005 a thousand LIST, 0.09 a GiB (get, transfer as given" in ran.err
    )
    wrong = command(*WIDE, "--price", "put=1")
    assert (wrong.code, "get=PRICE" in wrong.err) == (2, True)


def test_everything_is_listed_too(command: Command, shop: EmbeddedCluster) -> None:
    ran = command("check", "--all", "--level", "readback")

    assert ran.code == 2
    everything = command("check", "--all", "--level", "entries")
    assert (everything.code, "and at least 1 LIST requests" in everything.err) == (6, True)


@pytest.mark.parametrize(
    "asked", [(str(ORDERS), "-l", "entries"), ("-n", "cost/shop"), ("-n", "cost/shop", "-l", "blocks")]
)
def test_what_costs_little_is_done_without_a_word(
    command: Command, shop: EmbeddedCluster, asked: tuple[str, ...]
) -> None:
    ran = command("check", *asked)

    assert (ran.code, "to read" in ran.err) == (0, False)


def test_where_nothing_is_in_s3_nobody_must_agree(command: Command, connected: EmbeddedCluster) -> None:
    fill(connected, TopicName("cost", "nothing", "offloaded"))

    ran = command("check", "-n", "cost/nothing", "--level", "entries")

    assert (ran.code, "0 B of 0 ledgers" in ran.err) == (0, True)
