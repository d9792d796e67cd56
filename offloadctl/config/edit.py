"""Changes to the context file: the person's comments and order stay, and the file is never half-written."""

import os
import tempfile
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import tomlkit
from tomlkit.items import AoT, Table

from offloadctl.config.keys import Value
from offloadctl.config.layers import Layer
from offloadctl.errors import SettingsError
from offloadctl.model.settings import BucketSettings
from offloadctl.redaction import Secret


@dataclass(frozen=True, slots=True)
class Change:
    """One key to set, or to take out when the value is None."""

    path: str
    value: Value | None


@dataclass(frozen=True, slots=True)
class BucketChange:
    """A bucket to add, or to put in the place of the one of its name; None takes all buckets out."""

    bucket: BucketSettings | None


def read_text(path: Path) -> str:
    """The file's text; empty if there is no file."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def with_current(text: str, name: str) -> str:
    """The text with another current context."""
    document = tomlkit.parse(text)
    if "current" in document:
        document["current"] = name
        return tomlkit.dumps(document)
    # A key behind a table header would belong to the table.
    return tomlkit.dumps(tomlkit.item({"current": name})) + ("\n" + text if text else "")


def with_changes(text: str, name: str, changes: Sequence[Change | BucketChange]) -> str:
    """The text with the context `name` changed, or added."""
    document = tomlkit.parse(text)
    contexts = _table(document, "contexts", is_super_table=True)
    context = _table(contexts, name)
    for change in changes:
        if isinstance(change, BucketChange):
            _change_buckets(context, change.bucket)
        else:
            _change_key(context, change)
    return tomlkit.dumps(document)


def without_context(text: str, name: str) -> str:
    """The text without the context `name`."""
    document = tomlkit.parse(text)
    contexts = document.get("contexts")
    if isinstance(contexts, MutableMapping):
        contexts.pop(name, None)
    return tomlkit.dumps(document)


def changes_from(layer: Layer) -> tuple[Change | BucketChange, ...]:
    """Everything that a source says, as changes to a context."""
    changes: list[Change | BucketChange] = [Change(one.path, one.value) for one in layer.given]
    return (*changes, *(BucketChange(bucket.settings) for bucket in layer.buckets))


def write_private(path: Path, text: str) -> None:
    """The text in the file, all or nothing, readable by its owner only."""
    # Behind a symbolic link is where the person keeps it.
    target = path.resolve()
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            # mkstemp made it 0600, and the rename keeps that.
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SettingsError(f"{path}: the context file cannot be written: {error.strerror}") from error


def _change_key(context: Table, change: Change) -> None:
    table_name, _, key = change.path.rpartition(".")
    table = _table(context, table_name) if table_name else context
    if change.value is None:
        table.pop(key, None)
    else:
        table[key] = _plain(change.value)
    if table_name and not table:
        context.pop(table_name)


def _change_buckets(context: Table, bucket: BucketSettings | None) -> None:
    if bucket is None:
        context.pop("buckets", None)
        return
    table = tomlkit.table()
    for field in fields(bucket):
        value = getattr(bucket, field.name)
        if value not in (None, ""):
            table[field.name] = _plain(value)
    buckets = context.get("buckets")
    if not isinstance(buckets, AoT):
        context["buckets"] = buckets = tomlkit.aot()
        buckets = context["buckets"]
    for index, one in enumerate(buckets):
        if one.get("name") == bucket.name:
            buckets[index] = table
            return
    buckets.append(table)


def _table(parent: MutableMapping[str, object], name: str, *, is_super_table: bool = False) -> Table:
    if name not in parent:
        parent[name] = tomlkit.table(is_super_table)
    table = parent[name]
    if not isinstance(table, Table):
        raise SettingsError(f"{name} is not written as a table of its own", hint="edit the file by hand")
    return table


def _plain(value: Value) -> str | bool | float | list[str]:
    match value:
        case Secret():
            return value.reveal()
        case Path():
            return str(value)
        case tuple():
            return list(value)
        case _:
            return value
