"""Secrets: a type that does not print itself, and a last net that takes known secrets out of any text.

The type is the rule: settings hold a Secret, and only the adapter that sends it calls `reveal`. The net is for what
the rule cannot reach, such as a broker that repeats a token in an error text: everything that leaves the process as
output, log line, document or journal entry passes through `scrub`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

MASK: Final = "******"

# Short texts would be found inside ordinary words; a secret that short protects nothing anyway.
_SHORTEST: Final = 4

_known: set[str] = set()


class _Net:
    open = False


_net = _Net()


class Secret:
    """A text that never shows itself in repr, str, format or a traceback."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text
        remember(text)

    def reveal(self) -> str:
        """The text itself, for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


def remember(text: str) -> None:
    """Let `scrub` know a secret that came from outside: a file that was re-read, a token that was fetched."""
    for line in {text, *text.splitlines()}:
        if len(line.strip()) >= _SHORTEST:
            _known.add(line.strip())


def scrub(text: str) -> str:
    """The text with every known secret replaced by a mask."""
    if _net.open:
        return text
    # Longest first: a secret may contain another one.
    for secret in sorted(_known, key=len, reverse=True):
        if secret in text:
            text = text.replace(secret, MASK)
    return text


@contextmanager
def switched_off() -> Iterator[None]:
    """Let everything through, for the test that proves the net catches something."""
    _net.open = True
    try:
        yield
    finally:
        _net.open = False
