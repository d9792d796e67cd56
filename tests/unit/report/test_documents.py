"""One result, one document: it keeps its schema, counts right, and holds no surprise for a program that reads it."""

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import msgspec
import pytest

from offloadctl.errors import BrokerUnreachable
from offloadctl.model.finding import Finding, Severity
from offloadctl.model.ledger import OffloadPolicies, OffloadState, OffloadStatus, Position
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Confirmation, Fate, MovedLedger, OffloadRun, OffloadWish, Outcome
from offloadctl.operations.offload import ObjectsCheck, ObjectsSeen, Offload, not_looked_at
from offloadctl.operations.offload_run import OffloadTopics
from offloadctl.operations.status import Status
from offloadctl.ports import Ports
from offloadctl.report.errors import error_document
from offloadctl.report.kinds import KINDS
from offloadctl.report.offload import result_documents, run_document
from offloadctl.report.origin import Origin
from offloadctl.report.schema import LINE_KINDS, kinds, schema_of
from offloadctl.report.status import status_document, topic_documents
from offloadctl.units import ByteSize
from tests.fake_broker import RUNNING, SUCCESS, FakeBroker, VirtualClock

TOPIC = TopicName("acme", "shop", "orders")
ORIGIN = Origin("prod", "standalone")
ERROR = OffloadStatus(OffloadState.ERROR, "Read timed out\n\tat org.jclouds", Position(31, 0))


def whole(topic: TopicName, ledger: MovedLedger, policies: OffloadPolicies | None) -> ObjectsSeen:
    return ObjectsSeen(Confirmation.CONFIRMED, object_bytes=ledger.ledger.size)


def damaged(topic: TopicName, ledger: MovedLedger, policies: OffloadPolicies | None) -> ObjectsSeen:
    finding = Finding(
        "truncated", Severity.DAMAGE, "cut", topic, ledger.ledger.ledger_id, "key", 128, "a", "b", "c", "d"
    )
    return ObjectsSeen(Confirmation.DAMAGED, (finding,), 1)


def nothing(broker: FakeBroker, before: Position) -> None:
    """Accept and move nothing."""


def run(broker: FakeBroker | None = None, *, check: ObjectsCheck = whole, dry_run: bool = False) -> OffloadRun:
    offload = Offload(Ports(broker or FakeBroker(), VirtualClock()), OffloadWish(ByteSize(0)), 60, check)
    topics = OffloadTopics(offload)
    return topics.dry_run([TOPIC]) if dry_run else topics.run([TOPIC])


RUNS: dict[str, Callable[[], OffloadRun]] = {
    "planned": lambda: run(dry_run=True),
    "confirmed": run,
    "damaged": lambda: run(check=damaged),
    "not seen": lambda: run(check=not_looked_at),
    "error": lambda: run(FakeBroker([ERROR], nothing)),
    "timed out": lambda: run(FakeBroker([RUNNING], nothing)),
    "unreachable": lambda: run(FakeBroker([BrokerUnreachable("no route to host")], nothing)),
}


def decoded(document: msgspec.Struct) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(msgspec.json.encode(document))
    return found


def check(document: dict[str, Any]) -> None:
    schema = schema_of(document["kind"])
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("name", RUNS)
def test_each_run_keeps_its_schema(name: str) -> None:
    made = RUNS[name]()

    check(decoded(run_document(made, ORIGIN)))
    for line in result_documents(made, ORIGIN):
        check(decoded(line))


@pytest.mark.parametrize("served", [True, False])
def test_each_status_keeps_its_schema(served: bool) -> None:
    broker = FakeBroker([SUCCESS])
    broker.finish(31)
    report = Status(Ports(broker, VirtualClock()), may_load=served).report([TOPIC])

    check(decoded(status_document(report, Origin("prod"))))
    for line in topic_documents(report, ORIGIN):
        check(decoded(line))


def test_an_error_keeps_its_schema() -> None:
    check(json.loads(json.dumps(error_document(BrokerUnreachable("no route", hint="check admin_urls")))))


