"""Changes to the text of a context file: one statement changes, and the person's every other byte stays.

Each change is checked before anybody sees it: what tomllib reads from the new text must be what it read from the old
one with just this change. A spelling that this module does not know how to change is an error, never damage.
"""

import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from offloadctl.config import toml_text
from offloadctl.config.given import GivenBucket, Layer
from offloadctl.config.keys import Value
from offloadctl.config.toml_text import Place, Statement, joined, rendered_key, scan
from offloadctl.errors import SettingsError
from offloadctl.redaction import Secret


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One key to set, or to take out when the value is None."""

    path: str
    value: Value | None


@dataclass(frozen=True, slots=True)
class BucketChange:
    """A bucket to add, or values to set in the one of its name."""

    bucket: GivenBucket


@dataclass(frozen=True, slots=True)
class BucketRemoval:
    """The buckets of that name to take out; all of them when there is no name."""

    name: str | None = None


Change = KeyChange | BucketChange | BucketRemoval


def with_current(text: str, name: str | None) -> str:
    """The text with another current context, or none."""
    if name is None:
        return _without_key(text, ("current",))
    return _with_key(text, ("current",), name)


def with_changes(text: str, name: str, changes: Sequence[Change]) -> str:
    """The text with the context `name` changed, or added."""
    context = ("contexts", name)
    if not any(isinstance(change, KeyChange) and change.value is not None for change in changes):
        text = _with_table(text, context)
    for change in changes:
        match change:
            case KeyChange(path=path, value=value):
                place = (*context, *path.split("."))
                text = _without_key(text, place) if value is None else _with_key(text, place, _plain(value))
            case BucketChange(bucket=bucket):
                text = _with_bucket(text, context, bucket)
            case BucketRemoval(name=bucket_name):
                text = _without_buckets(text, context, bucket_name)
    return text


def without_context(text: str, name: str) -> str:
    """The text without the context `name`, and without the comments directly above and below its tables."""
    after = _without_tables(scan(text), lambda table: table[:2] == ("contexts", name), comments=True)
    expected = tomllib.loads(text)
    expected.get("contexts", {}).pop(name, None)
    return _checked(after, expected)


def changes_from(layer: Layer) -> tuple[Change, ...]:
    """Everything that a source says, as changes to a context."""
    keys = (KeyChange(one.path, one.value) for one in layer.given)
    return (*keys, *(BucketChange(bucket) for bucket in layer.buckets))


@dataclass(frozen=True, slots=True)
class _Block:
    """The statements under one header; the first block is what stands before any header."""

    table: Place
    start: int
    end: int
    last: int
    """Behind the last key, or the header, and the comment directly below it."""


def _blocks(statements: Sequence[Statement]) -> list[_Block]:
    starts = [0, *(at for at, one in enumerate(statements) if one.is_header), len(statements)]
    blocks = []
    for number, (start, end) in enumerate(pairwise(starts)):
        ours = [at for at in range(start, end) if statements[at].is_assignment or statements[at].is_header]
        last = ours[-1] + 1 if ours else start
        comment = next((at for at in range(last, end) if not statements[at].is_comment), end)
        # What stands directly above the next header is about that one.
        last = last if comment == end < len(statements) else comment
        blocks.append(_Block(statements[start].table if number else (), start, end, last))
    return blocks


def _with_key(text: str, path: Place, value: toml_text.Plain) -> str:
    statements = scan(text)
    _refuse_inline(statements, path)
    at = next((at for at, one in enumerate(statements) if one.is_assignment and one.path == path), None)
    new = toml_text.rendered(value)
    if at is not None:
        statements[at] = statements[at].with_value(new)
        after = joined(statements)
    else:
        after = _with_new_key(statements, path, new)
    expected = tomllib.loads(text)
    _put(expected, path, value)
    return _checked(after, expected)


def _with_new_key(statements: list[Statement], path: Place, new: str) -> str:
    table = path[:-1]
    if not table:
        return _inserted(statements, _top(statements), f"{rendered_key(path[0])} = {new}", part="before")
    # Beside keys that spell the table's name out, as in `auth.user = …`, another one must do so too.
    dotted = [at for at, one in enumerate(statements) if len(one.key) > 1 and one.path[:-1] == table]
    if dotted:
        names = path[len(statements[dotted[-1]].table) :]
        return _inserted(statements, dotted[-1] + 1, f"{'.'.join(map(rendered_key, names))} = {new}")
    line = f"{rendered_key(path[-1])} = {new}"
    for block in _blocks(statements)[1:]:
        if block.table == table:
            return _inserted(statements, block.last, line)
    return _with_new_table(statements, f"[{_header_of(table)}]", table[:2], [line])


def _without_key(text: str, path: Place) -> str:
    statements = scan(text)
    _refuse_inline(statements, path)
    expected = tomllib.loads(text)
    _take_out(expected, path)
    return _checked(joined(_without_line(statements, path)), expected)


def _without_line(statements: Sequence[Statement], path: Place) -> list[Statement]:
    at = next((at for at, one in enumerate(statements) if one.is_assignment and one.path == path), None)
    if at is None:
        return list(statements)
    block = next(block for block in _blocks(statements) if block.start <= at < block.end)
    beside = (*statements[block.start + 1 : at], *statements[at + 1 : block.last])
    if len(block.table) > 2 and all(one.is_blank for one in beside):
        # The only key of a table inside the context takes its header along.
        return [*statements[: _above(statements, block.start)], *statements[at + 1 :]]
    # A line that stood alone leaves one blank line, not two.
    alone = at == 0 or statements[at - 1].is_blank
    end = at + 2 if alone and at + 1 < len(statements) and statements[at + 1].is_blank else at + 1
    return [*statements[:at], *statements[end:]]


def _with_table(text: str, table: Place) -> str:
    statements = scan(text)
    if any(one.path[: len(table)] == table for one in statements):
        return text
    _refuse_inline(statements, table)
    return _with_new_table(statements, f"[{_header_of(table)}]", table, [])


def _with_bucket(text: str, context: Place, bucket: GivenBucket) -> str:
    document = tomllib.loads(text)
    there = document.get("contexts", {}).get(context[1], {}).get("buckets", [])
    number = _number_of(there, bucket)
    buckets = (*context, "buckets")
    values = {one.path: _plain(one.value) for one in bucket.given}
    if number is not None:
        for key, value in values.items():
            text = _with_key(text, (*buckets, str(number), key), value)
        return text
    statements = scan(text)
    _refuse_inline(statements, (*buckets, "name"))
    lines = [f"{rendered_key(key)} = {toml_text.rendered(value)}" for key, value in values.items()]
    after = _with_new_table(statements, f"[[{_header_of(buckets)}]]", context, lines)
    document.setdefault("contexts", {}).setdefault(context[1], {})["buckets"] = [*there, values]
    return _checked(after, document)


def _number_of(there: Sequence[dict[str, Any]], bucket: GivenBucket) -> int | None:
    """Which of the buckets is meant: of two with one name, the one at the same endpoint."""
    settings = bucket.settings
    named = [at for at, one in enumerate(there) if one.get("name") == settings.name]
    same = [at for at in named if there[at].get("endpoint") == settings.endpoint]
    if len(named) > 1 and len(same) != 1:
        raise SettingsError(
            f"there are {len(named)} buckets named {settings.name}, and it is not clear which one is meant",
            hint=f"name its endpoint: --bucket {settings.name},endpoint=…",
        )
    return next(iter(same or named), None)


def _without_buckets(text: str, context: Place, name: str | None) -> str:
    document = tomllib.loads(text)
    table = document.get("contexts", {}).get(context[1], {})
    there = table.get("buckets", [])
    buckets = (*context, "buckets")
    gone = {(*buckets, str(at)) for at, one in enumerate(there) if name is None or one.get("name") == name}
    statements = scan(text)
    if gone:
        _refuse_inline(statements, (*buckets, "name"))
        table["buckets"] = [one for one in there if name is not None and one.get("name") != name]
    return _checked(_without_tables(statements, lambda one: one in gone), document)


def _without_tables(
    statements: Sequence[Statement], is_meant: Callable[[Place], bool], *, comments: bool = False
) -> str:
    """The text without some tables, and without the blank lines before them; what follows their last key stays."""
    gone: set[int] = set()
    for block in _blocks(statements)[1:]:
        if is_meant(block.table):
            gone.update(range(_above(statements, block.start, comments=comments), block.last))
    text = joined([one for at, one in enumerate(statements) if at not in gone])
    return text.lstrip("\r\n") if 0 in gone else text


def _above(statements: Sequence[Statement], start: int, *, comments: bool = False) -> int:
    """Where the blank lines above a header begin, or the comment that stands directly above it."""
    at = start
    while comments and at > 0 and statements[at - 1].is_comment:
        at -= 1
    # At the very top it may well be about the file.
    at = at or start
    while at > 0 and statements[at - 1].is_blank:
        at -= 1
    return at


def _with_new_table(statements: Sequence[Statement], header: str, beside: Place, lines: Sequence[str]) -> str:
    """A new table behind the last one of its context, or at the end."""
    behind = [block.last for block in _blocks(statements)[1:] if block.table[: len(beside)] == beside]
    at = behind[-1] if behind else len(statements)
    parted = at == 0 or statements[at - 1].is_blank
    return _inserted(statements, at, *([] if parted else [""]), header, *lines)


def _inserted(statements: Sequence[Statement], at: int, *lines: str, part: str = "") -> str:
    before, behind = joined(statements[:at]), joined(statements[at:])
    end = "\r\n" if "\r\n" in before + behind else "\n"
    if before and not before.endswith("\n"):
        before += end
    if part == "before" and behind and not statements[at].is_assignment and not statements[at].is_blank:
        lines = (*lines, "")
    return before + "".join(line + end for line in lines) + behind


def _top(statements: Sequence[Statement]) -> int:
    """Behind the comment about the file, if there is one with a blank line after it."""
    comments = next((at for at, one in enumerate(statements) if not one.is_comment), len(statements))
    return comments + 1 if 0 < comments < len(statements) and statements[comments].is_blank else 0


def _header_of(table: Place) -> str:
    return ".".join(map(rendered_key, table))


def _refuse_inline(statements: Iterable[Statement], path: Place) -> None:
    for one in statements:
        if one.is_assignment and len(one.path) < len(path) and one.path == path[: len(one.path)]:
            raise SettingsError(
                f"line {one.line}: {'.'.join(one.path)} is written in one line, and is not changed from here",
                hint=f"edit the file by hand, or write it as a table of its own: [{_header_of(one.path)}]",
            )


def _put(document: dict[str, Any], path: Place, value: object) -> None:
    table: Any = document
    for name in path[:-1]:
        table = table[int(name)] if isinstance(table, list) else table.setdefault(name, {})
    table[path[-1]] = value


def _take_out(document: dict[str, Any], path: Place) -> None:
    table: Any = document
    for name in path[:-1]:
        table = table.get(name, {})
    table.pop(path[-1], None)


def _checked(after: str, expected: dict[str, Any]) -> str:
    try:
        found = tomllib.loads(after)
    except tomllib.TOMLDecodeError:
        found = None
    if found is None or _pruned(found) != _pruned(expected):
        raise SettingsError(
            "the context file is written in a way that is not changed from here",
            hint="edit it by hand, or give each context a table of its own: [contexts.NAME]",
        )
    return after


def _pruned(value: Any) -> Any:
    """Without empty tables and lists: a table that lost its last key may go or stay."""
    if isinstance(value, list):
        return [_pruned(one) for one in value]
    if not isinstance(value, dict):
        return value
    pruned = {name: _pruned(one) for name, one in value.items()}
    return {name: one for name, one in pruned.items() if one not in ({}, [])}


def _plain(value: Value) -> toml_text.Plain:
    match value:
        case Secret():
            return value.reveal()
        case Path():
            return str(value)
        case tuple():
            return list(value)
        case _:
            return value
