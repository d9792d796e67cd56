"""`retention`: from the command line to a cluster over HTTP and back."""

from collections.abc import Iterator

import jsonschema
import pytest

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.report.schema import schema_of
from tests.cli.conftest import Command, lose_an_object

NAMESPACE = NamespaceName("acme", "shop")


@pytest.fixture(autouse=True)
def no_retention(embedded: EmbeddedCluster) -> Iterator[None]:
    """What a test sets ends with it."""
    yield
    with embedded.cluster.lock:
        embedded.cluster.topic_retention.clear()
        embedded.cluster.topic_policies.retention_everywhere.clear()
        if NAMESPACE in embedded.cluster.namespaces:
            embedded.cluster.namespaces[NAMESPACE].retention = None


def of_topic(embedded: EmbeddedCluster, topic: TopicName) -> tuple[int, int] | None:
    with embedded.cluster.lock:
        found = embedded.cluster.topic_retention.get(topic)
    return None if found is None else (found["retentionTimeInMinutes"], found["retentionSizeInMB"])


def test_what_is_in_force_is_told_with_its_origin_and_what_goes_next(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    assert command("offload", "topic", str(topic), "-s", "0").code == 0

    command("retention", "set", "-n", "acme/shop", "--time", "90d", "--size", "-1", "--yes")
    ran = command("retention", "effective", str(topic))

    assert ran.code == 0
    assert "90d (namespace), instead of everything (broker)" in ran.flowing
    assert "from the bucket too" in ran.flowing
    assert "3 ledgers" in ran.out


def test_less_than_before_is_sent_where_a_check_proves_what_is_there_and_read_back(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    assert command("offload", "topic", str(topic), "-s", "0").code == 0

    ran = command("retention", "set", str(topic), "--time", "7d")

    assert ran.code == 0
    assert "read back as it was meant" in ran.out
    assert "3 offloaded ledgers of 1 topic" in ran.flowing
    assert "a check at the level blocks finds nothing wrong" in ran.flowing
    assert "set the retention: 10080 minutes, -1 MB" in ran.err
    assert of_topic(connected, topic) == (7 * 24 * 60, -1)


def test_less_than_before_is_refused_while_objects_are_missing_and_says_how_much_would_go(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    assert command("offload", "topic", str(topic), "-s", "0").code == 0
    lose_an_object(connected, topic)
    arguments = ("retention", "set", str(topic), "--time", "0", "--size", "0")

    refused = command(*arguments, "-o", "json")
    with_yes = command(*arguments, "--yes")
    dry = command(*arguments, "--dry-run")
    none_yet = of_topic(connected, topic)
    sent = command(*arguments, "--yes", "--accept-unverified")

    assert (refused.code, with_yes.code, dry.code, sent.code) == (6, 6, 0, 0)
    assert none_yet is None
    assert of_topic(connected, topic) == (0, 0)
    assert [one["allowedBy"] for one in refused.document["dangers"]] == ["--accept-unverified", "--yes"]
    assert refused.document["affected"]["ledgers"] == 3
    assert (refused.document["due"]["ledgers"], refused.document["due"]["offloaded"]) == (3, 3)
    assert refused.document["due"]["offloadedBytes"] > 60_000
    assert "damage" in refused.document["affected"]["doubt"]
    assert f"offloadctl check acme/shop/{topic.local_name} --level blocks" in with_yes.flowing
    assert "set the retention: 0 minutes, 0 MB" in dry.flowing
    noted = command("offload", "history", "-o", "json").document["notes"]
    (note,) = [one for one in noted if one["facts"].get("scope") == f"topic acme/shop/{topic.local_name}"]
    assert note["note"] == "accept-unverified"
    assert (note["facts"]["ledgers"], int(note["facts"]["bytes"]) > 60_000) == ("3", True)
    assert "damage" in note["facts"]["not proved"]


def test_what_is_unset_leaves_it_to_the_level_below_which_may_keep_less(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    command("retention", "set", str(topic), "--time", "-1", "--size", "-1")
    flags = ("--time", "0", "--size", "0", "--yes", "--accept-unverified")
    assert command("retention", "set", "-n", "acme/shop", *flags).code == 0

    refused, sent = command("retention", "unset", str(topic)), command("retention", "unset", str(topic), "--yes")

    assert (refused.code, sent.code) == (6, 0)
    assert "nothing (namespace)" in sent.flowing
    assert of_topic(connected, topic) is None
    assert "nothing to send" in command("retention", "unset", str(topic)).out


def test_topics_with_a_retention_of_their_own_are_left_out_of_their_namespace_s(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    command("retention", "set", str(topic), "--time", "-1", "--size", "-1")

    ran = command("retention", "effective", "-n", "acme/shop", "-o", "json")
    shown = command("retention", "effective", "-n", "acme/shop")

    assert ran.document["topicsWithTheirOwn"] == 1
    assert "has a retention of its own" in shown.flowing


@pytest.mark.parametrize("arguments", [("effective",), ("set", "--time", "1h", "--dry-run"), ("unset", "--dry-run")])
def test_documents_are_what_their_schema_says(
    arguments: tuple[str, ...], command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    verb, *rest = arguments

    ran = command("retention", verb, str(topic), *rest, "-o", "json")

    jsonschema.validate(ran.document, schema_of(ran.document["kind"]))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("set", "acme/shop/t"), "say how much"),
        (("set", "-n", "acme/shop", "time=30d"), "as in --time 90d"),
        (("set", "--time", "1h"), "name a topic, or a namespace with -n"),
        (("set", "acme/shop/t", "--time", "90s"), "counts whole minutes"),
        (("set", "acme/shop/t", "--time", "9000y"), "more than a broker can hold"),
        (("set", "acme/shop/t", "--time", "soon"), "is not a duration"),
        (("set", "acme/shop/t", "--size", "10K"), "counts whole megabytes"),
        (("set", "acme/shop/t", "--size", "-5M"), "counts whole megabytes"),
        (("set", "-n", "acme/shop", "--time", "0"), "with --time 0 nothing is kept"),
        (("set", "-n", "acme/shop", "--size", "0"), "with --size 0 nothing is kept"),
        (("effective", "acme/shop/t-partition-0"), "is a partition"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(
    arguments: tuple[str, ...], words: str, command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    ran = command("retention", *arguments)

    assert ran.code == 2
    assert words in " ".join(ran.err.split())


def test_a_context_that_may_not_be_changed_refuses_and_shows_all_the_same(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    arguments = ("retention", "set", str(topic), "--time", "-1", "--size", "-1", "--read-only")

    assert command(*arguments).code == 6
    assert of_topic(connected, topic) is None
    assert command(*arguments, "--dry-run").code == 0


def test_a_bare_name_that_is_not_there_says_where_it_was_looked_for(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    for noun, verb in (("retention", "effective"), ("offload-policies", "effective"), ("offload-policies", "get")):
        ran = command(noun, verb, "nowhere")

        assert ran.code == 1
        assert "a name alone means public/default" in " ".join(ran.err.split())
