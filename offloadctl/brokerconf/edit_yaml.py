"""Changes to YAML in place: of each variable its value changes where it stands, and every other byte stays.

What is written in a way that cannot be changed so (an alias, a value over several lines) stays as it is.
"""

import json
import re
from collections.abc import Sequence
from typing import Final

import yaml

from offloadctl.brokerconf.edit import AddPrefix, CommentOut, Edit, SetValue, with_edits
from offloadctl.brokerconf.entries import as_java_reads, is_for_broker, is_in_force
from offloadctl.brokerconf.formats import PREFIX
from offloadctl.brokerconf.properties import LogicalLine, escaped_value, natural_lines, parse
from offloadctl.brokerconf.reading_yaml import Spot, is_compose, is_whole_conf, spots


def with_yaml_edits(text: str, edits: Sequence[Edit]) -> str:
    """The text after these edits; the same where there is nothing that they could change."""
    inside = next((one for one in spots(text) if is_whole_conf(one)), None)
    if inside is not None:
        return _inside(text, inside, edits)
    for edit in edits:
        after = _edited(text, edit)
        # JSON has no comments, and needs its commas: what only YAML allows is no edit of it.
        text = after if _is_json(after) or not _is_json(text) else text
    return text


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _edited(text: str, edit: Edit) -> str:
    ours = [one for one in spots(text) if is_for_broker(one.name)]
    named = [one for one in ours if one.name.removeprefix(PREFIX) == edit.key]
    match edit:
        case CommentOut():
            # The last one first, so that the places of the others still hold.
            for one in reversed(named):
                text = _commented_out(text, one)
        case AddPrefix():
            for one in reversed(named):
                text = _prefixed(text, one)
        case SetValue():
            value = escaped_value(edit.value)
            written = value.replace("$", "$$") if is_compose(text) else value
            counting = [one for one in named if is_in_force(one.name)]
            if counting:
                return _with_value(text, counting[-1], written)
            # Beside one of the sort that is written most: NAME: value, or - NAME=value.
            return _with_new(text, ours[-1], PREFIX + edit.key, written) if ours else text
    return text


def _with_value(text: str, spot: Spot, value: str) -> str:
    node = spot.value_node
    whole = f"{spot.name}={value}" if spot.is_item else value
    raw = _raw(text, node)
    if node.style == '"' and raw.startswith('"'):
        new = json.dumps(whole)
    elif node.style == "'" and raw.startswith("'"):
        new = "'" + whole.replace("'", "''") + "'"
    elif node.style is None and not raw.startswith(_PROPERTIES):
        # A number without quotes would be one to YAML, and no text, which ConfigMaps must have.
        new = whole if spot.is_item else (" " if not raw else "") + json.dumps(whole)
    else:
        return text
    return text[: node.start_mark.index] + new + text[node.end_mark.index :]


_PROPERTIES: Final = ("&", "*", "!")
"""An anchor, an alias, a tag: what stands here may stand elsewhere, too."""


def _raw(text: str, node: yaml.Node) -> str:
    return text[node.start_mark.index : node.end_mark.index]


def _commented_out(text: str, spot: Spot) -> str:
    """The entry as a comment, if it has its line to itself."""
    if spot.is_pair_of_two or spot.name_node.start_mark.line != spot.value_node.end_mark.line:
        return text
    start, before = _line_start(text, spot.name_node)
    if not _BEFORE_ITEM.fullmatch(before) or (before.strip() and not spot.is_item):
        return text
    at = start + len(before) - len(before.lstrip(" "))
    return f"{text[:at]}# {text[at:]}"


def _line_start(text: str, node: yaml.Node) -> tuple[int, str]:
    """Where the node's line starts, and what stands before the node."""
    at = node.start_mark.index
    start = 1 + max(text.rfind(end, 0, at) for end in "\r\n")
    return start, text[start:at]


_BEFORE_ITEM: Final = re.compile(r" *(?:- +)?")


def _prefixed(text: str, spot: Spot) -> str:
    at = spot.name_node.start_mark.index
    at += _raw(text, spot.name_node).startswith(("'", '"'))
    return text[:at] + PREFIX + text[at:] if text[at:].startswith(spot.name) else text


def _with_new(text: str, beside: Spot, name: str, value: str) -> str:
    """A new entry below another one, written like it."""
    if beside.is_pair_of_two:
        return text
    _, before = _line_start(text, beside.name_node)
    found = _NEWLINE.search(text)
    newline = found[0] if found is not None else "\n"
    end = _NEWLINE.search(text, beside.value_node.end_mark.index)
    at = end.start() if end is not None else len(text)
    new = json.dumps(f"{name}={value}") if beside.is_item else f"{name}: {json.dumps(value)}"
    return f"{text[:at]}{newline}{before}{new}{text[at:]}"


_NEWLINE: Final = re.compile(r"\r\n|\r|\n")


# -- a whole broker.conf inside


def _inside(text: str, spot: Spot, edits: Sequence[Edit]) -> str:
    """The lines of a literal block, each behind its indentation."""
    header = _HEADER.match(text, spot.value_node.start_mark.index)
    if header is None:
        return text
    raw = text[header.end() : spot.value_node.end_mark.index]
    lines = _NATURAL.findall(raw)
    first = next((one for one in lines if one.strip()), "")
    indent = first[: len(first) - len(first.lstrip(" "))]
    if not indent:
        return text
    content = "".join(one.removeprefix(indent) if one.strip() else one.lstrip(" ") for one in lines)
    known = parse(as_java_reads(content))
    after = "".join(_printed(with_edits(known, edits), known, lines, indent))
    return text[: header.end()] + after + text[spot.value_node.end_mark.index :]


_HEADER: Final = re.compile(r"\|[-+]?[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)")
_NATURAL: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


def _printed(
    changed: Sequence[LogicalLine], known: Sequence[LogicalLine], lines: Sequence[str], indent: str
) -> list[str]:
    by_number = {one.number: one for one in known}
    found: list[str] = []
    for line in changed:
        if by_number.get(line.number) == line:
            first = line.number - 1
            found += lines[first : first + natural_lines(line.text) + (not line.end)]
        else:
            text = line.text.encode("latin-1").decode("utf-8", "surrogatepass")
            found += [indent + one if one.strip() else one for one in _NATURAL.findall(text)]
    return found
