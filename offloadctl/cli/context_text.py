"""How contexts are shown: as tables for people and as documents for programs, secrets masked in both."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import RenderableType

from offloadctl.config.contexts import ContextFile, NamedContext
from offloadctl.config.given import Given, Layer, OriginKind
from offloadctl.config.imported import Imported
from offloadctl.config.keys import BUCKET_KEYS, KEYS, Key, Value
from offloadctl.config.resolve import NO_CONTEXT, InForce, Sources
from offloadctl.model.settings import BrokerSettings
from offloadctl.redaction import MASK, Secret
from offloadctl.report import documents
from offloadctl.report.text import Cell, Column, Style, labelled, line, styled, table


@dataclass(frozen=True, slots=True)
class Shown:
    """What `context show` shows."""

    sources: Sources
    in_force: InForce
    file: ContextFile
    problems: tuple[str, ...] = ()

    @property
    def is_current(self) -> bool:
        """Whether it is the file's current context."""
        return self.sources.name == self.file.current


def list_document(file: ContextFile) -> documents.ContextList:
    """`kind: ContextList`."""
    items = [_summary(context, file) for context in file.contexts]
    return documents.ContextList(file=str(file.path), current=file.current, items=items)


def list_text(file: ContextFile, *, wide: bool) -> Iterator[RenderableType]:
    """One line for each context."""
    columns = [Column("current"), Column("name"), *(Column(title, may_fold=True) for title in _FOLDING)]
    columns += [Column("auth")] if wide else []
    yield table([*columns, Column("guards")], [_row(_summary(one, file), wide=wide) for one in file.contexts], indent=0)


def show_document(shown: Shown) -> documents.Context:
    """`kind: Context`."""
    return documents.Context(
        name=shown.sources.name,
        file=str(shown.file.path),
        current=shown.is_current,
        settings=[_setting(one) for one in shown.in_force.given],
        buckets=[
            documents.BucketDocument(
                name=bucket.settings.name, settings=[_setting(one) for one in bucket.given if one.path != "name"]
            )
            for bucket in shown.in_force.buckets
        ],
        problems=list(shown.problems),
    )


def show_text(shown: Shown, *, wide: bool) -> Iterator[RenderableType]:
    """Where the settings come from, the settings, the buckets, and what is not set."""
    yield from _sources(shown)
    unset = [key.path for key in KEYS if shown.in_force.get(key.path) is None]
    yield line()
    yield _settings_table(shown.in_force.given, KEYS if wide else ())
    for bucket in shown.in_force.buckets:
        settings = [one for one in bucket.given if one.path != "name"]
        yield line()
        yield line(
            ("Bucket ", Style.QUIET), (bucket.settings.name, Style.HEAD), f"  from {_source(bucket.given[0])}", indent=2
        )
        if settings or wide:
            yield _settings_table(settings, BUCKET_KEYS[1:] if wide else ())
    if not wide:
        has_auth = any(one.path.startswith("auth.") for one in shown.in_force.given)
        auth = () if has_auth else ("auth",)
        short = (*auth, *(path for path in unset if not path.startswith("auth.")))
        yield line()
        yield line((f"Not set: {', '.join(short)}", Style.QUIET), indent=2)


def import_text(name: str, imported: Imported, *, bucket_command: str) -> Iterator[RenderableType]:
    """What was taken, what was left out, and what no other tool knows."""
    yield line(("Context ", Style.QUIET), (name, Style.HEAD))
    yield table(
        [Column("taken"), Column("value", may_fold=True)],
        [(one.path, "\n".join(_words(one.value))) for one in imported.layer.given],
    )
    if imported.left_out:
        yield line()
        yield table(
            [Column("left out"), Column("why", may_fold=True)], [(one.key, one.why) for one in imported.left_out]
        )
    for remark in imported.remarks:
        yield line(("careful: ", Style.CAREFUL), remark, indent=2)
    yield line()
    yield line(("STILL MISSING", Style.HEAD), indent=2)
    for what, why, command in _missing(imported.layer, bucket_command):
        yield labelled(what, why)
        yield line((command, Style.HEAD), indent=4)
    yield line()


_FOLDING: Final = ("admin url", "cluster", "buckets")
_DEFAULT_ADDRESS: Final = f"{BrokerSettings().admin_urls[0]} (default)"
_PASSWORD: Final = re.compile(r"(?<=://)([^/@]*):[^/@]*(?=@)")


