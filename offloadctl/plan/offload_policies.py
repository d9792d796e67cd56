"""Changes of offload policies: what is sent for a wish, and what comes of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from offloadctl.brokerconf.kinds import Place
from offloadctl.brokerconf.policy_fields import (
    BY_NAME,
    CREDENTIALS,
    DELETION_LAG,
    DRIVER,
    FIELDS,
    SINGLE_FIELDS,
    SIZE_THRESHOLD,
    leaks_over,
    place_name,
)
from offloadctl.errors import UsageError
from offloadctl.model.names import NamespaceName
from offloadctl.model.policies import STORED, PolicyLevels, PolicyObject, PolicyScope, PolicyValue
from offloadctl.plan.policies_in_force import below, born, in_force, with_own


class Why(StrEnum):
    """Why a field changes."""

    ASKED = "asked"
    PINNED = "pinned"
    """A policy is born with another value for it, which would win over the one in force."""
    REQUIRED = "required"
    """The broker accepts no policy without driver and bucket."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field before and after; None: it is not there."""

    name: str
    before: PolicyValue | None
    after: PolicyValue | None
    why: Why = Why.ASKED


class Verb(StrEnum):
    """What is asked of the broker."""

    REPLACE = "replace the policy"
    REMOVE = "remove the policy"
    PUT_FIELD = "set one field"
    DELETE_FIELD = "remove one field"


@dataclass(frozen=True, slots=True)
class PolicyRequest:
    """One request, in the order in which they are sent."""

    verb: Verb
    name: str = ""
    value: int | None = None
    policy: PolicyObject | None = None


class DangerKind(StrEnum):
    """What a change may do that cannot be taken back, or that nobody may have meant."""

    COPIES_DELETABLE = "copies-deletable"
    OFFLOADED_DELETABLE = "offloaded-deletable"
    DATA_GOES = "data-goes"
    UNREADABLE = "unreadable"
    OFFLOADS_MORE = "offloads-more"
    HIDES_UNKNOWN = "hides-unknown"
    UNPROVEN_DRIVER = "unproven-driver"
    NEW_ERROR = "new-error"


@dataclass(frozen=True, slots=True)
class Danger:
    """One of them, in words."""

    kind: DangerKind
    text: str


@dataclass(frozen=True, slots=True)
class PolicyWish:
    """What a person wants of one scope."""

    scope: PolicyScope
    fields: Mapping[str, PolicyValue] = field(default_factory=dict)
    unset: frozenset[str] = frozenset()
    remove: bool = False
    """The whole policy, and the older fields below it."""
    prune: bool = False
    """What is not among `fields` goes."""
    is_global: bool = False
    """It is about the topic's global policy, which is for every cluster that its namespace is replicated to."""


@dataclass(frozen=True, slots=True)
class PolicyPlan:
    """What would be done."""

    wish: PolicyWish
    before: PolicyLevels
    after: PolicyLevels
    changes: tuple[FieldChange, ...]
    requests: tuple[PolicyRequest, ...]
    dangers: tuple[Danger, ...] = ()

    @property
    def is_needed(self) -> bool:
        """Whether anything is other than it should be."""
        return bool(self.requests)


