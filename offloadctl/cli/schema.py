"""`offloadctl schema [KIND]`."""

import json
from typing import Annotated

import typer

from offloadctl.cli.output import emit
from offloadctl.config.keys import unknown


def _complete_kind(incomplete: str) -> list[str]:
    from offloadctl.report.schema import kinds  # noqa: PLC0415 - `--help` must not load msgspec

    return [kind for kind in kinds() if kind.lower().startswith(incomplete.lower())]


def schema(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="[KIND]", help="The `kind` of a document, as in OffloadRun.", autocompletion=_complete_kind
        ),
    ] = None,
) -> None:
    """The JSON Schema of a document; without a kind, the kinds there are."""
    from offloadctl.report.schema import kinds, schema_of  # noqa: PLC0415 - `--help` must not load msgspec

    if kind is None:
        emit("\n".join(kinds()))
        return
    by_lower = {known.lower(): known for known in kinds()}
    if kind.lower() not in by_lower:
        raise unknown("kind", kind, "argument KIND", kinds())
    emit(json.dumps(schema_of(by_lower[kind.lower()]), indent=2))
