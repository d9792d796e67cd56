"""What a change of policies endangers, and what of the policies in force is wrong: by the linter's own rules."""

from collections.abc import Iterator
from typing import Final

from offloadctl.brokerconf.entries import BrokerConf, Entry, Layout
from offloadctl.brokerconf.facts import Facts
from offloadctl.brokerconf.findings import LintFinding, LintSeverity, Version
from offloadctl.brokerconf.kinds import Place
from offloadctl.brokerconf.lint import lint
from offloadctl.brokerconf.policy_fields import AGE_THRESHOLD, BY_NAME, CREDENTIALS, DELETION_LAG, SIZE_THRESHOLD
from offloadctl.model.policies import PolicyLevels, PolicyObject
from offloadctl.plan.offload_policies import Danger, DangerKind, PolicyPlan, in_force
from offloadctl.plan.policy_words import lag_words, shown_value

_OF_FILES: Final = frozenset({"policies-override", "priority-overridden", "extra-config-dropped", "secret-in-clear"})
"""What files are warned of, and policies are not: they are what overrides, and secrets in them are told of here."""

_OF_BROKERS: Final = frozenset({"settings-without-driver"})


def conf_of(levels: PolicyLevels, policy: PolicyObject) -> BrokerConf:
    """The settings in force as if a broker.conf had them."""
    settings = dict(levels.settings) | {
        BY_NAME[name].setting.key: "present" if name in CREDENTIALS else str(value)
        for name, value in policy.fields.items()
        if name in BY_NAME
    }
    return BrokerConf(Layout.CONF, tuple(Entry(key, value, line) for line, (key, value) in enumerate(settings.items())))


def lint_policies(levels: PolicyLevels, *, version: Version | None = None) -> tuple[LintFinding, ...]:
    """What is wrong with what is in force; the lines of the findings mean nothing."""
    found = lint(conf_of(levels, in_force(levels)), version=version)
    return tuple(one for one in found if one.rule.id not in _OF_FILES | _OF_BROKERS)


def dangers_of(plan: PolicyPlan, *, has_offloaded: bool) -> tuple[Danger, ...]:
    """What the change may do; `has_offloaded`: ledgers of the scope are in a store, or nobody knows."""
    if not plan.is_needed:
        return ()
    before, after = in_force(plan.before), in_force(plan.after)
    found = [*_deletion(before, after), *_thresholds(before, after)]
    if has_offloaded:
        found += _reading(plan)
    return (*found, *_errors(plan))


def _deletion(before: PolicyObject, after: PolicyObject) -> Iterator[Danger]:
    old, new = before.number(DELETION_LAG), after.number(DELETION_LAG)
    if _or_never(new) < _or_never(old):
        text = f"BookKeeper's copies go {lag_words(new)}, and not {lag_words(old)}"
        yield Danger(DangerKind.COPIES_DELETABLE, text)


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
        text = f"reads of offloaded ledgers go to {new or 'the default address'} from now on, and not to"
        yield Danger(DangerKind.UNREADABLE, f"{text} {old or 'the default address'}")


def _errors(plan: PolicyPlan) -> Iterator[Danger]:
    old = {(one.rule.id, one.key) for one in lint_policies(plan.before)}
    for one in lint_policies(plan.after):
        if one.rule.severity is LintSeverity.ERROR and (one.rule.id, one.key) not in old:
            yield Danger(DangerKind.NEW_ERROR, f"{one.what} {one.broker or one.rule.broker} [{one.rule.id}]")


def _or_never(value: int | None) -> float:
    return float("inf") if value is None or value < 0 else value
