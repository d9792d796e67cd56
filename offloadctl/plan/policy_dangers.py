"""What a change of policies endangers, and what of the policies in force is wrong: by the linter's own rules."""

from collections.abc import Iterator
from typing import Final

from offloadctl.brokerconf.entries import BrokerConf, Entry, Layout
from offloadctl.brokerconf.facts import Facts
from offloadctl.brokerconf.findings import LintFinding, LintSeverity, Version
from offloadctl.brokerconf.kinds import Place
from offloadctl.brokerconf.lint import lint
from offloadctl.brokerconf.policy_fields import (
    AGE_THRESHOLD,
    BY_NAME,
    CREDENTIALS,
    DELETION_LAG,
    DRIVER,
    SIZE_THRESHOLD,
    place_name,
)
from offloadctl.brokerconf.settings import BY_KEY
from offloadctl.model.names import TopicName
from offloadctl.model.policies import PolicyLevels, PolicyObject
from offloadctl.plan.offload_policies import Danger, DangerKind, PolicyPlan
from offloadctl.plan.policies_in_force import in_force
from offloadctl.plan.policy_words import lag_words, retention_words, shown_value
from offloadctl.plan.retention import Due, RetentionInForce
from offloadctl.units import format_size

_OF_FILES: Final = frozenset({"policies-override", "priority-overridden", "extra-config-dropped", "secret-in-clear"})
"""What files are warned of, and policies are not: they are what overrides, and secrets in them are told of here."""

_DIRECTORY: Final = "offloadersDirectory"

_OF_BROKERS: Final = frozenset({"settings-without-driver"})

_OF_ABSENCE: Final = frozenset(
    {"bucket-missing", "endpoint-missing", "own-keys-missing", "key-file-missing", "region-missing"}
)
"""What is not there may still be in the broker's own settings, as long as not all of them are known."""


def conf_of(levels: PolicyLevels, policy: PolicyObject) -> BrokerConf:
    """The settings in force as if a broker.conf had them."""
    settings = {key: value for key, value in levels.settings.items() if key in BY_KEY} | {
        BY_NAME[name].setting.key: "present" if name in CREDENTIALS else str(value)
        for name, value in policy.fields.items()
        if name in BY_NAME
    }
    return BrokerConf(Layout.CONF, tuple(Entry(key, value, line) for line, (key, value) in enumerate(settings.items())))


def lint_policies(levels: PolicyLevels, *, version: Version | None = None) -> tuple[LintFinding, ...]:
    """What is wrong with what is in force; the lines of the findings mean nothing."""
    found = lint(conf_of(levels, in_force(levels)), version=version)
    left_out = _OF_FILES | _OF_BROKERS | (frozenset() if levels.broker_is_known else _OF_ABSENCE)
    return tuple(one for one in found if one.rule.id not in left_out)


def dangers_of(plan: PolicyPlan, *, has_offloaded: bool) -> tuple[Danger, ...]:
    """What the change may do; `has_offloaded`: ledgers of the scope are in a store, or nobody knows."""
    if not plan.is_needed:
        return ()
    before, after = in_force(plan.before), in_force(plan.after)
    found = [*_deletion(plan), *_thresholds(before, after), *_hidden(plan), *_driver(plan)]
    if has_offloaded:
        found += _reading(plan)
    return (*found, *_errors(plan))


def dangers_of_retention(
    before: RetentionInForce, after: RetentionInForce, goes: Due, *, has_offloaded: bool
) -> Iterator[Danger]:
    """What a lower retention endangers; `goes`: what it takes at the next look."""
    if has_offloaded:
        kept, once = retention_words(after.retention), retention_words(before.retention)
        text = f"{kept} is kept of what is consumed, and not {once}: offloaded data goes sooner, from the bucket too"
        yield Danger(DangerKind.OFFLOADED_DELETABLE, text)
    if goes.ledgers:
        up_to = "" if goes.is_exact else "up to "
        text = f"at the brokers' next look {up_to}{goes.ledgers:,} ledgers go altogether, {format_size(goes.size)}"
        if goes.offloaded:
            text += f"; {goes.offloaded:,} of them, {format_size(goes.offloaded_size)}, from the bucket too"
        yield Danger(DangerKind.DATA_GOES, text)


