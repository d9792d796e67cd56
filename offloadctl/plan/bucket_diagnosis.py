"""What a bucket's configuration does to offloaded ledgers."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final, TypeVar
from urllib.parse import urlsplit

from offloadctl.model.bucket_facts import BucketFacts, LifecycleRule, Told
from offloadctl.model.doctor import Symptom, Weight
from offloadctl.units import format_duration

T = TypeVar("T")

_SKEW: Final = timedelta(minutes=2)
"""S3 refuses requests at 15 minutes."""

_ARCHIVES: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Nobody can read from these without a restore; brokers ask for none. GLACIER_IR can be read at once."""

_KEY_SHAPE: Final = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh-ledger-"
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


def diagnose_bucket(facts: BucketFacts) -> Iterator[Symptom]:
    """Everything, in the order in which it matters."""
    yield from _lifecycle(facts.lifecycle)
    yield from _deleting(facts)
    yield from _place(facts)
    yield from _told(facts.encryption, "encryption", "New objects are encrypted by default", _encryption)
    yield from _told(facts.clock_skew, "clock", "The store's clock", _clock)


def may_hold(prefix: str) -> bool:
    """Whether a key that Pulsar writes can begin so."""
    shape, rest = _KEY_SHAPE[: len(prefix)].replace("h", "[0-9a-f]"), prefix[len(_KEY_SHAPE) :]
    number = rest.rstrip("-index")
    is_end = "-index".startswith(rest[len(number) :]) and number.isdecimal() if rest else True
    return is_end and re.fullmatch(shape, prefix[: len(_KEY_SHAPE)]) is not None


def _lifecycle(told: Told[tuple[LifecycleRule, ...]]) -> Iterator[Symptom]:
    if told.refusal:
        what = "The lifecycle rules cannot be read: whether they delete or archive ledgers is not known."
        yield Symptom("lifecycle", Weight.UNKNOWN, what, told.refusal, do="it takes s3:GetLifecycleConfiguration")
        return
    ours = [rule for rule in told.value or () if may_hold(rule.prefix)]
    for rule in ours:
        yield from _rule(rule)
    if not any(rule.aborts_uploads_after_days is not None for rule in ours):
        yield Symptom(
            "uploads-never-aborted",
            Weight.WARNING,
            "No lifecycle rule aborts uploads that were begun and never ended.",
            means="A broker that dies during an upload leaves it open: no listing shows it, and it is paid for.",
            do="add a rule with AbortIncompleteMultipartUpload, some days after initiation",
        )
    else:
        yield Symptom("uploads-aborted", Weight.FINE, "A lifecycle rule aborts uploads that never ended.")


def _rule(rule: LifecycleRule) -> Iterator[Symptom]:
    name = f"rule {rule.id or '(without a name)'}, prefix {rule.prefix!r}"
    archives = [one for one in rule.archives_to if one in _ARCHIVES]
    narrowed = "It is narrowed by tags or sizes; what it takes is lost all the same. " if rule.is_narrowed else ""
    if rule.expires:
        yield Symptom(
            "lifecycle-expires",
            Weight.WARNING if rule.is_narrowed else Weight.ERROR,
            f"A lifecycle rule deletes offloaded ledgers {rule.expires}.",
            name,
            f"{narrowed}The metadata still names them: readers hang or fail, and the data is lost.",
            "take the rule away; Pulsar's retention deletes what is not needed any more",
        )
    if archives:
        yield Symptom(
            "lifecycle-archives",
            Weight.WARNING if rule.is_narrowed else Weight.ERROR,
            f"A lifecycle rule moves offloaded ledgers to {', '.join(archives)}.",
            name,
            f"{narrowed}Brokers cannot read objects from there: readers fail until somebody restores them.",
            "take the rule away, or use a class that can be read at once",
        )


def _deleting(facts: BucketFacts) -> Iterator[Symptom]:
    yield from _told(facts.object_lock, "object-lock", "Object lock is", _object_lock)
    versioning = facts.versioning
    if versioning.refusal:
        yield Symptom("versioning", Weight.UNKNOWN, "Versioning is not known.", versioning.refusal)
    elif versioning.value == "Enabled":
        expire = any(rule.old_versions_expire for rule in facts.lifecycle.value or ())
        means = "What Pulsar deletes stays as an old version, which can be brought back"
        more = "." if expire else ", and is paid for until somebody deletes it: no rule does."
        yield Symptom("versioning", Weight.NOTE, "The bucket keeps old versions.", means=means + more)
    else:
        yield Symptom("versioning", Weight.FINE, "The bucket keeps no old versions: what is deleted is gone.")


def _object_lock(value: str | None) -> Symptom:
    if value is None:
        return Symptom("object-lock", Weight.FINE, "Objects can be deleted: there is no object lock.")
    means = "Brokers delete by keys alone, which leaves a marker; locked versions stay, and are paid for."
    return Symptom("object-lock", Weight.NOTE, f"Object lock is {value}.", means=means)


def _encryption(value: str | None) -> Symptom:
    if value is None:
        return Symptom("encryption", Weight.NOTE, "The bucket has no default encryption of its own.")
    means = "Brokers need kms:GenerateDataKey and kms:Decrypt on the key, and we kms:Decrypt." if "kms" in value else ""
    return Symptom("encryption", Weight.FINE, f"New objects are encrypted by default: {value}.", means=means)


def _clock(value: timedelta | None) -> Symptom:
    if value is None:
        return Symptom("clock", Weight.UNKNOWN, "The store does not tell its time.")
    if abs(value) < _SKEW:
        return Symptom("clock", Weight.FINE, "Our clock and the store's agree.")
    words = (
        f"The store's clock is {format_duration(abs(value))} {'ahead of' if value > timedelta() else 'behind'} ours."
    )
    means = "From 15 minutes on S3 refuses all requests; and ages that are told here are wrong."
    return Symptom("clock", Weight.WARNING, words, means=means, do="set both by NTP; look at the brokers' clocks, too")


def _place(facts: BucketFacts) -> Iterator[Symptom]:
    region, wanted = facts.region, facts.wanted_region
    if region.refusal:
        do = "it takes s3:GetBucketLocation, which brokers need as well"
        yield Symptom("region", Weight.UNKNOWN, "The bucket's region is not known.", region.refusal, do=do)
    elif wanted and region.value and wanted != region.value:
        means = "Requests are sent round, or refused; brokers' offloads fail with a wrong region."
        what = f"The bucket is in {region.value}, and {wanted} is set here."
        yield Symptom("region", Weight.WARNING, what, means=means, do=f"set region = {region.value!r}")
    else:
        yield Symptom("region", Weight.FINE, f"The bucket is in {region.value}.")
    parts = urlsplit(facts.endpoint)
    style = "in the path" if facts.path_style else "in the host name where that is possible"
    if parts.scheme == "https":
        yield Symptom("endpoint", Weight.FINE, f"{facts.endpoint}, by TLS; the bucket's name stands {style}.")
    else:
        is_local = parts.hostname in _LOCAL
        yield Symptom(
            "no-tls",
            Weight.NOTE if is_local else Weight.WARNING,
            f"{facts.endpoint} is used without TLS; the bucket's name stands {style}.",
            means="" if is_local else "Everybody on the way can read the ledgers, and change them.",
        )


def _told(told: Told[T], name: str, what: str, judge: Callable[[T | None], Symptom]) -> Iterator[Symptom]:
    if told.refusal:
        yield Symptom(name, Weight.UNKNOWN, f"{what}: not known.", told.refusal)
    else:
        yield judge(told.value)
