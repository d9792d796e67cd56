"""`offloadctl object show`, `index`, `blocks`, `entries`, `verify` and `where`."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import typer

from offloadctl.cli.connection import ConnectionFlags, connect, with_connection
from offloadctl.cli.help import GroupedGroup
from offloadctl.cli.object_target import (
    Address,
    Files,
    LoadTopics,
    Named,
    open_bucket,
    open_files,
    open_target,
    with_target,
)
from offloadctl.cli.output import OutputFormat, OutputOption, emit_result
from offloadctl.errors import BadValue, UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.check import Level
from offloadctl.model.finding import Finding, Severity
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName

if TYPE_CHECKING:
    from offloadctl.model.inspection import Verification

app = typer.Typer(name="object", cls=GroupedGroup, no_args_is_help=True, help="Look into the objects of one ledger.")

_POSITION: Final = re.compile(r"(?P<ledger>\d{1,19}):(?P<entry>\d{1,19})", re.ASCII)


@app.command("show")
@with_connection
@with_target
def show(
    *,
    named: Named,
    load_topics: LoadTopics = False,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> None:
    """Both objects' size, class, times and user metadata."""
    from offloadctl.report import check_object as documents  # noqa: PLC0415 - msgspec and rich are slow to load
    from offloadctl.report.check_object_text import objects_text  # noqa: PLC0415

    with open_target(named, connection, load_topics=load_topics) as opened:
        objects, subject = opened.objects, opened.subject
        location = objects.store.location
    emit_result(
        output,
        document=lambda: documents.objects_document(location, subject, objects.data, objects.index),
        lines=lambda: [documents.objects_document(location, subject, objects.data, objects.index)],
        text=lambda **_: objects_text(location, subject, objects.data, objects.index),
    )


