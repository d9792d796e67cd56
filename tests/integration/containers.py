"""Pulsar and MinIO in containers of their own network, and the harm that tests do to them.

Every port has the same number inside and outside, so that the address that a broker advertises, 127.0.0.1, is right
for its clients here and for itself there.
"""

from __future__ import annotations

import os
import random
import re
import shlex
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

import requests
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from tests.integration.door import Door
from tests.integration.stack import REGION, Stack, Topic, eventually, everywhere
from tests.stack import parts

ACCESS_KEY: Final = "integration-access-key"
SECRET_KEY: Final = "integration-secret-key"
BUCKET: Final = "pulsar-offload"
_MINIO_ALIAS: Final = "minio"
_MINIO_PORT: Final = 9000
_FIRST_OUTGOING_PORT: Final = 32_768
"""Linux: net.ipv4.ip_local_port_range; here, and in the containers, where a broker and its bookie connect too."""
_RANDOM: Final = random.SystemRandom()
_given_ports: Final[set[int]] = set()
_BOOKIE_IS_LOST: Final = re.compile(r"Lock on resource /ledgers/available/\S+ was invalidated")
_MEMORY: Final = "-Xms256m -Xmx768m -XX:MaxDirectMemorySize=768m"
_PATIENT: Final = "-Doffloadctl.standin.socketTimeoutSeconds=240"
"""Uploads that tests hold before a door do not fail by themselves, however slow the machine is."""

# The reaper's image comes from a registry; every container here is stopped by the fixture that started it.
testcontainers_config.ryuk_disabled = True