def _summary(context: NamedContext, file: ContextFile) -> documents.ContextSummary:
    layer = context.layer
    return documents.ContextSummary(
        name=context.name,
        current=context.name == file.current,
        admin_urls=_words_of(layer, "admin_urls"),
        cluster=next(iter(_words_of(layer, "cluster")), None),
        auth=_auth(layer),
        buckets=[bucket.settings.name for bucket in layer.buckets],
        read_only=_is_on(layer, "read_only"),
        protected=_is_on(layer, "protected"),
    )


def _auth(layer: Layer) -> str:
    """In one word, without looking whether it is complete."""
    words = {"auth.token": "token", "auth.user": "basic", "auth.password": "basic"}
    first = next((one.path for one in layer.given if one.path.startswith("auth.")), "")
    if first:
        return next((word for start, word in words.items() if first.startswith(start)), "oauth2")
    return "certificate" if layer.get("tls.certificate_file") else "none"


def _row(one: documents.ContextSummary, *, wide: bool) -> Sequence[Cell]:
    guards = [word for word, is_on in (("read-only", one.read_only), ("protected", one.protected)) if is_on]
    urls = one.admin_urls if wide else one.admin_urls[:1]
    more = f" +{len(one.admin_urls) - len(urls)}" if len(one.admin_urls) > len(urls) else ""
    cells: list[Cell] = [
        styled("*", Style.GOOD) if one.current else "",
        one.name,
        (", ".join(urls) + more) or _DEFAULT_ADDRESS,
        one.cluster or "-",
        ", ".join(one.buckets) or "-",
    ]
    return [*cells, *([one.auth] if wide else []), ", ".join(guards) or "-"]


def _sources(shown: Shown) -> Iterator[RenderableType]:
    sources = shown.sources
    if shown.file.get(sources.name) is not None:
        yield labelled("Context", sources.name + (" (current)" if shown.is_current else ""))
        yield labelled("File", str(shown.file.path))
    else:
        yield labelled("Context", f"{NO_CONTEXT}, which no file holds" if sources.name == NO_CONTEXT else sources.name)
    client_conf = {str(one.origin) for one in shown.in_force.given if one.origin.kind is OriginKind.CLIENT_CONF}
    for name in client_conf:
        yield labelled("client.conf", name.removeprefix("client.conf "))
    if sources.unused_client_conf is not None:
        yield labelled("client.conf", f"{sources.unused_client_conf} is not used: the addresses come from elsewhere")


def _settings_table(given: Iterable[Given], keys: Iterable[Key]) -> RenderableType:
    """The settings that are given, and those of `keys` that are not."""
    rows = {one.path: _cells(one) for one in given}
    all_rows = {key.path: (key.path, "-", styled("not set", Style.QUIET)) for key in keys} | rows
    return table([Column("setting"), Column("value", may_fold=True), Column("from")], all_rows.values())


def _setting(one: Given) -> documents.SettingDocument:
    words = _words(one.value)
    value = one.value if isinstance(one.value, bool | float) else words if isinstance(one.value, tuple) else words[0]
    return documents.SettingDocument(key=one.path, value=value, origin=one.origin.kind.value, source=one.origin.name)


def _cells(one: Given) -> tuple[Cell, Cell, Cell]:
    is_default = one.origin.kind is OriginKind.DEFAULT
    source = _source(one)
    words = [_DEFAULT_ADDRESS] if is_default and one.path == "admin_urls" else _words(one.value)
    return one.path, "\n".join(words) or "none", styled(source, Style.QUIET) if is_default else source


def _source(one: Given) -> str:
    return "client.conf" if one.origin.kind is OriginKind.CLIENT_CONF else one.origin.name


def _words(value: Value) -> list[str]:
    """A value for eyes: masked if it is a secret, one word for each part of a list."""
    match value:
        case Secret():
            return [MASK]
        case bool():
            return ["true" if value else "false"]
        case float():
            return [f"{value:g}"]
        case tuple():
            return list(value)
        case Path():
            return [str(value)]
        case _:
            return [_PASSWORD.sub(rf"\1:{MASK}", value)]


def _words_of(layer: Layer, path: str) -> list[str]:
    one = layer.get(path)
    return _words(one.value) if one is not None else []


def _is_on(layer: Layer, path: str) -> bool:
    one = layer.get(path)
    return one is not None and one.value is True


def _missing(layer: Layer, bucket_command: str) -> Iterable[tuple[str, str, str]]:
    set_command = bucket_command.partition(" --")[0]
    if layer.get("admin_urls") is None:
        yield (
            "admin_urls",
            f"no address was found, so it is {BrokerSettings().admin_urls[0]}:",
            f"{set_command} admin_urls=URL",
        )
    yield "bucket", "without one no offload can be confirmed in S3 (exit 5):", bucket_command
    yield "cluster", "with its name another cluster behind the same address is refused:", f"{set_command} cluster=NAME"
