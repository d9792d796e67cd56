"""The JSON Schemas of the documents."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from offloadctl.report.documents import KINDS

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def kinds() -> tuple[str, ...]:
    """Every kind of document that has a schema."""
    return tuple(kind.__name__ for kind in KINDS)


def schema_of(kind: str) -> Mapping[str, Any]:
    """The JSON Schema of one kind; KeyError if there is none."""
    found = {one.__name__: one for one in KINDS}[kind]
    return {"$schema": DIALECT, "title": f"offloadctl {kind}", **msgspec.json.schema(found)}
