"""What `context set` and `context import` change, as values."""

import sys
from collections.abc import Mapping, Sequence
from getpass import getpass
from pathlib import Path
from urllib.parse import urlsplit

from offloadctl.config.auth import excluded_by
from offloadctl.config.contexts import NamedContext
from offloadctl.config.edit import BucketChange, BucketRemoval, Change, KeyChange, changes_from
from offloadctl.config.given import by_flag
from offloadctl.config.imported import Imported
from offloadctl.config.importing import ImportedFile, Tool
from offloadctl.config.keys import Key, Kind, Value, find_key, parse_text, unknown
from offloadctl.config.layers import parse_bucket
from offloadctl.errors import UsageError


def changes_for(
    context: NamedContext | None,
    settings: Sequence[str],
    *,
    unset: Sequence[str],
    buckets: Sequence[str],
    remove_buckets: Sequence[str],
) -> tuple[Change, ...]:
    """What the arguments of `context set` ask for; file names are meant from where the command is run."""
    given: dict[str, Value] = {}
    for text in settings:
        key, value = _setting(text)
        if key.path in given or key.path in unset:
            raise UsageError(f"{key.path} is named twice", hint="name each key once")
        given[key.path] = value
    old = () if context is None else tuple(one.path for one in context.layer.given)
    replaced = tuple(dict.fromkeys(other for path in given for other in excluded_by(path, old) if other not in given))
    for path in unset:
        find_key(path, "option --unset")
    there = [] if context is None else [bucket.settings.name for bucket in context.layer.buckets]
    for name in remove_buckets:
        if name not in there:
            raise unknown("bucket", name, "option --remove-bucket", there)
    parsed = (parse_bucket(text, "option --bucket", by_flag("--bucket"), Path.cwd()) for text in buckets)
    # As with kubectl, new credentials take the place of old ones that they exclude. What goes goes last: then a table
    # that loses all its old keys is not emptied in between, and stays where it is.
    return (
        *(KeyChange(path, value) for path, value in given.items()),
        *(KeyChange(path, None) for path in dict.fromkeys((*unset, *replaced))),
        *(BucketRemoval(name) for name in remove_buckets),
        *(BucketChange(bucket) for bucket in parsed),
    )


def replaced_by(changes: Sequence[Change], unset: Sequence[str]) -> tuple[str, ...]:
    """The keys that are taken out without having been named."""
    gone = (one.path for one in changes if isinstance(one, KeyChange) and one.value is None)
    return tuple(path for path in gone if path not in unset)


def named(found: ImportedFile, name: str | None) -> Mapping[str, Imported]:
    """The imported contexts by the names that they get here."""
    if found.tool is Tool.CLIENT_CONF:
        (only,) = found.contexts
        return {name or _name_from_address(only): only}
    if name is None:
        return {one.name: one for one in found.contexts}
    if len(found.contexts) > 1:
        raise UsageError(
            f"the file holds {len(found.contexts)} contexts, and --as names one",
            hint=f"choose one: --pulsarctl-context {found.current or found.contexts[0].name}",
        )
    return {name: found.contexts[0]}


def changes_from_import(there: NamedContext | None, imported: Imported) -> tuple[Change, ...]:
    """What an import changes; new credentials take the place of all old ones, and do not stand beside them."""
    new = {one.path for one in imported.layer.given}
    stale = [one.path for one in there.layer.given if one.path.startswith("auth.")] if there is not None else []
    replaced = stale if any(path.startswith("auth.") for path in new) else []
    return (*changes_from(imported.layer), *(KeyChange(path, None) for path in replaced if path not in new))


def _setting(text: str) -> tuple[Key, Value]:
    path, equals, value = text.partition("=")
    if not equals:
        # The text itself is not shown: it may well be a secret.
        raise UsageError("an argument is not KEY=VALUE", hint="write cluster=prod, or auth.token_file=/run/token")
    where = "argument KEY=VALUE"
    if path.split(".")[0] in ("bucket", "buckets"):
        raise UsageError(f"{where}: buckets have an option of their own", hint="--bucket NAME,endpoint=https://HOST")
    key = find_key(path.strip(), where)
    if key.kind is Kind.SECRET:
        value = _secret(key) if value == "-" else value
    return key, parse_text(key, value, where, Path.cwd())


def _secret(key: Key) -> str:
    if sys.stdin.isatty():
        return getpass(f"{key.path}: ")
    return sys.stdin.readline().strip()


def _name_from_address(imported: Imported) -> str:
    addresses = imported.layer.get("admin_urls")
    if addresses is None or not isinstance(addresses.value, tuple):
        raise UsageError("the file names no address, and so no name for the context", hint="name it: --as NAME")
    host = urlsplit(addresses.value[0]).hostname or ""
    # Of a host's name the first part, of an address all of it.
    return host if host.replace(".", "").isdigit() or ":" in host else host.split(".")[0]
