"""What the commands of `schedule` have in common: the file, and times."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final

import typer

from offloadctl.errors import BadValue, UsageError
from offloadctl.model.schedule import Schedule
from offloadctl.units import parse_duration

File = Annotated[
    str,
    typer.Option("--file", "-f", metavar="FILE", help="The file of schedules, `kind: Schedule`; - is standard input."),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of a schedule.", show_default=False)]

_EXAMPLES: Final = "write 7d, 12h, or a time as 2026-11-24T06:00Z"


def read_text(source: str, what: str) -> tuple[str, str]:
    """A file's text, or that of stdin for `-`, and its name for people."""
    name = "standard input" if source == "-" else source
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
    except FileNotFoundError as exc:
        raise UsageError(f"cannot read {what}: there is no file {name}", hint=_instead(Path(source))) from exc
    except OSError as exc:
        hint = "name a file that may be read, or - for standard input"
        raise UsageError(f"cannot read {what} from {name}: {exc.strerror}", hint=hint) from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"cannot read {what} from {name}: it is not UTF-8: byte {exc.start}") from exc
    return text, name


def _instead(missing: Path) -> str:
    """The file beside it whose name is most like it, or where it was looked for."""
    folder = missing.parent
    if not folder.is_dir():
        return f"there is no directory {folder} either"
    try:
        known = [one.name for one in folder.iterdir() if one.is_file()]
    except OSError:
        known = []
    near = get_close_matches(missing.name, known, n=1, cutoff=0.7)
    return f"did you mean {folder / near[0]}?" if near else f"looked for in {folder.resolve()}; - is standard input"


def read_file(source: str) -> tuple[Schedule, ...]:
    """The schedules of a file."""
    from offloadctl.plan.schedule_reading import read_schedules  # noqa: PLC0415 - msgspec and yaml are slow to load

    return read_schedules(*read_text(source, "schedules"))


def find(schedules: Sequence[Schedule], name: str) -> Schedule:
    """The one of that name; UsageError if there is none."""
    for one in schedules:
        if one.name == name:
            return one
    names = ", ".join(one.name for one in schedules)
    raise UsageError(f"there is no schedule {name!r}", hint=f"there are: {names}")


def past(text: str, now: datetime, option: str) -> datetime:
    """So long ago, or a date or time; without a zone it is UTC."""
    return _time(text) or now - _duration(text, option)


def future(text: str, now: datetime, option: str) -> datetime:
    """So long from now, or a date or time; BadValue if it has passed."""
    found = _time(text) or now + _duration(text, option)
    if found <= now:
        raise BadValue(f"{option} {text} has passed", hint=_EXAMPLES)
    return found


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _duration(text: str, option: str) -> timedelta:
    try:
        return parse_duration(text)
    except (BadValue, OverflowError):
        raise BadValue(f"{option} {text} is neither a duration nor a time", hint=_EXAMPLES) from None