def plan_change(levels: PolicyLevels, wish: PolicyWish) -> PolicyPlan:
    """The requests that lead from what is there to what is wanted; none if it is there already."""
    own = levels.own
    if wish.remove:
        return _removal(levels, wish)
    wish = _with_kept(own or PolicyObject(), wish)
    _refuse_older(levels, wish)
    unset = set(wish.unset)
    if wish.prune and own is not None:
        unset |= {name for name in own if name not in wish.fields and own.get(name) != _brought(name)}
    kept = (own or PolicyObject()).without(*unset)
    wanted = PolicyObject(dict(wish.fields)).over(kept)
    if own is not None and unset and all(value == _brought(name) for name, value in wanted.fields.items()):
        return _removal(levels, replace(wish, remove=True))
    if own is None and not wish.fields:
        return PolicyPlan(wish, levels, levels, (), ())
    # A namespace's older fields have brought all that a policy is born with already.
    lower = in_force(levels) if own is None and not levels.is_global else below(levels)
    pinned = _pins(levels, wanted, lower, unset)
    after, required = wanted.over(PolicyObject(pinned)), dict[str, PolicyValue]()
    changed = {name for name in {*after, *(own or ())} if (own or PolicyObject()).get(name) != after.get(name)}
    if not changed:
        return PolicyPlan(wish, levels, levels, (), ())
    if not _goes_by_field(levels, changed, after):
        required = _required(after, lower)
        after = after.over(PolicyObject(required))
    reasons = dict.fromkeys(pinned, Why.PINNED) | dict.fromkeys(required, Why.REQUIRED)
    changes = tuple(_changes(own or PolicyObject(), after, reasons))
    requests = tuple(_requests(levels, changes, after))
    planned = with_own(levels, born(after) if own is None or requests[0].verb is Verb.REPLACE else after)
    return PolicyPlan(wish, levels, planned, changes, requests)


def _refuse_older(levels: PolicyLevels, wish: PolicyWish) -> None:
    """No endpoint clears an older field alone: -1 is off, and not inherited."""
    own = levels.own or PolicyObject()
    older = levels.facts.older if isinstance(levels.scope, NamespaceName) else PolicyObject()
    for name in sorted(wish.unset):
        if name in older and name not in own:
            raise UsageError(
                f"{name} of {wish.scope} is an older field, which goes only together with the whole policy",
                hint=f"offloadctl offload-policies unset -n {wish.scope}",
            )


def _with_kept(own: PolicyObject, wish: PolicyWish) -> PolicyWish:
    """The wish with what the policy has in the place of what is to be kept."""
    missing = [name for name, value in wish.fields.items() if value is STORED and name not in own]
    if missing:
        raise UsageError(
            f"{missing[0]} is to be kept, and {wish.scope} has none", hint="give the value itself, or leave it out"
        )
    kept = {name: own.fields[name] for name, value in wish.fields.items() if value is STORED}
    return replace(wish, fields={**wish.fields, **kept})


def _removal(levels: PolicyLevels, wish: PolicyWish) -> PolicyPlan:
    own, is_namespace = levels.own, isinstance(levels.scope, NamespaceName)
    older = levels.facts.older if is_namespace else PolicyObject()
    if own is None and not older.fields:
        return PolicyPlan(wish, levels, levels, (), ())
    # NamespacesBase.java:2392: the removal leaves the older fields, which come into force again.
    requests = [
        PolicyRequest(Verb.DELETE_FIELD, name) if name == DELETION_LAG else PolicyRequest(Verb.PUT_FIELD, name, -1)
        for name in SINGLE_FIELDS
        if name in older
    ]
    before = (own or PolicyObject()).over(older)
    changes = tuple(FieldChange(name, before.get(name), None) for name in _in_order(before))
    after = with_own(levels, None, older=True)
    return PolicyPlan(wish, levels, after, changes, (*requests, PolicyRequest(Verb.REMOVE)))


def _pins(levels: PolicyLevels, wanted: PolicyObject, lower: PolicyObject, unset: set[str]) -> dict[str, PolicyValue]:
    """What must be repeated, since the policy would otherwise hide it."""
    pins = leaks_over(wanted, lower)
    if levels.own is None and not levels.is_global:
        pins |= _of_global(levels, wanted)
    if levels.own is not None:
        # What it was born with and nobody asks about stays as it is.
        return {name: value for name, value in pins.items() if name in unset}
    if isinstance(levels.scope, NamespaceName) and SIZE_THRESHOLD not in wanted:
        threshold = lower.number(SIZE_THRESHOLD)
        # NamespacesBase.java:2361: older releases store -1 where no threshold is given, which is off and not inherited.
        if threshold is not None and threshold >= 0:
            pins[SIZE_THRESHOLD] = threshold
    return pins


