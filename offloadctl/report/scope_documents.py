"""What a command was about, as a part of its document."""

from offloadctl.model.scope import ScopeRead
from offloadctl.report.document_base import Part


class UnreadScopeDocument(Part, frozen=True, kw_only=True):
    """A tenant or namespace whose names could not be had, or a name that cannot be asked for."""

    name: str
    code: str
    message: str
    hint: str


class ScopeDocument(Part, frozen=True, kw_only=True):
    """What was asked for, as it is spelt on the command line, and what of it was left out or could not be listed."""

    text: str
    namespaces: int
    system_topics: int
    system_namespaces: int
    not_matched: int
    unread: list[UnreadScopeDocument]


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
