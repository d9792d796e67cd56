"""The story that `offloadctl demo` tells: each chapter is a real operation on the embedded cluster, over real HTTP."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import msgspec
from rich.console import RenderableType

from offloadctl.adapters.pulsar_rest import PulsarRest
from offloadctl.adapters.s3 import S3Store
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.demo.faults import FAULTS, REQUEST_FAULTS, Fault
from offloadctl.demo.scene import CLICKS, ORDERS, RETURNS
from offloadctl.exitcodes import ExitCode
from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadRun, OffloadWish
from offloadctl.model.settings import BrokerSettings, BucketSettings
from offloadctl.operations.confirm import ObjectsInStores
from offloadctl.operations.offload import Offload, Watcher
from offloadctl.operations.offload_run import OffloadTopics
from offloadctl.operations.status import Status
from offloadctl.ports import Ports
from offloadctl.report.offload import run_document
from offloadctl.report.offload_text import run_text
from offloadctl.report.origin import Origin
from offloadctl.report.status import status_document
from offloadctl.report.status_text import status_text
from offloadctl.report.text import Column, table
from offloadctl.units import ByteSize, format_size, parse_size

CONTEXT: Final = "demo"

_STUCK_TIMEOUT_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class Chapter:
    """One step: what it is about, the command that does the same, and what came of it."""

    title: str
    said: str
    command: str = ""
    shown: tuple[RenderableType, ...] = ()
    document: object = None
    exit_code: ExitCode | None = None


@dataclass(slots=True)
class Story:
    """The chapters in order; each is done when it is asked for."""

    embedded: EmbeddedCluster
    announce: Callable[[str, str, str], None]
    """Is told title, words and command of a chapter before it begins."""
    watching: Callable[[], AbstractContextManager[Watcher]]
    """Opens the progress display of one run."""
    fault: Fault = Fault.TRUNCATED_LEDGER

    def chapters(self) -> Iterator[Chapter]:
        """All of them."""
        with PulsarRest(self._broker, self.embedded.clock) as admin:
            stores = (S3Store(self.bucket, credentials=self.embedded.credentials),)
            ports = Ports(admin=admin, clock=self.embedded.clock, stores=stores)
            yield self._plan(ports)
            yield self._offload(ports)
            yield self._status(ports)
            yield self._partitions(ports)
            yield self._objects(ports)
            yield self._reclaimed()
            yield self._fault(ports)

    @property
    def bucket(self) -> BucketSettings:
        """The bucket, as settings name it."""
        return BucketSettings(self.embedded.bucket, endpoint=self.embedded.s3_endpoint)

    @property
    def _broker(self) -> BrokerSettings:
        return BrokerSettings(admin_urls=self.embedded.admin_urls)

    @property
    def _origin(self) -> Origin:
        return Origin(CONTEXT, self.embedded.cluster.name)

    def _begin(self, title: str, said: str, command: str = "") -> Chapter:
        self.announce(title, said, command)
        return Chapter(title, said, command)

    def _plan(self, ports: Ports) -> Chapter:
        chapter = self._begin(
            "What would move, and why",
            "A topic fills BookKeeper's disks. Keep the newest 1 MiB there: what would go to S3? Nothing is sent.",
            f"offloadctl offload topic {_short(ORDERS)} --size-threshold 1M --dry-run",
        )
        return self._told(chapter, OffloadTopics(self._work(ports, "1M")).dry_run([ORDERS]))

    def _offload(self, ports: Ports) -> Chapter:
        chapter = self._begin(
            "Move it, and know that it moved",
            "The same without --dry-run: ask the broker, wait, then read the ledgers again and look at both objects of "
            "each. The broker's status alone is never believed.",
            f"offloadctl offload topic {_short(ORDERS)} --size-threshold 1M",
        )
        return self._told(chapter, self._run(ports, ORDERS, "1M"))

    def _status(self, ports: Ports) -> Chapter:
        chapter = self._begin(
            "The claim beside the truth",
            "What the broker says of its last offload, and what ledgers and objects say.",
            f"offloadctl offload status {_short(ORDERS)}",
        )
        report = Status(ports).report([ORDERS])
        return replace(
            chapter,
            shown=tuple(status_text(report, self._origin)),
            document=msgspec.to_builtins(status_document(report, self._origin)),
            exit_code=report.exit_code,
        )

    def _partitions(self, ports: Ports) -> Chapter:
        chapter = self._begin(
            "A partitioned topic, everything that is closed",
            "pulsar-admin must be called for each partition; here they are rows under one heading.",
            f"offloadctl offload topic {_short(CLICKS)} -s 0",
        )
        return self._told(chapter, self._run(ports, CLICKS, "0"))

    def _objects(self, ports: Ports) -> Chapter:
        chapter = self._begin(
            "What is in the bucket",
            "Two objects for each ledger, with nothing in their names that tells the topic.",
            f"aws s3 ls s3://{self.embedded.bucket}",
        )
        found = tuple(ports.stores[0].list())
        rows = [[one.key, format_size(one.size)] for one in found]
        return replace(
            chapter,
            shown=(table([Column("key", may_fold=True), Column("size", is_number=True)], rows),),
            document={"objects": [{"key": one.key, "size": one.size} for one in found]},
        )

    def _reclaimed(self) -> Chapter:
        before = self._in_bookkeeper()
        lag = timedelta(hours=4)
        chapter = self._begin(
            "The disk space comes back",
            "Four hours pass in a moment: the deletion lag. At the next retention check the broker deletes "
            "BookKeeper's copies of what was offloaded.",
        )
        self.embedded.advance(lag + timedelta(minutes=3))
        after = self._in_bookkeeper()
        row = [format_size(before), format_size(after), format_size(before - after)]
        columns = [Column("BookKeeper held", is_number=True), Column("holds", is_number=True), Column("reclaimed")]
        return replace(
            chapter,
            shown=(table(columns, [row]),),
            document={"bookkeeperBefore": before, "bookkeeperAfter": after, "reclaimed": before - after},
        )

    def _fault(self, ports: Ports) -> Chapter:
        chapter = self._begin(
            f"And when something goes wrong: {self.fault.value}",
            FAULTS[self.fault],
            f"offloadctl offload topic {_short(RETURNS)} -s 0" + (" --timeout 4s" if self._is_endless else ""),
        )
        if self.fault in REQUEST_FAULTS:
            count = None if self.fault is Fault.SLOW else 2
            self.embedded.cluster.faults.plant(self.fault, count=count)
        else:
            self.embedded.cluster.faults.plant(self.fault, topic=RETURNS, count=1)
        try:
            timeout_s = _STUCK_TIMEOUT_S if self._is_endless else None
            return self._told(chapter, self._run(ports, RETURNS, "0", timeout_s=timeout_s))
        finally:
            self.embedded.cluster.faults.clear()

    @property
    def _is_endless(self) -> bool:
        return self.fault in (Fault.STUCK_RUNNING, Fault.STALLED_UPLOAD)

    def _run(self, ports: Ports, topic: TopicName, threshold: str, *, timeout_s: float | None = None) -> OffloadRun:
        with self.watching() as watcher:
            offload = replace(self._work(ports, threshold), timeout_s=timeout_s, watcher=watcher)
            return OffloadTopics(offload).run([topic])

    def _work(self, ports: Ports, threshold: str) -> Offload:
        wish = OffloadWish(size_threshold=parse_size(threshold))
        return Offload(ports, wish, check_objects=ObjectsInStores(ports.stores))

    def _told(self, chapter: Chapter, run: OffloadRun) -> Chapter:
        return replace(
            chapter,
            shown=tuple(run_text(run, self._origin)),
            document=msgspec.to_builtins(run_document(run, self._origin)),
            exit_code=run.exit_code,
        )

    def _in_bookkeeper(self) -> ByteSize:
        with self.embedded.cluster.lock:
            held = (metadata.bookkeeper_bytes for metadata in self.embedded.cluster.metadata.values())
            return ByteSize(sum(held))


def _short(topic: TopicName) -> str:
    return str(topic).removeprefix("persistent://")
