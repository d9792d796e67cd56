"""What a schedule's action would do to each topic, as a document and for people."""

from collections.abc import Iterator
from typing import Annotated, Final

import msgspec
from rich.console import RenderableType

from offloadctl.model.topic_action import TopicActionRun, TopicState, TopicVerb
from offloadctl.report.document_base import Part
from offloadctl.report.text import Column, Style, labelled, line, styled, table
from offloadctl.units import format_size

TopicStateWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [word.value for word in TopicState]})]
TopicVerbWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [word.value for word in TopicVerb]})]

_COLUMNS: Final = (
    Column("TOPIC", may_fold=True),
    Column("STATE"),
    Column("LEDGERS", is_number=True),
    Column("SIZE", is_number=True),
    Column("WHY", may_fold=True),
)
_STYLES: Final = {
    TopicState.PLANNED: Style.HEAD,
    TopicState.DONE: Style.GOOD,
    TopicState.REFUSED: Style.BAD,
    TopicState.FAILED: Style.BAD,
    TopicState.UNCONFIRMED: Style.CAREFUL,
}


class TopicResultDocument(Part, frozen=True, kw_only=True):
    """One topic or partition."""

    topic: str
    state: TopicStateWord
    code: str
    why: str
    ledgers: int
    bytes: int


class TopicActionDocument(Part, frozen=True, kw_only=True):
    """What a run would do to topics, one by one."""

    action: TopicVerbWord
    refused: str | None
    """Why nothing at all would be done."""
    not_listed: str | None
    """What of the scope could not be listed."""
    topics: list[TopicResultDocument]


def topic_action_part(run: TopicActionRun | None) -> TopicActionDocument | None:
    """As a part of a document; None for what does not tell of single topics."""
    if run is None:
        return None
    return TopicActionDocument(
        action=run.verb.value,
        refused=run.refused or None,
        not_listed=run.unlisted or None,
        topics=[
            TopicResultDocument(
                topic=str(one.topic),
                state=one.state.value,
                code=one.reason.code,
                why=one.reason.text,
                ledgers=one.ledgers,
                bytes=one.size,
            )
            for one in run.results
        ],
    )


def topic_action_text(run: TopicActionRun) -> Iterator[RenderableType]:
    """A row for each topic."""
    yield line((f"{run.verb} would come to", Style.HEAD), indent=2)
    if run.refused:
        yield labelled("refused", run.refused, style=Style.BAD)
    elif run.unlisted:
        yield labelled("not listed", run.unlisted, style=Style.CAREFUL)
    rows = [
        (
            str(one.topic).removeprefix("persistent://"),
            styled(one.state.value, _STYLES.get(one.state, Style.QUIET)),
            f"{one.ledgers:,}" if one.ledgers else "-",
            format_size(one.size) if one.size else "-",
            one.reason.text,
        )
        for one in run.results
    ]
    if rows:
        yield table(_COLUMNS, rows, indent=4)
