"""`broker-conf` on real brokers: with what `render` writes one starts and offloads; what `lint` foretells happens.

How a broker's own classes read its file is shown in test_broker_conf.py, without starting one.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from tests.integration.command import Offloadctl
from tests.integration.conftest import make_namespace
from tests.integration.containers import (
    ACCESS_KEY,
    BUCKET,
    SECRET_KEY,
    BrokerPorts,
    Server,
    await_broker,
    await_minio,
    broker_settings,
    free_port,
)
from tests.integration.ledgers import closed_ledger, keys_of
from tests.integration.messages import publish_payloads, read_back
from tests.integration.stack import CHOICE, Stack, Topic, eventually

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("own_containers")]

PREFIX: Final = "PULSAR_PREFIX_"
ENDPOINT: Final = "http://minio:9000"
BLOCK: Final = "s3ManagedLedgerOffloadMaxBlockSizeInBytes"
PROFILE: Final = ("minio", "--set", f"bucket={BUCKET}", "--set", f"endpoint={ENDPOINT}")
DIRECTORY: Final = "offloadersDirectory"
WISHES: Final = ("max-block-size=6M", "deletion-lag=4h", "size-threshold=-1", f"{DIRECTORY}=/pulsar/offloaders")
START: Final = "bin/apply-config-from-env.py conf/standalone.conf && exec bin/pulsar standalone -nfw -nss"
READ_BUFFER: Final = "managedLedgerOffloadReadBufferSizeInBytes"
MESSAGES: Final = 20
FREE_KEY: Final = "managedLedgerOffloadExtraConfigFoo"
STARTS_BADLY: Final = "managedLedgerOffloadThresholdInSeconds"
SECRET: Final = "s3ManagedLedgerOffloadCredentialSecret"
PLANTED: Final = "planted-in-the-variables"
NOT_SEEN: Final = "managedLedgerOffloadDeletionLagInMillis"
GENERAL_BLOCK: Final = "managedLedgerOffloadMaxBlockSizeInBytes"


@dataclass(frozen=True)
class Rendered:
    """A broker that was started with nothing of offload but what `render` wrote, and what is of no use to it."""

    stack: Stack
    conf: Path
    settings: Mapping[str, str]
    """Its variables."""
    network: Network
    server: Server


def broker_conf(*arguments: str, stack: Stack | None = None) -> subprocess.CompletedProcess[str]:
    where = ["--admin-url", stack.admin_url] if stack is not None else []
    command = [sys.executable, "-m", "offloadctl", "broker-conf", *arguments, *where]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def wishes() -> list[str]:
    return [word for wish in WISHES for word in ("--set", wish)]


def diff(started: Rendered, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The profile against the broker."""
    return broker_conf("diff", *PROFILE, "live", *arguments, "-o", "json", stack=started.stack)


def rendered(*arguments: str) -> str:
    ran = broker_conf("render", "-p", *PROFILE, *wishes(), "--both-families", *arguments)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def lint(conf: Path) -> dict[str, dict[str, Any]]:
    """What the linter says, by rule and key."""
    found = json.loads(broker_conf("lint", str(conf), "-o", "json").stdout)["findings"]
    return {f"{one['rule']} {one['key']}": one for one in found}


