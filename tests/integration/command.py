"""The real command line, in a process of its own, against a stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.integration.stack import REGION, Stack
from tests.served import Served

_ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Ended:
    """A command line that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """What `-o json` printed."""
        assert self.out, f"nothing on stdout, exit code {self.code}, stderr: {self.err}"
        return dict(json.loads(self.out))

    @property
    def results(self) -> list[dict[str, Any]]:
        """The results of `offload topic`, one for each topic or partition."""
        return [result for topic in self.document["topics"] for result in topic["results"]]

    @property
    def result(self) -> dict[str, Any]:
        """The only one."""
        (only,) = self.results
        return only

    @property
    def outcome(self) -> tuple[str, int]:
        """How the only topic's run ended, and what the shell was told."""
        return str(self.result["outcome"]), self.code

    @property
    def findings(self) -> list[str]:
        """The codes of what was found, as often as it was found."""
        found = self.document["findings"] if "findings" in self.document else self.result["findings"]
        return [finding["code"] for finding in found]


@dataclass(frozen=True, slots=True)
class Running:
    """A command line that has begun."""

    process: subprocess.Popen[str]
    secrets: tuple[str, ...]

    @property
    def has_ended(self) -> bool:
        """Is it over?"""
        return self.process.poll() is not None

    def says(self, words: str) -> bool:
        """Wait for a line of progress with these words; False if the command ends without."""
        assert self.process.stderr is not None
        return any(words in line for line in self.process.stderr)

    def end(self, *, seconds: float = 240) -> Ended:
        """Wait for its end; nothing that it printed may hold a secret."""
        out, err = self.process.communicate(timeout=seconds)
        assert not any(secret in out + err for secret in self.secrets), "a secret was printed"
        return Ended(self.process.returncode, out, err)


@dataclass(frozen=True, slots=True)
class Offloadctl:
    """`offloadctl` with the addresses and the credentials of a stack; `-o json` is always asked for."""

    stack: Stack
    secret_key: str | None = field(default=None, repr=False)
    """Another one than the stack's."""
    token_file: Path | None = None

    def __call__(self, *arguments: str, seconds: float = 240) -> Ended:
        """Run it to its end."""
        with self.running(*arguments) as process:
            return process.end(seconds=seconds)

    def offload(self, topic: str, *arguments: str) -> Ended:
        """`offload topic` of everything that is closed."""
        return self("offload", "topic", topic, "-s", "0", *arguments)

    @contextmanager
    def offloading(self, topic: str, *arguments: str) -> Iterator[Running]:
        """`offload topic` of everything that is closed, while something happens to it."""
        with self.running("offload", "topic", topic, "-s", "0", *arguments) as process:
            yield process

    def check(self, topic: str, *arguments: str) -> Ended:
        """`check` of every byte that a topic has in S3."""
        return self("check", topic, "--level", "entries", "--load-topics", *arguments)

    def history(self, *arguments: str) -> list[dict[str, Any]]:
        """The runs of `offload history`."""
        return list(self("offload", "history", *arguments).document["runs"])

    def serving(self, *arguments: str) -> AbstractContextManager[Served]:
        """`serve` in the background."""
        return Served.start(*arguments, *self._connection(), environment=self._environment())

    @contextmanager
    def running(self, *arguments: str) -> Iterator[Running]:
        """Begin it; it is killed if nobody waited for its end."""
        known = (self.stack.secret_key, self.secret_key, self._token())
        with subprocess.Popen(
            [sys.executable, "-m", "offloadctl", *arguments, *self._connection(), "-o", "json"],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield Running(process, tuple(secret for secret in known if secret))
            finally:
                if process.returncode is None:
                    process.kill()

    def _connection(self) -> list[str]:
        where = ["--admin-url", self.stack.admin_url, "--bucket", self.stack.bucket]
        where += ["--s3-endpoint", self.stack.s3_url, "--s3-region", REGION]
        return where + (["--token-file", str(self.token_file)] if self.token_file is not None else [])

    def _environment(self) -> dict[str, str]:
        secret = self.secret_key or self.stack.secret_key
        credentials = {"AWS_ACCESS_KEY_ID": self.stack.access_key, "AWS_SECRET_ACCESS_KEY": secret}
        return {**os.environ, **credentials, "OFFLOADCTL_BROKER_URL": self.stack.broker_url, "PYTHONPATH": str(_ROOT)}

    def _token(self) -> str | None:
        return self.token_file.read_text().strip() if self.token_file is not None else None
