"""Rules about the text: names that are not read, and values that are not what they look like."""

import re
from collections.abc import Iterator
from typing import Final

from offloadctl.brokerconf.edit import AddPrefix, SetValue
from offloadctl.brokerconf.entries import Entry, Layout
from offloadctl.brokerconf.facts import Facts, found, printable
from offloadctl.brokerconf.findings import LintFinding, LintSeverity, Rule
from offloadctl.brokerconf.formats import PREFIX
from offloadctl.brokerconf.kinds import EXTRA_PREFIX, JavaType, Setting
from offloadctl.brokerconf.settings import BY_KEY, nearest

BAD_ESCAPE: Final = Rule(
    "bad-escape",
    LintSeverity.ERROR,
    r"A \u is not followed by four hexadecimal digits.",
    r"It does not start: Java refuses the whole file (Malformed \uxxxx encoding).",
    r"Write \\u for a backslash and a u, or give the four digits.",
)
DUPLICATE_KEY: Final = Rule(
    "duplicate-key",
    LintSeverity.WARNING,
    "A key is there more than once, with different values.",
    "The last one counts; the others only look as if they did.",
    "Keep one of them.",
)
UNKNOWN_KEY: Final = Rule(
    "unknown-key",
    LintSeverity.WARNING,
    "A key looks like one of offload's, and is none.",
    "It does not read the key, and does not say so: the default counts.",
    "Correct the name; keys are case-sensitive.",
)
VARIABLE_WITHOUT_PREFIX: Final = Rule(
    "variable-without-prefix",
    LintSeverity.ERROR,
    "A variable is named like a key that the images' broker.conf does not have.",
    "It never sees the value: the images' start script replaces only keys that are in the file.",
    "Put PULSAR_PREFIX_ in front of the name; it is right for every key.",
)
INLINE_COMMENT: Final = Rule(
    "inline-comment",
    LintSeverity.ERROR,
    "A comment stands behind a value.",
    "It takes the comment for a part of the value: a number with one stops its start, a bucket is another bucket.",
    "Put the comment on a line of its own.",
)
QUOTED_VALUE: Final = Rule(
    "quoted-value",
    LintSeverity.ERROR,
    "A value stands in quotes.",
    "It takes the quotes for a part of the value.",
    "Take them away.",
)
TRAILING_BLANK: Final = Rule(
    "trailing-blank",
    LintSeverity.ERROR,
    "A value ends with a blank.",
    "Java keeps the blank, and offload's texts are not trimmed: it becomes a part of the name.",
    "Take it away.",
)
NOT_ASCII: Final = Rule(
    "not-ascii",
    LintSeverity.WARNING,
    "A value has characters beyond ASCII.",
    "It reads its file as Latin-1: of one such character in UTF-8 it makes two or more others.",
    r"Write \uXXXX, or choose another name.",
)
PLACEHOLDER_LEFT: Final = Rule(
    "placeholder-left",
    LintSeverity.ERROR,
    "A value is a placeholder that nobody filled in.",
    "It takes the placeholder for the value: no variables are replaced in offload's keys.",
    "Give the value itself, or render the file before the broker reads it.",
    versions="seen on 4.0.7",
)
TOO_NEW: Final = Rule(
    "too-new",
    LintSeverity.WARNING,
    "This release does not have the key yet.",
    "It does not read the key, and does not say so.",
    "Leave it out, or update the brokers.",
)

RULES: Final = (
    BAD_ESCAPE,
    DUPLICATE_KEY,
    UNKNOWN_KEY,
    VARIABLE_WITHOUT_PREFIX,
    INLINE_COMMENT,
    QUOTED_VALUE,
    TRAILING_BLANK,
    NOT_ASCII,
    PLACEHOLDER_LEFT,
    TOO_NEW,
)

_BYTE_ORDER_MARK: Final = "\xef\xbb\xbf"
"""In UTF-8, as read by Java: the file's first key begins with it."""

# Parsed untrimmed by OffloadPoliciesImpl.java, compatibleWithBrokerConfigFile; every other number is trimmed.
_UNTRIMMED_NUMBERS: Final = ("managedLedgerOffloadAutoTriggerSizeThresholdBytes", "managedLedgerOffloadDeletionLagMs")
_OFFLOADS_OWN: Final = re.compile(r"(?:s3|gcs|azure)?managedLedgerOffload|fileSystem(?:URI|Profile)", re.IGNORECASE)
_COMMENT_BEHIND: Final = re.compile(r"(?:\S*[ \t]+)?#(?:\D.*)?|\S+[ \t]+//.*", re.DOTALL)
_QUOTED: Final = re.compile(r"\s*([\"'])(.*)\1\s*", re.DOTALL)
_PLACEHOLDER: Final = re.compile(r"\$\{.*\}|\$\w+|\{\{.*\}\}|<[^<>]+>")


