"""Checks of a healthy cluster that offloads, trims, deletes and begins anew with each of their requests: no finding.

A broker takes a ledger out of its metadata at once and deletes the objects seconds later, as real ones do.
`CHURN_SEED=n pytest -m slow tests/unit/operations/test_check_churn.py` does the same again.
"""

import os
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from offloadctl.adapters.memory import MemoryObjectStore
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.messages import Producer
from offloadctl.demo.offloading import OffloadInProgress
from offloadctl.demo.policies import THRESHOLD
from offloadctl.demo.tuning import Tuning
from offloadctl.model.check import CheckReport, Level
from offloadctl.model.ledger import Position
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.scope import Scope
from offloadctl.operations import check as check_module
from offloadctl.operations import check_strays, listing
from offloadctl.operations import scope as scope_module
from offloadctl.operations.check import Check
from offloadctl.ports import ObjectInfo, Ports

NAMES = tuple(TopicName("acme", "shop", f"t{number}") for number in range(5))
SCOPES = (
    Scope.of(everything=True),
    Scope.of(namespaces=[NamespaceName("acme", "shop")]),
    Scope.of(topics=NAMES[:2]),
)
LEVELS = (Level.LISTING, Level.INDEX, Level.BLOCKS, Level.ENTRIES)
LONGEST_DELETION_S = 9.0


class Churn:
    """A cluster to which something happens with each request of a check."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.steps = 0
        self.pace: tuple[float, ...] = (0.0,)
        tuning = Tuning(max_entries_per_ledger=4, upload_rate=1e6, upload_overhead=1.0, retention_minutes=48 * 60)
        self.memory = InMemoryCluster(tuning=tuning, seed=seed)
        self.cluster = self.memory.cluster
        self.cluster.tenants["acme"] = ()
        self.cluster.properties[THRESHOLD] = 0
        self.producer = Producer("churn", self.memory.clock.now())
        self.pending: list[tuple[float, str]] = []
        self._delete_at_once = self.memory.store.delete
        self.memory.store.delete = self._delete_later  # type: ignore[method-assign]
        self.memory.clock._on_sleep = lambda _seconds: self._pass()
        for name in NAMES:
            self.publish(name)

    def step(self) -> None:
        """Something happens, and some time passes."""
        with self.cluster.lock:
            self.steps += 1
            action = self.random.choices(
                [self.publish, self.offload, self.trim, self.truncate, self.delete, self.unload, self.roll_over],
                weights=[8, 6, 4, 1, 1, 2, 2],
            )[0]
            action(self.random.choice(NAMES))
            self._advance(timedelta(seconds=self.random.choice(self.pace)))

    def idle(self) -> None:
        """Hours go by between two checks: what was young grows old. Then there is something to look at again."""
        for _ in range(3):
            self._advance(timedelta(hours=self.random.choice([1, 8, 20])))
        for _ in range(20):
            self.step()

    # -- what happens

    def publish(self, name: TopicName) -> None:
        self.cluster.create_topic(name)
        self.cluster.publish(name, self.producer.entries(self.random.randint(1, 9)))

    def offload(self, name: TopicName) -> None:
        metadata = self.cluster.metadata.get(name)
        if metadata is None:
            return
        loaded = self.cluster.serve(name)
        before = Position(metadata.ascending[-1].ledger_id, 0)
        try:
            self.cluster.offloading.start_manual(name, loaded, before, self.memory.clock.now())
        except OffloadInProgress:
            return

    def trim(self, name: TopicName) -> None:
        self._if_there(name, self.cluster.trim)

    def truncate(self, name: TopicName) -> None:
        self._if_there(name, self.cluster.truncate)

    def delete(self, name: TopicName) -> None:
        self._if_there(name, self.cluster.delete_topic)

    def unload(self, name: TopicName) -> None:
        self._if_there(name, self.cluster.unload)

    def roll_over(self, name: TopicName) -> None:
        self._if_there(name, self.cluster.roll_over)

    def _if_there(self, name: TopicName, action: Callable[[TopicName], object]) -> None:
        if name in self.cluster.metadata:
            if action != self.cluster.unload:
                self.cluster.serve(name)
            action(name)

    # -- time

    def _advance(self, duration: timedelta) -> None:
        self.memory.clock.advance(duration)
        self._pass()

    def _pass(self) -> None:
        with self.cluster.lock:
            self.cluster.advance()
            now = self.memory.clock.monotonic()
            due = [key for at, key in self.pending if at <= now]
            self.pending = [(at, key) for at, key in self.pending if at > now]
            for key in due:
                self._delete_at_once(key)

    def _delete_later(self, key: str) -> None:
        wait = self.random.uniform(0, LONGEST_DELETION_S)
        self.pending.append((self.memory.clock.monotonic() + wait, key))

    # -- the check

    def check(self) -> CheckReport:
        """One of a random scope and level, while the cluster's time goes slowly or fast."""
        self.pace = self.random.choice([(0.0, 0.1), (0.0, 1.0, 2.0), (0.0, 30.0)])
        ports = Ports(_Churning(self.memory.admin(), self.step), self.memory.clock, (_Bucket(self),))
        level, scope = self.random.choice(LEVELS), self.random.choice(SCOPES)
        return Check(ports, level, may_load=self.random.random() < 0.5).report_scope(scope)


