"""Recordings of a real broker's admin REST service, read from tests/golden/rest."""

import ast
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

REST: Final = Path(__file__).parent / "golden" / "rest"


@dataclass(frozen=True, slots=True)
class Recording:
    """One request as it was sent, and the answer as it came."""

    source: str
    number: int
    note: str
    method: str
    path: str
    params: Mapping[str, str]
    body: bytes | None
    status: int
    headers: Mapping[str, str]
    response_body: bytes

    @property
    def response(self) -> Any:
        """The answer's JSON; its text if it is none."""
        try:
            return json.loads(self.response_body)
        except ValueError:
            return self.response_body.decode()

    def __str__(self) -> str:
        return f"{self.source}#{self.number} {self.method} {self.path.removeprefix('/admin/v2')} {self.status}"


@cache
def recordings(pattern: str = "**/*.json") -> tuple[Recording, ...]:
    """All recordings of the files that match, in the order in which they were made."""
    files = sorted(REST.glob(pattern))
    return tuple(
        _recording(str(file.relative_to(REST).with_suffix("")), number, entry)
        for file in files
        for number, entry in enumerate(json.loads(file.read_text()))
    )


def recording(source: str, number: int) -> Recording:
    """One recording by its file, such as `03-topic-offload`, and its place in it."""
    return recordings(f"{source}.json")[number]


def _recording(source: str, number: int, entry: Mapping[str, Any]) -> Recording:
    request, response = entry["request"], entry["response"]
    return Recording(
        source=source,
        number=number,
        note=entry["note"],
        method=request["method"],
        path=request["path"],
        params=MappingProxyType(request["params"] or {}),
        body=None if request["body"] is None else _bytes(request["body"]),
        status=response["status"],
        headers=MappingProxyType(response["headers"]),
        response_body=_bytes(response["body"]),
    )


def _bytes(body: Any) -> bytes:
    if isinstance(body, str):
        # The recorder cut long answers after it had turned them into Python's notation; short ones are whole.
        with suppress(ValueError, SyntaxError):
            if body.startswith("{'"):
                return json.dumps(ast.literal_eval(body)).encode()
        return body.encode()
    return json.dumps(body).encode()
