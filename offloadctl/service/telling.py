"""What the service says while it runs: a line for each event, for people or as JSON, with the ids that join them.

{"at": "...", "level": "info", "event": "run-ended", "schedule": "nightly", "run": "nightly-...-7", "exit_code": 0}
"""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from offloadctl.ports import Clock


class LogLevel(StrEnum):
    """How much it matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Teller:
    """Writes lines; safe to use from several threads."""

    write: Callable[[str], None]
    clock: Clock
    as_json: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: str, *, level: LogLevel = LogLevel.INFO, **facts: Value) -> None:
        """One event; facts that are empty texts or None are left out."""
        known = {name: value for name, value in facts.items() if value is not None and value != ""}
        at = self.clock.now()
        if self.as_json:
            line = json.dumps({"at": f"{at:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z", "level": level, "event": event, **known})
        else:
            mark = "" if level is LogLevel.INFO else f"{level}: "
            line = " ".join([f"{at:%H:%M:%S} {mark}{event}", *(f"{name}={_plain(one)}" for name, one in known.items())])
        with self._lock:
            self.write(line)


@contextmanager
def libraries_told(tell: Teller) -> Iterator[None]:
    """What libraries warn of becomes lines of the same kind until the end of the block."""
    handler = _Forward(tell)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _Forward(logging.Handler):
    def __init__(self, tell: Teller) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        level = LogLevel.ERROR if record.levelno >= logging.ERROR else LogLevel.WARNING
        self._tell("library", level=level, logger=record.name, message=record.getMessage())


def _plain(value: Value) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or any(one in text for one in ' "\n\r=') else text
