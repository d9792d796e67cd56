"""A broker, a bucket, an issuer and a proxy in one server, which repeat in their answers what they were sent."""

import base64
import html
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.recordings import recording, recordings

TOPIC: Final = "public/rec/t1"
"""The one topic that is there when the broker serves: recorded after its offload."""
BUCKET: Final = "echo-bucket"


@dataclass(frozen=True)
class Said:
    """An answer."""

    status: int
    body: str = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] | None = None


Manner = Callable[[str], Said]
"""How the broker answers; it is handed everything that the request carried."""


def _html(heard: str) -> Said:
    page = f"<html><body><h2>HTTP ERROR 401</h2><p>{html.escape(heard)}</p></body></html>"
    return Said(401, page, "text/html")


MANNERS: Final[Mapping[str, Manner]] = {
    "reason": lambda heard: Said(500, json.dumps({"reason": f"failed at {heard}"})),
    "reason in ASCII": lambda heard: Said(412, json.dumps({"reason": heard}, ensure_ascii=True)),
    "page": _html,
    "plain": lambda heard: Said(403, heard, "text/plain"),
    "stack trace": lambda heard: Said(500, f"--- An unexpected error ---\n\nMessage: {heard}\n\nat a", "text/plain"),
    "not found": lambda heard: Said(404, json.dumps({"reason": f"Topic {quote(heard)} not found"})),
    "nonsense": lambda heard: Said(200, f"[{heard!r}", "text/plain"),
    "wrong fields": lambda heard: Said(200, json.dumps({"version": heard, "ledgers": heard, "clusters": heard})),
    "redirect": lambda heard: Said(307, headers={"Location": f"http://127.0.0.2:1/{quote(heard)}?{quote(heard)}"}),
    "redirect with user": lambda heard: Said(307, headers={"Location": f"http://{quote(heard, safe='')}@127.0.0.2:1/"}),
}  # fmt: skip
"""The ways of a broker that refuses."""


class EchoBroker:
    """Answers each request in the manner that is set; `serve` answers as a healthy broker with a hostile bucket."""

    def __init__(self) -> None:
        self.manner: Manner | None = None
        self.grants: str | None = None
        """The access token that the issuer hands out; without one it refuses."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator["EchoBroker"]:
        """Answer until the end."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Said:
        """What is said to one request."""
        parts = urlsplit(target)
        heard = _heard(target, headers, body)
        if parts.path.endswith("/.well-known/openid-configuration"):
            return Said(200, json.dumps({"token_endpoint": f"{self.url}/token"}))
        if parts.path == "/token":
            if self.grants is None:
                return Said(401, json.dumps({"error": "invalid_client", "error_description": heard}))
            return Said(200, json.dumps({"access_token": self.grants, "expires_in": 3600}))
        if parts.path.startswith(f"/{BUCKET}"):
            message = f"<Error><Code>AccessDenied</Code><Message>{html.escape(heard)}</Message></Error>"
            return Said(403, message, "application/xml")
        return self.manner(heard) if self.manner is not None else _healthy(method, unquote(parts.path))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        broker = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Answers in one piece: in two, each would wait for the other end's acknowledgement.
            wbufsize = 1 << 16

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                said = broker.answer(self.command, self.path, dict(self.headers), body)
                encoded = said.body.encode()
                self.send_response(said.status)
                for name, value in (said.headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Type", said.content_type)
                self.send_header("Content-Length", str(len(encoded)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(encoded)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _answer  # noqa: N815 - as http.server wants it

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Keep quiet."""

        return Handler


def _heard(target: str, headers: Mapping[str, str], body: bytes) -> str:
    """Everything in the request that may be a secret, decoded once more where it was encoded."""
    told = [value for name, value in headers.items() if name.lower() in _TELLING]
    for value in list(told):
        scheme, _, text = value.partition(" ")
        if scheme.lower() == "basic":
            told.append(base64.b64decode(text).decode())
    form = parse_qs(body.decode("utf-8", errors="replace"))
    told += [value for values in form.values() for value in values]
    return " ".join([*told, unquote(urlsplit(target).netloc)])


_TELLING: Final = ("authorization", "proxy-authorization", "x-amz-security-token", "cookie")


def _healthy(method: str, path: str) -> Said:
    path = path.removeprefix("/admin/v2")
    if method == "PUT":
        return Said(204)
    if path.endswith("/partitions"):
        return Said(200, '{"partitions": 0}')
    for number, end in ((21, "internalStats"), (22, "internal-info"), (24, "offload"), (9, "offloadPolicies")):
        if path == f"/persistent/{TOPIC}/{end}":
            return Said(200, recording("03-topic-offload", number).response_body.decode())
    for one in recordings("01-cluster.json"):
        if one.path == f"/admin/v2{path}" and one.status == 200:
            return Said(200, one.response_body.decode())
    return Said(404, '{"reason": "no such thing"}')
