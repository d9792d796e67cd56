"""A real Pulsar with a real MinIO: one for all tests, and one of their own for those that do harm."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Final
from uuid import uuid4

import pytest

from tests.ending import said_at_the_end
from tests.integration import shared
from tests.integration.audit import Auditor
from tests.integration.command import Offloadctl
from tests.integration.containers import Cluster, running_cluster
from tests.integration.door import Door
from tests.integration.stack import CHOICE, PREFIX, Stack, Topic
from tests.stack import parts

STACK_CACHE: Final = parts.cache_directory()
"""Taken before the tests get a home of their own."""

ClusterStarter = Callable[..., AbstractContextManager[Cluster]]
TopicMaker = Callable[[str], Topic]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Say which offloader made the objects."""
    if found := session.config.stash.get(shared.OFFLOADER, None):
        said_at_the_end(session.config, f"integration tests ran on {found}")


@pytest.fixture(scope="session")
def shared_cluster(pytestconfig: pytest.Config) -> Cluster | None:
    """The containers of the stack that most tests share; None where a running stack was named."""
    return shared.shared_cluster(pytestconfig)


@pytest.fixture(scope="session")
def shared_stack(pytestconfig: pytest.Config) -> Stack:
    """The stack that most tests share."""
    return shared.shared_stack(pytestconfig)


@pytest.fixture(scope="session")
def own_containers(shared_cluster: Cluster | None) -> None:
    """Skip by name what needs containers of ours: the harm it does, or what it reads inside, is for them alone."""
    if shared_cluster is None:
        pytest.skip(f"needs containers of its own, and {PREFIX}ADMIN_URL names a stack that is not ours")


@pytest.fixture
def start_cluster(own_containers: None) -> ClusterStarter:
    """Start a cluster that a test may break."""
    return partial(running_cluster, CHOICE.pulsar_image, CHOICE.minio_image)


@pytest.fixture
def namespace(shared_stack: Stack, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own that keeps its messages for ever."""
    return make_namespace(shared_stack, request.node.name)


@pytest.fixture
def make_topic(shared_stack: Stack, namespace: str, auditor: Auditor) -> TopicMaker:
    """Topics of the test's own namespace; bucket and metadata are compared when the test is over."""
    return lambda name: Topic(shared_stack, f"persistent://{namespace}/{name}")


@pytest.fixture
def auditor(shared_stack: Stack, namespace: str) -> Iterator[Auditor]:
    """Compares bucket and metadata at the test's end; what is left over is expected or the test fails."""
    watching = Auditor.from_now(shared_stack, [namespace])
    yield watching
    assert watching.settled() == watching.expected


@pytest.fixture
def offloadctl(shared_stack: Stack) -> Offloadctl:
    """The command line on the shared stack."""
    return Offloadctl(shared_stack)


@pytest.fixture(scope="session")
def shared_door(own_containers: None, shared_stack: Stack) -> Iterator[Door]:
    """It outlives the tests, since the broker deletes through it when they are over."""
    with Door(shared_stack.s3_url).standing() as door:
        yield door


@pytest.fixture
def door(shared_door: Door) -> Iterator[Door]:
    """A door before the shared MinIO, for topics that are put behind it; open again when the test is over."""
    yield shared_door
    shared_door.open()


@pytest.fixture
def held_topic(shared_cluster: Cluster, door: Door, make_topic: TopicMaker) -> TopicMaker:
    """Topics behind the door; the namespace of a test is theirs alone."""

    def make(name: str) -> Topic:
        topic = make_topic(name)
        shared_cluster.put_behind(door, topic)
        return topic

    return make


@pytest.fixture(scope="session", autouse=True)
def _parts_cache(_clean_environment: None) -> Iterator[None]:
    """Parts that are built for the stack are found again, though the tests have a home of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(parts.CACHE_VARIABLE, str(STACK_CACHE))
        yield


def make_namespace(stack: Stack, test_name: str) -> str:
    """A new namespace named after a test, with infinite retention: else closed ledgers are trimmed at once."""
    name = "public/" + re.sub(r"[^a-z0-9]+", "-", test_name.lower())[:60].strip("-") + "-" + uuid4().hex[:8]
    stack.put(f"namespaces/{name}")
    stack.post(f"namespaces/{name}/retention", {"retentionTimeInMinutes": -1, "retentionSizeInMB": -1})
    return name
