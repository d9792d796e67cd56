"""`offloadctl check diff`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from offloadctl.cli.output import OutputFormat, OutputOption, emit_result
from offloadctl.errors import BadValue, UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.check_diff import ReportedCheck

_Report = Annotated[str, typer.Argument(metavar="REPORT", help="A file of check -o json; - is standard input.")]


def diff(before: _Report, after: _Report, output: OutputOption = OutputFormat.TABLE) -> ExitCode:
    """Compare two reports: which findings are new, changed, still there or gone, and what was looked at less.

    A finding is gone only if the second report looked there as deep as it takes. Exit code 0: nothing is new; 4 or 3:
    damage or warnings are new or changed, and not acknowledged; 5: less was looked at than before.
    """
    from offloadctl.check.compare import compare  # noqa: PLC0415 - only here
    from offloadctl.report import check_diff as report  # noqa: PLC0415 - msgspec and rich are slow to load

    if before == after == "-":
        raise UsageError("only one of the reports can come from standard input")
    one, other = _read(before), _read(after)
    if one.cluster and other.cluster and one.cluster != other.cluster:
        raise BadValue(f"{before} is of the cluster {one.cluster}, and {after} of {other.cluster}")
    found = compare(one, other)
    emit_result(
        output,
        document=lambda: report.diff_document(found, (before, after)),
        lines=lambda: report.diff_document(found, (before, after)).findings,
        text=lambda *, wide: report.diff_text(found, (before, after), wide=wide),
    )
    return found.exit_code


def _read(source: str) -> ReportedCheck:
    from offloadctl.report.check_reading import read_report  # noqa: PLC0415 - msgspec is slow to load

    name = "standard input" if source == "-" else source
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"cannot read a report from {name}: {exc}") from exc
    return read_report(text, name)
