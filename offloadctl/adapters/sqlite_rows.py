"""Rows of the table `verified`, small and exact: ETags as bytes, times as numbers, figures packed."""

import re
from collections.abc import Mapping
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from offloadctl.model.check import Level
from offloadctl.model.entry_counts import EntryCounts
from offloadctl.model.ledger_times import FirstMessage, Times
from offloadctl.model.names import TopicName
from offloadctl.model.verified import Figures, Mark, Marks, OffloadedLedger, Place, SeenObjects, Verified

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_RANKS: Final = {
    Level.LISTING: 10,
    Level.INDEX: 20,
    Level.BLOCKS: 30,
    Level.ENTRIES: 40,
    Level.READBACK: 50,
}
"""In the order of their depth, with room for others between them."""
_LEVELS: Final = {rank: level for level, rank in _RANKS.items()}

_MD5: Final = re.compile(r"([0-9a-f]{32})(?:-([1-9][0-9]{0,4}))?", re.ASCII)
_MD5_LENGTH: Final = 16
_MOST_PARTS: Final = 2**16 - 1

COLUMNS: Final = (
    "name, ledger_id, uuid, location, bucket, data_etag, data_size, index_etag, index_size,"
    " level, verified_at, run_id, is_clean, rules, figures"
)
"""What `look_of` reads, in this order."""


class _Packed(msgspec.Struct, array_like=True, frozen=True):
    bytes_read: int
    blocks: int | None
    counts: tuple[int, ...] | None
    created_at: int | None
    first: tuple[str, int, int] | None


_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(_Packed).decode


def values_of(one: Verified, *, topic_id: int, place_id: int) -> Mapping[str, object]:
    """The row of a look, by column."""
    return {
        "topic_id": topic_id,
        "ledger_id": one.ledger.ledger_id,
        "uuid": one.ledger.uuid.bytes,
        "place_id": place_id,
        "level": _RANKS[one.level],
        "data_etag": etag_value(one.objects.marks.data.etag),
        "data_size": one.objects.marks.data.size,
        "index_etag": etag_value(one.objects.marks.index.etag),
        "index_size": one.objects.marks.index.size,
        "verified_at": time_value(one.at),
        "run_id": one.run,
        "is_clean": one.is_clean,
        "rules": one.rules,
        "figures": figures_value(one.figures),
    }


def look_of(row: tuple[Any, ...], topic: TopicName) -> Verified:
    """The look of a row of COLUMNS, and its topic, whose name is parsed once for all of them."""
    _, ledger_id, uuid, location, bucket, data_etag, data_size, index_etag, index_size, *rest = row
    level, at, run, is_clean, rules, figures = rest
    return Verified(
        OffloadedLedger(topic, ledger_id, UUID(bytes=uuid)),
        SeenObjects(
            Place(location, bucket),
            Marks(Mark(etag_of(data_etag), data_size), Mark(etag_of(index_etag), index_size)),
        ),
        _LEVELS[level],
        time_of(at),
        run,
        bool(is_clean),
        figures_of(figures),
        rules,
    )


def etag_value(etag: str) -> bytes | str:
    """An ETag as S3 makes them in half its length; any other one as it is."""
    match = _MD5.fullmatch(etag)
    if match is None or int(match[2] or 0) > _MOST_PARTS:
        return etag
    return bytes.fromhex(match[1]) + (int(match[2]).to_bytes(2, "big") if match[2] else b"")


def etag_of(value: bytes | str) -> str:
    """The ETag again."""
    if isinstance(value, str):
        return value
    parts = value[_MD5_LENGTH:]
    return value[:_MD5_LENGTH].hex() + (f"-{int.from_bytes(parts, 'big')}" if parts else "")


def time_value(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def time_of(value: int) -> datetime:
    """The moment again."""
    return _EPOCH + value * _MICROSECOND


def figures_value(figures: Figures) -> bytes:
    """Figures in a few bytes."""
    created_at, first = figures.times.created_at, figures.times.first
    return _pack(
        _Packed(
            figures.bytes_read,
            figures.blocks,
            astuple(figures.counts) if figures.counts is not None else None,
            time_value(created_at) if created_at is not None else None,
            (first.producer, first.sequence_id, time_value(first.published_at)) if first is not None else None,
        )
    )


def figures_of(value: bytes) -> Figures:
    """The figures again."""
    packed = _unpack(value)
    first = packed.first
    return Figures(
        packed.bytes_read,
        packed.blocks,
        EntryCounts(*packed.counts) if packed.counts is not None else None,
        Times(
            time_of(packed.created_at) if packed.created_at is not None else None,
            FirstMessage(first[0], first[1], time_of(first[2])) if first is not None else None,
        ),
    )
