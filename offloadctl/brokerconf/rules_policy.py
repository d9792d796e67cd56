"""Rules about when: when ledgers are offloaded, when BookKeeper's copy goes, when the data goes altogether."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from offloadctl.brokerconf.facts import Facts, found
from offloadctl.brokerconf.findings import LintFinding, LintSeverity, Rule
from offloadctl.brokerconf.kinds import EXTRA_PREFIX, OWN_FAMILY, Family
from offloadctl.units import format_duration

OFFLOADS_AT_ONCE: Final = Rule(
    "offloads-at-once",
    LintSeverity.WARNING,
    "A threshold is 0, which is not off.",
    "It offloads every ledger as soon as it closes.",
    "-1 turns the threshold off. Keep 0 if that is what you want.",
)
NO_THRESHOLD: Final = Rule(
    "no-threshold",
    LintSeverity.NOTE,
    "There is no threshold, neither by size nor by age.",
    "It offloads nothing by itself: only by hand, by offloadctl, or where a policy sets a threshold.",
    "Set managedLedgerOffloadAutoTriggerSizeThresholdBytes or managedLedgerOffloadThresholdInSeconds.",
)
NO_DELETION_LAG: Final = Rule(
    "no-deletion-lag",
    LintSeverity.WARNING,
    "The deletion lag is 0.",
    "It deletes BookKeeper's copy at the next retention check, before anybody can check what is in S3.",
    "Set a few hours; 14400000 (4 hours) is the default.",
)
SHORT_DELETION_LAG: Final = Rule(
    "short-deletion-lag",
    LintSeverity.WARNING,
    "The deletion lag is not longer than the time between two retention checks.",
    "It deletes BookKeeper's copy at the first check or the second: there is no time to check what is in S3.",
    "Set a few hours; 14400000 (4 hours) is the default.",
)
COPIES_STAY: Final = Rule(
    "copies-stay",
    LintSeverity.NOTE,
    "The deletion lag is negative.",
    "It never deletes BookKeeper's copies of offloaded ledgers: no disk is freed.",
    "Set a few hours, if offload is to free disk space.",
)
NO_RETENTION: Final = Rule(
    "no-retention",
    LintSeverity.NOTE,
    "Nothing is retained by default: offload is no archive.",
    "It deletes what all subscriptions have consumed, from S3 too, unless the namespace retains it.",
    "Set retention for the namespaces that are to keep their data, or defaultRetentionTimeInMinutes and"
    " defaultRetentionSizeInMB for all.",
)
HALF_RETENTION: Final = Rule(
    "half-retention",
    LintSeverity.WARNING,
    "Of retention's time and size one is 0.",
    "It retains nothing: both must be other than 0. REST refuses such a pair.",
    "Set both; -1 is without a limit.",
)
POLICIES_OVERRIDE: Final = Rule(
    "policies-override",
    LintSeverity.NOTE,
    "A value that every policy of a namespace or topic overrides.",
    "Each policy, be it only a threshold, brings its own default for this key, which wins over the file.",
    "Repeat the value in each policy; for the managedLedgerOffload* sizes of the driver S3 policies have no defaults.",
)
PRIORITY_OVERRIDDEN: Final = Rule(
    "priority-overridden",
    LintSeverity.WARNING,
    "bookkeeper-first does not last in this release.",
    "Each policy of a namespace or topic brings tiered-storage-first, which wins over the file.",
    "Repeat it in each policy, or update the brokers.",
    versions="before 4.0.7",
    issues=(24151,),
)
EXTRA_CONFIG_DROPPED: Final = Rule(
    "extra-config-dropped",
    LintSeverity.WARNING,
    "managedLedgerOffloadExtraConfig* stands in the file.",
    "It drops such keys when it puts the file and the policies together.",
    "Set them in the policies.",
    versions="before the fix of 2026-05",
    issues=(25736,),
)

RULES: Final = (
    OFFLOADS_AT_ONCE,
    NO_THRESHOLD,
    NO_DELETION_LAG,
    SHORT_DELETION_LAG,
    COPIES_STAY,
    NO_RETENTION,
    HALF_RETENTION,
    POLICIES_OVERRIDE,
    PRIORITY_OVERRIDDEN,
    EXTRA_CONFIG_DROPPED,
)

_SIZE: Final = "managedLedgerOffloadAutoTriggerSizeThresholdBytes"
_AGE: Final = "managedLedgerOffloadThresholdInSeconds"
_LAG: Final = "managedLedgerOffloadDeletionLagMs"
_CHECK: Final = "retentionCheckIntervalInSeconds"
_PRIORITY: Final = "managedLedgerDataReadPriority"
_RETENTION: Final = ("defaultRetentionTimeInMinutes", "defaultRetentionSizeInMB")


def thresholds(facts: Facts) -> Iterator[LintFinding]:
    """When ledgers are offloaded."""
    if facts.driver is None:
        return
    for key in (_SIZE, _AGE):
        if facts.number(key) == 0:
            yield found(OFFLOADS_AT_ONCE, f"{key} is 0.", facts.entry(key))
    if facts.number(_SIZE) < 0 and facts.number(_AGE) < 0:
        yield found(NO_THRESHOLD, "Both thresholds are off.", facts.entry(_SIZE), key=_SIZE)


def deletion_lag(facts: Facts) -> Iterator[LintFinding]:
    """When BookKeeper's copy goes."""
    if facts.driver is None:
        return
    lag_ms, check_s = facts.number(_LAG), facts.number(_CHECK)
    entry = facts.entry(_LAG)
    if not lag_ms:
        yield found(NO_DELETION_LAG, f"{_LAG} is 0.", entry)
    elif lag_ms < 0:
        yield found(COPIES_STAY, "The copies stay for ever.", entry)
    elif lag_ms <= check_s * 1000:
        lag, check = timedelta(milliseconds=lag_ms), timedelta(seconds=check_s)
        what = f"The lag is {format_duration(lag)}, the check runs every {format_duration(check)}."
        yield found(SHORT_DELETION_LAG, what, entry or facts.entry(_CHECK))


