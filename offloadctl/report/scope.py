"""What a command was about, and what of it could not be listed: as a document and for people."""

from collections.abc import Iterator

from rich.console import RenderableType

from offloadctl.model.scope import ScopeRead
from offloadctl.report.scope_documents import ScopeDocument, UnreadScopeDocument
from offloadctl.report.text import Style, count, labelled


def scope_document(read: ScopeRead) -> ScopeDocument:
    """The scope of a report."""
    return ScopeDocument(
        text=str(read.scope),
        namespaces=read.namespaces,
        system_topics=read.system_topics,
        system_namespaces=read.system_namespaces,
        not_matched=read.not_matched,
        unread=[
            UnreadScopeDocument(name=one.name, code=one.reason.code, message=one.reason.text, hint=one.hint)
            for one in read.unread
        ],
    )


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