@app.command("index")
@with_connection
@with_target
def show_index(
    *,
    named: Named,
    load_topics: LoadTopics = False,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """The index taken apart: the ledger's metadata, and where each block begins."""
    from offloadctl.operations.inspect import Inspector  # noqa: PLC0415 - protobuf is slow to load
    from offloadctl.report import check_object as documents  # noqa: PLC0415 - and so are msgspec and rich
    from offloadctl.report.check_object_text import index_text  # noqa: PLC0415

    with open_target(named, connection, load_topics=load_topics) as opened:
        found, key = Inspector(opened.objects, opened.subject).index_of_ledger(), opened.subject.index_key
    emit_result(
        output,
        document=lambda: documents.index_document(key, found),
        lines=lambda: [documents.index_document(key, found)],
        text=lambda **_: index_text(key, found),
    )
    return _code_of(found if isinstance(found, Finding) else None)


@app.command("blocks")
@with_connection
@with_target
def blocks(
    *,
    named: Named,
    load_topics: LoadTopics = False,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """Each block by the index, and what its own header says."""
    from offloadctl.operations.inspect import Inspector  # noqa: PLC0415 - protobuf is slow to load
    from offloadctl.report import check_object as documents  # noqa: PLC0415 - and so are msgspec and rich
    from offloadctl.report.check_object_text import blocks_text  # noqa: PLC0415

    with open_target(named, connection, load_topics=load_topics) as opened:
        listing, key = Inspector(opened.objects, opened.subject).blocks(), opened.subject.data_key
    emit_result(
        output,
        document=lambda: documents.blocks_document(key, listing),
        lines=lambda: documents.blocks_document(key, listing).blocks,
        text=lambda **_: blocks_text(key, listing),
    )
    return _code_of(listing.finding)


@app.command("entries")
@with_connection
@with_target
def entries(
    *,
    named: Named,
    first: Annotated[int, typer.Option("--from", metavar="ENTRY", help="The first entry to show.", min=0)] = 0,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="How many entries to show.", min=1)] = 20,
    payload: Annotated[
        bool, typer.Option("--payload", help="Show payloads too, as they are stored: batches, compressed, encrypted.")
    ] = False,
    load_topics: LoadTopics = False,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """Entries: their place, checksum and message metadata; payloads only with --payload."""
    from offloadctl.operations.inspect import Inspector  # noqa: PLC0415 - protobuf is slow to load
    from offloadctl.report import check_object as documents  # noqa: PLC0415 - and so are msgspec and rich
    from offloadctl.report.check_object_text import entries_text  # noqa: PLC0415

    with open_target(named, connection, load_topics=load_topics) as opened:
        key = opened.subject.data_key
        inspector = Inspector(opened.objects, opened.subject)
        listing = inspector.entries(first=first, limit=limit, with_payload=payload)
    emit_result(
        output,
        document=lambda: documents.entries_document(key, listing),
        lines=lambda: documents.entry_documents(key, listing),
        text=lambda *, wide: entries_text(key, listing, wide=wide),
    )
    return _code_of(listing.finding)


@app.command("verify")
@with_connection
@with_target
def verify(
    *,
    named: Named,
    ledger_id: Annotated[
        int | None, typer.Option("--ledger-id", metavar="N", help="The ledger of the files.", show_default=False)
    ] = None,
    expect_entries: Annotated[
        int | None,
        typer.Option(
            "--expect-entries", metavar="N", help="How many entries the ledger has.", min=1, show_default=False
        ),
    ] = None,
    expect_size: Annotated[
        int | None,
        typer.Option(
            "--expect-size", metavar="BYTES", help="How many bytes its entries have.", min=0, show_default=False
        ),
    ] = None,
    level: Annotated[
        Level, typer.Option("--level", "-l", help="How deep to look; entries: every byte.")
    ] = Level.ENTRIES,
    load_topics: LoadTopics = False,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """Verify both objects of a ledger by the rules of `offloadctl check`. Exit code 0: sound, 4: damaged."""
    from offloadctl.report.check_object import verification_document  # noqa: PLC0415 - msgspec is slow to load
    from offloadctl.report.check_object_text import verification_text  # noqa: PLC0415 - and rich

    if not level.includes(Level.INDEX) or level is Level.READBACK:
        raise UsageError("objects are looked into at the levels index, blocks and entries")
    expected = _Expected(ledger_id, expect_entries, expect_size)
    verified = _verify(named, expected, level, connection, load_topics=load_topics)
    emit_result(
        output,
        document=lambda: verification_document(verified),
        lines=lambda: [verification_document(verified)],
        text=lambda **_: verification_text(verified),
    )
    return verified.inspection.exit_code


@app.command("where")
@with_connection
def where(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="The topic.", show_default=False)],
    position: Annotated[
        str, typer.Argument(metavar="LEDGER:ENTRY", help="The message id, as in 45:7.", show_default=False)
    ],
    *,
    load_topics: LoadTopics = False,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> None:
    """In which object, block and at which offset a message lies."""
    from offloadctl.operations.find_ledger import LedgerFinder  # noqa: PLC0415 - protobuf is slow to load
    from offloadctl.report.check_object import place_document  # noqa: PLC0415 - and so are msgspec and rich
    from offloadctl.report.check_object_text import place_text  # noqa: PLC0415

    name, wanted = TopicName.parse(topic), _parse_position(position)
    with connect(connection) as session:
        place = LedgerFinder(session.ports, may_load=load_topics).message(name, wanted)
    emit_result(
        output,
        document=lambda: place_document(place),
        lines=lambda: [place_document(place)],
        text=lambda **_: place_text(place),
    )


@dataclass(frozen=True, slots=True)
class _Expected:
    """What the caller knows of the ledger of two files, or of an address."""

    ledger_id: int | None
    entries: int | None
    size: int | None

    @property
    def is_anything(self) -> bool:
        return any(one is not None for one in (self.ledger_id, self.entries, self.size))


def _verify(
    named: Named, expected: _Expected, level: Level, flags: ConnectionFlags, *, load_topics: bool
) -> "Verification":
    from offloadctl.operations.find_ledger import LedgerFinder  # noqa: PLC0415 - protobuf is slow to load
    from offloadctl.operations.verify import verify_files, verify_key, verify_ledger  # noqa: PLC0415

    if isinstance(named, Files):
        opened = open_files(named, ledger_id=expected.ledger_id, entries=expected.entries, size=expected.size)
        return verify_files(opened.objects, opened.subject, level)
    if isinstance(named, Address):
        if expected.ledger_id not in (None, named.key.ledger_id):
            raise UsageError(f"the key is that of ledger {named.key.ledger_id}, not of {expected.ledger_id}")
        with open_bucket(named.bucket, flags) as store:
            return verify_key(named.key, store, level, entries=expected.entries, size=expected.size)
    if expected.is_anything:
        raise UsageError(
            "what to expect of a topic's ledger, its metadata tells",
            hint="--ledger-id, --expect-entries and --expect-size go with files and addresses",
        )
    with connect(flags) as session:
        asked = LedgerFinder(session.ports, may_load=load_topics).ledger(named.topic, named.ledger_id)
        return verify_ledger(session.ports, asked, level)


def _parse_position(text: str) -> Position:
    match = _POSITION.fullmatch(text)
    if match is None:
        raise BadValue(f"{text!r} is not a message id", hint="write LEDGER:ENTRY, as in 45:7")
    return Position(int(match["ledger"]), int(match["entry"]))


def _code_of(finding: Finding | None) -> ExitCode:
    if finding is None:
        return ExitCode.OK
    return ExitCode.DAMAGE if finding.severity is Severity.DAMAGE else ExitCode.WARNINGS
