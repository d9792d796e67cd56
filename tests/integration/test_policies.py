"""`offload-policies` and `retention` on a real broker: what is applied is there, field by field; what goes is gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from offloadctl.brokerconf.kinds import Kind
from offloadctl.brokerconf.policy_fields import CREDENTIALS, FIELDS, PolicyField
from tests.integration.audit import Auditor
from tests.integration.command import Offloadctl
from tests.integration.conftest import TopicMaker
from tests.integration.ledgers import closed_ledger, exists, keys_of
from tests.integration.stack import Topic, eventually

pytestmark = pytest.mark.integration

NEWER: Final = frozenset({"managedLedgerOffloadReadThreads"})
"""What 4.0.7 does not know yet."""
SECRET: Final = "planted-in-a-file-0123456789"
ALLOW: Final = ("--yes", "--accept-unverified")


def value_of(field: PolicyField, bucket: str) -> str | int:
    """Another value than its default, of the field's own kind."""
    if field.setting.kind is Kind.CHOICE:
        return "S3" if field.setting.parameter == "driver" else "bookkeeper-first"
    if field.setting.kind.is_number:
        return 7 * 1024 * 1024
    if field.name.endswith("Bucket"):
        return bucket
    if field.name == "offloadersDirectory":
        # Of another one no offloader can be made, and then the topic cannot even be loaded.
        return "/pulsar/offloaders"
    return SECRET if field.name in CREDENTIALS else f"/some/{field.setting.parameter or field.name}"


def as_json(name: str, value: str | int) -> object:
    """As Pulsar's JSON spells it."""
    return "BOOKKEEPER_FIRST" if name == "managedLedgerOffloadedReadPriority" else value


@pytest.mark.parametrize("level", ["namespace", "topic", "topic, global"])
def test_every_field_of_a_file_is_there_and_only_what_is_in_it(
    level: str, make_topic: TopicMaker, offloadctl: Offloadctl, tmp_path: Path
) -> None:
    topic = make_topic("policies")
    topic.stack.put(topic.path)
    wanted = {one.name: value_of(one, topic.stack.bucket) for one in FIELDS if one.name not in NEWER}
    wanted["managedLedgerExtraConfigurations.of-ours"] = "1"
    scope = {"namespace": topic.namespace} if level == "namespace" else {"topic": topic.name}
    item = scope | {"global": level == "topic, global", "fields": wanted}
    path = tmp_path / "policies.yaml"
    path.write_text(yaml.safe_dump({"apiVersion": "offloadctl/v1", "kind": "OffloadPolicies", "policies": [item]}))

    applied = offloadctl("offload-policies", "apply", "-f", str(path), *ALLOW)
    again = offloadctl("offload-policies", "diff", "-f", str(path))

    found = own_policy(topic, level)
    extra = found.pop("managedLedgerExtraConfigurations")
    assert applied.code == 0
    (differs,) = again.document["items"]
    assert [one["field"] for one in differs["changes"]] == list(CREDENTIALS), "those that are there nobody can see"
    assert extra == {"of-ours": "1"}
    expected = {name: as_json(name, value) for name, value in wanted.items() if "." not in name}
    assert {name: found[name] for name in expected} == expected
    assert found.keys() - expected.keys() <= {"s3Driver", "gcsDriver", "fileSystemDriver"}
    assert SECRET not in applied.out + applied.err + again.out
    removed = offloadctl("offload-policies", "unset", *unset_arguments(topic, level), *ALLOW)
    assert removed.code == 0
    assert own_policy(topic, level) == {}


def unset_arguments(topic: Topic, level: str) -> tuple[str, ...]:
    if level == "namespace":
        return ("-n", topic.namespace)
    return (topic.name, "--global") if level == "topic, global" else (topic.name,)


def own_policy(topic: Topic, level: str) -> dict[str, Any]:
    """What the broker itself says of one level, empty without a policy."""
    path = f"namespaces/{topic.namespace}" if level == "namespace" else topic.path
    answer = topic.stack.call("GET", f"{path}/offloadPolicies?isGlobal={str(level == 'topic, global').lower()}")
    answer.raise_for_status()
    return dict(json.loads(answer.text)) if answer.text else {}


def test_a_lower_retention_takes_the_objects_with_it_and_only_after_a_yes(
    make_topic: TopicMaker, offloadctl: Offloadctl, auditor: Auditor
) -> None:
    topic = make_topic("retention")
    closed_ledger(topic)
    assert offloadctl.offload(topic.name).outcome == ("confirmed", 0)
    keys = keys_of(topic)
    nothing = ("retention", "set", topic.name, "--time", "0", "--size", "0")

    refused = offloadctl(*nothing)
    kept = [exists(topic.stack, key) for key in keys]
    sent = offloadctl(*nothing, "--yes")

    assert (refused.code, sent.code) == (6, 0)
    assert kept == [True, True]
    assert refused.document["due"] == {
        "ledgers": 1,
        "bytes": refused.document["affected"]["bytes"],
        "offloaded": 1,
        "offloadedBytes": refused.document["affected"]["bytes"],
        "exact": True,
    }
    assert refused.document["affected"]["doubt"] == "", "the check that it makes finds the objects whole"
    assert sent.document["state"] == "confirmed"

    def are_gone() -> bool:
        topic.stack.post(f"{topic.path}/trim")
        return not any(exists(topic.stack, key) for key in keys)

    eventually(are_gone, "the objects are deleted", pause=1)
    told = offloadctl("retention", "effective", topic.name).document
    assert told["inForce"]["retention"] == {"minutes": 0, "megabytes": 0}
    assert told["offloaded"]["ledgers"] == 0
