"""A check that dies at any request of its, or at any write to its memory, and is gone on with: the report is the same.

Whoever dies does nothing any more: from that moment on each call raises, whichever thread makes it and for whatever.
`KILL_SEED=n pytest -m slow tests/unit/operations/test_check_killed.py` does the same again.
"""

import itertools
import json
import os
import random
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from offloadctl.adapters.checks_shape import CHECKS, CHECKS_FILE, WHAT
from offloadctl.adapters.sqlite_checks import SqliteChecks
from offloadctl.adapters.sqlite_file import SqliteFile
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.messages import Producer
from offloadctl.demo.tuning import Tuning
from offloadctl.errors import CannotResume
from offloadctl.format.keys import data_key, index_key
from offloadctl.model.check import CheckReport, Level
from offloadctl.model.ledger import Position
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.sample import ByteSample, Sample
from offloadctl.model.scope import Scope
from offloadctl.operations import check_memory
from offloadctl.operations.check import Check
from offloadctl.operations.check_memory import Memory
from offloadctl.ports import Ports
from offloadctl.report.check import check_document
from offloadctl.report.origin import Origin
from offloadctl.units import ByteSize

NAMES: Final = tuple(TopicName("acme", "shop", f"t{number}") for number in range(3))
SCOPES: Final = (
    Scope.of(topics=NAMES),
    Scope.of(namespaces=[NamespaceName("acme", "shop")]),
    Scope.of(everything=True),
)
SAMPLES: Final = (None, None, Sample.parse("1/2", seed=1), ByteSample(ByteSize(20_000), 1))
MONTH: Final = timedelta(days=30)
INJECTED: Final = 200


class Killed(BaseException):
    """The process is no more."""


class Life:
    """Ends with the n-th call that reaches the outside."""

    def __init__(self, ends_at: int | None) -> None:
        self.calls = 0
        self.ends_at = ends_at
        self._lock = threading.Lock()

    @property
    def is_over(self) -> bool:
        return self.ends_at is not None and self.calls >= self.ends_at

    def call(self) -> None:
        with self._lock:
            if self.is_over:
                raise Killed
            self.calls += 1
            if self.is_over:
                raise Killed


class Mortal:
    """Whatever is behind it, as long as the life lasts."""

    def __init__(self, behind: Any, life: Life) -> None:
        self._behind, self._life = behind, life

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._behind, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **how: Any) -> Any:
            self._life.call()
            result = found(*arguments, **how)
            return self._each(result) if isinstance(result, Iterator) else result

        return call

    def _each(self, results: Iterator[Any]) -> Iterator[Any]:
        for one in results:
            self._life.call()
            yield one


@dataclass(frozen=True)
class Asked:
    """One check."""

    scope: Scope
    level: Level
    sample: Sample | ByteSample | None = None
    max_age: timedelta | None = None


class World:
    """Three topics of a few ledgers in S3, some of which are damaged, one missing, and an orphan beside them."""

    def __init__(self, seed: int, directory: Path) -> None:
        tuning = Tuning(max_entries_per_ledger=4, upload_rate=1e9, upload_overhead=0.0, retention_minutes=-1)
        self.memory = InMemoryCluster(tuning=tuning, seed=seed)
        self.directory = directory
        cluster = self.memory.cluster
        cluster.tenants["acme"] = ()
        producer = Producer("killed", self.memory.clock.now())
        for name in NAMES:
            cluster.create_topic(name)
            cluster.publish(name, producer.entries(22))
            before = Position(cluster.metadata[name].ascending[-1].ledger_id, 0)
            cluster.offloading.start_manual(name, cluster.serve(name), before, self.memory.clock.now())
        self.memory.advance(timedelta(days=2))
        cluster.refresh_stats()
        self._damage()

    def _damage(self) -> None:
        store = self.memory.store
        uuid, number = self._ledger(NAMES[0], 1)
        stored = store._objects[data_key(uuid, number)]
        flipped = bytearray(stored.data)
        flipped[600] ^= 1
        store._objects[data_key(uuid, number)] = replace(stored, data=bytes(flipped))
        uuid, number = self._ledger(NAMES[1], 2)
        store.delete(index_key(uuid, number))
        uuid, number = self._ledger(NAMES[2], 0)
        orphan = type(uuid)(int=7)
        store._objects[data_key(orphan, number)] = replace(
            store._objects[data_key(uuid, number)],
            info=replace(store._objects[data_key(uuid, number)].info, key=data_key(orphan, number)),
        )

    def _ledger(self, name: TopicName, place: int) -> tuple[Any, int]:
        ledger = self.memory.cluster.metadata[name].ascending[place]
        assert ledger.context is not None
        return ledger.context.uuid, ledger.ledger_id

    def check(self, asked: Asked, life: Life, state: str, **how: Any) -> CheckReport:
        """Run one process: whatever becomes of it, its locks are gone after that."""
        checks = SqliteChecks(SqliteFile(self.directory / state / CHECKS_FILE, CHECKS, what=WHAT))
        try:
            mortal: Any = Mortal(checks, life)
            admin: Any = Mortal(self.memory.admin(), life)
            store: Any = Mortal(self.memory.store, life)
            memory = Memory(mortal, mortal, max_age=asked.max_age, **how)
            ports = Ports(admin, self.memory.clock, (store,))
            report = Check(ports, asked.level, sample=asked.sample, memory=memory).report_scope(asked.scope)
            # From here on its report is out, and it may die unnoticed.
            with suppress(Killed):
                memory.told(self.memory.clock.now())
            return report
        finally:
            checks.close()

    def before(self, asked: Asked) -> None:
        """What an earlier check of one topic has left, for every process of the test."""
        if asked.max_age is not None:
            self.check(Asked(Scope.of(topics=NAMES[:1]), asked.level), Life(None), "expected")
            shutil.copytree(self.directory / "expected", self.directory / "killed")


