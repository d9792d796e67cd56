"""A part of the ledgers, the same whenever the same seed asks for it.

Each ledger has a place on a circle, which its objects' names decide, and a sample is a stretch of that circle: so it
makes no difference to a ledger what others there are.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from math import ceil
from typing import Final, Self
from uuid import UUID

from offloadctl.errors import BadValue
from offloadctl.units import ByteSize, format_size, parse_size

_PERCENT: Final = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)%", re.ASCII)
_FRACTION: Final = re.compile(r"(\d{1,9})/(\d{1,9})", re.ASCII)
_SIZE: Final = re.compile(r"(\d+[kmgt])(?:ib)?", re.ASCII | re.IGNORECASE)
_WHOLE: Final = 2**64
_HOW: Final = "write 5%, 1/7 or 200GiB, at most all of them"


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
            raise BadValue(f"{text!r} is no share of the ledgers", hint=_HOW)
        return cls(share, seed)

    @property
    def runs(self) -> int:
        """With so many seeds, one after the other, every ledger has had its turn."""
        return ceil(1 / self.share)

    def takes(self, uuid: UUID, ledger_id: int) -> bool:
        """Whether a ledger is in it."""
        return (Fraction(_place(uuid, ledger_id), _WHOLE) - self.seed * self.share) % 1 < self.share

    def __str__(self) -> str:
        return f"{self.share}, seed {self.seed}"


@dataclass(frozen=True, slots=True)
class Window:
    """The ledgers of a sample by size, as it turned out when all of them were known."""

    sample: "ByteSample"
    runs: int
    """With so many seeds, one after the other, every ledger has had its turn."""
    begin: int
    end: int

    def takes(self, uuid: UUID, ledger_id: int) -> bool:
        """Whether a ledger is in it; one that was not known then is in exactly one of the windows too."""
        return self.begin <= _place(uuid, ledger_id) < self.end

    @property
    def bounds(self) -> str:
        """What `ByteSample.again` makes the same window of."""
        return f"{self.runs} {self.begin:x} {self.end:x}"

    def __str__(self) -> str:
        return str(self.sample)


@dataclass(frozen=True, slots=True)
class ByteSample:
    """At most so many bytes of ledgers, of one ledger at least. Seeds take one such part after the other."""

    size: ByteSize
    seed: int = 0

    @property
    def runs(self) -> int:
        """Not known before all ledgers are."""
        return 0

    def window(self, ledgers: Iterable[tuple[UUID, int, int]]) -> Window:
        """Which part it is of these: uuid, ledger id and size of each."""
        starts, filled = [0], 0
        # One number for each, the place before the size: millions of them must be sorted.
        for packed in sorted((_place(uuid, ledger_id) << 64) | size for uuid, ledger_id, size in ledgers):
            place, size = packed >> 64, packed & (_WHOLE - 1)
            if filled and filled + size > self.size and place > starts[-1]:
                starts.append(place)
                filled = 0
            filled += size
        number = self.seed % len(starts)
        return Window(self, len(starts), starts[number], (*starts, _WHOLE)[number + 1])

    def again(self, bounds: str) -> Window:
        """The window of these bounds."""
        runs, begin, end = bounds.split()
        return Window(self, int(runs), int(begin, 16), int(end, 16))

    def __str__(self) -> str:
        return f"{format_size(self.size)}, seed {self.seed}"


def parse_sample(text: str, *, seed: int = 0) -> Sample | ByteSample:
    """Read `5%`, `1/7`, or `200GiB`, which pulsar-admin would write `200G`."""
    size = _SIZE.fullmatch(text)
    if size is None:
        return Sample.parse(text, seed=seed)
    most = parse_size(size[1])
    if most == 0:
        raise BadValue(f"{text!r} is no size of a sample", hint=_HOW)
    return ByteSample(most, seed)


def _place(uuid: UUID, ledger_id: int) -> int:
    digest = blake2b(uuid.bytes + ledger_id.to_bytes(8, "big"), digest_size=8).digest()
    return int.from_bytes(digest, "big")
