"""The bytes of an object: ranged GETs that must bring the range that was asked for, resumed where a body broke off."""

import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from botocore.exceptions import ClientError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError
from urllib3.exceptions import HTTPError

from offloadctl.adapters import traffic
from offloadctl.adapters.s3_errors import Where, error_code, error_status, translate
from offloadctl.errors import StoreFailed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NO_KEY: Final = "NoSuchKey"

# boto3 retries requests, but not a body that breaks off while it is read: so often in a row without a single byte.
_ATTEMPTS: Final = 3
_BROKEN_OFF: Final = (ResponseStreamingError, IncompleteReadError, ReadTimeoutError, HTTPError)

# What is asked of a body at once after it broke off: the most that then comes twice.
_CAREFUL: Final = 512 * 1024

_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.ASCII)


class Stream(Protocol):
    """What is needed of botocore's StreamingBody; its `with` would hand out the raw stream behind its checks."""

    def read(self, amt: int, /) -> bytes:
        """Up to so many bytes; none at the end."""
        ...

    def close(self) -> None:
        """Give the connection back, or up."""
        ...


@dataclass(frozen=True, slots=True)
class Body:
    """An answer that has begun to come."""

    stream: Stream
    size: int | None = None
    """How many bytes must come, if that is known."""
    etag: str = ""


Ask: TypeAlias = "Callable[[Callable[[S3Client], Body | None]], Body | None]"
"""S3Store's way to send one request."""


def open_body(client: "S3Client", where: Where, *, start: int, length: int | None, etag: str = "") -> Body | None:
    """The bytes from `start`, of the object with that etag if one is given; None if there is no such object."""
    ranged = _range_header(start, length)
    request: dict[str, Any] = {"Bucket": where.bucket, "Key": where.key}
    if ranged:
        request["Range"] = ranged
    if etag:
        request["IfMatch"] = etag
    try:
        reply: Mapping[str, Any] = client.get_object(**request)
    except ClientError as exc:
        if error_code(exc) == NO_KEY:
            return None
        if error_status(exc) == 416:
            return Body(io.BytesIO())
        if etag and error_status(exc) == 412:
            raise StoreFailed(f"{where} was replaced while it was read", hint="read it again") from exc
        raise
    size = _size_of(reply, start, length) if ranged else reply.get("ContentLength")
    if ranged and size is None:
        reply["Body"].close()
        raise StoreFailed(
            f"another range came than was asked for, of {where}: asked {ranged}, found {reply.get('ContentRange')}",
            hint="the store, or a proxy on the way, does not keep to the Range header",
        )
    return Body(reply["Body"], size, reply.get("ETag", ""))


def pieces(ask: Ask, where: Where, body: Body, *, start: int, length: int | None, size: int) -> Iterator[bytes]:
    """The bytes of `body`, which begins at `start`, `size` at once; one that breaks off goes on where it broke off."""
    at, failures, size = start, 0, max(size, _CAREFUL)
    while True:
        try:
            for piece in _read(body, size):
                at, failures = at + len(piece), 0
                yield piece
        except _BROKEN_OFF as exc:
            failures += 1
            if failures == _ATTEMPTS:
                raise translate(exc, "read", where) from exc
            size = min(size, _CAREFUL)
        else:
            return
        body = _again(ask, where, start=at, length=None if length is None else start + length - at, etag=body.etag)


def in_chunks(parts: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in chunks of `size`; the last one may be shorter, none is empty."""
    kept: list[bytes] = []
    have = 0
    for part in parts:
        if not kept and len(part) == size:
            yield part
            continue
        rest = memoryview(part)
        while have + len(rest) >= size:
            yield b"".join((*kept, rest[: size - have]))
            rest = rest[size - have :]
            kept, have = [], 0
        if rest:
            kept.append(bytes(rest))
            have += len(rest)
    if have:
        yield b"".join(kept)


def _read(body: Body, size: int) -> Iterator[bytes]:
    come = 0
    try:
        while piece := body.stream.read(size):
            come += len(piece)
            traffic.S3.read(len(piece))
            yield piece
    finally:
        with suppress(HTTPError):
            body.stream.close()
    if body.size is not None and come != body.size:
        raise IncompleteReadError(actual_bytes=come, expected_bytes=body.size)


def _again(ask: Ask, where: Where, *, start: int, length: int | None, etag: str) -> Body:
    if length == 0:
        return Body(io.BytesIO())
    body = ask(lambda client: open_body(client, where, start=start, length=length, etag=etag))
    if body is None:
        raise StoreFailed(f"{where} vanished while it was read", hint="was it deleted just now?")
    return body


def _range_header(start: int, length: int | None) -> str:
    if length is not None:
        return f"bytes={start}-{start + length - 1}"
    return f"bytes={start}-" if start else ""


def _size_of(reply: Mapping[str, Any], start: int, length: int | None) -> int | None:
    """How many bytes come of the range that was asked for; None if it is another one."""
    announced: int | None = reply.get("ContentLength")
    if "ContentRange" not in reply:
        # The whole object instead of a range of it is right only when they are the same.
        whole = start == 0 and length is not None and announced is not None and announced <= length
        return announced if whole else None
    match = _CONTENT_RANGE.fullmatch(reply["ContentRange"])
    if match is None:
        return None
    first, last = int(match[1]), int(match[2])
    size = last - first + 1
    if first != start or announced not in (None, size) or (length is not None and size > length):
        return None
    # Fewer bytes than were asked for are right only at the object's end.
    at_end = match[3] == "*" or last == int(match[3]) - 1
    return size if at_end or size == length else None
