"""Prices as they are given, and what they make of requests and bytes."""

from decimal import Decimal

import pytest

from offloadctl.errors import BadValue
from offloadctl.model.price import SOURCE, Prices


def test_by_default_they_are_those_of_s3_and_say_whose_and_when() -> None:
    prices = Prices.parse(())

    assert prices.of(gets=10_000_000, lists=1_000_000, size=5 * 1024**4) == Decimal("9.00")
    assert str(prices).endswith(f"({SOURCE})")
    assert "20" in SOURCE


def test_some_can_be_given_and_the_source_tells_which() -> None:
    prices = Prices.parse(["transfer=0.09", "get=$0.001"])

    assert prices.of(gets=1000, lists=0, size=10 * 1024**3) == Decimal("0.901")
    assert prices.source == f"get, transfer as given; the rest: {SOURCE}"
    assert Prices.parse(["get=1", "list=2", "transfer=3"]).source == "get, list, transfer as given"


@pytest.mark.parametrize("text", ["", "get", "get=", "put=1", "get=-1", "get=1e3", "source=1", "get=1.", "GET=1"])
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match="is no price"):
        Prices.parse([text])
