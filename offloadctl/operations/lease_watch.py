"""Whoever loses the lease stops at once, also while a broker is waited for that does not answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from offloadctl.errors import TerminationSignal
from offloadctl.operations.workers import Stop
from offloadctl.ports.lease import Term

LOOK_S: Final = 1.0
"""So often it is looked whether a term is lost; the look asks nobody."""


@contextmanager
def stopped_when_lost(term: Term, stop: Stop) -> Iterator[None]:
    """While the block goes on, `stop` is set, as by SIGTERM, within a second of knowing that the term is lost."""
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(LOOK_S):
            if term.lost:
                stop.by(TerminationSignal())
                return

    watching = threading.Thread(target=watch, name="lease-watch", daemon=True)
    watching.start()
    try:
        yield
    finally:
        is_over.set()
        watching.join()
