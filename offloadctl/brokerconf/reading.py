"""A file that configures a broker -> its settings: broker.conf, or variables for Pulsar's images."""

import re
from collections.abc import Iterator
from typing import Final

from offloadctl.brokerconf.entries import BrokerConf, Layout, Variable, conf_entries, with_image
from offloadctl.brokerconf.formats import PREFIX
from offloadctl.errors import BadValue


def read(data: bytes, *, layout: Layout | None = None) -> BrokerConf:
    """The settings of a file; BadValue if it is not text of any of these sorts."""
    if b"\0" in data:
        raise BadValue("there are NUL bytes in it", hint="is it UTF-16? Java reads broker.conf as Latin-1")
    if (layout or layout_of(data)) is Layout.CONF:
        return BrokerConf(Layout.CONF, tuple(conf_entries(data.decode("latin-1"))))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadValue(f"it is not UTF-8: byte {error.start}") from error
    if (layout or layout_of(data)) is Layout.ENV:
        return with_image(Layout.ENV, tuple(_env(text)))
    from offloadctl.brokerconf.reading_yaml import read_yaml  # noqa: PLC0415 - yaml is slow to load, and seldom needed

    return read_yaml(text)


def layout_of(data: bytes) -> Layout:
    """What sort of file it looks like."""
    text = data.decode("latin-1")
    if _LOOKS_LIKE_YAML.search(text):
        return Layout.YAML
    return Layout.ENV if _LOOKS_LIKE_ENV.search(text) else Layout.CONF


_LOOKS_LIKE_YAML: Final = re.compile(
    # JSON is YAML, too: kubectl writes both.
    r"\A(?:\xef\xbb\xbf)?\s*\{|^(?:---|(?:apiVersion|kind|services|broker|data|items):)(?:[ \t].*)?$",
    re.MULTILINE,
)
_LOOKS_LIKE_ENV: Final = re.compile(
    rf"^[ \t]*(?:export[ \t]+)?(?:{PREFIX}\w+|[A-Z][A-Z0-9]*_[A-Z0-9_]+)=", re.MULTILINE
)
ENV_LINE: Final = re.compile(r"[ \t]*(export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")
"""Of an env file: `export `, the name, the value."""


def is_quoted(found: re.Match[str]) -> bool:
    """Whether the value stands in quotes that do not belong to it: a shell takes them away, `docker run` does not."""
    value = found[3].strip()
    return bool(found[1]) and len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"


def _env(text: str) -> Iterator[Variable]:
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        if found := ENV_LINE.fullmatch(line):
            value = found[3].strip()
            yield Variable(found[2], value[1:-1] if is_quoted(found) else value, number)
