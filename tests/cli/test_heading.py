"""The line over a result: which context, and whose addresses."""

from pathlib import Path

import pytest

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.model.names import TopicName
from tests.cli.conftest import Command


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