def _deletion(plan: PolicyPlan) -> Iterator[Danger]:
    old, new = _lag(plan.before), _lag(plan.after)
    if _or_never(new) < _or_never(old):
        text = f"BookKeeper's copies go {lag_words(new)}, and not {lag_words(old)}"
        yield Danger(DangerKind.COPIES_DELETABLE, text)


def _lag(levels: PolicyLevels) -> int | None:
    """The lag by which copies are deleted; without an offloader none is (ManagedLedgerImpl.java, 2619)."""
    policy = in_force(levels)
    is_off = levels.broker_is_known and not policy.text(DRIVER)
    return None if is_off else policy.number(DELETION_LAG)


def _thresholds(before: PolicyObject, after: PolicyObject) -> Iterator[Danger]:
    for name, what in ((SIZE_THRESHOLD, "size"), (AGE_THRESHOLD, "age")):
        old, new = before.number(name), after.number(name)
        if _or_never(new) < _or_never(old):
            text = f"more is offloaded: the threshold by {what} goes from {shown_value(name, old)} to"
            yield Danger(DangerKind.OFFLOADS_MORE, f"{text} {shown_value(name, new)}")


def _reading(plan: PolicyPlan) -> Iterator[Danger]:
    before, after = (Facts(conf_of(one, in_force(one))) for one in (plan.before, plan.after))
    if before.driver is not None and after.driver is not before.driver:
        text = f"with the driver {after.driver or 'gone'}, ledgers that {before.driver} offloaded cannot be read"
        yield Danger(DangerKind.UNREADABLE, text)
        return
    old, new = before.place_text(Place.ENDPOINT), after.place_text(Place.ENDPOINT)
    if old != new:
        nowhere = "AWS" if plan.after.broker_is_known else "where the broker's own settings say, which policies hide"
        text = f"reads of offloaded ledgers go to {new or nowhere} from now on, and not to {old or nowhere}"
        yield Danger(DangerKind.UNREADABLE, text)


def _driver(plan: PolicyPlan) -> Iterator[Danger]:
    """A driver that nobody has seen at work here (BrokerService.java:2100: a topic's own is made when it is loaded)."""
    before, after = in_force(plan.before), in_force(plan.after)
    driver, directory = after.text(DRIVER), after.text(_DIRECTORY)
    is_seen = driver in (before.text(DRIVER), plan.before.broker.text(DRIVER))
    known = {before.text(_DIRECTORY), plan.before.broker.text(_DIRECTORY)} - {""}
    is_elsewhere = directory not in known and (bool(known) or _DIRECTORY in plan.wish.fields)
    if not driver or (is_seen and not is_elsewhere):
        return
    where = f" in {directory}" if is_elsewhere else ""
    text = f"REST does not tell whether the brokers have an offloader for {driver}{where}; without one"
    if isinstance(plan.wish.scope, TopicName):
        text += " the topic cannot be loaded at all: its producers and consumers fail"
    else:
        text += " nothing is offloaded in the namespace, and what was offloaded cannot be read"
    yield Danger(DangerKind.UNPROVEN_DRIVER, text)


def _hidden(plan: PolicyPlan) -> Iterator[Danger]:
    """What the first policy brings along, where nobody knows what it takes the place of."""
    if plan.before.own is not None or plan.after.own is None or plan.before.broker_is_known:
        return
    known, driver = in_force(plan.before), in_force(plan.after).text(DRIVER)
    for name in (*(place_name(driver, place) for place in (Place.BLOCK_SIZE, Place.READ_BUFFER)), _DIRECTORY):
        leak = BY_NAME[name].leak
        if leak is not None and name not in known and name not in plan.wish.fields:
            text = f"the policy brings {name}={shown_value(name, leak)} along, and what the brokers have is not known"
            yield Danger(DangerKind.HIDES_UNKNOWN, f"{text}: set it, too")


def _errors(plan: PolicyPlan) -> Iterator[Danger]:
    old = {(one.rule.id, one.key) for one in lint_policies(plan.before)}
    for one in lint_policies(plan.after):
        if one.rule.severity is LintSeverity.ERROR and (one.rule.id, one.key) not in old:
            yield Danger(DangerKind.NEW_ERROR, f"{one.what} {one.broker or one.rule.broker} [{one.rule.id}]")


def _or_never(value: int | None) -> float:
    return float("inf") if value is None or value < 0 else value
