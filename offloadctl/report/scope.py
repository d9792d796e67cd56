"""What a command was about, and what of it could not be listed, for people."""

from collections.abc import Iterator

from rich.console import RenderableType

from offloadctl.model.scope import ScopeRead
from offloadctl.report.text import Style, count, labelled


def scope_text(read: ScopeRead) -> Iterator[RenderableType]:
    """What was left out of a wide scope, and what could not be listed; nothing of named topics."""
    left_out = [
        f"{count(number, words)}{why}"
        for number, words, why in (
            (read.system_topics, "system topic", ", which brokers never offload"),
            (read.system_namespaces, "namespace", " of the brokers' own"),
            (read.not_matched, "topic", f" that {read.scope.match} does not match"),
        )
        if number
    ]
    if left_out:
        yield labelled("left out", "; ".join(left_out), style=Style.QUIET)
    for one in read.unread:
        yield labelled("not seen", f"{one.name}: {one.reason.text}", style=Style.CAREFUL)
        if one.hint:
            yield labelled("do next", one.hint)
