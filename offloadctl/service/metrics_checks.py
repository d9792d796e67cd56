"""Metrics of checks: the findings that stand, and how much was looked at, and when."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from prometheus_client.core import Metric

from offloadctl.model.ended_check import EndedCheck
from offloadctl.service.checks_seen import Checks
from offloadctl.service.metric_families import gauge, gauges

_SCOPE: Final = ("level", "scope")
_LONGEST: Final = 100


def of_checks(checks: Checks) -> Iterator[Metric]:
    """By code; by level and scope."""
    about = "0: what checks remember is nowhere, or cannot be read."
    yield gauge("offloadctl_checks_are_known", about, checks.is_known)
    yield gauges(
        "offloadctl_findings",
        "Findings of checks that no later check has shown to be gone.",
        ("code", "severity", "acknowledged"),
        (
            ((key.code, key.severity.value, str(key.is_acknowledged).lower()), number)
            for key, number in checks.findings.items()
        ),
    )
    yield gauges(
        "offloadctl_last_check_timestamp_seconds",
        "When the last check ended.",
        _SCOPE,
        ((_labels(one), one.ended_at.timestamp()) for one in checks.ended),
    )
    yield gauges(
        "offloadctl_last_full_check_timestamp_seconds",
        "When the last check ended that looked at all of it.",
        _SCOPE,
        ((_labels(one), one.full_at.timestamp()) for one in checks.ended if one.full_at is not None),
    )
    yield gauges(
        "offloadctl_last_check_ledgers",
        "Ledgers that the last check was to look at.",
        _SCOPE,
        ((_labels(one), one.ledgers) for one in checks.ended),
    )
    yield gauges(
        "offloadctl_last_check_ledgers_covered",
        "Ledgers that the last check has looked at, or an earlier one while they are unchanged.",
        _SCOPE,
        ((_labels(one), one.covered) for one in checks.ended),
    )


def _labels(check: EndedCheck) -> tuple[str, str]:
    """Long scopes are cut, and still differ: two series of the same labels are none for Prometheus."""
    scope = str(check.scope)
    if len(scope) > _LONGEST:
        scope = f"{scope[:_LONGEST]}... {sha256(scope.encode()).hexdigest()[:8]}"
    return check.level.value, scope
