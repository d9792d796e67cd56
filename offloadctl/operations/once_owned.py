"""Leaving a topic alone while its bundle is being unloaded: nobody owns it then, and asking on disturbs the move."""

from collections.abc import Callable
from typing import Final, TypeVar

from offloadctl.errors import NoOwner
from offloadctl.ports import Clock

_PAUSES_S: Final = (2.0, 4.0, 8.0, 16.0, 30.0)
"""A bundle is unloaded within seconds; with many topics in it, within a minute."""

Result = TypeVar("Result")


def once_owned(clock: Clock, work: Callable[[], Result]) -> Result:
    """What `work` brings, which is done again after a while as long as nobody owns the topic; in the end NoOwner."""
    for pause_s in _PAUSES_S:
        try:
            return work()
        except NoOwner:
            clock.sleep(pause_s)
    try:
        return work()
    except NoOwner as error:
        hint = f"asked {len(_PAUSES_S) + 1} times within a minute, and left alone; run the command again later"
        raise NoOwner(error.message, hint=hint, status=error.status) from error
