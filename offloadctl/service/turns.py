"""How the threads of a process that stays share the interpreter, so that no scrape waits long for the others."""

import gc
import sys
from typing import Final

THRESHOLDS: Final = (20_000, 10, 10)
"""Objects made between two collections of the youngest, and how many of these come before one of older ones.

By default the garbage collector goes through the whole heap seven times an evaluation of 10,000 topics, and nobody else
runs meanwhile, for 140 ms. Nearly nothing here is garbage that only a collection finds.
"""
TURN_S: Final = 0.001
"""So long may a thread go on while others wait; by default 5 ms. A scrape takes its turn half a dozen times, and up to
eight threads may be at work: 116 ms at most with the default, 42 ms so, at no measurable cost."""


def settle() -> None:
    """What is loaded by now is there to stay, and turns are short."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    sys.setswitchinterval(TURN_S)
