"""Why a topic's offload does what it does: nothing moves, it is stuck, readers hang, disks stay full."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from offloadctl.brokerconf.findings import LintFinding, LintSeverity
from offloadctl.brokerconf.policy_fields import AGE_THRESHOLD, DELETION_LAG, DRIVER, SIZE_THRESHOLD
from offloadctl.model.doctor import Symptom, Weight, without_repeats
from offloadctl.model.finding import Finding, Severity
from offloadctl.model.ledger import Ledger, OffloadProgress, OffloadState
from offloadctl.model.names import TopicName
from offloadctl.model.policies import PolicyLevels, PolicyObject
from offloadctl.model.status import TopicStatus, UnreadTopic, total_size
from offloadctl.plan.broker_errors import known_error
from offloadctl.plan.policies_in_force import in_force
from offloadctl.plan.policy_dangers import lint_policies
from offloadctl.plan.policy_words import DRIVER_UNKNOWN, bucket_flag, story
from offloadctl.units import finite_duration, format_duration, format_size

_WEIGHTS: Final = {
    LintSeverity.ERROR: Weight.ERROR,
    LintSeverity.WARNING: Weight.WARNING,
    LintSeverity.NOTE: Weight.NOTE,
}


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """All that was looked at."""

    topic: TopicName
    levels: PolicyLevels
    statuses: tuple[TopicStatus, ...]
    now: datetime
    unread: tuple[UnreadTopic, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Of a check of the objects."""
    not_checked: tuple[str, ...] = ()
    """Why objects were not looked at, or not all."""
    uploading: frozenset[int] = frozenset()
    """Ledgers in flight whose data object has an open multipart upload."""
    uploads_known: bool = False
    """Whether anybody looked for such uploads."""


def diagnose(facts: TopicFacts) -> tuple[Symptom, ...]:
    """All symptoms, what a person should see first coming first."""
    return without_repeats(
        [
            *_damage(facts),
            *_unread(facts),
            *_policy(facts),
            *_runs(facts),
            *_moving(facts),
            *_disk(facts),
            *_kept(facts),
        ]
    )


def lint_symptom(one: LintFinding) -> Symptom:
    """A finding of the linter as a symptom."""
    return Symptom(
        one.rule.id,
        _WEIGHTS[one.rule.severity],
        one.what,
        means=one.broker or one.rule.broker,
        do=one.fix or one.rule.fix,
    )


def due(ledgers: Sequence[Ledger], policy: PolicyObject, now: datetime) -> tuple[Ledger, ...]:
    """What the automatic offload would take if it looked now (ManagedLedgerImpl.java, maybeOffload)."""
    limit, seconds = policy.number(SIZE_THRESHOLD), policy.number(AGE_THRESHOLD)
    size, age = -1 if limit is None else limit, finite_duration(None if seconds is None else seconds * 1000)
    found, total = [], 0
    for ledger in reversed(ledgers):
        if ledger.is_open:
            continue
        total += ledger.size
        is_old = age is not None and ledger.closed_at is not None and now - ledger.closed_at >= age
        if not ledger.is_offloaded and ((size >= 0 and total > size) or is_old):
            found.append(ledger)
    return tuple(reversed(found))


def _damage(facts: TopicFacts) -> Iterator[Symptom]:
    damage = [one for one in facts.findings if one.severity is Severity.DAMAGE]
    for one in damage:
        where = f"{one.topic}, ledger {one.ledger_id}" if one.ledger_id is not None else str(one.topic or "")
        evidence = "; ".join(
            text
            for text in (
                where,
                f"expected {one.expected}" if one.expected else "",
                f"found {one.found}" if one.found else "",
            )
            if text
        )
        means = " ".join(filter(None, (one.meaning, one.copy))) or "Readers that come here hang, or fail."
        yield Symptom(f"damage-{one.code}", Weight.DAMAGE, one.what, evidence, means, one.next_step)
    for one in facts.findings:
        if one not in damage:
            yield Symptom(one.code, Weight.WARNING, one.what, one.found, one.meaning, one.next_step)
    offloaded = [ledger for status in facts.statuses for ledger in (*status.offloaded, *status.begun)]
    if facts.not_checked:
        why = "; ".join(facts.not_checked)
        yield Symptom(
            "objects-not-checked",
            Weight.UNKNOWN,
            "Not all objects were looked at: a reader may hang for what is not seen here.",
            why,
            do=f"offloadctl check {facts.topic} --load-topics {bucket_flag(in_force(facts.levels))}".rstrip(),
        )
    elif offloaded and not damage:
        yield Symptom("objects", Weight.FINE, f"The objects of {_ledgers(offloaded)} in the store are sound.")


