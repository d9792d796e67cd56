"""`offloadctl explain [WORD]`."""

from collections.abc import Sequence
from typing import Annotated

import typer

from offloadctl.cli.output import OutputFormat, OutputOption, align, console, emit_result, tell
from offloadctl.config.keys import BUCKET_KEYS, KEYS
from offloadctl.config.variables import VARIABLES
from offloadctl.explanations import Explanation, everything_known
from offloadctl.explanations import explain as look_up


def _complete_word(incomplete: str) -> list[str]:
    words = dict.fromkeys(one.word for one in (*everything_known(), *words_of_the_command_line()))
    return [word for word in words if word.lower().startswith(incomplete.lower())]


def explain(
    word: Annotated[
        str | None,
        typer.Argument(metavar="[WORD]", help="Any word or code that is printed.", autocompletion=_complete_word),
    ] = None,
    output: OutputOption = OutputFormat.TABLE,
) -> None:
    """What a code, a key or a word means; without a word, all there are."""
    more = words_of_the_command_line()
    found = (*everything_known(), *more) if word is None else look_up(word, more)
    if output.is_document:
        _emit(found, output)
    elif word is None:
        _list(found)
    elif len(found) > 1 and found[0].sort == "exit code":
        tell(align([(one.word, one.text) for one in found]))
    else:
        _tell(found)


def _emit(found: Sequence[Explanation], output: OutputFormat) -> None:
    from offloadctl.report import learning_documents as documents  # noqa: PLC0415 - msgspec is slow to load

    words = [documents.ExplainedWordDocument(word=one.word, sort=one.sort, text=one.text) for one in found]
    document = documents.Explanation(words=words)
    emit_result(output, document=lambda: document, lines=lambda: [document], text=lambda **_: ())


def words_of_the_command_line() -> tuple[Explanation, ...]:
    """The words that belong to no layer below: settings, variables, the demo's faults."""
    from offloadctl.demo.faults import FAULTS  # noqa: PLC0415 - of the demo only what needs nothing else

    own = tuple(Explanation(key.path, "setting", f"{key.about} Variable: {key.variable}.") for key in KEYS)
    buckets = tuple(Explanation(f"buckets.{key.path}", "setting of a bucket", key.about) for key in BUCKET_KEYS)
    variables = tuple(Explanation(name, "variable", text) for name, text in VARIABLES.items())
    faults = tuple(Explanation(fault.value, "fault of the demo", text) for fault, text in FAULTS.items())
    return own + variables + buckets + faults


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
