"""What a command was about, as a part of its document."""

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
