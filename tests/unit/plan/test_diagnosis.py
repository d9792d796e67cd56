"""Why a topic's offload does what it does: one thing about it is changed, and one cause is named."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from offloadctl.brokerconf.policy_fields import AGE_THRESHOLD, DELETION_LAG, DRIVER, SIZE_THRESHOLD
from offloadctl.exitcodes import ExitCode
from offloadctl.model.doctor import DoctorReport, Symptom, Weight
from offloadctl.model.finding import Finding, Severity
from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadProgress, OffloadState, OffloadStatus
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Reason
from offloadctl.model.policies import NamespaceFacts, PolicyLevels, PolicyObject, PolicyValue, Retention
from offloadctl.model.status import DataObject, TopicStatus, UnreadTopic
from offloadctl.plan.broker_errors import known_error
from offloadctl.plan.diagnosis import TopicFacts, diagnose, due
from offloadctl.plan.rights import NEEDS, Right, rights_symptoms
from offloadctl.units import ByteSize
from tests.recordings import recordings

TOPIC = TopicName("acme", "shop", "orders")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
POLICY: dict[str, PolicyValue] = {
    DRIVER: "aws-s3",
    "s3ManagedLedgerOffloadBucket": "ledgers",
    "s3ManagedLedgerOffloadRegion": "us-west-2",
    "s3ManagedLedgerOffloadServiceEndpoint": "https://s3.us-west-2.amazonaws.com",
    SIZE_THRESHOLD: 250,
    AGE_THRESHOLD: -1,
    DELETION_LAG: 14_400_000,
}
KEEPS = Retention(-1, -1)


def ledger(number: int, progress: OffloadProgress = OffloadProgress.OFFLOADED, *, size: int = 100) -> Ledger:
    uuid = None if progress is OffloadProgress.LOCAL else UUID(int=number)
    return Ledger(number, 10, ByteSize(size), False, progress, NOW - timedelta(hours=9 - number), uuid)


OPEN = Ledger(9, 5, ByteSize(50), True, OffloadProgress.LOCAL)


def facts(
    *ledgers: Ledger,
    policy: dict[str, PolicyValue] | None = None,
    claim: OffloadStatus | None = None,
    served: bool = True,
    retention: Retention | None = KEEPS,
    objects: tuple[DataObject, ...] | None = None,
) -> TopicFacts:
    managed = ManagedLedger(TOPIC, (*ledgers, OPEN), NOW, served)
    return TopicFacts(
        TOPIC,
        PolicyLevels(
            TOPIC,
            broker=PolicyObject(POLICY | (policy or {})),
            broker_is_known=True,
            facts=NamespaceFacts(retention=retention),
        ),
        (TopicStatus(managed, claim, objects=objects),),
        NOW,
    )


def healthy() -> TopicFacts:
    return facts(ledger(1), ledger(2, OffloadProgress.LOCAL), ledger(3, OffloadProgress.LOCAL))


def found(of: TopicFacts) -> dict[str, Symptom]:
    return {one.id: one for one in diagnose(of)}


def exit_code(of: TopicFacts) -> ExitCode:
    return DoctorReport("x", diagnose(of)).exit_code


def test_of_a_healthy_topic_nothing_is_wrong() -> None:
    symptoms = found(healthy())

    assert exit_code(healthy()) is ExitCode.OK
    assert {one.weight for one in symptoms.values()} <= {Weight.FINE, Weight.NOTE}
    assert "2 ledgers" in symptoms["eligible"].what


def test_a_driver_that_cannot_be_seen_is_unknown_and_not_missing() -> None:
    seen = facts(ledger(1, OffloadProgress.LOCAL), policy={DRIVER: ""})

    symptoms = found(replace(seen, levels=replace(seen.levels, broker_is_known=False)))

    assert symptoms["driver-not-known"].weight is Weight.UNKNOWN
    assert DoctorReport("x", (symptoms["driver-not-known"],)).exit_code is ExitCode.WARNINGS
    assert "no-driver-in-force" not in symptoms


def test_without_a_driver_nothing_else_is_asked() -> None:
    symptoms = found(facts(ledger(1, OffloadProgress.LOCAL), policy={DRIVER: ""}))

    assert symptoms["no-driver-in-force"].weight is Weight.ERROR
    assert "due" not in symptoms


def test_thresholds_that_are_off_are_told_and_are_no_error() -> None:
    of = facts(ledger(1, OffloadProgress.LOCAL), policy={SIZE_THRESHOLD: -1})

    assert "both thresholds are off" in found(of)["thresholds"].what
    assert exit_code(of) is ExitCode.OK


def test_ledgers_beyond_the_threshold_wait_for_the_next_one_to_close() -> None:
    of = facts(*(ledger(number, OffloadProgress.LOCAL) for number in (1, 2, 3, 4)))

    symptom = found(of)["due"]
    assert (symptom.weight, symptom.evidence) == (Weight.WARNING, "ledger 1, 2")
    assert "when a ledger closes" in symptom.means
    assert exit_code(of) is ExitCode.WARNINGS


@pytest.mark.parametrize(
    ("size", "age", "expected"),
    [
        (-1, -1, []),
        (0, -1, [2, 3]),
        (100, -1, [2]),
        (199, -1, [2]),
        (200, -1, []),
        (-1, 6 * 3600 + 1, [2]),
        (-1, 0, [2, 3]),
    ],
)
def test_what_is_due_is_what_the_broker_would_take(size: int, age: int, expected: list[int]) -> None:
    ledgers = (ledger(1), ledger(2, OffloadProgress.LOCAL), ledger(3, OffloadProgress.LOCAL), OPEN)

    taken = due(ledgers, PolicyObject({SIZE_THRESHOLD: size, AGE_THRESHOLD: age}), NOW)

    assert [one.ledger_id for one in taken] == expected


def test_data_that_is_all_in_the_open_ledger_is_told() -> None:
    symptom = found(facts(ledger(1)))["open-ledger"]

    assert "50 B" in symptom.evidence
    assert "240 minutes" in symptom.means


def test_a_run_that_writes_nothing_is_stuck_if_somebody_looked_for_its_upload() -> None:
    running = OffloadStatus(OffloadState.RUNNING)
    of = facts(ledger(1, OffloadProgress.IN_FLIGHT), claim=running)

    assert found(of)["stuck"].weight is Weight.WARNING
    assert found(replace(of, uploads_known=True))["stuck"].weight is Weight.ERROR
    assert "uploading" in found(replace(of, uploads_known=True, uploading=frozenset({1})))


def test_a_run_that_has_begun_nothing_waits_for_a_thread() -> None:
    of = facts(ledger(1, OffloadProgress.LOCAL), claim=OffloadStatus(OffloadState.RUNNING))

    assert "threads" in found(of)["queued"].means.lower()


def test_what_is_in_flight_without_a_run_is_left_over() -> None:
    of = facts(ledger(1, OffloadProgress.IN_FLIGHT), claim=OffloadStatus(OffloadState.NOT_RUN))

    assert found(of)["in-flight"].evidence == "ledger 1"


def test_the_last_error_is_put_in_words() -> None:
    error = "org.apache.bookkeeper.mledger.ManagedLedgerException: [NullLedgerOffloader] does not support offload"

    symptom = found(facts(ledger(1), claim=OffloadStatus(OffloadState.ERROR, error)))["last-error"]

    assert symptom.evidence == error
    assert "no offloader" in symptom.means
    assert str(TOPIC) in symptom.do


def test_every_recorded_error_is_known() -> None:
    errors = {
        one.response["lastError"]
        for one in recordings()
        if one.path.endswith("/offload") and isinstance(one.response, dict) and one.response.get("lastError")
    }

    assert errors
    assert [error for error in errors if known_error(error) is None] == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("software.amazon: AccessDenied", "refuses the broker's credentials"),
        ("java.net.SocketTimeoutException: Read timed out", "cannot reach the store"),
        ("Your proposed upload is smaller: EntityTooSmall", "5 MiB"),
        ("requested location af-south-1, which is not in the configured locations", "region"),
        ("org.jclouds.blobstore.ContainerNotFoundException: b not found", "bucket"),
        ("BKNoSuchLedgerExistsException: No such ledger exists", "BookKeeper has not got"),
    ],
)
def test_errors_of_stores_are_known(error: str, words: str) -> None:
    known = known_error(error)

    assert known is not None
    assert words in known.means


def test_an_unknown_error_is_not_explained() -> None:
    assert known_error("something else") is None


def test_damage_comes_first_and_decides() -> None:
    damage = Finding("missing-data", Severity.DAMAGE, "The data object is missing.", TOPIC, 1, found="nothing")
    of = replace(healthy(), findings=(damage,))

    first = diagnose(of)[0]

    assert (first.id, first.weight) == ("damage-missing-data", Weight.DAMAGE)
    assert exit_code(of) is ExitCode.DAMAGE
    assert "objects" not in found(of)


def test_what_was_not_looked_at_is_not_called_sound() -> None:
    symptoms = found(replace(healthy(), not_checked=("no bucket",)))

    assert symptoms["objects-not-checked"].weight is Weight.UNKNOWN
    assert "objects" not in symptoms


def test_a_topic_that_is_not_loaded_or_cannot_be_read_is_told() -> None:
    idle = found(facts(ledger(1, OffloadProgress.BEGUN), served=False))
    lost = replace(healthy(), unread=(UnreadTopic(TOPIC, Reason("server-error", "broken")),))

    assert "--load-topics" in idle["not-loaded"].do
    assert found(lost)["unread-server-error"].evidence == "broken"
    assert exit_code(lost) is ExitCode.FAILED


def test_a_topic_that_cannot_be_loaded_for_its_driver_is_explained() -> None:
    text = "500, Topic creation encountered an exception: No offloader found for driver 'azur…"
    of = replace(healthy(), unread=(UnreadTopic(TOPIC, Reason("server-error", text)),))

    symptom = found(of)["unread-server-error"]
    assert "producers" in symptom.means
    assert symptom.do.startswith(f"offloadctl offload-policies unset {TOPIC}")


def test_disks_that_stay_full_have_a_reason() -> None:
    young = DataObject(1, 100, NOW - timedelta(hours=1))
    old = DataObject(2, 100, NOW - timedelta(hours=9))

    never = found(facts(ledger(1), policy={DELETION_LAG: -1}))
    later = found(facts(ledger(1), ledger(2), objects=(young, old)))

    assert "no disk space comes back" in never["copies-stay"].what
    assert later["deletion-lag"].evidence == "1 of 2 objects are younger than 4h"


def test_data_that_goes_when_it_is_consumed_is_told() -> None:
    assert found(facts(ledger(1), retention=Retention(0, 0)))["retention"].weight is Weight.NOTE
    assert found(healthy())["retention"].weight is Weight.FINE


# -- rights


def test_a_right_that_is_missing_tells_which_commands_do_not_work() -> None:
    symptoms = {one.id: one for one in rights_symptoms({Right.SUPER_USER: "403", Right.TENANT_ADMIN: None})}

    assert symptoms["right-super-user"].weight is Weight.WARNING
    assert "check --all" in symptoms["right-super-user"].means
    assert symptoms["right-tenant-admin"].weight is Weight.FINE
    assert symptoms["right-lookup"].weight is Weight.UNKNOWN


def test_every_need_is_of_a_command_that_there_is() -> None:
    from offloadctl.cli.app import COMMANDS  # noqa: PLC0415 - the plan must not know of it

    assert {one.command.split()[0] for one in NEEDS} <= set(COMMANDS)


def test_the_documentation_has_the_table_of_rights() -> None:
    text = (Path(__file__).parents[3] / "docs" / "doctor.md").read_text(encoding="utf-8")

    rows = [
        f"| `{one.command}` | {one.needs.value} | {f'{one.uses.value}: {one.without} |' if one.uses else '|'}"
        for one in NEEDS
    ]
    assert [row for row in rows if row not in text] == []