def test_a_document_without_a_needed_field_does_not_pass() -> None:
    document = decoded(run_document(run(), ORIGIN))
    del document["summary"]

    with pytest.raises(jsonschema.ValidationError):
        check(document)


def test_every_kind_has_a_schema_that_names_its_kind() -> None:
    assert kinds() == (*(kind.__name__ for kind in KINDS), *LINE_KINDS)
    for kind in kinds():
        text = json.dumps(schema_of(kind))
        assert f'"{kind}"' in text
        assert '"apiVersion"' in text


def test_a_schema_lists_the_words_of_a_closed_set_and_says_what_times_and_fields_are() -> None:
    definitions = schema_of("OffloadRun")["$defs"]

    assert definitions["OffloadResultDocument"]["properties"]["outcome"]["enum"] == [one.value for one in Outcome]
    assert definitions["LedgerDocument"]["properties"]["fate"]["enum"] == [one.value for one in Fate]
    assert definitions["OffloadRun"]["properties"]["startedAt"]["format"] == "date-time"
    kept_until = definitions["PlanDocument"]["properties"]["bookkeeperCopyKeptUntil"]
    assert kept_until["description"].startswith("The earliest moment")


def test_a_word_of_no_closed_set_does_not_pass() -> None:
    document = decoded(run_document(run(), ORIGIN))
    document["topics"][0]["results"][0]["outcome"] = "splendid"

    with pytest.raises(jsonschema.ValidationError):
        check(document)


def test_a_kind_that_is_not_there_has_no_schema() -> None:
    with pytest.raises(KeyError):
        schema_of("Offload")


def test_the_summary_counts_what_was_confirmed_and_nothing_else() -> None:
    summary = decoded(run_document(run(), ORIGIN))["summary"]

    assert summary == {
        "results": 1,
        "ledgersToMove": 2,
        "bytesToMove": 1_046_762 + 1_048_000,
        "ledgersConfirmed": 2,
        "bytesConfirmed": 1_046_762 + 1_048_000,
        "outcomes": {"confirmed": 1},
    }


def test_what_was_not_looked_at_counts_as_nothing_confirmed() -> None:
    document = decoded(run_document(run(check=not_looked_at), ORIGIN))

    assert document["summary"]["ledgersConfirmed"] == 0
    assert document["exitCode"] == 5


def test_the_document_names_context_and_cluster_and_what_was_sent() -> None:
    document = decoded(run_document(run(), ORIGIN))

    assert (document["apiVersion"], document["context"], document["cluster"]) == ("offloadctl/v1", "prod", "standalone")
    assert document["topics"][0]["results"][0]["plan"]["before"] == "33:0"


def test_a_finding_is_told_whole() -> None:
    result = decoded(run_document(run(check=damaged), ORIGIN))["topics"][0]["results"][0]

    assert result["outcome"] == "damaged"
    assert result["findings"][0] | {"ledgerId": 31, "offset": 128} == result["findings"][0]
    assert result["findings"][0]["nextStep"] == "d"


def test_a_dry_run_says_what_to_expect_and_claims_nothing() -> None:
    result = decoded(run_document(run(dry_run=True), ORIGIN))["topics"][0]["results"][0]

    assert result["outcome"] == "planned"
    assert result["ledgers"] == []
    assert result["plan"]["objects"]["count"] == 4
    assert [ledger["fate"] for ledger in result["plan"]["ledgers"]] == ["moves", "moves", "open"]


def test_what_an_idle_topic_hides_is_null() -> None:
    broker = FakeBroker()
    broker.finish(31)
    report = Status(Ports(broker, VirtualClock())).report([TOPIC])

    status = decoded(status_document(report, ORIGIN))["topics"][0]["statuses"][0]

    assert (status["brokerStatus"], status["openSize"], status["served"]) == (None, None, False)
    assert status["begun"] == {"ledgers": 1, "size": 1_046_762}