def bad_escapes(facts: Facts) -> Iterator[LintFinding]:
    """In any line: Java refuses the file whatever it is about."""
    for entry in facts.written:
        if entry.bad_escape:
            yield found(BAD_ESCAPE, f"{entry.bad_escape!r} is no escape.", entry)


def names(facts: Facts) -> Iterator[LintFinding]:
    """Keys that are not read, or not here."""
    for entry in facts.written:
        if entry.key not in BY_KEY:
            yield from _unknown(entry)
        elif not entry.is_applied:
            yield found(
                VARIABLE_WITHOUT_PREFIX,
                f"The images' broker.conf has no {entry.key}.",
                entry,
                fix=f"Name it {PREFIX}{entry.key}.",
                edits=() if _counts_already(facts, entry) else (AddPrefix(entry.key),),
            )
        elif facts.version is not None and (since := BY_KEY[entry.key].since) and not facts.version.has(since):
            yield found(TOO_NEW, f"Pulsar has {entry.key} since {since}.", entry)


def _counts_already(facts: Facts, entry: Entry) -> bool:
    """Whether there is a value that a better name would take the place of."""
    last = [one for one in facts.written if one.key == entry.key][-1]
    return facts.conf.entry(entry.key) is not None or last is not entry


def duplicates(facts: Facts) -> Iterator[LintFinding]:
    """Each earlier line that a later one outdoes."""
    for entry in facts.written:
        last = facts.conf.entry(entry.key)
        if entry.key in BY_KEY and entry.is_applied and last is not None and last.value != entry.value:
            yield found(DUPLICATE_KEY, f"Line {last.line} gives {entry.key} another value.", entry)


def values(facts: Facts) -> Iterator[LintFinding]:
    """Values that are not what they look like."""
    for entry, setting in facts.known:
        rule = spoilt_by(entry, setting)
        if rule is not None:
            unquoted = SetValue(entry.key, entry.value.strip()[1:-1])
            edits = (unquoted,) if rule is QUOTED_VALUE else ()
            yield found(rule, _SPOILT[rule.id], entry, edits=edits)
        elif entry.value.strip() and entry.value != entry.value.rstrip():
            yield from _trailing_blank(facts, entry, setting)
        elif not entry.value.isascii():
            yield found(NOT_ASCII, f"The broker reads {printable(entry.value)!r}.", entry)


def spoilt_by(entry: Entry, setting: Setting) -> Rule | None:
    """The rule of this module that says why a value is another one than was meant, so that no other one needs to."""
    text = entry.value.strip()
    if setting.is_secret:
        return None  # it may be anything
    if _PLACEHOLDER.fullmatch(text):
        return PLACEHOLDER_LEFT
    if _QUOTED.fullmatch(text):
        return QUOTED_VALUE
    return INLINE_COMMENT if _COMMENT_BEHIND.fullmatch(text) else None


_SPOILT: Final = {
    PLACEHOLDER_LEFT.id: "The value is still to be filled in.",
    QUOTED_VALUE.id: "The quotes belong to the value.",
    INLINE_COMMENT.id: "The comment belongs to the value.",
}

CHECKS: Final = (bad_escapes, names, duplicates, values)


def _unknown(entry: Entry) -> Iterator[LintFinding]:
    if entry.key.startswith(EXTRA_PREFIX):
        return
    if entry.key.removeprefix(_BYTE_ORDER_MARK) in BY_KEY:
        yield found(UNKNOWN_KEY, "A byte order mark stands before it, and belongs to the key.", entry)
        return
    near = nearest(entry.key, cutoff=0.8 if _OFFLOADS_OWN.match(entry.key) else 0.96)
    if near or _OFFLOADS_OWN.match(entry.key):
        hint = f" Did you mean {near[0]}?" if near else ""
        yield found(UNKNOWN_KEY, f"Pulsar has no key {entry.key}.{hint}", entry)


def _trailing_blank(facts: Facts, entry: Entry, setting: Setting) -> Iterator[LintFinding]:
    is_number = entry.key in _UNTRIMMED_NUMBERS
    is_text = setting.in_policy and setting.java in (JavaType.STRING, JavaType.ENUM)
    if facts.conf.layout is Layout.CONF and (is_number or is_text) and not facts.is_outdone(entry.key):
        broker = "It does not start: this value is not trimmed." if is_number or setting.choices else ""
        edits = (SetValue(entry.key, entry.value.rstrip()),)
        yield found(
            TRAILING_BLANK, f"There is a blank behind {entry.value.rstrip()!r}.", entry, broker=broker, edits=edits
        )
