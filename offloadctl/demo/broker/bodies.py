"""Bodies of requests as Jackson reads them, and what it says when it cannot."""

import json
from collections.abc import Mapping
from typing import Any, Final

from offloadctl.demo.broker.values import Request, bad_json
from offloadctl.demo.policies import JsonValue

_SOURCE: Final = "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: "
_INTEGERS: Final = ("Threads", "Rounds", "InSeconds", "InBytes", "InMillis")


def read_json(request: Request) -> Any:
    """The body's value; None for an empty body."""
    if not request.body.strip():
        return None
    text = request.body.decode(errors="replace")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        found = text[error.pos : error.pos + 1]
        expected = "double-quote to start field name" if "property name" in error.msg else "a valid value"
        words = f"Unexpected character ('{found}' (code {ord(found or ' ')})): was expecting {expected}"
        raise bad_json(f"{words}{_SOURCE}{error.pos + 1}]") from error


def read_number(request: Request, java_type: str = "long") -> int | None:
    """A bare number."""
    value = read_json(request)
    if value is None or _is_number(value):
        return None if value is None else int(value)
    raise bad_json(_no_number(java_type, value))


def read_object(request: Request, java_class: str) -> dict[str, Any] | None:
    """A JSON object; None for an empty body or null."""
    value = read_json(request)
    if value is None or isinstance(value, dict):
        return value
    if isinstance(value, list):
        what = f"Cannot deserialize value of type `{java_class}` from Array value (token `JsonToken.START_ARRAY`)"
    else:
        what = f"Cannot construct instance of `{java_class}` (although at least one Creator exists)"
    raise bad_json(f"{what}{_SOURCE}1]")


def long_field(body: Mapping[str, Any], name: str, default: int) -> int:
    """A number in an object; one that is missing or null takes its default."""
    value = body.get(name)
    if value is None:
        return default
    if _is_number(value):
        return int(value)
    raise bad_json(_no_number("long", value))


def read_policy(request: Request) -> dict[str, JsonValue | None] | None:
    """An offload policy, its fields of the right types."""
    body = read_object(request, "org.apache.pulsar.common.policies.data.OffloadPoliciesImpl")
    for name, value in (body or {}).items():
        if name.endswith(_INTEGERS) and value is not None and not _is_number(value):
            raise bad_json(_no_number("java.lang.Integer", value))
    return body


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _no_number(java_type: str, value: Any) -> str:
    what = f'Cannot deserialize value of type `{java_type}` from String "{value}"'
    return f"{what}: not a valid `{java_type}` value{_SOURCE}1]"
