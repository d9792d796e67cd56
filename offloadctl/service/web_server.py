"""The pages on a port: few threads, slow readers hold none of them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from waitress.server import create_server
from waitress.wasyncore import close_all, dispatcher

from offloadctl.errors import BadValue, SettingsError
from offloadctl.redaction import Secret
from offloadctl.service.web import Pages

THREADS: Final = 2
CONNECTIONS: Final = 50


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """`127.0.0.1:9477`, `[::1]:9477`, `0.0.0.0:9477`; port 0 takes any that is free."""
        try:
            parts = urlsplit(f"//{text}")
            if parts.hostname and parts.port is not None and parts.netloc == text and "@" not in text:
                host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
                return cls(str(ip_address(host)), parts.port)
        except ValueError:
            pass
        raise BadValue(f"{text!r} is no address to listen at", hint="write an IP address and a port: 127.0.0.1:9477")

    @property
    def is_loopback(self) -> bool:
        """Whether only this host gets there."""
        return ip_address(self.host).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def require_token(address: Address, token: Secret | None) -> None:
    """SettingsError if others could read the pages without one."""
    if token is None and not address.is_loopback:
        raise SettingsError(
            f"whoever reaches {address} could read which topics there are",
            hint="give a token, in a file: --listen-token-file; or listen at 127.0.0.1 only",
        )


@contextmanager
def listening(address: Address, pages: Pages) -> Iterator[Address]:
    """Answer until the end of the block; tells where."""
    listener = _bound(address)
    server = create_server(
        pages,
        sockets=[listener],
        threads=THREADS,
        connection_limit=CONNECTIONS,
        channel_timeout=30,
        ident=None,
        clear_untrusted_proxy_headers=True,
    )
    port = listener.getsockname()[1]
    thread = threading.Thread(target=server.run, name="pages", daemon=True)
    thread.start()
    try:
        yield Address(address.host, port)
    finally:
        # On its own thread, which ends once nothing is open any more.
        server.trigger.pull_trigger(lambda: _close_all_but_the_trigger(server))
        thread.join(5)
        server.task_dispatcher.shutdown()
        server.trigger.close()


def _close_all_but_the_trigger(server: Any) -> None:
    """Whoever has just answered pulls it still, and so does whoever ends us: their wake-up may find the work done."""
    trigger = server.trigger
    left = {number: one for number, one in server._map.items() if one not in (trigger, server)}  # noqa: SLF001 - there is no other way
    dispatcher.close(server)  # its own close() would close the trigger, too
    close_all(left, ignore_all=True)
    server._map.clear()  # noqa: SLF001


def _bound(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"cannot listen at {address}: {error.strerror}", hint="give another address: --listen"
        ) from error
    return listener
