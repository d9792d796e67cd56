"""Files of YAML as values, with the line of each: what a mistake is about is told with where it stands.

Plain scalars mean what they look like: `22:00` is a text here, and not 1320, and a date is one, too. `yes` and `no` are
texts; only true and false are true and false.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import yaml

from offloadctl.errors import BadValue, UsageError

API_VERSION: Final = "offloadctl/v1"

_INTEGER: Final = re.compile(r"[-+]?(0|[1-9]\d*)", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d+)?", re.ASCII)
_WORDS: Final[Mapping[str, Any]] = {"": None, "~": None, "null": None, "true": True, "false": False}
_DEEPEST: Final = 50


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One document of a file."""

    value: Any
    name: str
    """The file's, or that of what else it was read from."""
    number: int
    lines: Mapping[str, int]
    """By path, as in `$.when.any[0].cron`."""

    def line_of(self, path: str) -> int:
        """The line where that stands, or what is nearest around it."""
        while path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["))]
        return self.lines[path]

    def where(self, path: str) -> str:
        """`schedules.yaml, line 12: when.any[0].cron`."""
        shown = path.removeprefix("$").removeprefix(".")
        return f"{self.name}, line {self.line_of(path)}" + (f": {shown}" if shown else "")

    @contextmanager
    def told_at(self, path: str) -> Iterator[None]:
        """Errors about what stands at that path say so."""
        try:
            yield
        except UsageError as error:
            raise BadValue(f"{self.where(path)}: {error.message}", hint=error.hint) from error


def read_documents(text: str, name: str) -> tuple[YamlDocument, ...]:
    """All documents that are not empty. BadValue if it is no YAML, or says something twice."""
    with told_as_yaml(name):
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    documents = (_document(node, name, number) for number, node in enumerate(nodes, 1))
    return tuple(one for one in documents if one.value is not None)


@contextmanager
def told_as_yaml(name: str) -> Iterator[None]:
    """The parser's errors in our words. The text around the mistake is not shown: there may be credentials in it."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f", line {mark.line + 1}" if mark is not None else ""
        problem = error.problem or "a mistake"
        raise BadValue(f"{name}{line} is no YAML: {problem}", hint=_how_to_mend(f"{error.context} {problem}")) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise BadValue(f"{name} is no YAML: {type(error).__name__}") from None


def _how_to_mend(problem: str) -> str:
    if "alias" in problem or "anchor" in problem:
        return "a text that begins with * or & is put in quotes, as in cron: '*/5 * * * *'"
    if r"\t" in problem:
        return "indent with blanks: YAML takes no tabs there"
    return "there, or shortly before: a bracket or quote left open, lines indented unequally, a text with `: ` unquoted"


def require_kind(value: Any, where: str, kind: str, *, others: Mapping[str, str], taker: str) -> None:
    """BadValue if it is no document of that kind in our version; `others` tells where other kinds belong."""
    if not isinstance(value, dict):
        raise BadValue(f"{where} is no mapping", hint=f"it begins with `kind: {kind}`")
    if "kind" not in value:
        raise BadValue(f"{where} has no kind", hint=f"it begins with `kind: {kind}`")
    found = value["kind"]
    if found != kind:
        raise BadValue(
            f"{where} is of the kind {str(found)[:80]!r}, and not {kind}",
            hint=others.get(str(found), f"`{taker}` takes `kind: {kind}` only"),
        )
    version = value.get("apiVersion")
    if version != API_VERSION:
        raise BadValue(f"{where} has the apiVersion {str(version)[:80]!r}", hint=f"write apiVersion: {API_VERSION}")


def _document(node: yaml.Node, name: str, number: int) -> YamlDocument:
    lines: dict[str, int] = {}
    return YamlDocument(_value(node, name, "$", lines), name, number, lines)


def _value(node: yaml.Node, name: str, path: str, lines: dict[str, int]) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if path.count(".") + path.count("[") > _DEEPEST:
        raise BadValue(f"{name}, line {lines[path]}: nested too deep")
    match node:
        case yaml.MappingNode(value=pairs):
            return _mapping(pairs, name, path, lines)
        case yaml.SequenceNode(value=items):
            return [_value(item, name, f"{path}[{index}]", lines) for index, item in enumerate(items)]
        case yaml.ScalarNode():
            return _scalar(node)
        case _:
            raise BadValue(f"{name}, line {lines[path]}: neither a mapping, nor a list, nor a text")


def _mapping(pairs: list[tuple[yaml.Node, yaml.Node]], name: str, path: str, lines: dict[str, int]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise BadValue(f"{name}, line {line}: a key is no text")
        word = str(key.value)
        if word in made:
            raise BadValue(f"{name}, line {line}: {word[:80]} is there twice")
        lines[f"{path}.{word}"] = line
        made[word] = _value(value, name, f"{path}.{word}", lines)
    return made


def _scalar(node: yaml.ScalarNode) -> Any:
    text = str(node.value)
    if node.style is not None:
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text) and len(text) < 20:
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) and len(text) < 40 else text
