"""`offloadctl explain [WORD]`."""

from collections.abc import Sequence
from typing import Annotated

import typer

from offloadctl.cli.output import OutputFormat, OutputOption, align, console, emit, emit_document
from offloadctl.config.keys import BUCKET_KEYS, KEYS
from offloadctl.explanations import Explanation, everything_known
from offloadctl.explanations import explain as look_up
from offloadctl.report.errors import API_VERSION


def explain(
    word: Annotated[str | None, typer.Argument(metavar="[WORD]", help="Any word or code that is printed.")] = None,
    output: OutputOption = OutputFormat.TABLE,
) -> None:
    """What a code, a key or a word means; without a word, all there are."""
    keys = _keys()
    found = (*everything_known(), *keys) if word is None else look_up(word, keys)
    if output.is_document:
        words = [{"word": one.word, "sort": one.sort, "text": one.text} for one in found]
        emit_document({"apiVersion": API_VERSION, "kind": "Explanation", "words": words}, output)
    elif word is None:
        _list(found)
    elif len(found) > 1 and found[0].sort == "exit code":
        emit(align([(one.word, one.text) for one in found]))
    else:
        _tell(found)


def _keys() -> tuple[Explanation, ...]:
    own = tuple(Explanation(key.path, "setting", f"{key.about} Variable: {key.variable}.") for key in KEYS)
    variables = tuple(Explanation(key.variable, "variable", f"{key.about} Setting: {key.path}.") for key in KEYS)
    buckets = tuple(Explanation(f"buckets.{key.path}", "setting of a bucket", key.about) for key in BUCKET_KEYS)
    return own + variables + buckets


def _tell(found: Sequence[Explanation]) -> None:
    screen = console()
    for one in found:
        screen.print(f"{one.word} ({one.sort})", style="bold", markup=False)
        screen.print(one.text, markup=False)


def _list(found: Sequence[Explanation]) -> None:
    screen = console()
    for sort in dict.fromkeys(one.sort for one in found):
        screen.print(sort, style="bold", markup=False)
        screen.print("  " + ", ".join(one.word for one in found if one.sort == sort), markup=False)
