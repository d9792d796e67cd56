"""What `offloadctl object` shows, for people."""

from collections.abc import Iterator
from typing import Final

from rich.console import RenderableType

from offloadctl.check.index import created_at
from offloadctl.check.subject import Subject
from offloadctl.exitcodes import ExitCode
from offloadctl.format.index_object import IndexObject
from offloadctl.model.finding import Finding
from offloadctl.model.inspection import BlockListing, EntryLine, EntryListing, MessagePlace, Verification
from offloadctl.ports import ObjectInfo
from offloadctl.report.check_text import counts_text
from offloadctl.report.text import Cell, Column, Style, count, findings, labelled, line, style_of, styled, table
from offloadctl.units import format_size

_SHOWN_PAYLOAD: Final = 200
"""So many bytes of a payload tell what it is; documents hold all."""


def verification_text(one: Verification) -> Iterator[RenderableType]:
    """What was verified, and what was found."""
    look = one.inspection
    yield line((one.data, Style.HEAD))
    yield labelled("looked at", f"the level {look.level.value}: {look.level.meaning}")
    blocks = count(look.blocks, "block") if look.blocks is not None else "an unknown number of blocks"
    yield labelled("objects", f"{format_size(look.object_bytes)}, {blocks}; {format_size(look.bytes_read)} read")
    if look.counts is not None:
        yield labelled("entries", f"{counts_text(look.counts)}; {format_size(look.counts.entry_bytes)}")
    yield from findings(look.findings)
    if look.more_findings:
        yield labelled("more", f"{count(look.more_findings, 'finding')} not shown", style=Style.BAD)
    for reason in look.not_covered:
        yield labelled("not seen", reason, style=Style.CAREFUL)
    words = {ExitCode.OK: "sound", ExitCode.WARNINGS: "warnings", ExitCode.DAMAGE: "damaged"}
    result = words.get(look.exit_code, "not covered")
    yield labelled("result", f"{result}; coverage {look.status.value}", style=style_of(look.exit_code))


def objects_text(location: str, subject: Subject, data: ObjectInfo, index: ObjectInfo) -> Iterator[RenderableType]:
    """Both objects' facts."""
    yield line((location, Style.HEAD))
    if subject.topic is not None:
        yield labelled("topic", str(subject.topic))
    if subject.ledger_id is not None:
        yield labelled("ledger", str(subject.ledger_id))
    for role, info in (("data", data), ("index", index)):
        yield line((role, Style.HEAD))
        yield labelled("key", info.key)
        yield labelled("size", f"{format_size(info.size)} ({info.size:,} bytes)")
        for label, text in (("etag", info.etag), ("class", info.storage_class)):
            if text:
                yield labelled(label, text)
        if info.last_modified is not None:
            yield labelled("modified", f"{info.last_modified:%Y-%m-%d %H:%M:%S %Z}")
        for key, value in sorted(info.user_metadata.items()):
            yield labelled("metadata", f"{key} = {value}")


def index_text(key: str, index: IndexObject | Finding) -> Iterator[RenderableType]:
    """The index, or what is wrong with it."""
    yield line((key, Style.HEAD))
    if isinstance(index, Finding):
        yield from findings((index,))
        return
    written, made = index.ledger_metadata, created_at(index)
    last = "none" if written.last_entry_id is None else f"{written.last_entry_id:,}"
    yield labelled("data", f"{index.data_object_length:,} bytes in {count(len(index.entries), 'block')}")
    yield labelled("ledger", f"{written.state.value}, last entry {last}, {written.length:,} bytes")
    yield labelled("topic", written.managed_ledger_name or "not told")
    yield labelled("made", f"{made:%Y-%m-%d %H:%M:%S %Z}" if made is not None else "not told")
    digest = written.digest_type.value if written.digest_type is not None else "no digest"
    quorum = f"{written.ensemble_size}/{written.quorum_size}/{written.ack_quorum_size or '?'}"
    yield labelled("bookkeeper", f"ensemble/write/ack quorum {quorum}, {digest}")
    columns = [
        Column("part", is_number=True),
        Column("offset", is_number=True),
        Column("first entry", is_number=True),
    ]
    yield table(columns, [[str(one.part_id), f"{one.offset:,}", f"{one.first_entry_id:,}"] for one in index.entries])


