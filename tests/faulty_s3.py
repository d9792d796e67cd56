"""A proxy before an S3 server that spoils what a test says: statuses, bodies that break off, pages of a listing."""

import http.client
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request, and the how many-eth of its kind (method and path) it is."""

    method: str
    path: str
    query: Mapping[str, str]
    count: int

    @property
    def is_listing(self) -> bool:
        """Whether it asks for a page of objects."""
        return self.query.get("list-type") == "2"


@dataclass(frozen=True)
class Answered:
    """What the server said; `cut` ends the connection after so many bytes of the body, `reset` in an unfriendly way."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: int | None = None
    reset: bool = False


_RESET: Final = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

Spoil = Callable[[Asked, Answered], Answered]


@dataclass
class FaultyS3:
    """Where it listens, and what it does to answers; pages of listings can be made small."""

    url: str = ""
    spoil: Spoil = lambda _, answered: answered
    page_size: int | None = None
    asked: list[Asked] = field(default_factory=list)


def refusal(code: str, status: int, message: str = "no") -> Answered:
    """An S3 error."""
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    return Answered(status, {"Content-Type": "application/xml"}, body)


@contextmanager
def before(endpoint: str) -> Iterator[FaultyS3]:  # noqa: C901 - a handler's methods are counted as its branches
    """A proxy before that server, as long as the context is open."""
    faulty, lock = FaultyS3(), threading.Lock()
    host = urlsplit(endpoint).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            with lock:
                same = [one for one in faulty.asked if (one.method, one.path) == (self.command, parts.path)]
                asked = Asked(self.command, parts.path, query, len(same) + 1)
                faulty.asked.append(asked)
            if asked.is_listing and faulty.page_size is not None:
                query["max-keys"] = str(faulty.page_size)
            self.send(faulty.spoil(asked, self.forwarded(f"{parts.path}?{urlencode(query)}" if query else parts.path)))

        do_GET = do_HEAD = handle_any  # noqa: N815 - http.server wants these names

        def forwarded(self, path: str) -> Answered:
            connection = http.client.HTTPConnection(host, timeout=20)
            try:
                connection.request(self.command, path, headers={name: self.headers[name] for name in self.headers})
                answer = connection.getresponse()
                return Answered(answer.status, dict(answer.getheaders()), answer.read())
            finally:
                connection.close()

        def send(self, answered: Answered) -> None:
            self.send_response_only(answered.status)
            for name, value in answered.headers.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            head_length = answered.headers.get("Content-Length") or answered.headers.get("content-length")
            length = head_length if self.command == "HEAD" else len(answered.body)
            self.send_header("Content-Length", str(length or 0))
            self.end_headers()
            if self.command == "HEAD":
                return
            self.wfile.write(answered.body[: answered.cut])
            if answered.cut is not None:
                self.close_connection = True
                if answered.reset:
                    # A socket that is closed with SO_LINGER 0 is reset.
                    self.connection.setsockopt(*_RESET)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        faulty.url = f"http://127.0.0.1:{server.server_port}"
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        serving.start()
        try:
            yield faulty
        finally:
            server.shutdown()
            serving.join()


def cut_at(answered: Answered, length: int, *, reset: bool = False) -> Answered:
    """The same, ended before its end."""
    return replace(answered, cut=length, reset=reset)
