"""`offloadctl serve` as a process, and what it tells on stderr."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from tests.command_line import ROOT
from tests.integration.stack import eventually

_SHOWN: Final = 50
"""So many of its last lines are shown where it does not do what is waited for."""


@dataclass
class Served:
    """A service, and what it has told so far."""

    process: "subprocess.Popen[str]"
    lines: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @classmethod
    @contextmanager
    def start(cls, *arguments: str, environment: Mapping[str, str] = os.environ) -> Iterator["Served"]:
        """Begin it; whatever has become of it, it does not outlive the block."""
        process = subprocess.Popen(
            [sys.executable, "-m", "offloadctl", "serve", *arguments],
            env={**environment, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        served = cls(process)
        try:
            yield served
        finally:
            process.kill()
            process.wait()
            served._reader.join()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Its lines of one kind."""
        return [one for one in list(self.lines) if one["event"] == name]

    def awaits(self, event: str, **facts: object) -> dict[str, Any]:
        """The first line of that event with these facts, once it is there."""
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            found[:] = [one for one in self.events(event) if facts.items() <= one.items()]
            return bool(found)

        self.until(is_there, f"{event} {facts or ''}", pause=0.02)
        return found[0]

    def until(self, is_so: Callable[[], bool], what: str, *, pause: float = 0.2) -> None:
        """Wait until it is so; that fails if the service ends before, and tells what it has said."""

        def is_so_by_now() -> bool:
            # Looked at first: what it said at its end counts.
            has_ended = not self._reader.is_alive()
            is_so_now = is_so()
            assert is_so_now or not has_ended, f"it has ended before: {what}"
            return is_so_now

        self._eventually(is_so_by_now, what, pause)

    def send(self, number: signal.Signals) -> None:
        """A signal, and no waiting for what comes of it."""
        self.process.send_signal(number)

    def end(self, number: signal.Signals) -> int:
        """The code that it ends with by this signal; all its lines are there then."""
        self.send(number)
        self._eventually(lambda: self.process.poll() is not None, f"it ends by {number.name}", 0.02)
        self._reader.join()
        return self.process.returncode

    def _eventually(self, is_so: Callable[[], bool], what: str, pause: float) -> None:
        try:
            eventually(is_so, what, pause=pause)
        except AssertionError as error:
            raise AssertionError(f"{error}; it said: {self.lines[-_SHOWN:]}") from None

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stderr:
            for line in stderr:
                self.lines.append(_told(line))


def _told(line: str) -> dict[str, Any]:
    """What is no JSON, or was cut off by a kill, is shown when something is missed."""
    try:
        return dict(json.loads(line))
    except ValueError:
        return {"event": "no JSON", "text": line}
