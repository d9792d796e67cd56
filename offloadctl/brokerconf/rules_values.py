"""Rules about single values: what the broker can parse, and what it makes of the rest."""

from collections.abc import Iterator
from typing import Final

from offloadctl.brokerconf.edit import CommentOut, SetValue
from offloadctl.brokerconf.entries import Entry
from offloadctl.brokerconf.facts import Facts, found
from offloadctl.brokerconf.findings import LintFinding, LintSeverity, Rule
from offloadctl.brokerconf.kinds import JavaType, Kind, Setting
from offloadctl.brokerconf.rules_text import spoilt_by
from offloadctl.brokerconf.settings import newer_name
from offloadctl.brokerconf.values import meant_number, plain_number

BLANK_STOPS_START: Final = Rule(
    "blank-stops-start",
    LintSeverity.ERROR,
    "A key is there without a value, and the broker needs one.",
    "It does not start, whether it has a driver or not.",
    "Comment the line out: then the default counts.",
    versions="seen on 4.0.7",
)
BLANK_NUMBER: Final = Rule(
    "blank-number",
    LintSeverity.WARNING,
    "A number is left blank.",
    "It uses the default; releases whose parser is stricter do not start.",
    "Comment the line out.",
    versions="seen on 4.0.7",
)
NOT_A_NUMBER: Final = Rule(
    "not-a-number",
    LintSeverity.ERROR,
    "A value is not the plain number that is wanted.",
    "It does not start (NumberFormatException): it knows no units and no commas, an int ends at 2147483647.",
    "Write digits only, in the key's own unit.",
    versions="seen on 4.0.7",
)
BAD_SWITCH: Final = Rule(
    "bad-switch",
    LintSeverity.WARNING,
    "A value is neither true nor false.",
    "It takes everything but true for false, and does not say so.",
    "Write true or false.",
    versions="seen on 4.0.7",
)
BAD_READ_PRIORITY: Final = Rule(
    "bad-read-priority",
    LintSeverity.ERROR,
    "The read priority is neither tiered-storage-first nor bookkeeper-first.",
    "It does not start: spelling and case count.",
    "Write tiered-storage-first or bookkeeper-first.",
    versions="seen on 4.0.7",
)
NEWER_NAME_WINS: Final = Rule(
    "newer-name-wins",
    LintSeverity.WARNING,
    "One setting is there under its old and under its new name, with different values.",
    "It takes the new name's value for every topic.",
    "Keep one of them.",
)

RULES: Final = (BLANK_STOPS_START, BLANK_NUMBER, NOT_A_NUMBER, BAD_SWITCH, BAD_READ_PRIORITY, NEWER_NAME_WINS)

# Integer fields of OffloadPoliciesImpl.java that PulsarService.java:1687-1700 unboxes when it makes the thread pools.
_UNBOXED: Final = ("managedLedgerOffloadMaxThreads", "managedLedgerOffloadReadThreads")
_READ_PRIORITIES: Final = ("managedLedgerDataReadPriority", "managedLedgerOffloadedReadPriority")


def single_values(facts: Facts) -> Iterator[LintFinding]:
    """Each value by itself."""
    for entry, setting in facts.known:
        if not entry.value.strip():
            yield from _blank(facts, entry, setting)
        elif spoilt_by(entry, setting) is None:
            yield from _unparsable(facts, entry, setting)


def stops_start_if_blank(setting: Setting) -> bool:
    """Whether the broker cannot do with a blank: long policies, unboxed ints, read priorities."""
    is_long = setting.in_policy and setting.java is JavaType.LONG
    return is_long or setting.key in (*_UNBOXED, *_READ_PRIORITIES)


def two_names(facts: Facts) -> Iterator[LintFinding]:
    """A setting under both of its names."""
    for entry, setting in facts.known:
        newer = newer_name(setting.key)
        other = facts.conf.entry(newer) if newer is not None else None
        if other is not None and other.value.strip() != entry.value.strip():
            yield found(NEWER_NAME_WINS, f"{other.key} in line {other.line} wins over {entry.key}.", entry)


CHECKS: Final = (single_values, two_names)


def _blank(facts: Facts, entry: Entry, setting: Setting) -> Iterator[LintFinding]:
    edits = (CommentOut(entry.key),)
    if facts.is_outdone(entry.key):
        return
    if stops_start_if_blank(setting):
        yield found(BLANK_STOPS_START, f"{entry.key} has no value.", entry, edits=edits)
    elif setting.kind.is_number:
        yield found(BLANK_NUMBER, f"{entry.key} has no value.", entry, edits=edits)


def _unparsable(facts: Facts, entry: Entry, setting: Setting) -> Iterator[LintFinding]:
    text = entry.value.strip()
    if setting.kind.is_number:
        if plain_number(setting, text) is None:
            yield _not_a_number(entry, setting)
    elif setting.kind is Kind.SWITCH:
        if text.lower() not in ("true", "false"):
            yield found(BAD_SWITCH, f"{text!r} means false.", entry)
    elif setting.key in _READ_PRIORITIES and text not in setting.choices and not facts.is_outdone(entry.key):
        meant = text.lower().replace("_", "-")
        edits = (SetValue(entry.key, meant),) if meant in setting.choices else ()
        yield found(BAD_READ_PRIORITY, f"{text!r} is no read priority.", entry, edits=edits)


def _not_a_number(entry: Entry, setting: Setting) -> LintFinding:
    text = entry.value.strip()
    meant = meant_number(setting, text)
    if meant is None:
        return found(NOT_A_NUMBER, f"{text!r} is no {setting.java.value}.", entry)
    what = f"{text!r} is {meant} {setting.kind.value}, and only that number may stand here."
    return found(NOT_A_NUMBER, what, entry, edits=(SetValue(entry.key, str(meant)),))
