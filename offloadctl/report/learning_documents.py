"""The documents of `offloadctl explain`, `demo` and `doctor iam`, as in `documents.py`."""

from typing import Any, Literal

from offloadctl.report.document_base import ApiVersion, Part


class ExplainedWordDocument(Part, frozen=True, kw_only=True):
    """One meaning of a word."""

    word: str
    sort: str
    """What it is the word for, as in outcome or exit code."""
    text: str


class Explanation(Part, frozen=True, kw_only=True):
    """`offloadctl explain`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["Explanation"] = "Explanation"
    words: list[ExplainedWordDocument]


class ChapterDocument(Part, frozen=True, kw_only=True):
    """One step of the demo."""

    title: str
    command: str
    """What does the same on a cluster; empty where no command does."""
    exit_code: int | None
    result: Any
    """What the command would print with `-o json`."""


class Demo(Part, frozen=True, kw_only=True):
    """`offloadctl demo`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["Demo"] = "Demo"
    chapters: list[ChapterDocument]
    seconds: float


class FaultDocument(Part, frozen=True, kw_only=True):
    """One thing that can go wrong in the demo."""

    name: str
    about: str


class FaultList(Part, frozen=True, kw_only=True):
    """`offloadctl demo --fault list`."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["FaultList"] = "FaultList"
    items: list[FaultDocument]


class IamPolicies(Part, frozen=True, kw_only=True):
    """`offloadctl doctor iam`: two policies in AWS's own words."""

    api_version: ApiVersion = "offloadctl/v1"
    kind: Literal["IamPolicies"] = "IamPolicies"
    brokers: dict[str, Any]
    """Write, read, and delete what retention lets go."""
    offloadctl: dict[str, Any]
    """Read only."""


LEARNING_KINDS = (Explanation, Demo, FaultList, IamPolicies)
