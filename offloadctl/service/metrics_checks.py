"""Metrics of checks: the findings that stand, and how much was looked at, and when."""

from collections.abc import Iterator

from prometheus_client.core import Metric

from offloadctl.service.checks_seen import Checks
from offloadctl.service.metric_families import gauge, gauges

_SCOPE = ("level", "scope")


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
        (((one.level.value, str(one.scope)), one.ended_at.timestamp()) for one in checks.ended),
    )
    yield gauges(
        "offloadctl_last_full_check_timestamp_seconds",
        "When the last check ended that looked at all of it.",
        _SCOPE,
        (
            ((one.level.value, str(one.scope)), one.full_at.timestamp())
            for one in checks.ended
            if one.full_at is not None
        ),
    )
    yield gauges(
        "offloadctl_last_check_ledgers",
        "Ledgers that the last check was to look at.",
        _SCOPE,
        (((one.level.value, str(one.scope)), one.ledgers) for one in checks.ended),
    )
    yield gauges(
        "offloadctl_last_check_ledgers_covered",
        "Ledgers that the last check has looked at, or an earlier one while they are unchanged.",
        _SCOPE,
        (((one.level.value, str(one.scope)), one.covered) for one in checks.ended),
    )
