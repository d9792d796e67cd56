"""The parts of a real stack, built once from the package registries and kept in a cache.

Every part lives in a directory named by a digest of what it is made from, so that a changed file
makes a new part and an unchanged one costs nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

PULSAR_VERSION = "4.0.7"
MINIO_VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
MINIO_CLIENT_VERSION = "v0.0.0-20250313080218-cf909e1063a9"
CACHE_VARIABLE = "STACK_CACHE"

STACK = Path(__file__).resolve().parent
BROKER_FILES = STACK / "broker"
TOOLS_FILES = STACK / "tools"
OFFLOADER_FILES = STACK / "offloader"
NAR_NAME = "standin-offloader.nar"


class PartMissing(Exception):
    """A part of the stack cannot be had on this machine; the message names it and the way out."""


def cache_directory() -> Path:
    """Where built parts are kept: `$STACK_CACHE`, else in the user's cache directory."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "offloadctl" / "stack"


def broker_jars() -> Path:
    """The directory with the jars of a standalone broker."""
    return _jars("the broker's jars", f"broker-{PULSAR_VERSION}", BROKER_FILES / "pom.xml")


def client_tools() -> Path:
    """The directory with the jars of the real pulsar-admin and pulsar-client."""
    return _jars("pulsar-admin", "client-tools", TOOLS_FILES / "pom.xml")


def offloader_directory() -> Path:
    """The directory with the stand-in offloader's nar, as a broker's `offloadersDirectory`."""
    sources = [OFFLOADER_FILES / "pom.xml", *sorted(p for p in (OFFLOADER_FILES / "src").rglob("*") if p.is_file())]

    def build(target: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            work = Path(scratch) / "offloader"
            shutil.copytree(OFFLOADER_FILES, work, ignore=shutil.ignore_patterns("target"))
            run("the stand-in offloader", "mvn", "-q", "-B", "-f", str(work / "pom.xml"), "package")
            shutil.copy(work / "target" / NAR_NAME, target / NAR_NAME)

    return _cached("offloader", sources, build)


def minio_binary() -> Path:
    """The MinIO server, built by Go from its pinned source."""
    return _go_binary("MinIO", "minio", MINIO_VERSION)


def minio_client() -> Path:
    """MinIO's `mc`, which makes the bucket and tells whether the server is ready."""
    return _go_binary("MinIO's client", "mc", MINIO_CLIENT_VERSION)


def prometheus_programs() -> Path:
    """The directory with `prometheus` and `promtool`: those of this machine, else out of Debian's package.

    The package is only unpacked: installing it would start a daemon.
    """
    if (server := shutil.which("prometheus")) is not None and shutil.which("promtool") is not None:
        return Path(server).parent

    def build(target: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            run("Prometheus", "apt-get", "download", "-qq", "prometheus", directory=Path(scratch))
            (package,) = Path(scratch).glob("prometheus_*.deb")
            run("Prometheus", "dpkg-deb", "-x", str(package), scratch)
            for name in ("prometheus", "promtool"):
                shutil.copy(Path(scratch) / "usr" / "bin" / name, target / name)

    return _cached("prometheus", [], build)


def java() -> str:
    """The `java` command."""
    return _command("java", "the broker")


def run(
    part: str,
    command: str,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> str:
    """Run a command that a part is made with, and answer what it printed."""
    words = [_command(command, part), *arguments]
    variables = {**os.environ, **(environment or {})}
    done = subprocess.run(words, env=variables, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last_lines = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise PartMissing(f"{part}: `{' '.join(words)}` failed with exit code {done.returncode}:\n{last_lines}")
    return done.stdout


def _jars(part: str, name: str, pom: Path) -> Path:
    def build(target: Path) -> None:
        goal = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={target}")
        run(part, "mvn", "-q", "-B", "-f", str(pom), *goal)

    return _cached(name, [pom], build)


def _go_binary(part: str, name: str, version: str) -> Path:
    def build(target: Path) -> None:
        run(part, "go", "install", f"github.com/minio/{name}@{version}", environment={"GOBIN": str(target)})

    return _cached(f"{name}-{version}", [], build) / name


def _cached(name: str, sources: list[Path], build: Callable[[Path], None]) -> Path:
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    finished = cache_directory() / (f"{name}-{digest.hexdigest()[:12]}" if sources else name)
    if finished.is_dir():
        return finished
    finished.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=finished.parent, prefix=f".{name}-"))
    try:
        build(unfinished)
        unfinished.chmod(0o755)
        try:
            unfinished.rename(finished)
        except OSError:
            if not finished.is_dir():  # else another process was faster, and its part is as good
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return finished


def _command(name: str, part: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise PartMissing(f"{part}: the command `{name}` is not installed; install it and try again")
    return found