def variables(text: str) -> dict[str, str]:
    """The lines of an env file."""
    pairs = (line.partition("=") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


@contextmanager
def pulsar(network: Network, settings: Mapping[str, str], ports: BrokerPorts) -> Iterator[Server]:
    """A container of the image as it is, with these variables only."""
    own = {**broker_settings(ports), "managedLedgerMinLedgerRolloverTimeMinutes": "0"}
    container = DockerContainer(CHOICE.pulsar_image).with_command(f"sh -c {shlex.quote(START)}").with_network(network)
    for name, value in {**{f"{PREFIX}{key}": value for key, value in own.items()}, **settings}.items():
        container.with_env(name, value)
    container.with_env("ACCESS_KEY_ID", ACCESS_KEY).with_env("ACCESS_KEY_SECRET", SECRET_KEY)
    container.with_env("PULSAR_MEM", "-Xms256m -Xmx768m -XX:MaxDirectMemorySize=768m")
    for port in (ports.web, ports.broker):
        container.with_bind_ports(port, port)
    with container:
        yield Server(container)


@pytest.fixture(scope="module")
def started(own_containers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rendered]:
    conf = tmp_path_factory.mktemp("rendered") / "broker.conf"
    conf.write_text(rendered() + f"{FREE_KEY}=bar\n")
    useless = {f"{PREFIX}{FREE_KEY}": "bar", f"{PREFIX}{SECRET}": PLANTED, NOT_SEEN: "1"}
    settings = variables(rendered("--format", "env")) | useless
    ports, s3_port = BrokerPorts(), free_port()
    stack = Stack(ports.admin_url, ports.broker_url, f"http://127.0.0.1:{s3_port}", BUCKET, ACCESS_KEY, SECRET_KEY)
    with ExitStack() as running:
        network = running.enter_context(Network())
        minio = DockerContainer(CHOICE.minio_image).with_command("server /data").with_network(network)
        minio.with_network_aliases("minio").with_bind_ports(9000, s3_port)
        running.enter_context(minio.with_env("MINIO_ROOT_USER", ACCESS_KEY).with_env("MINIO_ROOT_PASSWORD", SECRET_KEY))
        await_minio(stack)
        stack.s3().create_bucket(Bucket=BUCKET)
        server = running.enter_context(pulsar(network, settings, ports))
        await_broker(stack, server)
        yield Rendered(stack, conf, settings, network, server)


@pytest.fixture
def topic(started: Rendered, request: pytest.FixtureRequest) -> Topic:
    """A topic in a namespace of the test's own, with one closed ledger."""
    found = Topic(started.stack, f"persistent://{make_namespace(started.stack, request.node.name)}/rendered")
    closed_ledger(found, count=MESSAGES)
    return found


def test_with_what_render_writes_a_broker_starts_and_offloads(started: Rendered, topic: Topic) -> None:
    offloadctl = Offloadctl(started.stack)

    ran = offloadctl.offload(topic.name)

    assert ran.outcome == ("confirmed", 0)
    assert offloadctl.check(topic.name).code == 0
    assert len(keys_of(topic)) == 2
    assert len(read_back(started.stack, topic.name, MESSAGES)) == MESSAGES


def test_live_brokers_are_what_they_were_started_with(started: Rendered, topic: Topic) -> None:
    same = diff(started, *wishes())
    other = diff(started, *wishes(), "--set", "read-buffer=2M")

    assert (same.returncode, json.loads(same.stdout)["differences"]) == (0, [])
    assert other.returncode == 3
    assert [one["key"] for one in json.loads(other.stdout)["differences"]] == [READ_BUFFER]


def test_a_namespaces_threshold_brings_defaults_over_the_file_as_the_linter_says(
    started: Rendered, topic: Topic
) -> None:
    started.stack.put(Topic(started.stack, f"persistent://{make_namespace(started.stack, 'witness')}/witness").path)
    before = topic.offload_policies()

    started.stack.put(f"namespaces/{topic.namespace}/offloadThreshold", -1)
    eventually(lambda: topic.offload_policies() != before, "the policy is in force")

    after, found = topic.offload_policies(), lint(started.conf)
    assert found[f"policies-override {DIRECTORY}"]["what"] == "Each policy brings ./offloaders."
    assert (before[DIRECTORY], after[DIRECTORY]) == ("/pulsar/offloaders", "./offloaders")
    # The driver S3 does not read this one, so that the linter does not tell of it; a policy with aws-s3 would.
    assert (before[BLOCK], after[BLOCK]) == (6 * 1024 * 1024, 64 * 1024 * 1024)
    # What this topic's policy hides another topic shows: the file has not changed.
    assert diff(started, *wishes(), "--topic", topic.name).returncode == 0


def test_free_keys_reach_no_offloader_as_the_linter_says(started: Rendered, topic: Topic) -> None:
    policies = topic.offload_policies()

    assert "reaches no driver" in lint(started.conf)[f"extra-config-dropped {FREE_KEY}"]["what"]
    assert policies["managedLedgerExtraConfigurations"] == {}
    assert policies["managedLedgerOffloadBucket"] == BUCKET


def test_a_secret_that_the_driver_does_not_even_read_is_printed_and_told_by_rest_as_the_linter_says(
    started: Rendered, topic: Topic, tmp_path: Path
) -> None:
    env = tmp_path / "broker.env"
    env.write_text("".join(f"{name}={value}\n" for name, value in started.settings.items()))

    found = lint(env)

    assert {f"secret-printed {SECRET}", f"credentials-ignored {SECRET}"} <= found.keys()
    assert PLANTED in started.server.log()
    assert topic.offload_policies()[SECRET] == PLANTED
    assert Offloadctl(started.stack).offload(topic.name).outcome == ("confirmed", 0), "by the environment's own keys"


def test_a_variable_without_the_prefix_is_never_seen_as_the_linter_says(
    started: Rendered, topic: Topic, tmp_path: Path
) -> None:
    env = tmp_path / "broker.env"
    env.write_text("".join(f"{name}={value}\n" for name, value in started.settings.items()))

    assert f"variable-without-prefix {NOT_SEEN}" in lint(env)
    assert topic.offload_policies()[NOT_SEEN] == 4 * 3600 * 1000


def test_a_block_that_a_message_does_not_fit_in_cuts_the_ledger_in_silence_as_the_linter_says(
    started: Rendered, topic: Topic
) -> None:
    offloadctl = Offloadctl(started.stack)
    block = ("offload-policies", "set", topic.name, f"{GENERAL_BLOCK}=5242880")
    (item,) = offloadctl(*block).document["items"]
    assert offloadctl(*block, "--yes").code == 0
    largest = publish_payloads(started.stack, topic.name, count=2, size=5 * 1024 * 1024 - 64)
    topic.unload()

    ran = offloadctl.offload(topic.name)

    assert any("[block-truncates]" in one["text"] for one in item["dangers"])
    assert len(largest) == 2
    assert topic.offload_status()["status"] == "SUCCESS"
    assert ran.code == 4
    assert "truncated" in ran.findings


def test_a_topic_whose_offloaders_are_elsewhere_cannot_be_loaded_as_is_said_beforehand(
    started: Rendered, topic: Topic
) -> None:
    offloadctl, wrong = Offloadctl(started.stack), ("offload-policies", "set", topic.name, f"{DIRECTORY}=/nowhere")
    (item,) = offloadctl(*wrong).document["items"]
    assert offloadctl(*wrong, "--yes").code == 0
    # It is no longer loaded as soon as it hears of that, and is not to be.
    started.stack.call("PUT", f"{topic.path}/unload")

    answer = started.stack.call("GET", f"{topic.path}/internalStats")
    back = offloadctl("offload-policies", "unset", topic.name, "--yes")

    assert any("cannot be loaded at all" in one["text"] for one in item["dangers"])
    assert answer.status_code == 500
    assert "No offloader found for driver 'S3'" in answer.text
    assert back.code == 0
    eventually(lambda: started.stack.answers(f"{topic.path}/internalStats"), "the topic can be loaded again")


def test_a_broker_with_a_blank_for_a_long_does_not_start_as_the_linter_says(started: Rendered, tmp_path: Path) -> None:
    conf = tmp_path / "broker.conf"
    conf.write_text(started.conf.read_text() + f"{STARTS_BADLY}=\n")

    with pulsar(started.network, {**started.settings, f"{PREFIX}{STARTS_BADLY}": ""}, BrokerPorts()) as failing:
        ended = failing.container.get_wrapped_container().wait(timeout=240)
        log = failing.log()

    assert lint(conf)[f"blank-stops-start {STARTS_BADLY}"]["broker"].startswith("It does not start")
    assert ended["StatusCode"] == 1
    assert 'NumberFormatException: For input string: ""' in log
