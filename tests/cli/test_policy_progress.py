"""Changes of policies and retention that read many topics say on stderr how far they are."""

import re
from dataclasses import replace

import pytest

from offloadctl.cli import progress_reading
from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.model.names import TopicName
from tests.cli.conftest import Command, fill


@pytest.mark.parametrize(
    "arguments",
    [
        ["retention", "effective"],
        ["retention", "set", "--time", "1m", "--size", "-1", "--dry-run"],
        ["offload-policies", "set", "deletion-lag=1m", "--dry-run"],
    ],
)
def test_it_is_told_how_many_topics_were_read(
    command: Command,
    connected: EmbeddedCluster,
    topic: TopicName,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    fill(connected, replace(topic, local_name=f"{topic.local_name}-other"))
    # As if there were many, and each took a while.
    monkeypatch.setattr(progress_reading, "_FEW", 1)
    monkeypatch.setattr(progress_reading, "_BETWEEN_LINES_S", 0.0)

    ran = command(*arguments[:2], "-n", "acme/shop", *arguments[2:])

    assert ran.code in (0, 3), ran.err
    assert re.search(r"^1 of \d+ topics read", ran.err, re.MULTILINE)
