"""Servers on real sockets of this machine, for what a fake would lie about: resets, silence, halves, TLS, proxies."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class Heard:
    """One request as it came over the wire."""

    line: str
    headers: Mapping[str, str]
    """By lower-case names."""
    body: bytes


@dataclass
class Listener:
    """A server that talks to each connection as `talk` says; it notes what it hears."""

    talk: "Callable[[Listener, socket.socket], None]"
    context: ssl.SSLContext | None = None
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._closing = threading.Event()
        self._talks: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        # Closing alone does not wake up who is in accept.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    @property
    def host(self) -> str:
        """`127.0.0.1:port`."""
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self.context else 'http'}://{self.host}"

    def wait_for_the_end(self) -> None:
        """Say nothing more until the test is over."""
        self._closing.wait(30)

    def all_hung_up(self) -> bool:
        """Whether every client that came goes away, within a few seconds."""
        for talk in self._talks:
            talk.join(5)
        return not any(talk.is_alive() for talk in self._talks)

    def hear(self, connection: socket.socket) -> Heard | None:
        """The next request of a connection; None if it ends."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += (more := connection.recv(65536))
            if not more:
                return None
        head, _, body = data.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): text for name, _, text in (one.partition(": ") for one in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            body += connection.recv(65536)
        self.heard.append(Heard(line, headers, body))
        return self.heard[-1]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.connections += 1
                self._talks.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
                self._talks[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        # Whoever is refused or hangs up makes no noise here: the client is under test.
        with connection, suppress(OSError):
            if self.context is None:
                self.talk(self, connection)
            else:
                with self.context.wrap_socket(connection, server_side=True) as secured:
                    self.talk(self, secured)


@contextmanager
def answering(*answers: bytes, context: ssl.SSLContext | None = None) -> Iterator[Listener]:
    """A server that keeps connections and gives one answer after the other, the last one for ever."""
    left = list(answers)

    def talk(listener: Listener, connection: socket.socket) -> None:
        while listener.hear(connection) is not None:
            connection.sendall(left.pop(0) if len(left) > 1 else left[0])

    with Listener(talk, context) as listener:
        yield listener


@contextmanager
def hanging_up_after(*answers: bytes) -> Iterator[Listener]:
    """A server that closes each connection after one answer, without having said that it will."""
    left = list(answers)

    def talk(listener: Listener, connection: socket.socket) -> None:
        if listener.hear(connection) is not None:
            connection.sendall(left.pop(0) if len(left) > 1 else left[0])

    with Listener(talk) as listener:
        yield listener


@contextmanager
def resetting() -> Iterator[Listener]:
    """A server that hears a request and resets the connection."""

    def talk(listener: Listener, connection: socket.socket) -> None:
        listener.hear(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with Listener(talk) as listener:
        yield listener


@contextmanager
def silent() -> Iterator[Listener]:
    """A server that hears a request and says nothing."""

    def talk(listener: Listener, connection: socket.socket) -> None:
        listener.hear(connection)
        listener.wait_for_the_end()

    with Listener(talk) as listener:
        yield listener


def http(body: bytes, status: str = "200 OK", *, length: int | None = None, **headers: str) -> bytes:
    """An HTTP/1.1 answer; `length` is what it announces, if not the truth."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def closed_port() -> Iterator[str]:
    """`127.0.0.1:port` where nobody listens, and nobody else can begin to meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"
