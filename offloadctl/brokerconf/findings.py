"""What the linter can say: a rule in general, and what it found in one file."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from offloadctl.brokerconf.edit import Edit


class LintSeverity(StrEnum):
    """How bad it is."""

    ERROR = "error"
    """The broker does not start, offload does not work, or data is lost."""
    WARNING = "warning"
    """It works otherwise than the file seems to say, or is likely to hurt."""
    NOTE = "note"
    """Good to know; alone it leaves the exit code 0."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong, in words that hold for every file."""

    id: str
    severity: LintSeverity
    what: str
    broker: str
    """What the broker will do."""
    fix: str
    versions: str = ""
    """The releases that it holds for; blank: all of them."""
    issues: tuple[int, ...] = ()
    """In apache/pulsar."""


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One thing that is wrong in a file."""

    rule: Rule
    what: str
    key: str = ""
    line: int | None = None
    """None: it is about what is not there."""
    evidence: str = ""
    """The line as it can be shown: without secrets."""
    broker: str = ""
    fix: str = ""
    edits: tuple[Edit, ...] = ()
    """What `--fix` does about it; nothing where only a person can know what is meant."""

    @property
    def is_fixable(self) -> bool:
        """Whether `--fix` can put it right."""
        return bool(self.edits)


@dataclass(frozen=True, slots=True)
class Version:
    """A broker's release."""

    parts: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> "Version | None":
        """From `4.0.7`, `4.0`, or `4.1.0-SNAPSHOT`."""
        numbers = text.split("-", maxsplit=1)[0].split(".")
        return cls(tuple(int(one) for one in numbers)) if all(one.isdecimal() for one in numbers) else None

    def is_before(self, text: str) -> bool:
        """Whether it is older than that release; `4.0` is not older than 4.0.6, as it may be that."""
        other = _numbers(text)
        return self.parts[: len(other)] < other[: len(self.parts)]

    def has(self, since: str) -> bool:
        """Whether something that came with these releases, the newest last, is in this one.

        `3.0.13, 4.0.6`: in 3.0 from 3.0.13 on, and in everything from 4.0.6 on.
        """
        releases = since.split(", ")
        lines = (one for one in releases if self.parts[:2] == _numbers(one)[:2])
        return not self.is_before(next(lines, releases[-1]))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.split("."))


ISSUE_URL: Final = "https://github.com/apache/pulsar/issues/{}"
