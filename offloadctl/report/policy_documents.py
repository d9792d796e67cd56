"""The documents of `offloadctl offload-policies`, as in `documents.py`. Credentials are masked in all of them."""

from typing import Literal

import msgspec

from offloadctl.report.broker_conf_documents import LintFindingDocument
from offloadctl.report.document_base import ApiVersion, Part
from offloadctl.report.word_types import ChangeStateWord, DangerWord, WhyWord


class OffloadPolicyItem(Part, frozen=True, kw_only=True):
    """What one namespace or topic has itself. `fields` is null if it has nothing.

    What cannot be shown, as credentials, says `keep`: whoever applies this changes nothing about it.
    """

    namespace: str | None
    topic: str | None
    is_global: bool = msgspec.field(name="global", default=False)
    """It is the topic's policy for every cluster that its namespace is replicated to."""
    fields: dict[str, str | int] | None


class OffloadPolicies(Part, frozen=True, kw_only=True):
    """`offloadctl offload-policies get` and `export`; `apply` and `diff` take it back."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["OffloadPolicies"] = "OffloadPolicies"
    context: str
    cluster: str | None
    admin_urls_from: str | None = None
    policies: list[OffloadPolicyItem]


class ShadowedValueDocument(Part, frozen=True, kw_only=True):
    """What a level says that does not count."""

    level: str
    value: str | int | None


class EffectiveFieldDocument(Part, frozen=True, kw_only=True):
    """One field in force."""

    field: str
    broker_conf: str
    """Its key in broker.conf; empty if it has none."""
    value: str | int | None
    level: str
    brought: bool
    """Every policy of that level is born with this value: nobody need have set it."""
    drift: bool
    """A policy holds another value than the broker's own."""
    shadows: list[ShadowedValueDocument]


class StoryDocument(Part, frozen=True, kw_only=True):
    """One step in the life of the data, in plain words."""

    step: str
    text: str


class EffectiveOffloadPolicies(Part, frozen=True, kw_only=True):
    """`offloadctl offload-policies effective`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["EffectiveOffloadPolicies"] = "EffectiveOffloadPolicies"
    context: str
    cluster: str | None
    admin_urls_from: str | None = None
    namespace: str | None
    topic: str | None
    fields: list[EffectiveFieldDocument]
    broker_known: bool
    """Whether all that the broker's own settings say is known; else policies hide some of it."""
    bucket_flag: str
    """How check, offload and doctor are told to look into the bucket in force; empty if it is not S3's."""
    story: list[StoryDocument]
    findings: list[LintFindingDocument]
    exit_code: int


class FieldChangeDocument(Part, frozen=True, kw_only=True):
    """One field before and after; null: it is not there."""

    field: str
    before: str | int | None
    after: str | int | None
    why: WhyWord


class PolicyRequestDocument(Part, frozen=True, kw_only=True):
    """One request to the broker."""

    verb: str
    field: str | None
    value: int | None
    fields: dict[str, str | int] | None


class DangerDocument(Part, frozen=True, kw_only=True):
    """What the change may do that cannot be taken back."""

    kind: DangerWord
    text: str
    allowed: bool
    allowed_by: str
    """The flag that allows it."""


class AffectedDocument(Part, frozen=True, kw_only=True):
    """The offloaded ledgers that a dangerous change is about."""

    topics: int
    ledgers: int
    bytes: int
    doubt: str
    """Why they are not proved to be whole in the store; empty if they are, or if that does not matter."""


class PolicyChangeDocument(Part, frozen=True, kw_only=True):
    """The change of one namespace or topic."""

    namespace: str | None
    topic: str | None
    is_global: bool = msgspec.field(name="global", default=False)
    state: ChangeStateWord
    changes: list[FieldChangeDocument]
    requests: list[PolicyRequestDocument]
    dangers: list[DangerDocument]
    affected: AffectedDocument
    not_as_meant: list[FieldChangeDocument]
    """`before` is what was read back, `after` what was meant."""
    error: str
    exit_code: int


class OffloadPoliciesChange(Part, frozen=True, kw_only=True):
    """`offloadctl offload-policies set`, `unset`, `apply` and `diff`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["OffloadPoliciesChange"] = "OffloadPoliciesChange"
    context: str
    cluster: str | None
    admin_urls_from: str | None = None
    dry_run: bool
    items: list[PolicyChangeDocument]
    exit_code: int


POLICY_KINDS = (OffloadPolicies, EffectiveOffloadPolicies, OffloadPoliciesChange)