@dataclass(frozen=True, slots=True)
class Server:
    """A container that can be killed, frozen and started again; its ports and its disk stay the same."""

    container: DockerContainer

    def kill(self) -> None:
        """`kill -9` of all that runs in it."""
        self.container.get_wrapped_container().kill(signal="SIGKILL")
        self.container.get_wrapped_container().wait()

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self.container.get_wrapped_container().stop(timeout=30)

    def start(self) -> None:
        """Start what was killed or stopped."""
        self.container.get_wrapped_container().start()

    def freeze(self) -> None:
        """Stop its clock: connections stay open and nothing answers."""
        self.container.get_wrapped_container().pause()

    def thaw(self) -> None:
        """Let a frozen one go on."""
        self.container.get_wrapped_container().unpause()

    def run(self, command: list[str], *, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
        """The exit code and output of a command inside."""
        done = self.container.get_wrapped_container().exec_run(command, environment=dict(environment or {}))
        return done.exit_code, done.output.decode(errors="replace")

    def run_in_background(self, command: list[str], *, environment: Mapping[str, str]) -> None:
        """Start a command inside that outlives this call."""
        self.container.get_wrapped_container().exec_run(command, environment=dict(environment), detach=True)

    @property
    def host(self) -> str:
        """The address under which it reaches this machine: its network's gateway."""
        started = self.container.get_wrapped_container()
        started.reload()
        (network,) = started.attrs["NetworkSettings"]["Networks"].values()
        return str(network["Gateway"])

    def log(self) -> str:
        """All that it has printed."""
        return bytes(self.container.get_wrapped_container().logs()).decode(errors="replace")


def free_port() -> int:
    """A port that nobody uses, that no other call was given, and that no outgoing connection will take meanwhile.

    Of several test processes at once each takes its own: gw0 the even ones, gw1 the odd ones, and so on.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    this_one = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = _RANDOM.randrange(15_000 + this_one, _FIRST_OUTGOING_PORT, processes)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            if port not in _given_ports:
                _given_ports.add(port)
                return port


@dataclass(frozen=True, slots=True)
class BrokerPorts:
    """Where one broker listens."""

    web: int = field(default_factory=free_port)
    broker: int = field(default_factory=free_port)

    @property
    def admin_url(self) -> str:
        return f"http://127.0.0.1:{self.web}"

    @property
    def broker_url(self) -> str:
        return f"pulsar://127.0.0.1:{self.broker}"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A stack of our own containers."""

    stack: Stack
    pulsar: Server
    minio: Server
    ports: BrokerPorts
    second_ports: BrokerPorts
    settings: Mapping[str, str]
    bookie_metrics: str | None = None
    """host:port of the bookie's metrics, if it has any."""

    def start_pulsar_again(self) -> None:
        """Start the Pulsar that was killed, and wait until it serves topics and its bookie stays registered."""
        start_again(self.pulsar, lambda: serves_topics(self.stack))

    def start_second_broker(self) -> Stack:
        """Another broker on the same metadata store; only with ZooKeeper. It runs beside the first in its container."""
        settings = {**self.settings, **broker_settings(self.second_ports)}
        settings |= {"metadataStoreUrl": "zk:127.0.0.1:2181", "configurationMetadataStoreUrl": "zk:127.0.0.1:2181"}
        environment = _as_environment(settings)
        command = "cp conf/standalone.conf /tmp/second.conf && bin/apply-config-from-env.py /tmp/second.conf"
        command += " && cp /tmp/second.conf conf/broker.conf && exec bin/pulsar broker > /tmp/second.log 2>&1"
        self.pulsar.run_in_background(["sh", "-c", command], environment=environment)
        second = Stack(
            self.second_ports.admin_url,
            self.second_ports.broker_url,
            self.stack.s3_url,
            self.stack.bucket,
            self.stack.access_key,
            self.stack.secret_key,
            self.stack.token,
        )
        await_broker(second, self.pulsar)
        return second

    def kill_second_broker(self) -> None:
        """`kill -9` of the broker that was started second, found by the class that only it runs."""
        # The brackets keep the shell from finding itself.
        find = "for p in /proc/[0-9]*; do grep -qa 'Pulsar[B]rokerStarter' $p/cmdline && echo ${p#/proc/}; done"
        code, output = self.pulsar.run(["sh", "-c", f"kill -9 $({find})"])
        assert code == 0, output

    def put_behind(self, door: Door, topic: Topic) -> None:
        """Create the topic, and have the brokers reach S3 through a door for all topics of its namespace."""
        topic.stack.put(topic.path)
        topic.set_offload_policies(**everywhere("ServiceEndpoint", f"http://{self.pulsar.host}:{door.port}"))

    def pulsar_admin(self, *arguments: str) -> tuple[int, str]:
        """The exit code and output of the real pulsar-admin."""
        return self.pulsar.run(["bin/pulsar-admin", "--admin-url", self.stack.admin_url, *arguments])


def broker_settings(ports: BrokerPorts) -> dict[str, str]:
    """Where a broker listens, and what it tells clients of it."""
    return {
        "webServicePort": str(ports.web),
        "brokerServicePort": str(ports.broker),
        "advertisedAddress": "127.0.0.1",
        "bindAddress": "0.0.0.0",
    }


def bookie_metrics_settings(port: int) -> dict[str, str]:
    """A standalone's bookie tells its metrics there.

    BookKeeper's own provider registers JVM metrics that the broker in the same process registers too, and then the
    broker does not start; Pulsar's provider is the same without them.
    """
    return {
        "httpServerEnabled": "true",
        "httpServerClass": "org.apache.bookkeeper.http.vertx.VertxHttpServer",
        "httpServerPort": str(port),
        "statsProviderClass": "org.apache.pulsar.broker.stats.prometheus.metrics.PrometheusMetricsProvider",
    }


def test_settings() -> dict[str, str]:
    """The settings that this project's tests need of any broker: small ledgers, offload by hand only."""
    lines = (parts.BROKER_FILES / "standalone.conf").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    for family in ("managedLedgerOffload", "s3ManagedLedgerOffload"):
        endpoint = f"http://{_MINIO_ALIAS}:{_MINIO_PORT}"
        settings |= {f"{family}Bucket": BUCKET, f"{family}Region": REGION, f"{family}ServiceEndpoint": endpoint}
    return settings


@contextmanager
def running_cluster(
    pulsar_image: str,
    minio_image: str,
    *,
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    zookeeper: bool = False,
    gives_up: bool = False,
    token: str | None = None,
    with_bookie_metrics: bool = False,
) -> Iterator[Cluster]:
    """A fresh Pulsar and MinIO; `settings` are keys of broker.conf, an empty environment holds no credentials.

    An offloader that gives up does so after 25 s without an answer of MinIO, as Pulsar's own does; others are patient.
    """
    ports, second_ports, s3_port = BrokerPorts(), BrokerPorts(), free_port()
    stack = Stack(
        ports.admin_url, ports.broker_url, f"http://127.0.0.1:{s3_port}", BUCKET, ACCESS_KEY, SECRET_KEY, token
    )
    credentials = {"ACCESS_KEY_ID": ACCESS_KEY, "ACCESS_KEY_SECRET": SECRET_KEY}
    all_settings = {**test_settings(), **broker_settings(ports), **(settings or {})}
    if zookeeper:
        del all_settings["loadBalancerEnabled"]
    bookie_port = free_port() if with_bookie_metrics else None
    with ExitStack() as running:
        network = running.enter_context(Network())
        minio = DockerContainer(minio_image).with_command("server /data").with_network(network)
        minio.with_network_aliases(_MINIO_ALIAS).with_bind_ports(_MINIO_PORT, s3_port)
        minio.with_env("MINIO_ROOT_USER", ACCESS_KEY).with_env("MINIO_ROOT_PASSWORD", SECRET_KEY)
        running.enter_context(minio)
        await_minio(stack)
        stack.s3().create_bucket(Bucket=BUCKET)
        pulsar = DockerContainer(pulsar_image).with_command(_start_command()).with_network(network)
        if bookie_port is not None:
            all_settings |= bookie_metrics_settings(bookie_port)
            pulsar.with_bind_ports(bookie_port, bookie_port)
        for port in (ports.web, ports.broker, second_ports.web, second_ports.broker):
            pulsar.with_bind_ports(port, port)
        variables = {**_as_environment(all_settings), **(credentials if environment is None else environment)}
        variables |= {"PULSAR_MEM": _MEMORY} if gives_up else {}
        variables |= {"PULSAR_STANDALONE_USE_ZOOKEEPER": "1"} if zookeeper else {}
        for name, value in variables.items():
            pulsar.with_env(name, value)
        running.enter_context(pulsar)
        await_broker(stack, Server(pulsar))
        bookie_metrics = f"127.0.0.1:{bookie_port}" if bookie_port is not None else None
        yield Cluster(stack, Server(pulsar), Server(minio), ports, second_ports, all_settings, bookie_metrics)


def await_minio(stack: Stack) -> None:
    """MinIO answers."""

    def answers() -> bool:
        try:
            return requests.get(f"{stack.s3_url}/minio/health/live", timeout=2).ok
        except requests.RequestException:
            return False

    eventually(answers, "MinIO answers")


def await_broker(stack: Stack, server: Server) -> None:
    """The broker serves topics; only the one that starts first, see `start_again`."""
    _await_with_log(lambda: serves_topics(stack), server, f"the broker at {stack.admin_url} serves topics")


def serves_topics(stack: Stack) -> bool:
    """The broker has its default namespace, and passes its own health check: that writes and reads a message."""
    try:
        answer = stack.call("GET", "namespaces/public")
    except requests.RequestException:
        return False
    return answer.ok and "public/default" in answer.json() and stack.answers("brokers/health?topicVersion=V2")


class Startable(Protocol):
    """A server that was killed."""

    def start(self) -> None: ...

    def kill(self) -> None: ...

    def log(self) -> str: ...


def start_again(pulsar: Startable, serves: Callable[[], bool], *, starts: int = 5) -> None:
    """Start what was killed until it serves with a bookie that stays registered.

    After `kill -9` one start in some twenty has a bookie that comes and goes for ever, hundreds of times a second: the
    health check passes, and then each new ledger may fail, "Not enough non-faulty bookies available". Pulsar 4.0.7:

    - RocksdbMetadataStore has no sessions that could expire. What a killed process registered is deleted when the next
      one registers the same. On a busy machine the notice of that may come late: after the new registration.
    - Then ResourceLockImpl.revalidate looks at what is registered, takes it for another's, BookieServiceInfo having no
      equals(), deletes it and registers once more; and hears of that deletion too.

    Shown by holding the first notice back for 400 ms: each of three starts was so, with 1, 5 and 1 of 60 new topics
    refused. Other registrations are compared by value, and are right at the second look. A Pulsar that was asked to end
    has taken its registrations away itself.
    """
    for _ in range(starts):
        is_lost = partial(_is_bookie_lost, pulsar, len(pulsar.log()))
        pulsar.start()
        # Looked for while the broker does not serve yet: whoever waits for it shall not meet it twice.
        _await_with_log(partial(_lost_or_serves, is_lost, serves), pulsar, "the broker that was killed serves topics")
        if not is_lost():
            return
        pulsar.kill()
    raise AssertionError(f"in {starts} starts the bookie never stayed registered")


def _is_bookie_lost(pulsar: Startable, known: int) -> bool:
    return _BOOKIE_IS_LOST.search(pulsar.log()[known:]) is not None


def _lost_or_serves(is_lost: Callable[[], bool], serves: Callable[[], bool]) -> bool:
    return is_lost() or serves()


def _await_with_log(is_so: Callable[[], bool], server: Startable, what: str) -> None:
    try:
        eventually(is_so, what, seconds=240)
    except AssertionError as error:
        last_lines = "\n".join(line[:400] for line in server.log().splitlines()[-30:])
        raise AssertionError(f"{error}; the end of its log:\n{last_lines}") from None


def _start_command() -> str:
    script = "bin/apply-config-from-env.py conf/standalone.conf && "
    script += "exec bin/pulsar standalone --no-functions-worker --no-stream-storage"
    return f"sh -c {shlex.quote(script)}"


def _as_environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {**{f"PULSAR_PREFIX_{key}": value for key, value in settings.items()}, "PULSAR_MEM": f"{_MEMORY} {_PATIENT}"}
