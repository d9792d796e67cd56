"""How the garbage collector goes through the heap of a process that stays: seldom, and not through what is loaded."""

import gc
from typing import Final

THRESHOLDS: Final = (20_000, 10, 10)
"""Objects made between two collections of the youngest, and how many of these come before one of older ones.

By default it goes through the whole heap seven times an evaluation of 10,000 topics, and nobody else runs meanwhile: a
scrape waits for 140 ms of that. Nearly nothing here is garbage that only a collection finds.
"""


def settle() -> None:
    """What is there by now is there to stay."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
