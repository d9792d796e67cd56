"""The line over a result: which context, and whose addresses."""

from pathlib import Path

import pytest

from offloadctl.cli.connection import Session
from offloadctl.config.layers import ConnectionFlags
from offloadctl.config.resolve import resolve
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.errors import BrokerUnreachable
from offloadctl.model.names import TopicName
from offloadctl.ports import Ports
from tests.cli.conftest import Command
from tests.fake_broker import FakeBroker, VirtualClock


@pytest.fixture
def prod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A current context of another cluster, which has no credentials."""
    path = tmp_path / "config.toml"
    path.write_text("current = 'prod'\n[contexts.prod]\nadmin_urls = ['http://prod.invalid:8080']\n")
    monkeypatch.setenv("OFFLOADCTL_CONFIG", str(path))


@pytest.mark.usefixtures("prod")
def test_a_context_does_not_claim_an_address_that_is_not_its_own(
    command: Command, connected: EmbeddedCluster, topic: TopicName
) -> None:
    ran = command("offload", "status", str(topic))

    assert f"context prod, admin_urls from OFFLOADCTL_ADMIN_URL, cluster {connected.cluster.name}" in ran.flowing


@pytest.mark.usefixtures("prod", "connected")
@pytest.mark.parametrize(
    "words",
    [
        ("offload", "status", "{}"),
        ("offload", "topic", "{}", "-s", "0", "--dry-run"),
        ("check", "{}"),
        ("doctor", "topic", "{}"),
        ("offload-policies", "effective", "{}"),
    ],
)
def test_documents_tell_who_named_the_address(words: tuple[str, ...], command: Command, topic: TopicName) -> None:
    ran = command(*(word.format(topic) for word in words), "-o", "json")

    assert (ran.document["context"], ran.document["adminUrlsFrom"]) == ("prod", "OFFLOADCTL_ADMIN_URL")


class Asked(FakeBroker):
    """Its own cluster is asked for while these happen, one after the other."""

    def __init__(self, *meanwhile: BaseException) -> None:
        super().__init__()
        self.meanwhile = list(meanwhile)
        self.asked = 0

    def own_cluster(self) -> str | None:
        self.asked += 1
        if self.meanwhile:
            raise self.meanwhile.pop(0)
        return super().own_cluster()


def session_with(broker: FakeBroker) -> Session:
    settings = resolve(ConnectionFlags(), {"OFFLOADCTL_ADMIN_URL": "http://broker:8080"})
    return Session(Ports(broker, VirtualClock()), settings)


def test_whoever_interrupts_the_question_before_the_work_keeps_it_from_being_begun() -> None:
    session = session_with(Asked(KeyboardInterrupt()))

    with pytest.raises(KeyboardInterrupt):
        session.allow_change()


def test_whoever_interrupts_the_question_after_the_work_gets_the_report() -> None:
    session = session_with(Asked(KeyboardInterrupt()))

    assert session.origin().cluster is None


def test_what_the_broker_has_told_is_known_after_an_interruption_and_asked_for_once() -> None:
    broker = Asked(BrokerUnreachable("no connection"))
    session = session_with(broker)

    session.allow_change()
    found = [session.origin(may_ask=may_ask).cluster for may_ask in (False, True, False, True)]

    assert found == [None, "standalone", "standalone", "standalone"]
    assert broker.asked == 2
