"""What an object store charges for being read."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Final, Self

from offloadctl.errors import BadValue

_THOUSAND: Final = 1000
_GIB: Final = 1024**3
"""AWS bills gigabytes of 2^30 bytes."""

_PRICE: Final = re.compile(r"(?P<what>[a-z]+)=\$?(?P<price>\d{1,9}(?:\.\d{1,9})?)", re.ASCII)

SOURCE: Final = "S3 Standard in us-east-1, https://aws.amazon.com/s3/pricing, as of 2025"


@dataclass(frozen=True, slots=True)
class Prices:
    """In US dollars, or whatever the operator counts in."""

    get: Decimal = Decimal("0.0004")
    """A thousand GET or HEAD requests."""
    list: Decimal = Decimal("0.005")
    """A thousand LIST requests."""
    transfer: Decimal = Decimal(0)
    """A GiB that is read: nothing within the bucket's region; to the internet $0.09, to other regions from $0.01."""
    source: str = SOURCE

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """Other prices for some of it: `get=0.0004`, `list=0.005`, `transfer=0.09`."""
        known = [one.name for one in fields(cls) if one.name != "source"]
        given: dict[str, Decimal] = {}
        for text in texts:
            match = _PRICE.fullmatch(text)
            if match is None or match["what"] not in known:
                raise BadValue(f"{text!r} is no price", hint=f"write {', '.join(f'{one}=PRICE' for one in known)}")
            given[match["what"]] = Decimal(match["price"])
        usual = cls()
        made = cls(given.get("get", usual.get), given.get("list", usual.list), given.get("transfer", usual.transfer))
        if not given:
            return made
        rest = f"; the rest: {SOURCE}" if len(given) < len(known) else ""
        return replace(made, source=f"{', '.join(sorted(given))} as given{rest}")

    def of(self, *, gets: int, lists: int, size: int) -> Decimal:
        """What so much costs."""
        return (self.get * gets + self.list * lists) / _THOUSAND + self.transfer * size / _GIB

    def __str__(self) -> str:
        return f"{self.get:f} a thousand GET, {self.list:f} a thousand LIST, {self.transfer:f} a GiB ({self.source})"
