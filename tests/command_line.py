"""The command line as tests use it: in this process, with what it wrote and how it ended."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from offloadctl.cli.app import run

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Ran:
    """One command line that was run."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class CommandLine:
    """Runs commands in this process, through the same entry as the console script."""

    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Ran:
        self.capsys.readouterr()
        code = run(arguments)
        out, err = self.capsys.readouterr()
        return Ran(code, out, err)


def run_process(
    *arguments: str, environment: Mapping[str, str], text: str = "", directory: Path = ROOT, seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run one command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "offloadctl", *arguments],
        env={**environment, "PYTHONPATH": str(ROOT)},
        input=text,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
