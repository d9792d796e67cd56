"""What a check of every byte will take is what it takes then."""

from fractions import Fraction

import pytest

from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.errors import NotAuthorised
from offloadctl.model.check import Level
from offloadctl.model.ledger import StoredLedgers
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.price import Prices
from offloadctl.model.sample import ByteSample, Sample
from offloadctl.model.scope import Scope
from offloadctl.operations.check import Check
from offloadctl.operations.estimate import estimate
from offloadctl.ports import Ports
from offloadctl.units import ByteSize
from tests.unit.operations.test_budget import LEDGERS, Counted, memory  # noqa: F401 - a fixture

SHOP = Scope.of(namespaces=[NamespaceName("acme", "shop")])


@pytest.mark.parametrize("sample", [None, Sample(Fraction(1, 2)), ByteSample(ByteSize(30_000), seed=1)], ids=str)
def test_requests_and_bytes_are_those_of_the_check(
    memory: InMemoryCluster,  # noqa: F811
    sample: Sample | ByteSample | None,
) -> None:
    ports = Ports(memory.admin(), memory.clock, (store := Counted(memory),))

    told = estimate(ports, SHOP, sample)
    asked_for_the_estimate = store.requests
    report = Check(ports, Level.ENTRIES, sample=sample).report_scope(SHOP)

    assert asked_for_the_estimate == 0
    assert (told.ledgers, told.gets) == (report.coverage.ledgers_covered, store.requests)
    assert (sample is None) == (told.ledgers == LEDGERS)
    # The index objects, and the padding of data objects of several blocks, are not in it.
    assert 0.9 * report.coverage.bytes_read < told.size < report.coverage.bytes_read


def test_everything_is_listed_too_and_that_is_paid_for(memory: InMemoryCluster) -> None:  # noqa: F811
    ports = Ports(memory.admin(), memory.clock, (Counted(memory),))

    told = estimate(ports, Scope.of(everything=True), None)

    assert told.lists == 1
    assert told.cost(Prices.parse(["get=0", "list=2000000", "transfer=0"])) == "about $2,000.00"
    assert told.cost(Prices.parse(["get=0"])) == "less than $0.01"


def test_what_cannot_be_read_is_not_in_it_and_told(memory: InMemoryCluster, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    def refuse(topic: TopicName) -> StoredLedgers:
        raise NotAuthorised(f"no right to read {topic}")

    admin = memory.admin()
    monkeypatch.setattr(admin, "stored_ledgers", refuse)

    told = estimate(Ports(admin, memory.clock, (Counted(memory),)), SHOP, None)

    assert (told.topics, told.unread, told.ledgers, told.size) == (1, 1, 0, 0)
