"""What a check remembers of a ledger's two objects: how deep they were looked at, when, and what they were then."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from offloadctl.model.check_words import Level
from offloadctl.model.entry_counts import EntryCounts
from offloadctl.model.ledger_times import NO_TIMES, Times
from offloadctl.model.names import TopicName


class OffloadedLedger(NamedTuple):
    """One attempt to offload one ledger; it names both objects, wherever they are."""

    topic: TopicName
    ledger_id: int
    uuid: UUID


class Place(NamedTuple):
    """A bucket."""

    location: str
    """As `ObjectStore.location`: buckets of different endpoints may have the same name."""
    bucket: str


class Mark(NamedTuple):
    """By what it is known that an object is still the same."""

    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class Marks:
    """Those of both objects of a ledger."""

    data: Mark
    index: Mark


@dataclass(frozen=True, slots=True)
class SeenObjects:
    """Both objects of a ledger as they were looked at, and where."""

    place: Place
    marks: Marks


@dataclass(frozen=True, slots=True)
class Earlier:
    """Ledgers that earlier checks have looked at and whose objects are unchanged."""

    ledgers: int = 0
    oldest: datetime | None = None
    """When the first of these looks was."""
    object_bytes: int = 0

    def __add__(self, other: "Earlier") -> "Earlier":
        oldest = min((one for one in (self.oldest, other.oldest) if one is not None), default=None)
        return Earlier(self.ledgers + other.ledgers, oldest, self.object_bytes + other.object_bytes)


NO_EARLIER: Final = Earlier()


@dataclass(frozen=True, slots=True)
class Figures:
    """What the look brought that a report repeats."""

    bytes_read: int = 0
    blocks: int | None = None
    counts: EntryCounts | None = None
    times: Times = NO_TIMES


RULES: Final = 1
"""Raised whenever a level looks at more than it did: what fewer rules found clean is looked at again."""


@dataclass(frozen=True, slots=True)
class Verified:
    """Both objects of a ledger, in one bucket, as a check left them."""

    ledger: OffloadedLedger
    objects: SeenObjects
    level: Level
    at: datetime
    run: int
    is_clean: bool
    """Whether all of the level was looked at and nothing was found, not even a warning."""
    figures: Figures = Figures()
    rules: int = RULES
    """Of which version of the rules."""


def newest_clean(known: Iterable[Verified], level: Level, since: datetime) -> Verified | None:
    """Of what is known of one ledger in one bucket, the last clean look of that level or deeper, not before `since`.

    None also if another look found something: that stands until one as deep finds nothing, or the objects change.
    """
    newest = None
    for one in known:
        if not one.is_clean:
            return None
        is_deep = one.level.includes(level) and one.rules >= RULES
        if is_deep and one.at >= since and (newest is None or _is_better(one, newest)):
            newest = one
    return newest


def merged(known: Iterable[Verified], new: Verified) -> list[Verified]:
    """What is known of one ledger in one bucket once that look is remembered too, one of each level at most."""
    kept = [one for one in known if _outlives(one, new)]
    is_outdated = any(_contradicts(one, new) or one.level is new.level for one in kept)
    return kept if is_outdated else [*kept, new]


def _outlives(old: Verified, new: Verified) -> bool:
    """Whether it is still worth knowing beside a new look."""
    return old.at > new.at or (
        new.is_clean and old.objects.marks == new.objects.marks and not new.level.includes(old.level)
    )


def _contradicts(old: Verified, new: Verified) -> bool:
    """Whether what is known is newer, and of other objects or no good news of these."""
    return old.at > new.at and (not old.is_clean or old.objects.marks != new.objects.marks)


def _is_better(one: Verified, other: Verified) -> bool:
    return one.at > other.at or (one.at == other.at and one.level.includes(other.level))
