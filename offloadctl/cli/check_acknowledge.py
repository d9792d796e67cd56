"""`offloadctl check acknowledge`, `acknowledgements` and `unacknowledge`."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from offloadctl.adapters.system import this_process
from offloadctl.cli.output import OutputFormat, OutputOption, emit_result
from offloadctl.cli.state import with_state
from offloadctl.errors import BadValue, SettingsError
from offloadctl.model.settings import Context
from offloadctl.ports import FindingStore
from offloadctl.units import parse_duration
from offloadctl.wiring import open_findings

if TYPE_CHECKING:
    from offloadctl.operations.acknowledge import Acknowledged

Ids = Annotated[
    list[str],
    typer.Argument(metavar="ID...", help="The ids of findings, as a check shows them.", show_default=False),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be remembered, and remember nothing.")]


@with_state
def acknowledge(
    ids: Ids,
    *,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why nothing has to be done about it now.")],
    until: Annotated[
        str,
        typer.Option("--until", metavar="DATE|30d", help="When it counts again: 2027-01-31, a time, or a duration."),
    ],
    dry_run: DryRun = False,
    output: OutputOption = OutputFormat.TABLE,
    context: Context,
) -> None:
    """Take note of findings: they are shown on, and make no check fail until then, or until something else is found.

    It is about the finding as the last check had it: once the object changes, or what is expected or found, it counts
    again. What could not be looked at is no finding, and cannot be acknowledged.
    """
    from offloadctl.operations import acknowledge as operation  # noqa: PLC0415 - only here

    now = datetime.now(UTC)
    note = operation.Note(this_process().user, reason, _end(until, now))
    with _store(context) as store:
        noted = operation.acknowledge(store, ids, note, now, dry_run=dry_run)
    _show(noted, output, dry_run=dry_run)


@with_state
def acknowledgements(*, output: OutputOption = OutputFormat.TABLE, context: Context) -> None:
    """List what is acknowledged: by whom, why and until when, the soonest end first."""
    from offloadctl.operations.acknowledge import acknowledgements as every  # noqa: PLC0415 - only here

    with _store(context) as store:
        found = every(store, datetime.now(UTC))
    _show(found, output)


@with_state
def unacknowledge(
    ids: Ids, *, dry_run: DryRun = False, output: OutputOption = OutputFormat.TABLE, context: Context
) -> None:
    """Take acknowledgements back: the findings make checks fail again."""
    from offloadctl.operations.acknowledge import unacknowledge as take_back  # noqa: PLC0415 - only here

    with _store(context) as store:
        found = take_back(store, ids, datetime.now(UTC), dry_run=dry_run)
    _show(found, output, dry_run=dry_run)


@contextmanager
def _store(context: Context) -> Iterator[FindingStore]:
    with open_findings(context) as store:
        if store is None:
            raise SettingsError("there is no directory to remember in", hint="name one: --state DIR")
        yield store


_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}.*", re.ASCII)


def _end(text: str, now: datetime) -> datetime:
    """A moment: a date at its beginning, a time, which is UTC unless it says otherwise, or so long from now."""
    if _DATE.fullmatch(text) is None:
        try:
            return now + parse_duration(text)
        except OverflowError:
            raise BadValue(f"{text!r} leads to no date", hint="write a date, as in 2027-01-31, or 30d") from None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadValue(f"{text!r} is not a date", hint="write 2027-01-31, 2027-01-31T12:00Z, or 30d") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _show(found: Sequence["Acknowledged"], output: OutputFormat, *, dry_run: bool = False) -> None:
    from offloadctl.report import acknowledgements as report  # noqa: PLC0415 - msgspec and rich are slow to load

    emit_result(
        output,
        document=lambda: report.acknowledgements_document(found, dry_run=dry_run),
        lines=lambda: report.acknowledgements_document(found, dry_run=dry_run).acknowledgements,
        text=lambda **_: report.acknowledgements_text(found, dry_run=dry_run),
    )
