"""Policies in plain words: values with their units, and when data moves, when its first copy goes, when it all goes."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from offloadctl.brokerconf.kinds import Kind, Place
from offloadctl.brokerconf.masking import shown
from offloadctl.brokerconf.policy_fields import AGE_THRESHOLD, BY_NAME, DELETION_LAG, DRIVER, SIZE_THRESHOLD, place_name
from offloadctl.model.ledger import OffloadPolicies
from offloadctl.model.policies import PolicyLevels, PolicyObject, PolicyValue, Retention
from offloadctl.plan import bucket_in_force
from offloadctl.plan.retention import retention_in_force
from offloadctl.redaction import MASK, Secret
from offloadctl.units import finite_duration, format_duration, format_size

DRIVER_UNKNOWN: Final = "Which driver is in force is not known: no policy names one, and the brokers' own is not seen."

_UNITS: Final = {Kind.MILLISECONDS: 0.001, Kind.SECONDS: 1.0, Kind.MINUTES: 60.0}


def plain_value(name: str, value: PolicyValue | None) -> str | int | None:
    """A value as it can be shown: credentials masked."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, str):
        return shown(name, value)
    return MASK if isinstance(value, Secret) else str(value)


def shown_value(name: str, value: PolicyValue | None) -> str:
    """A value for people: `14400000 (4h)`, `-1 (off)`, a dash for none."""
    plain = plain_value(name, value)
    if plain is None:
        return "-"
    words = number_words(name, plain) if isinstance(plain, int) else ""
    return f"{plain} ({words})" if words else str(plain)


def number_words(name: str, number: int) -> str:
    """What a number says; empty for a mere count."""
    kind = BY_NAME[name].setting.kind if name in BY_NAME else Kind.COUNT
    if number < 0 and name in (SIZE_THRESHOLD, AGE_THRESHOLD):
        return "off"
    if number < 0 and name == DELETION_LAG:
        return "never"
    if kind is Kind.BYTES:
        return format_size(number) if abs(number) >= 1024 else ""
    duration = finite_duration(abs(number) * round(1000 * _UNITS[kind])) if kind in _UNITS else None
    return "" if duration is None else format_duration(duration if number >= 0 else -duration)


def lag_words(lag_ms: int | None) -> str:
    """When BookKeeper's copy of an offloaded ledger goes."""
    lag = finite_duration(lag_ms)
    if lag is None:
        return "never"
    return f"{format_duration(lag)} after the offload" if lag else "right after the offload"


def bucket_flag(policy: PolicyObject) -> str:
    """How a command is told to look into the bucket in force; empty if it is none that speaks S3's language."""
    driver = policy.text(DRIVER)
    bucket, endpoint, region = (_place(policy, driver, one) for one in (Place.BUCKET, Place.ENDPOINT, Place.REGION))
    return bucket_in_force.bucket_flag(OffloadPolicies(driver, bucket, region, endpoint))


def story(levels: PolicyLevels, policy: PolicyObject) -> Iterator[tuple[str, str]]:
    """The life of this scope's data, by what is in force: a label and a sentence for each step."""
    if not policy.text(DRIVER) and not levels.broker_is_known:
        yield "where", DRIVER_UNKNOWN
        yield "data", retention_story(retention_in_force(levels).retention)
        return
    yield "where", _where(policy)
    yield "offload", _offload(policy)
    lag = policy.number(DELETION_LAG)
    if not policy.text(DRIVER):
        yield "bookies", "Nothing is deleted because of an offload, as there is none."
    elif finite_duration(lag) is None:
        yield "bookies", "BookKeeper keeps its copy of what is offloaded: no disk space comes back."
    else:
        check = levels.settings.get("retentionCheckIntervalInSeconds", "120")
        yield "bookies", f"BookKeeper's copy goes {lag_words(lag)}, at the next check (every {check} s)."
    yield "data", retention_story(retention_in_force(levels).retention)


def _where(policy: PolicyObject) -> str:
    driver = policy.text(DRIVER)
    if not driver:
        return "No driver is in force: nothing is offloaded, and what was offloaded cannot be read."
    bucket, endpoint = (_place(policy, driver, place) for place in (Place.BUCKET, Place.ENDPOINT))
    if driver == "filesystem":
        return f"The driver filesystem writes to {policy.text('fileSystemURI') or 'no file system: none is set'}."
    at = f" at {shown('', endpoint)}" if endpoint else ""
    return (
        f"The driver {driver} writes to the bucket {bucket}{at}." if bucket else f"The driver {driver} has no bucket."
    )


def _place(policy: PolicyObject, driver: str, place: Place) -> str:
    own = place_name(driver, place)
    return policy.text(own) if own in policy else policy.text("managedLedgerOffload" + place)


def _offload(policy: PolicyObject) -> str:
    if not policy.text(DRIVER):
        return "Nothing moves."
    size, age = policy.number(SIZE_THRESHOLD), policy.number(AGE_THRESHOLD)
    size = -1 if size is None else size
    age = -1 if age is None or finite_duration(age * 1000) is None else age
    if size < 0 and age < 0:
        return "Nothing moves by itself: both thresholds are off. By hand, or by offloadctl, ledgers can be moved."
    if size == 0 or age == 0:
        return "Every ledger moves as soon as it closes."
    parts = [f"what is beyond the newest {format_size(size)} of closed ledgers"] if size > 0 else []
    if age > 0:
        parts.append(f"what closed {format_duration(timedelta(seconds=age))} ago")
    moment = " The broker looks only when a ledger closes; there is no timer." if age > 0 else ""
    return f"When a ledger closes, {' and '.join(parts)} moves.{moment}"


def retention_words(retention: Retention | None) -> str:
    """How much is kept of what is consumed: `30d`, `30d, and at most 100 GiB`, `nothing`."""
    if retention is None:
        return "the brokers' own default, which is not known"
    if retention.keeps_nothing:
        return "nothing"
    if retention.keeps_everything:
        return "everything"
    limits = []
    if retention.minutes > 0:
        limits.append(_minutes(retention.minutes))
    if retention.mebibytes > 0:
        limits.append(f"at most {format_size(retention.mebibytes * 1024 * 1024)}")
    return ", and ".join(limits)


def _minutes(minutes: int) -> str:
    duration = finite_duration(minutes * 60_000)
    return format_duration(duration) if duration is not None else f"{minutes} minutes"


def retention_story(retention: Retention | None) -> str:
    """When all of the data goes, in a sentence."""
    if retention is None:
        return "When it goes altogether, from the bucket too, the brokers' own default says, which is not known."
    if retention.keeps_nothing:
        return "It goes altogether, from the bucket too, once all subscriptions have consumed it: nothing is retained."
    if retention.keeps_everything:
        return "It stays until its topic is deleted: retention has no limit."
    limits = []
    if retention.minutes > 0:
        limits.append(f"older than {_minutes(retention.minutes)}")
    if retention.mebibytes > 0:
        limits.append(f"beyond {format_size(retention.mebibytes * 1024 * 1024)}")
    return f"It goes altogether, from the bucket too, when it is consumed and {' or '.join(limits)}."
