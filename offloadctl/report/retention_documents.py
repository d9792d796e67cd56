"""The documents of `offloadctl retention`, as in `documents.py`."""

from typing import Literal

from offloadctl.report.document_base import ApiVersion, Part
from offloadctl.report.policy_documents import AffectedDocument, DangerDocument
from offloadctl.report.word_types import ChangeStateWord


class RetentionDocument(Part, frozen=True, kw_only=True):
    """How much is kept of what all subscriptions have consumed; -1: without limit, both 0: nothing."""

    minutes: int
    megabytes: int


class ShadowedRetention(Part, frozen=True, kw_only=True):
    """What a level says that does not count."""

    level: str
    retention: RetentionDocument


class RetentionInForceDocument(Part, frozen=True, kw_only=True):
    """What counts."""

    retention: RetentionDocument | None
    """null: the brokers' own default, which is not known."""
    level: str
    shadows: list[ShadowedRetention]


class DueDocument(Part, frozen=True, kw_only=True):
    """What brokers delete at their next look."""

    ledgers: int
    bytes: int
    offloaded: int
    offloaded_bytes: int
    exact: bool
    """false: it is so much at most, since where some subscriptions are is not known."""


class EffectiveRetention(Part, frozen=True, kw_only=True):
    """`offloadctl retention effective`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["EffectiveRetention"] = "EffectiveRetention"
    context: str
    cluster: str | None
    admin_urls_from: str | None = None
    namespace: str | None
    topic: str | None
    in_force: RetentionInForceDocument
    story: str
    """When all of the data goes, in plain words."""
    offloaded: AffectedDocument
    due: DueDocument
    topics_with_their_own: int
    """Of a namespace: they are left out of the numbers."""
    exit_code: int


class RetentionChange(Part, frozen=True, kw_only=True):
    """`offloadctl retention set` and `unset`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["RetentionChange"] = "RetentionChange"
    context: str
    cluster: str | None
    admin_urls_from: str | None = None
    dry_run: bool
    namespace: str | None
    topic: str | None
    state: ChangeStateWord
    before: RetentionInForceDocument
    after: RetentionInForceDocument
    request: RetentionDocument | None
    """What is set; null: the scope's own is removed."""
    dangers: list[DangerDocument]
    affected: AffectedDocument
    due: DueDocument
    """What the change lets brokers delete at their next look."""
    topics_with_their_own: int
    error: str
    exit_code: int


RETENTION_KINDS = (EffectiveRetention, RetentionChange)
