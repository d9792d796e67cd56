"""The linter: a file's settings in, findings out; and the file as `--fix` would leave it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from offloadctl.brokerconf import (
    rules_credentials,
    rules_ledgers,
    rules_location,
    rules_policy,
    rules_service,
    rules_sizes,
    rules_text,
    rules_values,
)
from offloadctl.brokerconf.edit import with_edits
from offloadctl.brokerconf.entries import BrokerConf, Layout
from offloadctl.brokerconf.facts import Facts
from offloadctl.brokerconf.findings import LintFinding, LintSeverity, Version
from offloadctl.brokerconf.properties import parse, printed
from offloadctl.brokerconf.reading import read

_MODULES: Final = (
    rules_text,
    rules_values,
    rules_location,
    rules_service,
    rules_credentials,
    rules_sizes,
    rules_policy,
    rules_ledgers,
)

RULES: Final = {rule.id: rule for module in _MODULES for rule in module.RULES}
"""By id."""


def lint(conf: BrokerConf, *, version: Version | None = None) -> tuple[LintFinding, ...]:
    """What is wrong, or worth knowing: the worst first, then by line."""
    facts = Facts(conf, version)
    findings = (finding for module in _MODULES for check in module.CHECKS for finding in check(facts))
    order = list(LintSeverity)
    return tuple(sorted(findings, key=lambda one: (order.index(one.rule.severity), one.line or 0, one.rule.id)))


def is_clean(findings: Iterable[LintFinding]) -> bool:
    """Whether there is nothing but notes."""
    return all(one.rule.severity is LintSeverity.NOTE for one in findings)


@dataclass(frozen=True, slots=True)
class Fixed:
    """A broker.conf after `--fix`."""

    text: str
    count: int
    """How many findings were put right."""


def fixed(text: str, *, version: Version | None = None) -> Fixed:
    """The text of a broker.conf, with every finding put right that needs no person for it."""
    count = 0
    while True:
        findings = lint(read(text.encode("latin-1"), layout=Layout.CONF), version=version)
        fixable = [one for one in findings if one.is_fixable]
        after = printed(with_edits(parse(text), [edit for one in fixable for edit in one.edits]))
        if after == text:
            return Fixed(text, count)
        # What was hidden by one mistake may be another one: look again.
        text, count = after, count + len(fixable)
