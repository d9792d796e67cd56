"""The file of schedules, and whether it has changed."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from offloadctl.errors import UsageError
from offloadctl.model.schedule import Schedule
from offloadctl.plan.schedule_reading import read_schedules

Signature = tuple[int, int, int] | None


def all_are_fine(_: tuple[Schedule, ...]) -> None:
    """No schedule is refused."""


@dataclass(slots=True)
class ScheduleSource:
    """Reads the file; a change counts once it looks the same twice, so that nobody reads a file half written."""

    path: Path
    require: Callable[[tuple[Schedule, ...]], None] = all_are_fine
    """Raises an OffloadctlError for schedules that must not run here."""
    _read: Signature = None
    _seen: Signature = None
    _is_fine: bool = False
    """Whether what was read last can be used."""

    def read(self) -> tuple[Schedule, ...]:
        """All schedules; UsageError, Refused, or whatever else says why they cannot be had."""
        self._read = self._seen = self._signature()
        self._is_fine = False
        try:
            text = self.path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read schedules from {self.path}: {error}") from error
        schedules = read_schedules(text, str(self.path))
        self.require(schedules)
        self._is_fine = True
        return schedules

    def has_changed(self) -> bool:
        """Whether the file is another one than was read, and has come to rest."""
        before, self._seen = self._seen, self._signature()
        return self._seen not in (None, self._read) and self._seen == before

    @property
    def is_gone(self) -> bool:
        """Whether there was a file when it was read, and none at the last look."""
        return self._seen is None and self._read is not None

    def is_another(self) -> bool:
        """Whether the file is not what was read without a mistake, come to rest or not."""
        return not self._is_fine or self._signature() != self._read

    def _signature(self) -> Signature:
        """By following links: Kubernetes changes a mounted ConfigMap by turning one."""
        try:
            found = os.stat(self.path)  # noqa: PTH116 - the same, and said plainly
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