def _of_global(levels: PolicyLevels, wanted: PolicyObject) -> dict[str, PolicyValue]:
    """All of the topic's global policy, which its own would hide as a whole."""
    found = (levels.global_topic or PolicyObject()).without(*wanted)
    if hidden := [name for name, value in found.fields.items() if value is STORED]:
        raise UsageError(
            f"the topic's global policy has {hidden[0]}, which a policy of its own would hide and cannot repeat",
            hint="change the global one with --global, or give the credential, too",
        )
    return dict(found.fields)


def _required(after: PolicyObject, lower: PolicyObject) -> dict[str, PolicyValue]:
    """Driver and bucket, as they are in force, where the policy has none: without them it is refused with 412."""
    found: dict[str, PolicyValue] = {}
    driver = after.text(DRIVER) or lower.text(DRIVER)
    if not driver:
        raise UsageError(
            "the broker accepts no such policy without a driver, and none is in force",
            hint="give the driver and its bucket, too: driver=S3 bucket=NAME",
        )
    if not after.text(DRIVER):
        found[DRIVER] = driver
    names = (place_name(driver, Place.BUCKET), "managedLedgerOffloadBucket", "s3ManagedLedgerOffloadBucket")
    if driver != "filesystem" and not any(after.text(name) for name in names):
        bucket = next((name for name in names if lower.text(name)), None)
        if bucket is None:
            raise UsageError(
                f"the broker accepts no policy with the driver {driver} without a bucket, and none is in force",
                hint="give the bucket, too: bucket=NAME",
            )
        found[bucket] = lower.text(bucket)
    return found


def _goes_by_field(levels: PolicyLevels, changed: set[str], after: PolicyObject) -> bool:
    """Whether a namespace's endpoints for single fields do: they touch nothing else, credentials least of all."""
    by_field = all(name == DELETION_LAG or (name in SINGLE_FIELDS and name in after) for name in changed)
    return isinstance(levels.scope, NamespaceName) and by_field


def _changes(before: PolicyObject, after: PolicyObject, reasons: Mapping[str, Why]) -> Iterator[FieldChange]:
    for name in _in_order(PolicyObject({**before.fields, **after.fields})):
        old, new = before.get(name), after.get(name)
        if old != new:
            yield FieldChange(name, old, new, reasons.get(name, Why.ASKED))


def _requests(levels: PolicyLevels, changes: tuple[FieldChange, ...], after: PolicyObject) -> Iterator[PolicyRequest]:
    if not _goes_by_field(levels, {one.name for one in changes}, after):
        yield PolicyRequest(Verb.REPLACE, policy=after)
        return
    for one in changes:
        if one.after is None:
            yield PolicyRequest(Verb.DELETE_FIELD, one.name)
        elif isinstance(one.after, int):
            yield PolicyRequest(Verb.PUT_FIELD, one.name, one.after)


def _brought(name: str) -> PolicyValue | None:
    return BY_NAME[name].brought if name in BY_NAME else None


def _in_order(policy: PolicyObject) -> list[str]:
    order = {one.name: at for at, one in enumerate(FIELDS)}
    return sorted(policy, key=lambda name: (order.get(name, len(order)), name))


# -- what was written


def left_over(plan: PolicyPlan, now: PolicyLevels) -> tuple[FieldChange, ...]:
    """Where what is there now is not what was planned; credentials are there or not, more cannot be seen."""
    planned, found = plan.after.own, now.own
    older = now.facts.older if isinstance(now.scope, NamespaceName) else PolicyObject()
    if planned is None:
        rest = (found or PolicyObject()).over(older)
        return tuple(FieldChange(name, rest.get(name), None) for name in _in_order(rest))
    wrong = _changes(found or PolicyObject(), planned, {})
    return tuple(
        one
        for one in wrong
        if not (one.name in CREDENTIALS and one.before is not None and one.after is not None)
        # Releases differ in what policies are born with; and 4.0.7 takes older fields in.
        and not (one.before is None and one.after == _brought(one.name))
        and not (one.after is None and one.before in (_brought(one.name), plan.before.facts.older.get(one.name)))
    )
