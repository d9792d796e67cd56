"""A simulated broker on the wire: a Flask application, and a server that keeps connections open and says nothing."""

import socket
import struct
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Response as WireResponse

from offloadctl.demo.broker import Broker, Request
from offloadctl.demo.faults import Fault

# SO_LINGER with no time: closing the socket resets the connection.
_ABORT: Final = struct.pack("ii", 1, 0)


class _ResetByFault(ConnectionResetError):
    """The connection is to be closed without an answer."""


def create_app(broker: Broker) -> flask.Flask:
    """The application of one broker; each request is answered whole, before Flask looks for a route."""
    app = flask.Flask(__name__, static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = True

    @app.before_request
    def answer() -> WireResponse:
        request = _as_value(flask.request)
        if broker.meets(Fault.RESET, request):
            raise _ResetByFault
        if broker.meets(Fault.SLOW, request):
            time.sleep(broker.cluster.faults.slow_seconds)
        response = broker.answer(request)
        wire = WireResponse(response.body, response.status, content_type=response.content_type or None)
        if not response.content_type:
            del wire.headers["Content-Type"]
        if response.location:
            wire.headers["Location"] = response.location
        wire.headers.extend(response.of_message)
        return wire

    return app


class BrokerServer:
    """Serves one broker on a port of 127.0.0.1 that is known before the broker is."""

    def __init__(self, port: int = 0) -> None:
        self._server = _Server("127.0.0.1", port, flask.Flask(__name__, static_folder=None), _Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self._server.server_port}"

    def start(self, broker: Broker) -> None:
        """Answer requests from now on; those that came before waited."""
        self._server.app = create_app(broker)
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and wait for what is being answered."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.close_all()


class _Server(ThreadedWSGIServer):
    """Knows its connections, so that stopping does not wait for clients that keep them open."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._open: dict[Any, threading.Thread] = {}
        self._aborted: set[Any] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for each connection."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """The connection is done with."""
        if request in self._aborted:
            self._aborted.discard(request)
            self.close_request(request)
        else:
            super().shutdown_request(request)
        self._open.pop(request, None)

    def abort(self, request: socket.socket) -> None:
        """Let the connection be reset once its thread is done with it."""
        request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        self._aborted.add(request)

    def close_all(self) -> None:
        """The listening socket and every connection."""
        self.server_close()
        for request, thread in list(self._open.items()):
            # An error means that the client was faster.
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)
            thread.join()


class _Handler(WSGIRequestHandler):
    """HTTP/1.1 that keeps connections open, which werkzeug's own handler refuses to."""

    protocol_version = "HTTP/1.1"
    # With Nagle's algorithm every second answer on a connection waits for the client's delayed acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = -1

    def run_wsgi(self) -> None:
        """Answer one request; the body has been read by the application, so that the next one can follow."""
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
            started[:] = [HTTPStatus(int(status.split(maxsplit=1)[0])), headers]
            return self.wfile.write

        try:
            body = b"".join(self.server.app(self.make_environ(), start_response))
        except _ResetByFault:
            self.server.abort(self.connection)  # type: ignore[attr-defined] # it is always a _Server
            self.close_connection = True
            return
        status, headers = started
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def handle_expect_100(self) -> bool:
        """Say at once that the body is welcome; in the buffer the word would wait for the answer."""
        welcome = super().handle_expect_100()
        self.wfile.flush()
        return welcome

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Say nothing."""


def _as_value(request: flask.Request) -> Request:
    raw_path, _, _ = str(request.environ["REQUEST_URI"]).partition("?")
    return Request(
        method=request.method,
        path=raw_path,
        params=request.args.to_dict(),
        body=request.get_data(),
        headers={name.lower(): value for name, value in request.headers.items()},
    )
