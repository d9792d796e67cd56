"""What is wrong with a document of schedules, in words: what was found, what is expected, and what to write instead."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import inspect

from offloadctl.errors import BadValue
from offloadctl.plan import schedule_file as file
from offloadctl.plan.yaml_documents import YamlDocument

SEE: Final = "what it may say: offloadctl schema Schedule"

_AT: Final = re.compile(r" - at `(?P<path>\$[^`]*)`$")
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_LIKE: Final = 0.6
_LONGEST_SHOWN: Final = 60

_SORTS: Final[Mapping[str, str]] = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "keys with values",
}

_OF_ONE_SORT: Final[Mapping[str, str]] = {
    "str": 'write it in quotes: "{}"',
    "int": "write a whole number, without quotes and unit",
    "float": "write a number, without quotes and unit",
    "bool": "write true or false, without quotes",
    "array": "write [{}], or each below the key, after a dash",
}


def in_words(error: msgspec.ValidationError, document: YamlDocument) -> BadValue:
    """The decoder's error about a document, with line and place."""
    text = str(error)
    at = _AT.search(text)
    path, message = (at["path"], text[: at.start()]) if at is not None else ("$", text)
    path = _without_wildcard(path, document.value)
    for pattern, tell in _TELLING:
        if (match := pattern.search(message)) is not None:
            return tell(match, path, document)
    return BadValue(f"{document.where(path)}: {message.replace('`', '')}", hint=SEE)


def nearest(word: str, known: Sequence[str]) -> str:
    """`did you mean above? `, whatever the case; empty if nothing is like it."""
    by_lower = {one.lower(): one for one in known}
    near = get_close_matches(word.lower(), by_lower, n=1, cutoff=_LIKE)
    return f"did you mean {by_lower[near[0]]}? " if near else ""


def _unknown(match: re.Match[str], path: str, document: YamlDocument) -> BadValue:
    key = match[1]
    keys = _keys(path)
    return BadValue(
        f"{document.where(f'{path}.{key}')}: there is no such key",
        hint=f"{nearest(key, keys)}{_inside(path)} there may be {', '.join(keys)}" if keys else SEE,
    )


def _missing(match: re.Match[str], path: str, document: YamlDocument) -> BadValue:
    part = _part(path)
    needed = [one.encode_name for one in part.fields if one.required] if part is not None else [match[1]]
    return BadValue(
        f"{document.where(path)}: {match[1]} is missing", hint=f"{_inside(path)} there must be {', '.join(needed)}"
    )


def _no_choice(match: re.Match[str], path: str, document: YamlDocument) -> BadValue:
    words = _words(path)
    hint = f"{nearest(match[1], words)}write one of {', '.join(words)}" if words else SEE
    return BadValue(f"{document.where(path)}: {match[1][:_LONGEST_SHOWN]!r} is none of the words allowed", hint=hint)


def _no_name(_: re.Match[str], path: str, document: YamlDocument) -> BadValue:
    found = str(_value_at(document.value, path))
    could_be = re.sub(r"[^a-z0-9]+", "-", found.lower()).strip("-")
    return BadValue(
        f"{document.where(path)}: {found[:_LONGEST_SHOWN]!r} is no name",
        hint="names are of lower-case letters, digits, and dashes between them: write "
        + (could_be[:_LONGEST_SHOWN].strip("-") or "cold-orders"),
    )


def _too_long(match: re.Match[str], path: str, document: YamlDocument) -> BadValue:
    found = len(str(_value_at(document.value, path)))
    return BadValue(f"{document.where(path)}: it has {found} characters", hint=f"{match[1]} are the most")


def _out_of_range(match: re.Match[str], path: str, document: YamlDocument) -> BadValue:
    limit = match[2].removesuffix(".0")
    words = {">=": f"{limit} is the least", "<=": f"{limit} is the most", ">": f"it must be more than {limit}"}
    found = "less" if match[1] == ">=" else "more" if match[1] == "<=" else "no more"
    return BadValue(
        f"{document.where(path)}: {_value_at(document.value, path)} is {found} than {limit}", hint=words[match[1]]
    )


def _other_sort(match: re.Match[str], path: str, document: YamlDocument) -> BadValue:
    wanted = [one for one in match[1].split(" | ") if one != "null"]
    sorts = [_SORTS.get(one, one) for one in wanted if not (one == "int" and "float" in wanted)]
    value = _value_at(document.value, path)
    return BadValue(
        f"{document.where(path)}: this must be {' or '.join(sorts)}, and is {_found(value)}",
        hint=_how(wanted, value, path),
    )


