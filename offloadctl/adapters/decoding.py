"""JSON as values of a type. What msgspec knows of a type is made here, by one thread at a time.

msgspec 0.22 keeps what it knows of a Struct where other threads find it half made: the process dies of SIGSEGV then.
Topics are read by several threads from the first request on, so that would happen now and then.
"""

import threading
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

_decoders: Final[dict[tuple[Any, bool], msgspec.json.Decoder[Any]]] = {}
_lock: Final = threading.Lock()


def decoded(data: bytes | str, kind: type[T], *, strict: bool = True) -> T:
    """The value; raises as `msgspec.json.decode` does."""
    decoder = _decoders.get((kind, strict))
    if decoder is None:
        with _lock:
            decoder = _decoders.setdefault((kind, strict), msgspec.json.Decoder(kind, strict=strict))
    value: T = decoder.decode(data)
    return value