def _unread(facts: TopicFacts) -> Iterator[Symptom]:
    for one in facts.unread:
        known = known_error(one.reason.text)
        yield Symptom(
            f"unread-{one.reason.code}",
            Weight.FAILURE,
            f"{one.topic} cannot be read.",
            one.reason.text,
            known.means if known else "",
            known.do.replace("TOPIC", str(facts.topic)) if known else one.hint,
        )
    idle = [one for one in facts.statuses if not one.managed_ledger.served]
    if idle:
        yield Symptom(
            "not-loaded",
            Weight.UNKNOWN,
            "No broker has the topic loaded, or it does not tell: which offloads are complete is not known.",
            ", ".join(str(one.topic) for one in idle[:3]) + (" and others" if len(idle) > 3 else ""),
            "Automatic offload looks at a topic when one of its ledgers closes; of an idle topic none does.",
            f"offloadctl doctor topic {facts.topic} --load-topics",
        )


def _policy(facts: TopicFacts) -> Iterator[Symptom]:
    policy = in_force(facts.levels)
    if not policy.text(DRIVER) and not facts.levels.broker_is_known:
        do = "ask with super-user rights, or look into broker.conf"
        yield Symptom("driver-not-known", Weight.UNKNOWN, DRIVER_UNKNOWN, do=do)
        return
    if not policy.text(DRIVER):
        yield Symptom(
            "no-driver-in-force",
            Weight.ERROR,
            "No offload driver is in force.",
            means="Nothing is offloaded, and what was offloaded earlier cannot be read.",
            do="set managedLedgerOffloadDriver in broker.conf, or: offloadctl offload-policies set",
        )
        return
    told = dict(story(facts.levels, policy))
    yield Symptom("policy", Weight.FINE, told["where"], do=f"offloadctl offload-policies effective {facts.topic}")
    for one in lint_policies(facts.levels):
        if one.rule.severity is not LintSeverity.NOTE:
            yield lint_symptom(one)


def _runs(facts: TopicFacts) -> Iterator[Symptom]:
    """What the last manual run came to, and what is stuck."""
    for status in facts.statuses:
        claim, in_flight = status.claim, status.in_flight
        if claim is not None and claim.state is OffloadState.ERROR:
            known = known_error(claim.last_error)
            yield Symptom(
                "last-error",
                Weight.ERROR,
                f"The last offload of {status.topic} failed.",
                claim.last_error,
                known.means if known else "This text is not one of those that are known here.",
                (known.do if known else "look into the broker's log").replace("TOPIC", str(facts.topic)),
            )
        if claim is not None and claim.state is OffloadState.RUNNING:
            yield _running(facts, status)
        elif in_flight:
            yield Symptom(
                "in-flight",
                Weight.WARNING,
                f"{_ledgers(in_flight)} of {status.topic} were begun, and no manual run goes on.",
                _ids(in_flight),
                "An automatic run is at work, one failed, or a broker died. The next run begins them anew; an upload"
                " that a crash left open is never ended.",
                f"offloadctl offload topic {facts.topic} -s 0 --dry-run",
            )


def _running(facts: TopicFacts, status: TopicStatus) -> Symptom:
    in_flight = status.in_flight
    if not in_flight:
        return Symptom(
            "queued",
            Weight.WARNING,
            f"The broker says RUNNING for {status.topic}, and has begun no ledger.",
            means="It waits for a thread (managedLedgerOffloadMaxThreads, for all topics), or has just ended.",
            do=f"offloadctl offload status {facts.topic} -w",
        )
    if any(one.ledger_id in facts.uploading for one in in_flight):
        return Symptom(
            "uploading",
            Weight.FINE,
            f"{_ledgers(in_flight)} of {status.topic} are being offloaded: an upload is open.",
            _ids(in_flight),
            do=f"offloadctl offload status {facts.topic} -w",
        )
    evidence = _ids(in_flight) + (
        "; no upload is open in the bucket" if facts.uploads_known else "; uploads were not looked at"
    )
    return Symptom(
        "stuck",
        Weight.ERROR if facts.uploads_known else Weight.WARNING,
        f"The broker says RUNNING for {status.topic}, and nothing is being written.",
        evidence,
        "If it stays so, the offload died: where the store's client cannot be made (credentials, endpoint, key file),"
        " the status says RUNNING until the topic is unloaded.",
        "repair what is wrong above, unload the topic, and offload it again",
    )