def _how(wanted: Sequence[str], value: Any, path: str) -> str:
    """What to write instead."""
    if words := _words(path):
        return f"write one of {', '.join(words)}"
    if example := _example(path):
        return f'as in "{example}"'
    if "object" in wanted and (keys := _keys(path)):
        return f"{_inside(path)} there may be {', '.join(keys)}"
    if len(wanted) == 1 and isinstance(value, str | int | float) and len(str(value)) <= _LONGEST_SHOWN:
        return _OF_ONE_SORT.get(wanted[0], SEE).format(str(value).lower() if isinstance(value, bool) else value)
    return SEE


def _found(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case str():
            return f"the text {value[:_LONGEST_SHOWN]!r}"
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _inside(path: str) -> str:
    """`in when.cron`; of the whole document `in a schedule`."""
    return f"in {path.removeprefix('$.')}" if path != "$" else "in a schedule"


def _keys(path: str) -> tuple[str, ...]:
    part = _part(path)
    return tuple(one.encode_name for one in part.fields) if part is not None else ()


def _words(path: str) -> tuple[str, ...]:
    """Those of which one must stand there, if it is so."""
    return tuple(str(value) for one in _kinds(path) if isinstance(one, inspect.LiteralType) for value in one.values)


def _example(path: str) -> str:
    found = (one.extra_json_schema for one in _kinds(path) if isinstance(one, inspect.Metadata))
    return next((str(example) for extra in found if extra for example in extra.get("examples", ())), "")


def _part(path: str) -> inspect.StructType | None:
    """The piece of a file that stands there, if it is one."""
    return next((one for one in _kinds(path) if isinstance(one, inspect.StructType)), None)


def _kinds(path: str) -> Sequence[inspect.Type]:
    """What may stand there."""
    kinds = [_schedule()]
    for step in _STEP.finditer(path):
        kinds = [below for one in kinds for below in _below(one, step[1])]
    return kinds


@cache
def _schedule() -> inspect.Type:
    return inspect.type_info(file.Schedule)


def _below(kind: inspect.Type, key: str | None) -> Iterator[inspect.Type]:
    """What may stand under a key; without one, in a list."""
    match kind:
        case inspect.StructType(fields=fields):
            for one in fields:
                if one.encode_name == key:
                    yield from _alternatives(one.type)
        case inspect.DictType(value_type=value_type) if key is not None:
            yield from _alternatives(value_type)
        case inspect.ListType(item_type=item_type) if key is None:
            yield from _alternatives(item_type)
        case _:
            return


def _alternatives(kind: inspect.Type) -> Iterator[inspect.Type]:
    match kind:
        case inspect.UnionType(types=types):
            for one in types:
                yield from _alternatives(one)
        case _:
            yield kind


def _value_at(value: Any, path: str) -> Any:
    """What the document has there; None if it has nothing."""
    for step in _STEP.finditer(path):
        if isinstance(value, dict) and step[1] is not None:
            value = value.get(step[1])
        elif isinstance(value, list) and step[2] is not None and int(step[2]) < len(value):
            value = value[int(step[2])]
        else:
            return None
    return value


def _without_wildcard(path: str, value: Any) -> str:
    """The decoder does not say which key of a mapping of texts it means: the first whose value is none."""
    if not path.endswith("[...]"):
        return path
    path = path.removesuffix("[...]")
    mapping = _value_at(value, path)
    if isinstance(mapping, dict):
        for key, one in mapping.items():
            if not isinstance(one, str):
                return f"{path}.{key}"
    return path


_Tell = Callable[[re.Match[str], str, YamlDocument], BadValue]

_TELLING: Final[Sequence[tuple[re.Pattern[str], _Tell]]] = (
    (re.compile(r"unknown field `([^`]*)`"), _unknown),
    (re.compile(r"missing required field `([^`]*)`"), _missing),
    (re.compile(r"^Invalid enum value '(.*)'$", re.DOTALL), _no_choice),
    (re.compile(r"matching regex"), _no_name),
    (re.compile(r"of length <= (\d+)"), _too_long),
    (re.compile(r"^Expected `(?:int|float)[^`]*` (>=|<=|>) ([-\d.]+)"), _out_of_range),
    (re.compile(r"^Expected `([^`]*)`, got"), _other_sort),
)
