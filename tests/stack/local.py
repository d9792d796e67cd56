"""A real Pulsar broker and a real MinIO as plain processes of this machine, no container needed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import boto3
import requests
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client

from tests.stack import parts

ACCESS_KEY = "stack-access-key"
SECRET_KEY = "stack-secret-key"
BUCKET = "pulsar-offload-bucket"
REGION = "us-east-1"
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a broker and a MinIO listen."""

    web: int = 28080
    broker: int = 26650
    bookie: int = 23181
    s3: int = 29000

    @property
    def admin_url(self) -> str:
        return f"http://{HOST}:{self.web}"

    @property
    def broker_url(self) -> str:
        return f"pulsar://{HOST}:{self.broker}"

    @property
    def s3_url(self) -> str:
        return f"http://{HOST}:{self.s3}"


@dataclass(frozen=True, slots=True)
class Server:
    """A running process that can be stopped, killed or frozen; its output is in `log`."""

    name: str
    process: subprocess.Popen[bytes] = field(repr=False)
    log: Path

    def stop(self) -> None:
        """Ask it to end, and wait; kill it after a minute."""
        self.process.terminate()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, as `kill -9` does."""
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """Stop its clock: connections stay open and nothing answers."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.thaw()  # a frozen process hears no request to end
        self.stop()


def start_minio(directory: Path, ports: Ports) -> Server:
    """MinIO with its data in `directory`, ready for requests; data left there by an earlier run is served again."""
    command = [str(parts.minio_binary()), "server", "--quiet", "--address", f"{HOST}:{ports.s3}"]
    environment = {"MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": SECRET_KEY, "MINIO_BROWSER": "off"}
    server = _spawn("minio", directory, [*command, str(directory / "data")], environment)
    _await_ready(server, lambda: requests.get(f"{ports.s3_url}/minio/health/live", timeout=2).ok, seconds=240)
    return server


def start_broker(
    directory: Path,
    ports: Ports,
    *,
    overrides: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Server:
    """A standalone broker with its data in `directory`, ready for topics; an earlier run's data is served again.

    `overrides` are keys of broker.conf; an empty environment leaves the S3 driver without its credentials.
    """
    directory.mkdir(parents=True, exist_ok=True)
    _link_offloaders(directory / "offloaders")
    configuration = directory / "standalone.conf"
    configuration.write_text(broker_configuration(directory, ports, overrides or {}))
    command = [parts.java(), f"@{parts.BROKER_FILES / 'java.options'}"]
    command += [f"-Dlog4j2.configurationFile={parts.BROKER_FILES / 'log4j2.xml'}"]
    command += ["-cp", f"{parts.broker_jars()}/*", "org.apache.pulsar.PulsarStandaloneStarter"]
    command += ["--config", str(configuration), "--advertised-address", HOST, "--bookkeeper-port", str(ports.bookie)]
    command += ["--no-functions-worker", "--no-stream-storage"]
    credentials = {"ACCESS_KEY_ID": ACCESS_KEY, "ACCESS_KEY_SECRET": SECRET_KEY}
    server = _spawn("broker", directory, command, credentials if environment is None else environment)
    _await_ready(server, lambda: _has_default_namespace(ports), seconds=240)
    return server


def broker_configuration(directory: Path, ports: Ports, overrides: Mapping[str, str]) -> str:
    """The text of broker.conf: the file of this repository, then what belongs to this run."""
    run = {
        "webServicePort": str(ports.web),
        "brokerServicePort": str(ports.broker),
        "offloadersDirectory": str(directory / "offloaders"),
        "narExtractionDirectory": str(directory),
    }
    for family in ("managedLedgerOffload", "s3ManagedLedgerOffload"):
        run |= {f"{family}Bucket": BUCKET, f"{family}Region": REGION, f"{family}ServiceEndpoint": ports.s3_url}
    lines = [f"{key}={value}" for key, value in {**run, **overrides}.items()]
    return (parts.BROKER_FILES / "standalone.conf").read_text() + "\n" + "\n".join(lines) + "\n"


def s3_client(ports: Ports) -> S3Client:
    """A client of the stack's MinIO."""
    return boto3.client(
        "s3",
        endpoint_url=ports.s3_url,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name=REGION,
    )


def ensure_bucket(ports: Ports) -> None:
    """The offload bucket exists."""
    s3 = s3_client(ports)
    try:
        s3.head_bucket(Bucket=BUCKET)
    except ClientError:
        s3.create_bucket(Bucket=BUCKET)


def _link_offloaders(link: Path) -> None:
    """Put the nar where the image has it: policies of a namespace come with `./offloaders` as their default."""
    link.unlink(missing_ok=True)
    link.symlink_to(parts.offloader_directory())


def _spawn(name: str, directory: Path, command: list[str], environment: Mapping[str, str]) -> Server:
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env={**_inherited(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # an interrupt of the tests is not one of the servers
        )
    return Server(name, process, log)


def _inherited() -> dict[str, str]:
    """This process's environment without credentials, so that a server has only those it was given."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ACCESS_KEY_", "ALIYUN_OSS_"))
    }


def _has_default_namespace(ports: Ports) -> bool:
    answer = requests.get(f"{ports.admin_url}/admin/v2/namespaces/public", timeout=5)
    return answer.ok and "public/default" in answer.json()


def _await_ready(server: Server, is_ready: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise RuntimeError(f"{server.name} ended with code {server.process.returncode}:\n{_tail(server.log)}")
        try:
            if is_ready():
                return
        except requests.RequestException:
            pass  # it does not listen yet
        time.sleep(0.2)
    server.kill()
    raise TimeoutError(f"{server.name} was not ready within {seconds:.0f} s:\n{_tail(server.log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])