def blocks_text(key: str, listing: BlockListing) -> Iterator[RenderableType]:
    """The blocks, or why they cannot be listed."""
    yield line((key, Style.HEAD))
    if listing.finding is not None:
        yield from findings((listing.finding,))
        return
    columns = [
        Column("block", is_number=True),
        Column("offset", is_number=True),
        Column("length", is_number=True),
        Column("first entry", is_number=True),
        Column("last entry", is_number=True),
        Column("problem", may_fold=True),
    ]
    rows: list[list[Cell]] = [
        [
            str(block.number),
            f"{block.offset:,}",
            f"{block.length:,}" if block.length is not None else "?",
            f"{block.first_entry_id:,}",
            f"{block.last_entry_id:,}" if block.last_entry_id is not None else "?",
            styled(block.problem, Style.BAD),
        ]
        for block in listing.blocks
    ]
    yield table(columns, rows)


def entries_text(key: str, listing: EntryListing, *, wide: bool = False) -> Iterator[RenderableType]:
    """The entries, and why there are no more."""
    yield line((key, Style.HEAD))
    if listing.finding is not None:
        yield from findings((listing.finding,))
        return
    columns = [
        Column("entry", is_number=True),
        Column("offset", is_number=True),
        Column("length", is_number=True),
        Column("checksum"),
        Column("messages", is_number=True),
        Column("published"),
        Column("producer"),
        Column("sequence", is_number=True),
        Column("what", may_fold=True),
    ]
    yield table(columns, [_entry_row(entry, wide=wide) for entry in listing.entries])
    for entry in listing.entries:
        if entry.payload is not None:
            yield labelled(f"payload {entry.entry_id}", _payload(entry.payload))
    if listing.stopped:
        yield labelled("end", listing.stopped)


def place_text(place: MessagePlace) -> Iterator[RenderableType]:
    """Where a message lies."""
    yield line((f"{place.topic}  {place.position}", Style.HEAD))
    yield labelled("object", f"s3://{place.bucket}/{place.data_key}")
    yield labelled("block", f"{place.block}, at offset {place.block_offset:,}")
    yield labelled("entry", f"at offset {place.entry_offset:,}, {place.entry_length:,} bytes after its header")


def _entry_row(entry: EntryLine, *, wide: bool) -> list[Cell]:
    bad = entry.checksum not in ("ok", "absent")
    return [
        f"{entry.entry_id:,}",
        f"{entry.offset:,}",
        f"{entry.length:,}",
        styled(entry.checksum, Style.BAD if bad else Style.PLAIN),
        str(entry.messages) if entry.messages is not None else "?",
        f"{entry.published_at:%Y-%m-%d %H:%M:%S}" if entry.published_at is not None else "?",
        entry.producer or "?",
        str(entry.sequence_id) if entry.sequence_id is not None else "?",
        _what(entry, wide=wide),
    ]


def _what(entry: EntryLine, *, wide: bool) -> str:
    parts = [
        entry.problem,
        f"key {entry.key}" if entry.key is not None else "",
        entry.compression or "",
        "encrypted" if entry.encrypted else "",
        f"chunk {entry.chunk}" if entry.chunk else "",
        f"marker {entry.marker}" if entry.marker is not None else "",
        f"index {entry.broker_index}" if entry.broker_index is not None else "",
    ]
    if wide:
        parts += [f"{key}={value}" for key, value in entry.properties]
    return ", ".join(part for part in parts if part)


def _payload(payload: bytes) -> str:
    shown = payload[:_SHOWN_PAYLOAD]
    more = f" … {len(payload) - len(shown):,} bytes more" if len(payload) > len(shown) else ""
    try:
        text = shown.decode()
    except UnicodeDecodeError:
        text = ""
    return (text if text and text.isprintable() else shown.hex(" ")) + more if payload else "(empty)"
