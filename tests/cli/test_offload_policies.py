"""`offload-policies`: from the command line to a cluster over HTTP and back."""

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml

from offloadctl.cli.policy_file import read_policy_file
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.demo.policies import new_policy
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.report.schema import schema_of
from tests.cli.conftest import Command, lose_an_object
from tests.command_line import ROOT

NAMESPACE = NamespaceName("acme", "shop")
LAG = "managedLedgerOffloadDeletionLagInMillis"
SIZE = "managedLedgerOffloadThresholdInBytes"
CREDENTIAL = "s3ManagedLedgerOffloadCredentialSecret"
STORED = "PlantedInTheBroker0123456789"


@pytest.fixture(autouse=True)
def no_policies(embedded: EmbeddedCluster) -> Iterator[None]:
    """Policies of a test end with it."""
    with embedded.cluster.lock:
        embedded.cluster.create_namespace(NAMESPACE)
    yield
    with embedded.cluster.lock:
        embedded.cluster.namespaces[NAMESPACE].offload = None
        embedded.cluster.topic_policies.clear()
        embedded.cluster.topic_policies.everywhere.clear()


def plant_credential(embedded: EmbeddedCluster) -> None:
    own = {
        "managedLedgerOffloadDriver": "aws-s3",
        "s3ManagedLedgerOffloadBucket": embedded.bucket,
        "s3ManagedLedgerOffloadCredentialId": f"Id{STORED}",
        CREDENTIAL: STORED,
    }
    with embedded.cluster.lock:
        embedded.cluster.namespaces[NAMESPACE].offload = new_policy(own)


def namespace_policy(embedded: EmbeddedCluster) -> dict[str, object]:
    with embedded.cluster.lock:
        return dict(embedded.cluster.namespaces[NAMESPACE].offload or {})


