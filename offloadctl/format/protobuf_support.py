"""What every protobuf message here needs: totality, text that is text, and fields that we do not know."""

from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from offloadctl.format.errors import BadField

_M = TypeVar("_M", bound=Message)


def parse_into(message: _M, data: bytes | memoryview, *, what: str, at: int) -> _M:
    """Fill `message` from all of `data`; anything that is no such message is a BadField."""
    try:
        message.ParseFromString(bytes(data))
    except (DecodeError, UnicodeDecodeError) as exc:
        raise BadField(what, at=at, expected="a protobuf message", found=f"{len(data)} other bytes") from exc
    if not message.IsInitialized():
        raise BadField(what, at=at, expected="all required fields", found="only some of them")
    return message


def present_fields(message: Message, *, what: str, at: int) -> dict[str, Any]:
    """The fields that are set, by name; repeated ones as the runtime gives them."""
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        # Under proto2 the runtime hands out text that is not UTF-8 as bytes, and would not take it back.
        if field.type == FieldDescriptor.TYPE_STRING and isinstance(value, bytes):
            raise BadField(f"{field.name} of {what}", at=at, expected="UTF-8", found=f"{len(value)} other bytes")
        found[field.name] = value
    return found


def take_unknown_fields(message: Message) -> bytes:
    """The encoded fields that our .proto does not know; `message` is used up."""
    for field, _ in message.ListFields():
        message.ClearField(field.name)
    return message.SerializePartialToString()