def retention(facts: Facts) -> Iterator[LintFinding]:
    """When the data goes altogether."""
    if facts.driver is None:
        return
    time, size = (facts.number(key) for key in _RETENTION)
    entry = next((one for one in map(facts.entry, _RETENTION) if one is not None), None)
    if not time and not size:
        yield found(NO_RETENTION, "Data goes once it is consumed.", entry, key=_RETENTION[0])
    elif not time or not size:
        yield found(HALF_RETENTION, f"{_RETENTION[0]} is {time}, {_RETENTION[1]} is {size}.", entry)


def overridden(facts: Facts) -> Iterator[LintFinding]:
    """What does not hold any more once there is a policy."""
    if facts.driver is None:
        return
    read = (Family.COMMON, OWN_FAMILY.get(facts.driver, Family.GENERIC))
    for entry, setting in facts.known:
        if setting.family in read and setting.leaks is not None and entry.value.strip() not in ("", setting.leaks):
            yield found(POLICIES_OVERRIDE, f"Each policy brings {setting.leaks}.", entry)
    priority = facts.entry(_PRIORITY)
    is_old = facts.version is not None and facts.version.is_before("4.0.7")
    if is_old and priority is not None and priority.value.strip() == "bookkeeper-first":
        yield found(PRIORITY_OVERRIDDEN, "Each policy brings tiered-storage-first.", priority)


def extra_config(facts: Facts) -> Iterator[LintFinding]:
    """Free keys, which only policies can have."""
    for entry in facts.written:
        if entry.key.startswith(EXTRA_PREFIX):
            yield found(EXTRA_CONFIG_DROPPED, f"{entry.key} reaches no driver.", entry)


CHECKS: Final = (thresholds, deletion_lag, retention, overridden, extra_config)
