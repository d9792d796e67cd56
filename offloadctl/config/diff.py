"""What a change does to a context file, as `diff -u` would show it, with the secrets masked in both texts."""

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from offloadctl.config.keys import KEYS, Kind
from offloadctl.config.toml_text import Place, Statement, scan
from offloadctl.redaction import MASK

_SECRETS: Final = tuple(tuple(key.path.split(".")) for key in KEYS if key.kind is Kind.SECRET)
_ADDRESS: Final = re.compile(r"(https?://[^/@\s:]*:)[^/\s\"']*(?=@)")
# A secret that was commented out is still one.
_COMMENTED: Final = re.compile(
    r"(#\s*(?:[\w.\"'-]*\.)?(?:" + "|".join(path[-1] for path in _SECRETS) + r")\s*=).*", re.IGNORECASE
)


def masked_diff(before: str, after: str, path: Path) -> str:
    """The lines that differ, with a few around them; empty when nothing does."""
    old, new = scan(before), scan(after)
    known = {one.path: one.text for one in old if _holds_secret(one)}
    lines = difflib.unified_diff(
        list(_masked(old, {})), list(_masked(new, known)), str(path), f"{path} (changed)", lineterm=""
    )
    return "\n".join(line.rstrip("\r\n") for line in lines)


def _masked(statements: list[Statement], known: Mapping[Place, str]) -> Iterator[str]:
    """Line by line; a secret that differs from the known one must look different too."""
    for one in statements:
        if _holds_secret(one):
            another = " (another one)" if one.path in known and known[one.path] != one.text else ""
            one = one.with_value(f'"{MASK}{another}"')  # noqa: PLW2901
        text = _COMMENTED.sub(rf"\1 {MASK}", _ADDRESS.sub(rf"\1{MASK}", one.text))
        yield from text.splitlines(keepends=True)


def _holds_secret(one: Statement) -> bool:
    """Whether the value is a secret, or a table in one line that may hold one."""
    path = one.path[2:]
    in_context = one.is_assignment and one.path[0] == "contexts"
    return in_context and any(path == secret[: len(path)] for secret in _SECRETS)
