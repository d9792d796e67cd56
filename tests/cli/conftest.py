"""Command lines run in this process, against an embedded cluster on real ports."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from offloadctl.cli.app import run
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.demo.messages import Producer
from offloadctl.demo.tuning import Tuning
from offloadctl.format.keys import data_key
from offloadctl.model.names import TopicName


@dataclass(frozen=True)
class Ran:
    """What one command line left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Its output as JSON."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def flowing(self) -> str:
        """Its output with every run of blanks and line ends as one blank."""
        return " ".join(self.out.split())


Command = Callable[..., Ran]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `offloadctl` with these arguments."""

    def call(*arguments: str) -> Ran:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedCluster]:
    """A cluster of two brokers and a bucket; uploads take almost no time."""
    with EmbeddedCluster(tuning=Tuning(upload_rate=1e9, upload_overhead=0.0, max_entries_per_ledger=20)) as cluster:
        yield cluster


@pytest.fixture
def connected(embedded: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedCluster]:
    """The cluster, and an environment that leads every command to it; faults of a test end with it."""
    access_key, secret_key = embedded.credentials
    monkeypatch.setenv("OFFLOADCTL_ADMIN_URL", ",".join(embedded.admin_urls))
    monkeypatch.setenv("OFFLOADCTL_BUCKET", f"{embedded.bucket},endpoint={embedded.s3_endpoint}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret_key)
    yield embedded
    embedded.cluster.faults.clear()


@pytest.fixture
def topic(embedded: EmbeddedCluster, request: pytest.FixtureRequest) -> TopicName:
    """A topic of the test's own with three closed ledgers of 20 entries and an open one of 5; it is served."""
    name = TopicName("acme", "shop", request.node.name.split("[")[0])
    fill(embedded, name)
    return name


def fill(embedded: EmbeddedCluster, topic: TopicName, *, entries: int = 65) -> None:
    """Publish so many entries of about 1 KB."""
    cluster = embedded.cluster
    with cluster.lock:
        if topic not in cluster.metadata:
            cluster.create_topic(topic)
        cluster.publish(topic, Producer("tests", cluster.clock.now()).entries(entries))


def lose_an_object(embedded: EmbeddedCluster, topic: TopicName) -> None:
    """Delete the data object of the topic's first ledger, which is offloaded."""
    with embedded.cluster.lock:
        first = embedded.cluster.metadata[topic].ascending[0]
    assert first.context is not None
    embedded.store.delete(data_key(first.context.uuid, first.ledger_id))


def make_idle(embedded: EmbeddedCluster, topic: TopicName) -> None:
    """Unload the topic, as a broker does with what nobody uses."""
    with embedded.cluster.lock:
        embedded.cluster.unload(topic)
    show_on_the_list(embedded)


def show_on_the_list(embedded: EmbeddedCluster) -> None:
    """Let the brokers' list of loaded topics be of now, as it is once a minute."""
    with embedded.cluster.lock:
        embedded.cluster.refresh_stats()


def loads(embedded: EmbeddedCluster) -> int:
    """How often any broker had to load a topic so far."""
    return sum(embedded.cluster.topics_loaded.values())
