"""`python -m tests.stack.images`: local images of Pulsar, MinIO and a Python base, without an image registry.

They are made from this repository's files and from the package registries that this machine is set up for: Debian by
debootstrap, Maven, Go, pip. An image that exists is built again only if something it is made of has changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.stack import parts
from tests.stack.parts import PartMissing

ROOT = parts.STACK.parents[1]
FILES = parts.STACK / "docker"
DIGEST_LABEL = "offloadctl.made-of"

BASE = "local/debian-java-python:12"
PULSAR = f"local/pulsar:{parts.PULSAR_VERSION}"
MINIO = f"local/minio:{parts.MINIO_VERSION.split('-')[1]}"
PYTHON = "local/python:3"
OFFLOADCTL = "local/offloadctl:test"

_SUITE = "bookworm"
_PACKAGES = ("openjdk-17-jre-headless", "python3", "python3-pip", "python3-venv", "ca-certificates", "curl")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "default-timeout")


@dataclass(frozen=True, slots=True)
class Image:
    """A local image: its name, what it is made of, and how it is built with that digest as its label."""

    name: str
    digest: str
    build: Callable[[str], None]

    @property
    def is_there(self) -> bool:
        """Does an image of that name exist that is made of just this?"""
        template = f'{{{{ index .Config.Labels "{DIGEST_LABEL}" }}}}'
        found = _docker("image", "inspect", "--format", template, self.name, check=False)
        return found.returncode == 0 and found.stdout.strip() == self.digest


def base_image() -> Image:
    """Debian with a Java runtime, Python and this machine's certificates: what every other image stands on."""

    def build(digest: str) -> None:
        with tempfile.TemporaryDirectory(prefix="offloadctl-base-") as scratch:
            root = Path(scratch) / "root"
            if os.geteuid() != 0:
                raise PartMissing(f"{BASE}: debootstrap needs root; run `make images` as root")
            options = ("--variant=minbase", f"--include={','.join(_PACKAGES)}")
            parts.run(BASE, "debootstrap", *options, _SUITE, str(root), debian_mirror())
            _trust_what_this_machine_trusts(root)
            shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
            shutil.rmtree(root / "var/lib/apt/lists", ignore_errors=True)
            archive = Path(scratch) / "root.tar"
            parts.run(BASE, "tar", "-C", str(root), "-cf", str(archive), ".")
            _docker("import", "--change", f"LABEL {DIGEST_LABEL}={digest}", str(archive), BASE)
            _docker("tag", BASE, PYTHON)

    certificates = _CERTIFICATES.read_bytes() if _CERTIFICATES.exists() else b""
    return Image(BASE, _digest([_SUITE, *_PACKAGES, _hash(certificates)]), build)


def pulsar_image(base: Image) -> Image:
    """A standalone broker with the stand-in offloader, answering like Pulsar's own image."""
    files = [*_files(FILES / "pulsar"), *_files(parts.BROKER_FILES), parts.TOOLS_FILES / "pom.xml"]
    files += [parts.OFFLOADER_FILES / "pom.xml", *_files(parts.OFFLOADER_FILES / "src")]

    def build(digest: str) -> None:
        with tempfile.TemporaryDirectory(prefix="offloadctl-pulsar-") as scratch:
            context = Path(scratch) / "context"
            shutil.copytree(FILES / "pulsar", context)
            shutil.copytree(parts.broker_jars(), context / "lib")
            shutil.copytree(parts.client_tools(), context / "lib-tools")
            shutil.copytree(parts.offloader_directory(), context / "offloaders")
            _write_configuration(context)
            _build(PULSAR, digest, context, BASE_IMAGE=BASE)

    return Image(PULSAR, _digest([base.digest, *map(_file_hash, files)]), build)


def minio_image(base: Image) -> Image:
    """MinIO's server and client."""

    def build(digest: str) -> None:
        with tempfile.TemporaryDirectory(prefix="offloadctl-minio-") as scratch:
            context = Path(scratch) / "context"
            shutil.copytree(FILES / "minio", context)
            shutil.copy(parts.minio_binary(), context / "minio")
            shutil.copy(parts.minio_client(), context / "mc")
            _build(MINIO, digest, context, BASE_IMAGE=BASE)

    made_of = [base.digest, parts.MINIO_VERSION, parts.MINIO_CLIENT_VERSION, *map(_file_hash, _files(FILES / "minio"))]
    return Image(MINIO, _digest(made_of), build)