class _Churning:
    """Does something to the cluster before and after each call."""

    def __init__(self, port: Any, step: Callable[[], None]) -> None:
        self._port = port
        self._step = step

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: object) -> Any:
            self._step()
            answer = getattr(self._port, name)(*arguments)
            self._step()
            return answer

        return call


class _Bucket(MemoryObjectStore):
    """The cluster's bucket; each request meets a cluster that goes on."""

    def __init__(self, churn: Churn) -> None:
        store = churn.memory.store
        super().__init__(store.bucket, now=store._now)
        self._objects, self._uploads = store._objects, store._uploads
        self._churn = churn

    def head(self, key: str) -> ObjectInfo | None:
        self._churn.step()
        return super().head(key)

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes | None:
        self._churn.step()
        return super().read(key, start=start, length=length)

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        self._churn.step()
        yield from super().list(prefix, after=after)
        self._churn.step()


@pytest.fixture(autouse=True)
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a seed is the same run again."""
    for module, name in (
        (check_module, "TOPICS_AT_ONCE"),
        (check_module, "LEDGERS_AT_ONCE"),
        (scope_module, "_AT_ONCE"),
        (check_strays, "_AT_ONCE"),
        (listing, "LISTERS"),
    ):
        monkeypatch.setattr(module, name, 1)


def run(seed: int, steps: int) -> tuple[int, int]:
    """How many checks there were, and how many ledgers they covered."""
    churn = Churn(seed)
    checks = covered = 0
    while churn.steps < steps:
        report = churn.check()
        checks += 1
        covered += report.coverage.ledgers_covered
        assert [(one.code, one.topic, one.ledger_id, one.found) for one in report.findings] == [], (
            f"CHURN_SEED={seed}: check {checks}, step {churn.steps}, {report.level.value} of {report.scope}"
        )
        churn.idle()
    return checks, covered


@pytest.mark.parametrize("seed", range(3))
def test_a_cluster_that_goes_on_gives_no_finding(seed: int) -> None:
    checks, covered = run(seed, steps=600)

    assert checks > 2
    assert covered > 20


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("number", range(5))
def test_a_cluster_that_goes_on_for_long_gives_no_finding(number: int) -> None:
    seed = int(os.environ.get("CHURN_SEED", random.SystemRandom().randrange(2**32)))
    print(f"CHURN_SEED={seed}")

    checks, covered = run(seed, steps=5000)

    assert checks > 20
    assert covered > 50