def _moving(facts: TopicFacts) -> Iterator[Symptom]:
    """Why nothing is offloaded, if nothing is."""
    policy = in_force(facts.levels)
    if not policy.text(DRIVER):
        return
    told = dict(story(facts.levels, policy))
    thresholds = [policy.number(name) for name in (SIZE_THRESHOLD, AGE_THRESHOLD)]
    is_automatic = any(one is not None and one >= 0 for one in thresholds)
    yield Symptom("thresholds", Weight.FINE if is_automatic else Weight.NOTE, told["offload"])
    eligible = [ledger for status in facts.statuses for ledger in status.eligible]
    waiting = [one for status in facts.statuses for one in due(status.managed_ledger.ledgers, policy, facts.now)]
    waiting = [one for one in waiting if one in eligible and one.progress is OffloadProgress.LOCAL]
    if waiting:
        yield Symptom(
            "due",
            Weight.WARNING,
            f"{_ledgers(waiting)} are beyond the threshold, and still only in BookKeeper.",
            _ids(waiting),
            "The broker looks when a ledger closes, and at no other time; it looks at nothing when a policy changes.",
            f"offloadctl offload topic {facts.topic} -s {max(thresholds[0] or 0, 0)}",
        )
    elif eligible:
        do = f"offloadctl offload topic {facts.topic} -s 0 --dry-run"
        yield Symptom("eligible", Weight.NOTE, f"{_ledgers(eligible)} could be offloaded.", _ids(eligible), do=do)
    yield from _only_open(facts, eligible)


def _only_open(facts: TopicFacts, eligible: Sequence[Ledger]) -> Iterator[Symptom]:
    is_open = any(status.managed_ledger.open is not None for status in facts.statuses)
    closed = [one for status in facts.statuses for one in status.closed if one.size > 0]
    if not is_open or eligible or any(not one.is_offloaded for one in closed):
        return
    settings = facts.levels.settings
    minutes = settings.get("managedLedgerMaxLedgerRolloverTimeMinutes", "240")
    entries = settings.get("managedLedgerMaxEntriesPerLedger", "50000")
    megabytes = settings.get("managedLedgerMaxSizePerLedgerMbytes", "2048")
    sizes = [size for status in facts.statuses if (size := status.open_size) is not None]
    yield Symptom(
        "open-ledger",
        Weight.NOTE,
        "All data that is not offloaded is in the open ledger, which is never offloaded.",
        f"{format_size(sum(sizes))} in it" if sizes else "",
        f"It closes with the first write after {minutes} minutes, with {entries} entries or {megabytes} MiB.",
        "to close it now, unload the topic; managedLedgerInactiveLedgerRolloverTimeSeconds closes idle ones",
    )


def _disk(facts: TopicFacts) -> Iterator[Symptom]:
    """Why local disks do not shrink, if they do not."""
    policy = in_force(facts.levels)
    offloaded = [ledger for status in facts.statuses for ledger in status.offloaded]
    if not policy.text(DRIVER) or not offloaded:
        return
    lag, told = finite_duration(policy.number(DELETION_LAG)), dict(story(facts.levels, policy))
    size = format_size(total_size(offloaded))
    if lag is None:
        yield Symptom(
            "copies-stay",
            Weight.NOTE,
            told["bookies"],
            f"{size} are in both places",
            do=f"offloadctl offload-policies set {facts.topic} deletion-lag=4h",
        )
        return
    objects = [one for status in facts.statuses for one in status.objects or () if one.written_at is not None]
    young = [one for one in objects if one.written_at and facts.now - one.written_at <= lag]
    evidence = f"{len(young)} of {len(objects)} objects are younger than {format_duration(lag)}"
    yield Symptom(
        "deletion-lag",
        Weight.NOTE,
        told["bookies"],
        evidence if objects else "",
        "After that a bookie gives the space back at its garbage collection, when enough of an entry log is unused.",
    )


def _kept(facts: TopicFacts) -> Iterator[Symptom]:
    """Whether the data is kept at all."""
    told = dict(story(facts.levels, in_force(facts.levels)))
    goes = "consumed" in told["data"]
    yield Symptom("retention", Weight.NOTE if goes else Weight.FINE, told["data"])


def _ledgers(ledgers: Sequence[Ledger]) -> str:
    words = "1 ledger" if len(ledgers) == 1 else f"{len(ledgers):,} ledgers"
    return f"{words} ({format_size(total_size(ledgers))})"


def _ids(ledgers: Sequence[Ledger]) -> str:
    shown = ", ".join(str(one.ledger_id) for one in ledgers[:8])
    return f"ledger {shown}" + (", ..." if len(ledgers) > 8 else "")
