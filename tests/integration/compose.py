"""`docker compose` on this machine, v2 or Debian's 1.29, with images and ports of a test's own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from tests.integration.containers import free_port
from tests.stack import images

ROOT: Final = Path(__file__).parents[2]
EXAMPLE: Final = ROOT / ".env.example"


@dataclass(frozen=True, slots=True)
class Project:
    """One stack of docker-compose.yml with a name and an .env of its own."""

    name: str
    env_file: Path
    settings: Mapping[str, str]

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a subcommand of compose; what it printed is in the answer."""
        command = [*compose_command(), "-p", self.name, "--env-file", str(self.env_file), *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=400)
        assert not check or done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
        return done


def compose_command() -> list[str]:
    """Compose v2 where it is, else docker-compose."""
    v2 = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if v2.returncode == 0:
        return ["docker", "compose"]
    assert shutil.which("docker-compose"), "neither `docker compose` nor `docker-compose` is installed"
    return ["docker-compose"]


@contextmanager
def project(directory: Path, *, pulsar_image: str, minio_image: str) -> Iterator[Project]:
    """A project that is not up yet, and is gone with its volumes in the end."""
    settings = {
        **example_settings(),
        "IMAGE_PULSAR": pulsar_image,
        "IMAGE_MINIO": minio_image,
        "IMAGE_OFFLOADCTL": images.OFFLOADCTL,
        **{f"{name}_PORT": str(free_port()) for name in ("PULSAR_WEB", "PULSAR", "MINIO", "MINIO_CONSOLE", "PAGES")},
    }
    env_file = directory / "compose.env"
    env_file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    found = Project(f"it-{uuid4().hex[:8]}", env_file, settings)
    try:
        yield found
    finally:
        found.run("down", "--volumes", "--timeout", "20")


def example_settings() -> dict[str, str]:
    """What .env.example sets."""
    lines = EXAMPLE.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def resources_of(name: str) -> list[str]:
    """The containers, networks and volumes that a project has left."""
    found: list[str] = []
    for kind in ("ps --all", "network ls", "volume ls"):
        command = ["docker", *kind.split(), "--quiet", "--filter", f"label=com.docker.compose.project={name}"]
        found += subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ).stdout.split()
    return found
