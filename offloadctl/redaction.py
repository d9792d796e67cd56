"""Secrets: a type that does not print itself, and a last net that takes known secrets out of any text.

The type is the rule: settings hold a Secret, and only the adapter that sends it calls `reveal`. The net is for what
the rule cannot reach, such as a broker that repeats a token in an error text: everything that leaves the process as
output, log line, document or journal entry passes through `scrub`.
"""

import base64
import html
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import quote, unquote

MASK: Final = "******"

# Short texts would be found inside ordinary words; a secret that short protects nothing anyway. Nor does a word that
# every JSON document is full of, and without it no program could read ours.
_SHORTEST: Final = 4
_NO_SECRETS: Final = ("true", "false", "null")

# In the environment a variable is known by its name alone, and FOO_TOKEN=none must not take words out of documents.
_SHORTEST_OF_VARIABLES: Final = 8
_SECRET_VARIABLE: Final = re.compile(
    r"(?:^|_)(?:SECRET|SECRET_ACCESS_KEY|SESSION_TOKEN|TOKEN|PASSWORD|PASSWD|CLIENT_SECRET|PRIVATE_KEY|API_KEY|ACCESS_KEY_SECRET)$",
    re.IGNORECASE,
)
_PROXY_VARIABLE: Final = re.compile(r"_proxy$", re.IGNORECASE)

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
        if len(line.strip()) >= _SHORTEST and line.strip() not in _NO_SECRETS:
            _known.update(_spellings(line.strip()))


def remember_login(user: str, password: str) -> None:
    """Let `scrub` know a password, and the header of basic authentication that carries it."""
    remember(password)
    for encoding in ("utf-8", "latin-1"):
        with suppress(UnicodeEncodeError):
            remember(base64.b64encode(f"{user}:{password}".encode(encoding)).decode())


def remember_address(address: str) -> None:
    """Let `scrub` know the password of an address, whatever else is wrong with it."""
    login, at, _ = address.rpartition("@")
    user, colon, password = login.rpartition("://")[2].partition(":")
    if at and colon:
        remember(password)
        remember_login(unquote(user), unquote(password))


def remember_environment(environment: Mapping[str, str]) -> None:
    """Let `scrub` know what the environment holds by the name of a secret, and the passwords of its proxies."""
    for name, value in environment.items():
        if _SECRET_VARIABLE.search(name) and len(value.strip()) >= _SHORTEST_OF_VARIABLES:
            remember(value)
        elif _PROXY_VARIABLE.search(name):
            remember_address(value)


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


def _spellings(secret: str) -> set[str]:
    """The secret as documents, addresses, pages and Python write it: each of them escapes some characters."""
    return {
        secret,
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret),
        quote(secret, safe=""),
        html.escape(secret),
    }
