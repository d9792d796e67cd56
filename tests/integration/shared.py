"""The cluster that most tests of a run share: started by the first that asks, stopped when the run ends."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

import pytest

from tests.integration.containers import Cluster, running_cluster
from tests.integration.stack import CHOICE, Stack
from tests.stack import parts

_cluster: Final = pytest.StashKey[Cluster]()
OFFLOADER: Final = pytest.StashKey[str]()
"""What made the objects, in words."""


def shared_cluster(config: pytest.Config) -> Cluster | None:
    """Our containers; None where a running stack was named."""
    if CHOICE.running is not None:
        config.stash[OFFLOADER] = f"the stack at {CHOICE.running.admin_url}, with an offloader unknown to us"
        return None
    if _cluster not in config.stash:
        running = ExitStack()
        config.add_cleanup(running.close)
        cluster = running_cluster(CHOICE.pulsar_image, CHOICE.minio_image, with_bookie_metrics=True)
        found = running.enter_context(cluster)
        config.stash[_cluster] = found
        config.stash[OFFLOADER] = f"{CHOICE.pulsar_image} with {offloader_of(found)}"
    return config.stash[_cluster]


def shared_stack(config: pytest.Config) -> Stack:
    """Where the shared cluster, or the running stack, is."""
    found = shared_cluster(config)
    if found is not None:
        return found.stack
    assert CHOICE.running is not None
    return CHOICE.running


def offloader_of(cluster: Cluster) -> str:
    """What the image has as its offloader."""
    _, listing = cluster.pulsar.run(["ls", "offloaders"])
    if parts.NAR_NAME in listing.split():
        return f"the stand-in offloader of this project ({parts.NAR_NAME})"
    jcloud = [name for name in listing.split() if "jcloud" in name]
    return f"Pulsar's own offloader ({jcloud[0]})" if jcloud else f"an unknown offloader ({listing.strip()})"
