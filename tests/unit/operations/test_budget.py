"""A check that may cost only so much: what it did not get to is said."""

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction

import pytest

from offloadctl.adapters.memory import ManualClock, MemoryObjectStore
from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.demo.messages import Producer
from offloadctl.demo.tuning import Tuning
from offloadctl.errors import StoreFailed
from offloadctl.exitcodes import ExitCode
from offloadctl.model.check import CheckReport, CheckStatus, Level
from offloadctl.model.ledger import Position
from offloadctl.model.limits import Limits
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.sample import Sample
from offloadctl.model.scope import Scope
from offloadctl.operations.budget import Budget, MeteredStore
from offloadctl.operations.check import Check
from offloadctl.operations.workers import StoppableClock
from offloadctl.ports import CHUNK_SIZE, ObjectInfo, Ports

ORDERS = TopicName("acme", "shop", "orders")
LEDGERS = 20
SCOPES = [Scope.of(topics=[ORDERS]), Scope.of(namespaces=[NamespaceName("acme", "shop")]), Scope.of(everything=True)]


class Counted(MemoryObjectStore):
    """Counts its requests; each takes a second of the cluster's time."""

    def __init__(self, memory: InMemoryCluster) -> None:
        super().__init__(memory.bucket, now=memory.clock.now)
        self._objects = memory.store._objects
        self._clock = memory.clock
        self.requests = 0

    def head(self, key: str) -> ObjectInfo | None:
        self._count()
        return super().head(key)

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes | None:
        self._count()
        return super().read(key, start=start, length=length)

    def read_chunks(
        self, key: str, *, start: int = 0, length: int | None = None, chunk_size: int = CHUNK_SIZE
    ) -> Iterator[bytes] | None:
        self._count()
        return iter([MemoryObjectStore.read(self, key, start=start, length=length) or b""])

    def _count(self) -> None:
        self.requests += 1
        self._clock.advance(timedelta(seconds=1))


@pytest.fixture(scope="module")
def memory() -> InMemoryCluster:
    """A topic with twenty ledgers in S3."""
    tuning = Tuning(max_entries_per_ledger=5, upload_rate=1e9, upload_overhead=0.0, retention_minutes=-1)
    memory = InMemoryCluster(tuning=tuning)
    memory.cluster.tenants["acme"] = ()
    memory.cluster.create_topic(ORDERS)
    memory.cluster.publish(ORDERS, Producer("tests", memory.clock.now()).entries(5 * LEDGERS + 2))
    admin = memory.admin()
    admin.trigger_offload(ORDERS, Position(admin.served_ledgers(ORDERS).ledgers[-1].ledger_id, 0))
    for _ in range(2 * LEDGERS):
        memory.advance(timedelta(seconds=1))
    return memory


def check(
    memory: InMemoryCluster,
    scope: Scope = SCOPES[0],
    *,
    sample: Sample | None = None,
    limits: Limits | None = None,
    level: Level = Level.INDEX,
) -> tuple[CheckReport, Counted]:
    store = Counted(memory)
    ports = Ports(memory.admin(), memory.clock, (store,))
    return Check(ports, level, may_load=True, sample=sample, limits=limits or Limits()).report_scope(scope), store


@pytest.mark.parametrize("scope", SCOPES, ids=str)
def test_seven_runs_of_a_seventh_look_at_each_ledger_once(memory: InMemoryCluster, scope: Scope) -> None:
    reports = [check(memory, scope, sample=Sample(Fraction(1, 7), seed))[0] for seed in range(7)]

    assert [report.exit_code for report in reports] == [ExitCode.OK] * 7
    assert sum(report.coverage.ledgers_covered for report in reports) == LEDGERS
    assert all(report.coverage.ledgers + report.coverage.not_sampled == LEDGERS for report in reports)


@pytest.mark.parametrize("scope", SCOPES, ids=str)
@pytest.mark.parametrize("requests", [1, 7, 30])
def test_no_more_requests_are_made_than_may_be(memory: InMemoryCluster, scope: Scope, requests: int) -> None:
    report, store = check(memory, scope, limits=Limits(requests=requests))

    assert store.requests <= requests
    assert 0 <= report.coverage.ledgers_covered < LEDGERS
    assert report.coverage.ledgers == LEDGERS or report.status is CheckStatus.FAILED
    assert report.exit_code in (ExitCode.NOT_COVERED, ExitCode.FAILED)
    assert any(f"{requests} requests to buckets is spent" in reason for reason in report.coverage.reasons)


def test_what_fits_into_the_budget_is_covered(memory: InMemoryCluster) -> None:
    report, store = check(memory, limits=Limits(requests=1000, duration=timedelta(hours=1)))

    assert (report.exit_code, report.coverage.reasons) == (ExitCode.OK, ())
    assert store.requests == 4 * LEDGERS


def test_time_that_is_over_ends_it(memory: InMemoryCluster) -> None:
    report, store = check(memory, limits=Limits(duration=timedelta(seconds=20)))

    # Workers that have begun a request may end it.
    assert 20 <= store.requests < 40
    assert report.status is CheckStatus.PARTIAL
    assert any("the budget of 20s is spent" in reason for reason in report.coverage.reasons)


def test_a_rate_spreads_requests() -> None:
    clock = ManualClock()
    store = MeteredStore(MemoryObjectStore("b"), Budget(Limits(rate=2.0), StoppableClock(clock)))

    for _ in range(5):
        store.head("x")

    assert 1.5 <= clock.monotonic() <= 2.5


def test_each_page_of_a_listing_is_a_request() -> None:
    inner = MemoryObjectStore("b")
    for number in range(1500):
        inner.put(f"{number:04}", b"", user_metadata={}, content_type="")
    store = MeteredStore(inner, Budget(Limits(requests=1), StoppableClock(ManualClock())))

    listed = store.list()

    assert len([next(listed) for _ in range(1000)]) == 1000
    with pytest.raises(StoreFailed, match="spent"):
        next(listed)