def test_a_deletion_lag_is_set_read_back_and_shown(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    ran = command("offload-policies", "set", "-n", "acme/shop", "deletion-lag=7d")

    assert ran.code == 0
    assert "read back as it was meant" in ran.out
    assert "604800000 (7d)" in ran.out
    assert "context default, cluster" in ran.err
    assert "namespace acme/shop" in ran.err
    assert namespace_policy(connected)[LAG] == 604_800_000
    shown = command("offload-policies", "get", "-n", "acme/shop")
    assert "604800000 (7d)" in shown.out
    assert "that every policy is born with" in shown.out
    told = command("offload-policies", "effective", str(topic))
    assert told.code == 3
    assert "14400000 (4h) (broker)" in told.out
    assert "7d after the offload" in told.flowing
    assert "[no-retention]" not in told.out


def test_what_is_shown_as_off_and_never_may_be_written_so(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    ran = command("offload-policies", "set", str(topic), "deletion-lag=never", "size-threshold=off", "--yes")

    assert ran.code == 0
    assert (connected.cluster.topic_policies[topic][LAG], connected.cluster.topic_policies[topic][SIZE]) == (-1, -1)


def test_a_dry_run_shows_the_requests_and_sends_none(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    ran = command("offload-policies", "set", str(topic), "size-threshold=10G", "--dry-run")

    assert ran.code == 0
    assert "replace the policy" in ran.flowing
    assert f"{SIZE}=10737418240" in ran.flowing
    assert "repeated, or it would be hidden" in ran.flowing
    assert "--yes allows it" in ran.flowing
    assert ran.err == ""
    assert connected.cluster.topic_policies == {}


def test_more_offload_than_before_needs_a_yes(command: Command, connected: EmbeddedCluster, topic: TopicName) -> None:
    arguments = ("offload-policies", "set", str(topic), "size-threshold=0")

    refused, allowed = command(*arguments), command(*arguments, "--yes")

    assert (refused.code, allowed.code) == (6, 0)
    assert "refused; nothing was sent" in refused.out
    assert connected.cluster.topic_policies[topic][SIZE] == 0


def test_a_shorter_lag_is_refused_while_objects_are_missing_and_says_how_much_would_go(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    assert command("offload", "topic", str(topic), "-s", "0").code == 0
    lose_an_object(connected, topic)

    ran = command("offload-policies", "set", str(topic), "deletion-lag=1h", "-o", "json")

    assert ran.code == 6
    (item,) = ran.document["items"]
    assert item["state"] == "refused"
    assert item["dangers"][0]["allowedBy"] == "--accept-unverified"
    assert item["affected"]["ledgers"] == 3
    assert item["affected"]["bytes"] > 60_000
    assert "damage" in item["affected"]["doubt"]


@pytest.mark.parametrize("context", ["--read-only", "protected"])
def test_contexts_that_may_not_be_changed_refuse_and_show_all_the_same(
    context: str,
    command: Command,
    connected: EmbeddedCluster,
    topic: TopicName,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = tmp_path / "config.toml"
    config.write_text("current = 'prod'\n[contexts.prod]\nprotected = true\n")
    config.chmod(0o600)
    monkeypatch.setenv("OFFLOADCTL_CONFIG", str(config))
    flags = [context] if context.startswith("-") else []
    arguments = ("offload-policies", "set", str(topic), "deletion-lag=-1", *flags)

    ran = command(*arguments)

    assert ran.code == 6
    assert connected.cluster.topic_policies == {}
    assert command(*arguments, "--dry-run").code == 0
    assert command("offload-policies", "get", str(topic), *flags).code == 0


def test_what_is_unset_is_inherited_again_and_without_names_all_of_it(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    command("offload-policies", "set", str(topic), "deletion-lag=-1", "age-threshold=1d", "--yes")

    one = command("offload-policies", "unset", str(topic), "age-threshold")
    left = dict(connected.cluster.topic_policies[topic])
    rest = command("offload-policies", "unset", str(topic))

    assert (one.code, rest.code) == (0, 0)
    assert "managedLedgerOffloadThresholdInSeconds" not in left
    assert left[LAG] == -1
    assert topic not in connected.cluster.topic_policies
    assert "nothing to send" in command("offload-policies", "unset", str(topic)).out


def test_what_was_exported_is_the_same_and_can_be_changed_and_applied(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    plant_credential(connected)
    command("offload-policies", "set", str(topic), "deletion-lag=-1")
    exported = command("offload-policies", "export", "-n", "acme/shop").out
    path = tmp_path / "policies.yaml"
    path.write_text(exported)

    same = command("offload-policies", "diff", "-f", str(path))
    pruned = command("offload-policies", "diff", "-f", str(path), "--prune")
    path.write_text(exported.replace(f"{LAG}: -1", f"{LAG}: 30d"))
    differs = command("offload-policies", "diff", "-f", str(path))
    applied = command("offload-policies", "apply", "-f", str(path))

    assert yaml.safe_load(exported)["policies"][0]["fields"][CREDENTIAL] == "keep"
    assert (same.code, pruned.code, differs.code, applied.code) == (0, 0, 3, 0)
    assert connected.cluster.topic_policies[topic][LAG] == 30 * 86_400_000
    assert namespace_policy(connected)[CREDENTIAL] == STORED


def test_an_address_with_a_password_is_exported_to_be_kept_and_never_as_a_mask(
    command: Command, connected: EmbeddedCluster, tmp_path: Path
) -> None:
    plant_credential(connected)
    endpoint = f"http://me:{STORED}@127.0.0.1:9000"
    with connected.cluster.lock:
        connected.cluster.namespaces[NAMESPACE].set_offload(
            namespace_policy(connected) | {"s3ManagedLedgerOffloadServiceEndpoint": endpoint}  # type: ignore[arg-type]
        )
    exported = command("offload-policies", "export", "-n", "acme/shop").out
    path = tmp_path / "policies.yaml"
    path.write_text(exported.replace("fields:", "fields:\n    region: eu-west-1"))

    ran = command("offload-policies", "apply", "-f", str(path), "--yes")

    assert ran.code == 0
    assert STORED not in exported + ran.out + ran.err
    assert namespace_policy(connected)["s3ManagedLedgerOffloadServiceEndpoint"] == endpoint
    assert namespace_policy(connected)["s3ManagedLedgerOffloadRegion"] == "eu-west-1"


def test_a_topic_s_global_policy_is_set_exported_applied_and_removed_beside_its_own(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    everywhere = connected.cluster.topic_policies.everywhere

    made = command("offload-policies", "set", str(topic), "deletion-lag=-1", "--global")
    told = command("offload-policies", "effective", str(topic))
    path = tmp_path / "policies.yaml"
    path.write_text(command("offload-policies", "export", str(topic)).out.replace(f"{LAG}: -1", f"{LAG}: 30d"))
    applied = command("offload-policies", "apply", "-f", str(path))
    lag = everywhere[topic][LAG]
    removed = command("offload-policies", "unset", str(topic), "--global")

    assert (made.code, applied.code, removed.code) == (0, 0, 0)
    assert ", global: changed, and read back as it was meant" in made.flowing
    assert "in every cluster that the namespace is replicated to. Only this one was looked at." in made.flowing
    assert "-1 (never)" in told.out
    assert "topic, global" in told.flowing
    assert lag == 30 * 86_400_000
    assert everywhere == {}
    assert connected.cluster.topic_policies == {}


def test_beside_a_policy_of_its_own_a_global_one_is_said_to_be_hidden(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    command("offload-policies", "set", str(topic), "deletion-lag=-1")

    ran = command("offload-policies", "set", str(topic), "deletion-lag=30d", "--global")
    told = command("offload-policies", "effective", str(topic))

    assert ran.code == 0
    assert "the topic's own counts, and hides all of it" in ran.flowing
    assert "has a global policy, too" in told.flowing
    assert "30d" not in told.out


def test_a_whole_file_of_topics_can_be_meant_globally(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    path = tmp_path / "policies.yaml"
    item = f"{{topic: '{topic}', fields: {{deletion-lag: -1}}}}"
    path.write_text(f"{{apiVersion: offloadctl/v1, kind: OffloadPolicies, policies: [{item}]}}")

    ran = command("offload-policies", "apply", "-f", str(path), "--global")

    assert ran.code == 0
    assert connected.cluster.topic_policies.everywhere[topic][LAG] == -1
    assert command("offload-policies", "diff", "-f", str(path), "--global").code == 0
    assert command("offload-policies", "diff", "-f", str(path)).code == 3


def test_prune_removes_what_the_file_does_not_name_and_null_the_policy(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    plant_credential(connected)
    command("offload-policies", "set", str(topic), "deletion-lag=-1")
    path = tmp_path / "policies.yaml"
    fields = f"{{driver: aws-s3, bucket: {connected.bucket}}}"
    path.write_text(
        "apiVersion: offloadctl/v1\nkind: OffloadPolicies\npolicies:\n"
        f"- {{namespace: acme/shop, fields: {fields}}}\n---\n"
        f"apiVersion: offloadctl/v1\nkind: OffloadPolicies\npolicies: [{{topic: '{topic}', fields: null}}]\n"
    )

    ran = command("offload-policies", "apply", "-f", str(path), "--prune")

    assert ran.code == 0
    assert CREDENTIAL not in namespace_policy(connected)
    assert connected.cluster.topic_policies == {}


def test_a_planted_credential_is_in_no_output_of_any_command(
    command: Command, connected: EmbeddedCluster, topic: TopicName, tmp_path: Path
) -> None:
    plant_credential(connected)
    path = tmp_path / "policies.yaml"
    path.write_text(command("offload-policies", "export", "-n", "acme/shop").out)
    lines = [
        ("get", "-n", "acme/shop"),
        ("get", "-n", "acme/shop", "-o", "wide"),
        ("get", "-n", "acme/shop", "-o", "json"),
        ("effective", str(topic), "-o", "json"),
        ("effective", str(topic), "-o", "wide"),
        ("export", "--all"),
        ("set", "-n", "acme/shop", "region=eu-west-1", "--dry-run"),
        ("set", "-n", "acme/shop", "region=eu-west-1", "-o", "json"),
        ("set", str(topic), "deletion-lag=-1"),
        ("diff", "-f", str(path), "-o", "yaml"),
        ("apply", "-f", str(path)),
        ("unset", "-n", "acme/shop", "credential-secret", "credential-id"),
    ]

    for line in lines:
        ran = command("offload-policies", *line)
        assert STORED not in ran.out + ran.err
        assert ran.code in (0, 3), ran.err

    assert CREDENTIAL not in namespace_policy(connected)
    assert CREDENTIAL not in connected.cluster.topic_policies[topic]


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("get",), "OffloadPolicies"),
        (("effective",), "EffectiveOffloadPolicies"),
        (("set", "deletion-lag=-1", "--dry-run"), "OffloadPoliciesChange"),
    ],
)
def test_documents_are_what_their_schema_says(
    arguments: tuple[str, ...], kind: str, command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    plant_credential(connected)

    verb, *rest = arguments
    ran = command("offload-policies", verb, "-n", "acme/shop", *rest, "-o", "json")

    assert ran.document["kind"] == kind
    jsonschema.validate(ran.document, schema_of(kind))
    assert json.loads(command("offload-policies", verb, "-n", "acme/shop", *rest, "-o", "ndjson").out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("get",), "name a topic, or a namespace with -n"),
        (("get", "acme/shop/t", "-n", "acme/shop"), "not both"),
        (("get", "acme/shop/t-partition-0"), "is a partition"),
        (("set", "-n", "acme/shop"), "Missing argument"),
        (("set", "acme/shop/t"), "say what to set"),
        (("set", "-n", "acme/shop", "nonsense"), "is not NAME=VALUE"),
        (("set", "-n", "acme/shop", "deletion-lg=4h"), "is no field of an offload policy"),
        (("set", "-n", "acme/shop", "deletion-lag=soon"), "deletion-lag: 'soon' is not"),
        (("set", "-n", "acme/shop", "deletion-lag=1h", f"{LAG}=2"), "is set twice"),
        (("set", "-n", "acme/shop", "maxMessageSize=1M"), "setting of brokers"),
        (("set", "-n", "acme/shop", "credential-secret=keep"), "has none"),
        (("unset", "-n", "acme/shop", "nonsense"), "is no field"),
        (("set", "-n", "acme/shop", "deletion-lag=4h", "--global"), "is of topics only"),
        (("set", "-n", "acme/shop", "lag=4h"), "did you mean deletion-lag?"),
        (("set", "-n", "acme/shop", "retention=7d"), "offloadctl retention set"),
        (("get", "acme/shop"), "named with -n: -n acme/shop"),
        (("apply", "-f", "/nowhere"), "/nowhere: it cannot be read"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(
    arguments: tuple[str, ...], words: str, command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    ran = command("offload-policies", *arguments)

    assert ran.code == 2
    assert words.lower() in ran.err.lower()
    assert namespace_policy(connected) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no policies"),
        ("a: [", "is no YAML"),
        ("- a", "is no mapping"),
        ("kind: Context\napiVersion: offloadctl/v1", "context set"),
        ("kind: ConfigMap", "broker-conf lint"),
        ("kind: OffloadPolicies", "apiVersion"),
        ("kind: OffloadPolicies\napiVersion: offloadctl/v1", "list of policies"),
        ("kind: OffloadPolicies\napiVersion: offloadctl/v1\npolicies: []\nspec: 1", "unknown keys: spec"),
        ("kind: OffloadPolicies\napiVersion: offloadctl/v1\npolicies: [{fields: {}}]", "namespace or a topic"),
        ("kind: OffloadPolicies\napiVersion: offloadctl/v1\npolicies: [{namespace: x, fields: {}}]", "policy 1"),
        ("kind: OffloadPolicies\napiVersion: offloadctl/v1\npolicies: [{namespace: acme/shop}]", "has no fields"),
        (
            "kind: OffloadPolicies\napiVersion: offloadctl/v1\npolicies: [{namespace: acme/shop, fields: {a: true}}]",
            "neither a text nor",
        ),
        (
            "kind: OffloadPolicies\napiVersion: offloadctl/v1\npolicies: [{namespace: acme/shop, fields: {lag: 1}}]",
            "policy 1: 'lag' is no field",
        ),
        (
            "{kind: OffloadPolicies, apiVersion: offloadctl/v1, policies: [&a {namespace: a/b, fields: {}}, *a]}",
            "is there twice",
        ),
        (
            "kind: OffloadPolicies\napiVersion: offloadctl/v1\npolicies: [{namespace: a/b, global: true, fields: {}}]",
            "of topics only",
        ),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_why(
    text: str, words: str, command: Command, connected: EmbeddedCluster, tmp_path: Path
) -> None:
    path = tmp_path / "policies.yaml"
    path.write_text(text)

    ran = command("offload-policies", "apply", "-f", str(path))

    assert ran.code == 2
    assert words in ran.err
    assert command("offload-policies", "apply", "-f", str(tmp_path / "nosuch")).code == 2


def test_the_file_that_the_page_about_it_shows_can_be_read(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "offload-policies.md").read_text(encoding="utf-8")
    path = tmp_path / "policies.yaml"
    path.write_text(page.partition("```yaml\n")[2].partition("```")[0])

    found = read_policy_file(str(path))

    assert [(str(one.scope).rpartition("/")[2], one.is_global, one.fields is None) for one in found] == [
        ("shop", False, False),
        ("orders", False, True),
        ("clicks", True, False),
    ]


def test_a_namespace_that_is_not_there_is_a_failure(command: Command, connected: EmbeddedCluster) -> None:
    ran = command("offload-policies", "effective", "-n", "acme/nosuch")

    assert ran.code == 1
    assert "Namespace does not exist" in ran.err
