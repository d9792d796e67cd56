"""The linter: a file's settings in, findings out."""

from collections.abc import Iterable
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
from offloadctl.brokerconf.entries import BrokerConf
from offloadctl.brokerconf.facts import Facts
from offloadctl.brokerconf.findings import LintFinding, LintSeverity, Version

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
