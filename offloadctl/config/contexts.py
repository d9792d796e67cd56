"""The context file: named contexts in TOML, read strictly."""

import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from offloadctl.config.keys import KEYS, Kind, check_typed, find_bucket_key, find_key, unknown
from offloadctl.config.layers import CONFIG_VARIABLE, Given, GivenBucket, Layer, make_bucket
from offloadctl.errors import SettingsError

_TABLES: Final = ("auth", "tls", "rates")


@dataclass(frozen=True, slots=True)
class NamedContext:
    """One context of the file."""

    name: str
    layer: Layer


@dataclass(frozen=True, slots=True)
class ContextFile:
    """The contexts of one file, and which of them is used when none is named."""

    path: Path
    current: str | None = None
    contexts: tuple[NamedContext, ...] = ()
    warnings: tuple[str, ...] = ()

    def get(self, name: str) -> NamedContext | None:
        """The context of that name."""
        return next((context for context in self.contexts if context.name == name), None)

    def require(self, name: str, where: str) -> NamedContext:
        """The context of that name, or an error that names the nearest one."""
        found = self.get(name)
        if found is not None:
            return found
        if not self.contexts:
            raise SettingsError(
                f"{where}: there is no context {name!r}; {self.path} holds none",
                hint=f"make it: offloadctl context set {name} admin_urls=http://localhost:8080",
            )
        raise unknown("context", name, f"{where}, in {self.path}", (context.name for context in self.contexts))


def config_path(environment: Mapping[str, str]) -> Path:
    """Where the context file is: OFFLOADCTL_CONFIG, or `offloadctl/config.toml` in the XDG configuration directory."""
    if named := environment.get(CONFIG_VARIABLE):
        return Path(named).expanduser()
    home = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "offloadctl" / "config.toml"


def load_contexts(path: Path) -> ContextFile:
    """The file's contexts; a file that is not there holds none."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ContextFile(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{path}: the context file cannot be read: {reason}") from error
    file = parse_contexts(text, path)
    return ContextFile(file.path, file.current, file.contexts, tuple(_permission_warnings(file)))


def parse_contexts(text: str, path: Path) -> ContextFile:
    """The contexts of a text that is, or will be, in the file `path`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    reader = _Reader(path, _line_numbers(text))
    for key in document:
        if key not in ("current", "contexts"):
            raise unknown("key", key, reader.where((key,)), ("current", "contexts"))
    current = document.get("current")
    if not isinstance(current, str | None):
        raise SettingsError(f"{reader.where(('current',))}: current must be the name of a context")
    tables = reader.table(document.get("contexts", {}), ("contexts",))
    contexts = tuple(NamedContext(name, reader.context(name, table)) for name, table in tables.items())
    file = ContextFile(path, current, contexts)
    if current is not None:
        file.require(current, reader.where(("current",)))
    return file


@dataclass(frozen=True, slots=True)
class _Reader:
    path: Path
    lines: Mapping[tuple[str, ...], int]

    def where(self, keys: tuple[str, ...]) -> str:
        line = self.lines.get(keys)
        return f"{self.path}, line {line}" if line is not None else f"{self.path}, {'.'.join(keys)}"

    def table(self, value: object, keys: tuple[str, ...]) -> Mapping[str, object]:
        if not isinstance(value, dict):
            raise SettingsError(f"{self.where(keys)}: {'.'.join(keys)} must be a table")
        return value

    def context(self, name: str, value: object) -> Layer:
        keys = ("contexts", name)
        given: list[Given] = []
        buckets: tuple[GivenBucket, ...] = ()
        for path, (place, one) in self._flat(self.table(value, keys), keys).items():
            if path == "buckets":
                buckets = self._buckets(name, one, place)
            else:
                key = find_key(path, self.where(place))
                # File names in the file are meant from where the file is, wherever the command is run.
                checked = check_typed(key, one, self.where(place), self.path.parent)
                given.append(Given(path, checked, f"context {name}"))
        return Layer(tuple(given), buckets)

    def _flat(self, table: Mapping[str, object], keys: tuple[str, ...]) -> Mapping[str, tuple[tuple[str, ...], object]]:
        flat: dict[str, tuple[tuple[str, ...], object]] = {}
        for name, value in table.items():
            place = (*keys, name)
            if name in _TABLES:
                inner = self.table(value, place)
                flat |= {f"{name}.{key}": ((*place, key), one) for key, one in inner.items()}
            else:
                flat[name] = (place, value)
        for path, (place, _) in flat.items():
            if path != "buckets" and path not in _known_names():
                raise unknown("key", path, self.where(place), _known_names())
        return flat

    def _buckets(self, name: str, value: object, keys: tuple[str, ...]) -> tuple[GivenBucket, ...]:
        where = self.where(keys)
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise SettingsError(f"{where}: buckets must be tables, each under [[contexts.{name}.buckets]]")
        found = []
        for table in value:
            checked = {
                key: check_typed(find_bucket_key(key, where), one, where, self.path.parent)
                for key, one in table.items()
                if not (key == "note" and one == "")
            }
            found.append(GivenBucket(make_bucket(checked, where), f"context {name}"))
        return tuple(found)


def _known_names() -> tuple[str, ...]:
    return (*(key.path for key in KEYS), "buckets")


def _permission_warnings(file: ContextFile) -> list[str]:
    secret = {key.path for key in KEYS if key.kind is Kind.SECRET}
    holds = [context.name for context in file.contexts if any(one.path in secret for one in context.layer.given)]
    if not holds or not stat.S_IMODE(file.path.stat().st_mode) & (stat.S_IRGRP | stat.S_IROTH):
        return []
    return [f"{file.path} holds a secret (context {', '.join(holds)}) and others can read it: chmod 600 {file.path}"]


_HEADER: Final = re.compile(r"\s*\[\[?([^\[\]]+)\]\]?\s*(?:#.*)?")
_ASSIGNMENT: Final = re.compile(r"\s*([A-Za-z0-9_.\-\"' ]+?)\s*=")


def _line_numbers(text: str) -> Mapping[tuple[str, ...], int]:
    """Where each key stands, for messages only: tomllib does not tell, and a guess beside the file's name is enough."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _HEADER.fullmatch(line):
            table = _parts(match[1])
            lines.setdefault(table, number)
        elif match := _ASSIGNMENT.match(line):
            lines.setdefault((*table, *_parts(match[1])), number)
    return lines


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
