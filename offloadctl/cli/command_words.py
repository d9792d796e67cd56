"""The command line as it was given, for whoever writes down what was done."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from offloadctl.redaction import scrub

_LONGEST: Final = 2000

_arguments: ContextVar[tuple[str, ...]] = ContextVar("arguments", default=())


@contextmanager
def given(arguments: Sequence[str]) -> Iterator[None]:
    """These are the arguments until the end of the block."""
    token = _arguments.set(tuple(arguments))
    try:
        yield
    finally:
        _arguments.reset(token)


def command_words() -> str:
    """`offload topic acme/shop/orders -s 0`, as a shell would take it; of ten thousand topics the first ones.

    Without secrets: neither the shell's quotes within one nor a cut through one hides it from the net behind this.
    """
    words = shlex.join(map(scrub, _arguments.get()))
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"
