"""The machine's own clock, and who is at work on it."""

import os
import pwd
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from offloadctl.model.journal import Actor


class SystemClock:
    """Real time, and real waiting."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; a signal handler that raises cuts it short."""
        if seconds > 0:
            time.sleep(seconds)


def this_process() -> "Actor":
    """Who is doing this. The variables of the environment could say anything."""
    from offloadctl.model.journal import Actor  # noqa: PLC0415 - whoever wants the time need not wait for it

    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        # Containers run under numbers that have no name.
        user = str(os.getuid())
    return Actor(user, os.uname().nodename, os.getpid())
