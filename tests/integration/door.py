"""A door between a broker and its MinIO: what a test names is held before it, so that an upload stands still there.

The broker is given the door's address as its S3 endpoint; whatever comes is passed on unread, except that the
requests are searched for what must wait.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_CHUNK: Final = 1 << 16
_LONGEST_LINE: Final = 1 << 12
_LONGEST_WAIT_S: Final = 240.0


@dataclass(slots=True, eq=False)
class _Hold:
    """What must wait, and how many requests do."""

    pattern: re.Pattern[bytes]
    waiting: int = 0


class Door:
    """Relays connections to one server, and holds requests that match a pattern until it is opened."""

    def __init__(self, server_url: str) -> None:
        address = urlsplit(server_url)
        assert address.hostname is not None
        assert address.port is not None
        self._server = (address.hostname, address.port)
        self._hold: _Hold | None = None
        self._changed = threading.Condition()
        self._ends: set[socket.socket] = set()
        self._listener = socket.create_server(("0.0.0.0", 0))

    @property
    def port(self) -> int:
        """Where it listens, on every address of this machine."""
        port: int = self._listener.getsockname()[1]
        return port

    def hold(self, request: str) -> None:
        """From now on, requests whose first line matches must wait, and no others: what waits by now may go."""
        with self._changed:
            self._hold = _Hold(re.compile(request.encode()))
            self._changed.notify_all()

    def open(self) -> None:
        """Let go what waits, and hold nothing more."""
        with self._changed:
            self._hold = None
            self._changed.notify_all()

    @property
    def is_holding(self) -> bool:
        """Does a request wait?"""
        with self._changed:
            return self._hold is not None and self._hold.waiting > 0

    @contextlib.contextmanager
    def standing(self) -> Iterator[Door]:
        """Relay until the end, which cuts every connection."""
        relay = threading.Thread(target=self._accept, name="door", daemon=True)
        relay.start()
        try:
            yield self
        finally:
            self.open()
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            relay.join()
            self._listener.close()
            with self._changed:
                for end in self._ends:
                    with contextlib.suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), name="door-client", daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with self._noted(client), contextlib.suppress(OSError):
            data = client.recv(_CHUNK)
            while data:
                self._wait_if_named(b"", data)
                # Not earlier: servers hang up on who says nothing for half a minute, which the client shall not hear.
                with self._connected(client) as server:
                    before = b""
                    while data and not (before and self._holder(b"", data)):
                        if before:
                            self._wait_if_named(before, data)
                        server.sendall(data)
                        before, data = data[-_LONGEST_LINE:], client.recv(_CHUNK)

    @contextlib.contextmanager
    def _connected(self, client: socket.socket) -> Iterator[socket.socket]:
        """A connection to the server, whose answers go to the client."""
        left = threading.Event()
        with self._noted(socket.create_connection(self._server)) as server:
            answers = threading.Thread(target=_pump, args=(server, client, left), name="door-server", daemon=True)
            answers.start()
            try:
                yield server
            finally:
                left.set()
                with contextlib.suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)
                answers.join()

    @contextlib.contextmanager
    def _noted(self, end: socket.socket) -> Iterator[socket.socket]:
        """It is cut when the door is, and closed at the end of the block."""
        with end:
            with self._changed:
                self._ends.add(end)
            try:
                yield end
            finally:
                with self._changed:
                    self._ends.discard(end)

    def _wait_if_named(self, before: bytes, data: bytes) -> None:
        with self._changed:
            if hold := self._holder(before, data):
                hold.waiting += 1
                self._changed.wait_for(lambda: self._hold is not hold, _LONGEST_WAIT_S)
                hold.waiting -= 1

    def _holder(self, before: bytes, data: bytes) -> _Hold | None:
        """What holds the request that these data end the line of: a line may come in two pieces."""
        with self._changed:
            hold = self._hold
            named = hold is not None and any(m.end() > len(before) for m in hold.pattern.finditer(before + data))
            return hold if named else None


def _pump(source: socket.socket, sink: socket.socket, left: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    if not left.is_set():
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
