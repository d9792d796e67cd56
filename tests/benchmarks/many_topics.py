"""A simulated cluster of many topics, in a process of its own: `python -m tests.benchmarks.many_topics TOPICS LEDGERS`.

Its bucket is in memory, and a small server lets HEAD and GET at it, as an S3 endpoint: the client looks at objects over
HTTP with boto3 as ever, and moto's 28 ms for each ledger that is written do not hide what the client costs. Eight
brokers, so that 16 topics can be worked on at once. Says one line, as JSON, when it is ready; then for a line `loaded`
how often brokers had to load a topic, for `requests` what was answered.
"""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from offloadctl.adapters.memory import MemoryObjectStore
from offloadctl.demo.broker import Broker, Request, Response
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.demo.messages import Producer
from offloadctl.demo.tuning import Tuning
from offloadctl.model.names import NamespaceName, TopicName

BUCKET = "offload-many"
NAMESPACE = NamespaceName("acme", "many")
BROKERS = 8
_BUNDLES = 64
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
_ENTRIES = 3


def main() -> None:
    topics, ledgers = map(int, sys.argv[1:])
    store, answered = MemoryObjectStore(BUCKET), Answered()
    count_answers_of_brokers(answered)
    with (
        s3_over(store, answered) as endpoint,
        EmbeddedCluster(
            bucket=BUCKET,
            brokers=BROKERS,
            stores=[store],
            properties={
                "s3ManagedLedgerOffloadServiceEndpoint": endpoint,
                "managedLedgerOffloadServiceEndpoint": endpoint,
            },
            tuning=Tuning(retention_minutes=-1),
        ) as embedded,
    ):
        (entry,) = Producer("bench", embedded.clock.now()).entries(1)
        embedded.cluster.create_namespace(NAMESPACE).bundle_count = _BUNDLES
        for number in range(topics):
            topic = TopicName(NAMESPACE.tenant, NAMESPACE.local_name, topic_name(number))
            embedded.cluster.add_closed_ledgers(topic, ledgers, entries=_ENTRIES, entry=entry)
        print(json.dumps({"admin_urls": embedded.admin_urls, "s3": endpoint}), flush=True)
        for line in sys.stdin:
            loaded = embedded.cluster.topics_loaded.total()
            print(loaded if line.strip() == "loaded" else json.dumps(answered.by), flush=True)


def topic_name(number: int) -> str:
    """The last part of one topic's name."""
    return f"topic-{number:05}"


@dataclass
class Answered:
    """How many requests brokers and bucket have answered."""

    by: dict[str, int] = field(default_factory=lambda: {"brokers": 0, "bucket": 0})
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, who: str) -> None:
        """One more."""
        with self.lock:
            self.by[who] += 1


def count_answers_of_brokers(answered: Answered) -> None:
    """From now on each answer counts."""
    answer = Broker.answer

    def counted(self: Broker, request: Request) -> Response:
        answered.count("brokers")
        return answer(self, request)

    Broker.answer = counted  # type: ignore[method-assign]  # brokers are made by the embedded cluster


@contextmanager
def s3_over(store: MemoryObjectStore, answered: Answered) -> Iterator[str]:
    """An endpoint at which the bucket can be read, as far as HEAD and GET of one object or a range of it go."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            answered.count("bucket")
            key = unquote(self.path.partition("?")[0]).removeprefix(f"/{store.bucket}/")
            info = store.head(key)
            if info is None:
                self.answer(404, {"Content-Type": "application/xml"}, b"<Error><Code>NoSuchKey</Code></Error>")
                return
            headers = {
                "ETag": f'"{info.etag}"',
                "Last-Modified": format_datetime(info.last_modified or _LONG_AGO, usegmt=True),
                **{f"x-amz-meta-{name}": value for name, value in info.user_metadata.items()},
            }
            begin, _, end = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
            if not begin:
                self.answer(200, headers, store.read(key) or b"")
                return
            last = min(int(end), info.size - 1) if end else info.size - 1
            body = store.read(key, start=int(begin), length=last - int(begin) + 1) or b""
            self.answer(206, headers | {"Content-Range": f"bytes {begin}-{last}/{info.size}"}, body)

        do_HEAD = do_GET  # noqa: N815 - http.server wants this name

        def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


if __name__ == "__main__":
    main()
