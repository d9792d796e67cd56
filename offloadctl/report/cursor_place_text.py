"""Where a subscription stands, for people."""

from typing import Final

from rich.console import RenderableType

from offloadctl.model.check import Level, TopicCheck
from offloadctl.model.cursor_place import CursorPlace, Readable
from offloadctl.report.text import Style, labelled, short_name

_STYLES: Final = {
    Readable.YES: Style.GOOD,
    Readable.NO: Style.BAD,
    Readable.UNKNOWN: Style.CAREFUL,
    Readable.NOT_IN_S3: Style.QUIET,
    Readable.AT_THE_END: Style.GOOD,
}


def place_text(part: TopicCheck, level: Level) -> RenderableType:
    """`billing of acme/shop/orders reads on from 45:7, in …-ledger-45 in bucket tiered: sound at the level blocks`."""
    place = part.place
    assert place is not None  # noqa: S101 - the caller has looked
    style = Style.BAD if place.damaged_ahead else _STYLES[place.readable]
    who = f"{place.subscription} of {short_name(part.topic)}"
    if place.next_entry is None:
        return labelled("reader", f"{who}: not known", style=style)
    further = "" if place.is_exact else " or further on"
    where = f", in {place.key} in bucket {place.bucket or 'unknown'}" if place.key is not None else ""
    return labelled(
        "reader", f"{who} reads on from {place.next_entry}{further}{where}: {_words(place, level)}", style=style
    )


def _words(place: CursorPlace, level: Level) -> str:
    words = {
        Readable.YES: f"nothing is wrong there at the level {level.value}",
        Readable.NO: "it is damaged",
        Readable.UNKNOWN: "not known whether it can be read",
        Readable.NOT_IN_S3: "not in S3, and BookKeeper is not looked at",
        Readable.AT_THE_END: "everything is acknowledged",
    }
    behind = [
        ledger for ledger in place.damaged_ahead if place.next_entry is None or ledger > place.next_entry.ledger_id
    ]
    more = f"; damaged further on: {', '.join(f'ledger {ledger}' for ledger in behind)}" if behind else ""
    return words[place.readable] + more