def document(report: CheckReport) -> dict[str, Any]:
    """Everything but when it ran."""
    found: dict[str, Any] = msgspec.to_builtins(check_document(report, Origin("tests", "tests", None)))
    return {name: value for name, value in found.items() if name not in ("startedAt", "finishedAt")}


def kill_and_go_on(world: World, asked: Asked, choose: random.Random, *, kills: int) -> int:
    """Kill a check so many times at most, each time where chance wills; returns how often it really died."""
    world.before(asked)
    whole = Life(None)
    expected = document(world.check(asked, whole, "expected"))
    died = 0
    resumes = False
    while True:
        life = Life(choose.randint(1, whole.calls) if died < kills else None)
        try:
            report = world.check(asked, life, "killed", resumes=resumes)
        except Killed:
            died += 1
            resumes = True
        except CannotResume:
            # It had died before it was remembered that it had begun.
            resumes = False
        else:
            check_that_they_are_the_same(document(report), expected)
            return died


def check_that_they_are_the_same(found: Any, expected: Any) -> None:
    assert json.dumps(found, indent=1).splitlines() == json.dumps(expected, indent=1).splitlines()


def asked_by_chance(choose: random.Random) -> Asked:
    level = choose.choice([Level.LISTING, Level.INDEX, Level.BLOCKS, Level.ENTRIES])
    max_age = choose.choice([None, MONTH]) if level is not Level.LISTING else None
    return Asked(choose.choice(SCOPES), level, choose.choice(SAMPLES), max_age)


@pytest.fixture(autouse=True)
def _written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still here, and nothing would be written before the end."""
    monkeypatch.setattr(check_memory, "_BETWEEN_S", 0.0)


@pytest.mark.parametrize(
    "asked",
    [
        Asked(SCOPES[0], Level.ENTRIES),
        Asked(SCOPES[1], Level.INDEX, max_age=MONTH),
        Asked(SCOPES[2], Level.BLOCKS, ByteSample(ByteSize(20_000), 1)),
    ],
    ids=["topics", "namespace", "everything"],
)
def test_a_killed_check_goes_on_to_the_same_report(asked: Asked, tmp_path: Path) -> None:
    assert kill_and_go_on(World(0, tmp_path), asked, random.Random(0), kills=3)


@pytest.mark.slow
def test_wherever_it_dies_it_goes_on_to_the_same_report(tmp_path: Path) -> None:
    first = int(os.environ.get("KILL_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
    print(f"KILL_SEED={first}")
    died = 0
    for seed in itertools.count(first):
        if died >= INJECTED:
            return
        choose = random.Random(seed)
        asked = asked_by_chance(choose)
        print(f"seed {seed}: {asked}, {died} kills so far")
        died += kill_and_go_on(World(seed, tmp_path / str(seed)), asked, choose, kills=choose.randint(1, 6))
