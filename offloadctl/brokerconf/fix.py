"""`--fix`: a file as it is, and as it would be with everything put right that needs no person for it.

An edit counts only if the file, read again, has changed by it and by nothing else: a YAML that is written in a way that
is not edited here keeps its mistake, and the finding stays.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from offloadctl.brokerconf.edit import CommentOut, Edit, SetValue, with_edits
from offloadctl.brokerconf.edit_env import with_env_edit
from offloadctl.brokerconf.entries import BrokerConf, Layout
from offloadctl.brokerconf.findings import LintFinding, Version
from offloadctl.brokerconf.lint import lint
from offloadctl.brokerconf.properties import parse, printed
from offloadctl.brokerconf.reading import read
from offloadctl.errors import BadValue

_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Fixed:
    """A file after `--fix`."""

    data: bytes
    count: int
    """How many findings were put right."""


def fixed(data: bytes, *, layout: Layout | None = None, version: Version | None = None) -> Fixed:
    """The bytes of a file, with every finding put right that can be."""
    count = 0
    while True:
        done = 0
        for finding in lint(read(data, layout=layout), version=version):
            after = _edited(data, finding.edits, layout)
            if after is not None:
                data, done = after, done + 1
        if not done:
            return Fixed(data, count)
        # What was hidden by one mistake may be another one: look again.
        count += done


def with_possible_edits(
    data: bytes, findings: Sequence[LintFinding], *, layout: Layout | None = None
) -> tuple[LintFinding, ...]:
    """The findings of a file; those that cannot be put right in it, the way it is written, have no edits."""
    return tuple(
        replace(one, edits=()) if one.edits and _edited(data, one.edits, layout) is None else one for one in findings
    )


def _edited(data: bytes, edits: Sequence[Edit], layout: Layout | None) -> bytes | None:
    """The file after these edits; None if they do not change it, or not as they should."""
    if not edits:
        return None
    before = read(data, layout=layout)
    after = _bytes_after(data, before, edits)
    with suppress(BadValue):
        if after != data and _is_as_meant(before, read(after, layout=layout), edits):
            return after
    return None


def _bytes_after(data: bytes, conf: BrokerConf, edits: Sequence[Edit]) -> bytes:
    if conf.layout is Layout.CONF and not conf.is_inside:
        return printed(with_edits(parse(data.decode("latin-1")), edits)).encode("latin-1")
    text = data.decode("utf-8")
    mark, text = text[: text.startswith(_BYTE_ORDER_MARK)], text.removeprefix(_BYTE_ORDER_MARK)
    if conf.layout is Layout.ENV:
        for edit in edits:
            text = with_env_edit(text, edit)
    else:
        from offloadctl.brokerconf.edit_yaml import with_yaml_edits  # noqa: PLC0415 - yaml is slow to load

        text = with_yaml_edits(text, edits)
    return (mark + text).encode()


def _is_as_meant(before: BrokerConf, after: BrokerConf, edits: Sequence[Edit]) -> bool:
    keys = {edit.key for edit in edits}
    if (before.layout, before.is_inside) != (after.layout, after.is_inside) or _others(before, keys) != _others(
        after, keys
    ):
        return False
    for edit in edits:
        match edit:
            case SetValue(key, value):
                is_done = after.text(key) == value
            case CommentOut(key):
                is_done = all(one.key != key or one.line is None for one in after.entries)
            case _:
                is_done = (found := after.entry(edit.key)) is not None and found.line is not None
        if not is_done:
            return False
    return True


def _others(conf: BrokerConf, keys: set[str]) -> tuple[list[tuple[str, str]], set[str]]:
    """What must stay as it is: all other settings, and the names of all other variables."""
    settings = [(one.name or one.key, one.value) for one in conf.entries if one.key not in keys]
    return settings, {name for name in conf.variables if not any(name.endswith(key) for key in keys)}
