"""The embedded cluster: simulated brokers on real ports beside moto's S3 server, all of it in this process."""

import logging
import threading
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import boto3
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from offloadctl.adapters.memory import ManualClock
from offloadctl.adapters.s3 import S3Store
from offloadctl.adapters.system import SystemClock
from offloadctl.demo.broker import Access, Broker
from offloadctl.demo.clock import MovableClock
from offloadctl.demo.cluster_state import SimulatedCluster
from offloadctl.demo.policies import JsonValue
from offloadctl.demo.rest_app import BrokerServer
from offloadctl.demo.tuning import Tuning, broker_properties
from offloadctl.model.settings import BrokerSettings, BucketSettings
from offloadctl.ports import Clock, MultipartUpload, WritableObjectStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

REGION: Final = "us-east-1"
CREDENTIALS: Final = ("demo", "demo-secret")
"""moto takes any."""

# How long after it is due an upload may end when nobody asks.
_TICK_S: Final = 0.02


class EmbeddedCluster:
    """A cluster to talk to over HTTP, from `with` on until its end.

    Without `stores` moto's S3 server is started and `bucket` made in it. `properties` are put over a sound broker.conf.
    A `ManualClock` moves only when it is told to; any other clock runs, and uploads end on time even if nobody asks. It
    may begin `behind` the given one, for a past that `advance` goes through.
    """

    def __init__(
        self,
        *,
        bucket: str = "offload-demo",
        brokers: int = 2,
        clock: Clock | None = None,
        behind: timedelta = timedelta(),
        stores: Iterable[WritableObjectStore] | None = None,
        properties: Mapping[str, JsonValue] | None = None,
        tuning: Tuning | None = None,
        access: Access | None = None,
        name: str = "demo",
        seed: int | None = None,
    ) -> None:
        self.bucket = bucket
        self.credentials = CREDENTIALS
        self.clock = clock if isinstance(clock, ManualClock) else MovableClock(clock or SystemClock(), behind=behind)
        self.s3_endpoint = ""
        """Empty if the buckets were handed in."""
        self._stores = None if stores is None else tuple(stores)
        self._servers = tuple(BrokerServer() for _ in range(brokers))
        self._properties = dict(properties or {})
        self._tuning, self._access, self._name, self._seed = tuning, access, name, seed
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for server in self._servers:
                stack.callback(server.stop)
            stores = self._stores
            if stores is None:
                self.s3_endpoint = _start_moto(stack)
                stores = (self._make_bucket(stack),)
            self.cluster = SimulatedCluster(
                self.clock,
                stores,
                name=self._name,
                brokers=tuple(server.address for server in self._servers),
                properties=broker_properties(stores[0].bucket, endpoint=self.s3_endpoint) | self._properties,
                tuning=self._tuning,
                seed=self._seed,
            )
            self.store = stores[0]
            for server in self._servers:
                server.start(Broker(self.cluster, server.address, self._access))
            if not isinstance(self.clock, ManualClock):
                stack.callback(_Ticker(self.cluster).stop)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def admin_urls(self) -> tuple[str, ...]:
        """One for each broker."""
        return tuple(f"http://{server.address}" for server in self._servers)

    @property
    def broker_settings(self) -> BrokerSettings:
        """What an admin client needs."""
        return BrokerSettings(admin_urls=self.admin_urls)

    @property
    def bucket_settings(self) -> BucketSettings:
        """What an S3 client needs beside the credentials."""
        return BucketSettings(self.bucket, endpoint=self.s3_endpoint or None, region=REGION)

    def advance(self, duration: timedelta) -> None:
        """Move the clock on, and let the cluster do what has become due."""
        self.clock.advance(duration)
        with self.cluster.lock:
            self.cluster.advance()

    def _make_bucket(self, stack: ExitStack) -> S3Store:
        session = boto3.Session(*CREDENTIALS, region_name=REGION)
        client = session.client("s3", endpoint_url=self.s3_endpoint)
        stack.callback(client.close)
        client.create_bucket(Bucket=self.bucket)
        # moto keeps its buckets as long as the process lives, and the next cluster may want one of the same name.
        stack.callback(_delete_bucket, client, self.bucket)
        return stack.enter_context(_MotoBucket(self.bucket_settings, client))


class _MotoBucket(S3Store):
    """A bucket that a simulated broker can leave an upload in."""

    def __init__(self, settings: BucketSettings, client: "S3Client") -> None:
        super().__init__(settings, credentials=CREDENTIALS)
        self._own_client = client

    def begin_upload(self, key: str) -> MultipartUpload:
        """Begin a multipart upload that nobody goes on with."""
        reply = self._own_client.create_multipart_upload(Bucket=self.bucket, Key=key)
        return MultipartUpload(key, reply["UploadId"])


class _Ticker:
    """Lets the cluster catch up with its clock while nobody asks for anything."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Wait for the last tick."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(_TICK_S):
            with self._cluster.lock:
                self._cluster.advance()


def _delete_bucket(client: "S3Client", bucket: str) -> None:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        keys: list[ObjectIdentifierTypeDef] = [{"Key": item["Key"]} for item in page.get("Contents", ())]
        if keys:
            client.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
    client.delete_bucket(Bucket=bucket)


def _start_moto(stack: ExitStack) -> str:
    # It would print a line for each request.
    logger = logging.getLogger("werkzeug")
    stack.callback(logger.setLevel, logger.level)
    logger.setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    stack.callback(server.stop)
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"
