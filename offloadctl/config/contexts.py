"""The context file: named contexts in TOML, read strictly."""

import stat
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from offloadctl.config.given import Given, GivenBucket, Layer, by_context
from offloadctl.config.keys import KEYS, check_typed, find_bucket_key, find_key, unknown
from offloadctl.config.layers import CONFIG_VARIABLE, make_bucket
from offloadctl.config.private_file import read_text
from offloadctl.config.toml_text import scan
from offloadctl.errors import SettingsError
from offloadctl.redaction import Secret

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
        path = Path(named)
    else:
        path = Path(environment.get("XDG_CONFIG_HOME") or "~/.config") / "offloadctl" / "config.toml"
    # A container's user may have no home; then there is no such file, and that is no reason to fail.
    with suppress(RuntimeError):
        path = path.expanduser()
    return path


def load_contexts(path: Path) -> ContextFile:
    """The file's contexts; a file that is not there holds none."""
    file = parse_contexts(read_text(path), path)
    return replace(file, warnings=tuple(_permission_warnings(file)))


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
    # Whether there is such a context is asked when it is used: `context use` must be able to repair it.
    return ContextFile(path, current, contexts)


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
                given.append(Given(path, checked, by_context(name)))
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
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise SettingsError(f"{self.where(keys)}: buckets must be tables, each under [[contexts.{name}.buckets]]")
        found = []
        for number, table in enumerate(value):
            place = (*keys, str(number))
            checked = {}
            for key, one in table.items():
                where = self.where((*place, key))
                checked[key] = check_typed(find_bucket_key(key, where), one, where, self.path.parent)
            found.append(make_bucket(checked, self.where(place), by_context(name)))
        return tuple(found)


def holds_secret(one: Given) -> bool:
    """Whether the value is a secret as text, or an address with a password."""
    return isinstance(one.value, Secret) or (one.path == "proxy" and "@" in str(one.value))


def _known_names() -> tuple[str, ...]:
    return (*(key.path for key in KEYS), "buckets")


def _permission_warnings(file: ContextFile) -> list[str]:
    holds = [context.name for context in file.contexts if any(holds_secret(one) for one in context.layer.given)]
    if not holds or not stat.S_IMODE(file.path.stat().st_mode) & (stat.S_IRGRP | stat.S_IROTH):
        return []
    return [f"{file.path} holds a secret (context {', '.join(holds)}) and others can read it: chmod 600 {file.path}"]


def _line_numbers(text: str) -> Mapping[tuple[str, ...], int]:
    """Where each key and table stands, as tomllib does not tell."""
    lines: dict[tuple[str, ...], int] = {}
    for one in scan(text):
        if one.is_header or one.is_assignment:
            lines.setdefault(one.path, one.line)
    return lines
