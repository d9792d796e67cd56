"""The documents of `offloadctl broker-conf`, as in `documents.py`."""

from typing import Literal

from offloadctl.report.document_base import ApiVersion, Part
from offloadctl.report.word_types import LintSeverityWord


class LintFindingDocument(Part, frozen=True, kw_only=True):
    """One thing that is wrong in a file. `line` is null for what is not there; secrets in `evidence` are masked."""

    rule: str
    severity: LintSeverityWord
    line: int | None
    key: str
    evidence: str
    what: str
    broker: str
    """What the broker will do."""
    fix: str
    fixable: bool
    """Whether `--fix` can put it right."""
    versions: str
    issues: list[str]


class LintSummaryDocument(Part, frozen=True, kw_only=True):
    """How many findings there are; notes alone leave the exit code 0."""

    errors: int
    warnings: int
    notes: int
    fixed: int
    """How many `--fix` put right; they are no longer among the findings. With `--dry-run`: would have."""


class BrokerConfLint(Part, frozen=True, kw_only=True):
    """`offloadctl broker-conf lint`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["BrokerConfLint"] = "BrokerConfLint"
    file: str
    layout: str
    pulsar_version: str | None
    findings: list[LintFindingDocument]
    summary: LintSummaryDocument
    exit_code: int


class SettingDifferenceDocument(Part, frozen=True, kw_only=True):
    """One key that differs. null: it is not there, and `default` counts. Secrets are masked."""

    key: str
    a: str | None
    b: str | None
    default: str | None
    effective: bool
    """Whether the broker would do anything else; false: one side only writes the default out."""


class UnseenSettingsDocument(Part, frozen=True, kw_only=True):
    """Keys that were not compared, as live brokers do not show them; `do` is empty if nothing makes them."""

    keys: list[str]
    why: str
    do: str


class BrokerConfDiff(Part, frozen=True, kw_only=True):
    """`offloadctl broker-conf diff`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["BrokerConfDiff"] = "BrokerConfDiff"
    a: str
    b: str
    differences: list[SettingDifferenceDocument]
    unseen: list[UnseenSettingsDocument]
    """Empty unless one side is live brokers, of which REST never shows all."""
    exit_code: int


class BrokerConfSettingDocument(Part, frozen=True, kw_only=True):
    """One key of broker.conf."""

    key: str
    parameter: str
    """Its short name for `render --set`; empty if it has none."""
    about: str
    family: str
    type: str
    unit: str
    default: str | None
    drivers: list[str]
    """The drivers that read it; none: all."""
    choices: list[str]
    since: str
    live: bool
    """Whether it can be changed while brokers run."""
    in_runtime_configuration: bool
    in_policies: bool
    policy_default: str | None
    """What each policy of a namespace or topic puts in the place of the file's value."""
    source: str


class BrokerConfSettingList(Part, frozen=True, kw_only=True):
    """`offloadctl broker-conf settings`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["BrokerConfSettingList"] = "BrokerConfSettingList"
    items: list[BrokerConfSettingDocument]


class BrokerConfProfileDocument(Part, frozen=True, kw_only=True):
    """One profile."""

    name: str
    title: str
    notes: str
    driver: str
    required: list[str]
    optional: list[str]


class BrokerConfProfileList(Part, frozen=True, kw_only=True):
    """`offloadctl broker-conf profiles`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["BrokerConfProfileList"] = "BrokerConfProfileList"
    items: list[BrokerConfProfileDocument]


BROKER_CONF_KINDS = (BrokerConfLint, BrokerConfDiff, BrokerConfSettingList, BrokerConfProfileList)
