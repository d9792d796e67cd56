"""A part of the ledgers, the same whenever the same seed asks for it."""

import re
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from math import ceil
from typing import Final, Self
from uuid import UUID

from offloadctl.errors import BadValue

_PERCENT: Final = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)%", re.ASCII)
_FRACTION: Final = re.compile(r"(\d{1,9})/(\d{1,9})", re.ASCII)
_WHOLE: Final = 2**64


@dataclass(frozen=True, slots=True)
class Sample:
    """A share of all ledgers. Seeds that follow each other take different ledgers until all have had their turn."""

    share: Fraction
    seed: int = 0

    @classmethod
    def parse(cls, text: str, *, seed: int = 0) -> Self:
        """Read `5%` or `1/7`."""
        percent, fraction = _PERCENT.fullmatch(text), _FRACTION.fullmatch(text)
        share = Fraction(0)
        if percent is not None:
            share = Fraction(percent[1]) / 100
        elif fraction is not None and int(fraction[2]):
            share = Fraction(int(fraction[1]), int(fraction[2]))
        if not 0 < share <= 1:
            raise BadValue(f"{text!r} is no share of the ledgers", hint="write 5% or 1/7, at most all of them")
        return cls(share, seed)

    @property
    def runs(self) -> int:
        """With so many seeds, one after the other, every ledger has had its turn."""
        return ceil(1 / self.share)

    def takes(self, uuid: UUID, ledger_id: int) -> bool:
        """Whether a ledger is in it; its objects' names decide, so that it makes no difference what else there is."""
        digest = blake2b(uuid.bytes + ledger_id.to_bytes(8, "big"), digest_size=8).digest()
        place = Fraction(int.from_bytes(digest, "big"), _WHOLE)
        return (place - self.seed * self.share) % 1 < self.share

    def __str__(self) -> str:
        return f"{self.share}, seed {self.seed}"
