"""`offloadctl check --level readback` where no broker speaks the binary protocol: what is refused, what not covered."""

import pytest

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.model.names import TopicName
from tests.cli.conftest import Command, fill
from tests.cli.test_check import offload
from tests.sockets import closed_port


@pytest.fixture
def offloaded(connected: EmbeddedCluster, request: pytest.FixtureRequest) -> TopicName:
    name = TopicName("acme", "shop", request.node.name.replace("_", "-"))
    fill(connected, name)
    offload(connected, name)
    return name


def test_without_the_brokers_address_nothing_is_begun(command: Command, offloaded: TopicName) -> None:
    ran = command("check", str(offloaded), "--level", "readback")

    assert ran.code == 2
    assert "broker_url" in ran.err


@pytest.mark.usefixtures("connected")
def test_more_than_named_topics_take_a_sample(command: Command) -> None:
    ran = command("check", "-n", "acme/shop", "--level", "readback", "--yes")

    assert ran.code == 2
    assert "takes a sample" in ran.err


def test_a_sample_of_a_namespace_is_asked_of_the_broker_too(
    command: Command, offloaded: TopicName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFLOADCTL_CONNECT_TIMEOUT", "0.2")
    arguments = ("check", "-n", "acme/shop", "--match", f"{offloaded.local_name}$", "-l", "readback", "--sample", "99%")
    with closed_port() as address:
        monkeypatch.setenv("OFFLOADCTL_BROKER_URL", f"pulsar://{address}")
        ran = command(*arguments, "-o", "json")

    (topic,) = ran.document["topics"]
    assert (ran.code, ran.document["level"], ran.document["findings"]) == (5, "readback", [])
    assert (topic["soundLedgers"], topic["ledgers"], topic["readback"]) == (3, [], {"samples": 0, "given": 0})
    assert f"not read through the broker: pulsar://{address}" in " ".join(ran.document["coverage"]["reasons"])


def test_a_broker_that_cannot_be_reached_leaves_what_was_looked_at_and_is_not_covered(
    command: Command, offloaded: TopicName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFLOADCTL_CONNECT_TIMEOUT", "0.2")
    with closed_port() as address:
        monkeypatch.setenv("OFFLOADCTL_BROKER_URL", f"pulsar://{address}")
        ran = command("check", str(offloaded), "--level", "readback", "-o", "json")

    assert (ran.code, ran.document["status"], ran.document["findings"]) == (5, "partial", [])
    assert ran.document["coverage"]["counts"]["entries"] == 60
    assert f"not read through the broker: pulsar://{address}" in " ".join(ran.document["coverage"]["reasons"])


def test_nothing_in_s3_is_nothing_to_read_back(
    command: Command, connected: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = TopicName("acme", "shop", "never-offloaded")
    fill(connected, name)
    monkeypatch.setenv("OFFLOADCTL_BROKER_URL", "pulsar://127.0.0.1:1")

    ran = command("check", str(name), "--level", "readback")

    assert ran.code == 0
    assert "0 of 0 samples given by the broker" in ran.flowing
