"""What became of each finding from one report to the next: gone is only what the second one would have seen."""

from collections.abc import Iterator, Mapping
from typing import Final

from offloadctl.check.catalogue import KINDS
from offloadctl.model.check_diff import (
    Change,
    CheckDiff,
    ComparedFinding,
    ReportedCheck,
    ReportedFinding,
    ReportedLedger,
    ReportedTopic,
)

_NAMED: Final = 5
"""So many topics tell which ones are meant."""


def compare(before: ReportedCheck, after: ReportedCheck) -> CheckDiff:
    """The second report beside the first one, in the order of the second one; what it has not comes last."""
    then = {one.id: one for one in before.findings}
    now = {one.id: one for one in after.findings}
    findings = [_of_both(then.get(number), one) for number, one in now.items()]
    findings += [_no_more(one, before, after) for number, one in then.items() if number not in now]
    order = tuple(Change)
    return CheckDiff(
        before,
        after,
        tuple(sorted(findings, key=lambda one: order.index(one.change))),
        lost=tuple(_less(before, after)),
        gained=tuple(_less(after, before)),
    )


def _of_both(then: ReportedFinding | None, now: ReportedFinding) -> ComparedFinding:
    if then is None:
        return ComparedFinding(Change.NEW, None, now)
    return ComparedFinding(Change.STILL_THERE if then.is_like(now) else Change.CHANGED, then, now)


def _no_more(then: ReportedFinding, before: ReportedCheck, after: ReportedCheck) -> ComparedFinding:
    why = _not_seen_in_bucket(then, after) if then.bucket else _not_seen_in_topic(then, before, after)
    return ComparedFinding(Change.NOT_LOOKED_AT if why else Change.GONE, then, None, why)


def _not_seen_in_bucket(finding: ReportedFinding, after: ReportedCheck) -> str:
    bucket = (after.buckets or {}).get(finding.bucket)
    if bucket is None or not bucket.is_whole or not after.is_everything:
        return f"what is nobody's in {finding.bucket} was not looked for"
    return f"more findings in {finding.bucket} than the report keeps" if bucket.has_more else ""


def _not_seen_in_topic(finding: ReportedFinding, before: ReportedCheck, after: ReportedCheck) -> str:
    topic = (after.topics or {}).get(finding.topic)
    if topic is None:
        return "" if after.is_everything else f"{finding.topic} is not in its scope"
    if topic.error:
        return f"{finding.topic} could not be read: {topic.error}"
    ledger = None if finding.ledger_id is None else (topic.ledgers or {}).get(finding.ledger_id)
    if ledger is not None:
        return _not_seen_of_ledger(ledger) or _not_deep_enough(finding, before, after, ledger)
    if topic.not_begun:
        return "its turn never came"
    return f"only a sample was looked at: {after.sample}" if after.sample else _not_deep_enough(finding, before, after)


def _not_deep_enough(
    finding: ReportedFinding, before: ReportedCheck, after: ReportedCheck, ledger: ReportedLedger | None = None
) -> str:
    kind = KINDS.get(finding.code)
    deep_enough = after.level.includes(before.level) or (kind is not None and after.level.includes(kind.seen_at))
    is_gone = deep_enough or (ledger is not None and ledger.is_trimmed)
    return "" if is_gone else f"the level {after.level.value} does not look so deep"


def _not_seen_of_ledger(ledger: ReportedLedger) -> str:
    if not ledger.is_covered and not ledger.is_trimmed:
        return ledger.not_covered or "the ledger could not be looked at"
    return "more findings in the ledger than the report keeps" if ledger.has_more else ""


# -- coverage


def _less(than: ReportedCheck, one: ReportedCheck) -> Iterator[str]:
    """What one report did not look at, and the other one did."""
    if not one.level.includes(than.level):
        yield f"the level is {one.level.value} and not {than.level.value}"
    if one.sample and one.sample != than.sample:
        yield f"only a sample was looked at: {one.sample}"
    topics, others = one.topics or {}, than.topics or {}
    if not one.is_everything and (
        absent := [name for name, it in others.items() if not it.error and name not in topics]
    ):
        more = f" and {len(absent) - _NAMED:,} more" if len(absent) > _NAMED else ""
        yield f"not in its scope: {', '.join(absent[:_NAMED])}{more}"
    for name, topic in topics.items():
        yield from _less_of_topic(name, others.get(name), topic)
    yield from _less_of_buckets(than, one)


def _less_of_topic(name: str, than: ReportedTopic | None, one: ReportedTopic) -> Iterator[str]:
    if than is None or than.error:
        return
    if one.error:
        yield f"{name}: {one.error}"
    if one.not_begun > than.not_begun:
        yield f"{name}: the turn of {one.not_begun - than.not_begun} more ledgers never came"
    ledgers: Mapping[int, ReportedLedger] = than.ledgers or {}
    for number, ledger in (one.ledgers or {}).items():
        before = ledgers.get(number)
        if not ledger.is_covered and not ledger.is_trimmed and (before is None or before.is_covered):
            yield f"ledger {number} of {name}: {ledger.not_covered or 'not looked at'}"


def _less_of_buckets(than: ReportedCheck, one: ReportedCheck) -> Iterator[str]:
    buckets = one.buckets or {}
    for name, bucket in (than.buckets or {}).items():
        now = buckets.get(name)
        if bucket.is_whole and now is None:
            yield f"the bucket {name} was not listed"
        elif bucket.is_whole and now is not None and not now.is_whole:
            yield "; ".join(now.not_covered) or f"the bucket {name} was not listed to its end"