def offloadctl_image(base: Image) -> Image:
    """The project's own Dockerfile on the local base."""
    names = ("Dockerfile", ".dockerignore", "pyproject.toml", "README.md", "LICENSE")
    files = [*(ROOT / name for name in names), *_files(ROOT / "offloadctl"), *_files(ROOT / "broker-conf")]

    def build(digest: str) -> None:
        _build(OFFLOADCTL, digest, ROOT, BASE_IMAGE=PYTHON, **_pip_settings())

    return Image(OFFLOADCTL, _digest([base.digest, *map(_file_hash, files)]), build)


def all_images() -> tuple[Image, ...]:
    """Every image, each after those it stands on."""
    base = base_image()
    return base, pulsar_image(base), minio_image(base), offloadctl_image(base)


def make(images: Iterable[Image]) -> None:
    """Build those images that are not there, and say how long each took."""
    for image in images:
        started = time.monotonic()
        if image.is_there:
            print(f"{image.name}: there", flush=True)
            continue
        print(f"{image.name}: building", flush=True)
        image.build(image.digest)
        print(f"{image.name}: built in {time.monotonic() - started:.0f} s", flush=True)
    # Those that lost their names to newer ones.
    _docker("image", "prune", "--force", "--filter", f"label={DIGEST_LABEL}", check=False)


def debian_mirror() -> str:
    """Where this machine's apt gets Debian from."""
    fields = ("--format", "$(SITE)", "Created-By: Packages", f"Codename: {_SUITE}", "Origin: Debian")
    found = parts.run(BASE, "apt-get", "indextargets", *fields).split()
    if not found:
        raise PartMissing(f"{BASE}: apt's sources name no mirror of Debian {_SUITE}; add one and run `apt-get update`")
    return found[0]


def _write_configuration(context: Path) -> None:
    """The files of conf/: the broker's settings with the image's own paths and ports."""
    conf = context / "conf"
    conf.mkdir()
    shutil.move(context / "client.conf", conf / "client.conf")
    for name in ("java.options", "log4j2.xml"):
        shutil.copy(parts.BROKER_FILES / name, conf / name)
    settings = (parts.BROKER_FILES / "standalone.conf").read_text()
    settings = settings.replace("127.0.0.1", "0.0.0.0").replace("advertisedAddress=0.0.0.0", "advertisedAddress=")
    settings += "offloadersDirectory=./offloaders\nnarExtractionDirectory=/tmp\n"
    (conf / "standalone.conf").write_text(settings)
    (conf / "broker.conf").write_text(settings.replace("loadBalancerEnabled=false\n", ""))


def _trust_what_this_machine_trusts(root: Path) -> None:
    # A machine behind an inspecting proxy has its certificate here, and pip inside a build needs it too.
    if _CERTIFICATES.exists():
        shutil.copy(_CERTIFICATES, root / _CERTIFICATES.relative_to("/"))


def _pip_settings() -> dict[str, str]:
    """Where this machine's pip gets packages from, by file or variable, as variables for a build."""
    settings = {}
    for line in parts.run(OFFLOADCTL, sys.executable, "-m", "pip", "config", "list").splitlines():
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in _PIP_SETTINGS:
            settings["PIP_" + name.upper().replace("-", "_")] = value.strip("'")
    return settings


def _build(name: str, digest: str, context: Path, **variables: str) -> None:
    words = [word for key, value in variables.items() for word in ("--build-arg", f"{key}={value}")]
    # The host's network: its resolver and its routes to the registries are the ones that work.
    _docker("build", "--network=host", "--label", f"{DIGEST_LABEL}={digest}", "-t", name, *words, str(context))


def _docker(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    if shutil.which("docker") is None:
        raise PartMissing("the command `docker` is not installed: on Debian the package docker.io brings it")
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}  # Debian's docker has no buildx
    done = subprocess.run(["docker", *arguments], env=environment, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        last_lines = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
        raise PartMissing(f"`docker {arguments[0]}` failed with exit code {done.returncode}:\n{last_lines}")
    return done


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _file_hash(path: Path) -> str:
    return f"{path.relative_to(ROOT)} {path.stat().st_mode & 0o111:o} {_hash(path.read_bytes())}"


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest(made_of: Iterable[str]) -> str:
    return _hash("\n".join(made_of).encode())[:16]


def main() -> int:
    """Make all images; a part that cannot be had ends it with one line that names it."""
    try:
        _docker("info")
        make(all_images())
    except PartMissing as missing:
        print(f"make images: {missing}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
