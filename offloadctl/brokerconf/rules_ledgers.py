"""Rules about when ledgers close: only a closed ledger can be offloaded."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from offloadctl.brokerconf.facts import Facts, found
from offloadctl.brokerconf.findings import LintFinding, LintSeverity, Rule
from offloadctl.units import format_duration

MIN_ROLLOVER_TOO_LONG: Final = Rule(
    "min-rollover-too-long",
    LintSeverity.ERROR,
    "The shortest time before a ledger closes is more than 4 hours.",
    "No topic loads: the shortest time is compared with a built-in 4 hours before the longest is read.",
    "Set at most 240.",
    versions="seen on 4.0.7",
)
ROLLOVER_ORDER: Final = Rule(
    "rollover-order",
    LintSeverity.ERROR,
    "The shortest time before a ledger closes is longer than the longest.",
    "No topic loads (IllegalArgumentException).",
    "Set managedLedgerMinLedgerRolloverTimeMinutes to less than managedLedgerMaxLedgerRolloverTimeMinutes.",
    versions="seen on 4.0.7",
)
ROLLOVER_OFF: Final = Rule(
    "rollover-off",
    LintSeverity.WARNING,
    "Ledgers never close by age.",
    "A quiet topic's ledger stays open until it is full, and an open ledger cannot be offloaded.",
    "Set managedLedgerMaxLedgerRolloverTimeMinutes; 240 is the default.",
)
SLOW_ROLLOVER: Final = Rule(
    "slow-rollover",
    LintSeverity.WARNING,
    "Ledgers stay open for more than a day.",
    "A quiet topic's ledger stays open for so long, and an open ledger cannot be offloaded.",
    "Set managedLedgerMaxLedgerRolloverTimeMinutes to some hours; 240 is the default.",
)
IDLE_LEDGERS_STAY_OPEN: Final = Rule(
    "idle-ledgers-stay-open",
    LintSeverity.NOTE,
    "The ledger of a topic that gets no more messages never closes.",
    "It closes ledgers when a message comes: a topic's last ledger stays in BookKeeper until the topic is unloaded.",
    "Set managedLedgerInactiveLedgerRolloverTimeSeconds, such as 3600; it can be changed while brokers run.",
    issues=(7184, 13073),
)

RULES: Final = (MIN_ROLLOVER_TOO_LONG, ROLLOVER_ORDER, ROLLOVER_OFF, SLOW_ROLLOVER, IDLE_LEDGERS_STAY_OPEN)

_MIN: Final = "managedLedgerMinLedgerRolloverTimeMinutes"
_MAX: Final = "managedLedgerMaxLedgerRolloverTimeMinutes"
_IDLE: Final = "managedLedgerInactiveLedgerRolloverTimeSeconds"

_BUILT_IN_MINUTES: Final = 4 * 60
"""ManagedLedgerConfig.java:183-212: the longest time when the shortest is set, in BrokerService.java:2053."""
_DAY: Final = 24 * 60


def rollover(facts: Facts) -> Iterator[LintFinding]:
    """Whether topics load, and ledgers close."""
    shortest, longest = facts.number(_MIN), facts.number(_MAX)
    entry = facts.conf.entry(_MIN) or facts.conf.entry(_MAX)
    if shortest > _BUILT_IN_MINUTES:
        yield found(MIN_ROLLOVER_TOO_LONG, f"{shortest} minutes are more than {_BUILT_IN_MINUTES}.", entry)
    elif shortest > longest:
        yield found(ROLLOVER_ORDER, f"The shortest is {shortest} minutes, the longest {longest}.", entry)
    elif facts.driver is not None and longest <= 0:
        yield found(ROLLOVER_OFF, f"{_MAX} is {longest}.", facts.conf.entry(_MAX))
    elif facts.driver is not None and longest > _DAY:
        what = f"They close after {format_duration(timedelta(minutes=longest))}."
        yield found(SLOW_ROLLOVER, what, facts.conf.entry(_MAX))


def idle(facts: Facts) -> Iterator[LintFinding]:
    """Whether the last ledger of a quiet topic ever closes."""
    if facts.driver is not None and facts.number(_IDLE) <= 0:
        yield found(IDLE_LEDGERS_STAY_OPEN, f"{_IDLE} is 0.", facts.conf.entry(_IDLE), key=_IDLE)


CHECKS: Final = (rollover, idle)
