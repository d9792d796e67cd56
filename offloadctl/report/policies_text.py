"""Offload policies and their changes, for people."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import RenderableType

from offloadctl.brokerconf.findings import LintFinding, LintSeverity
from offloadctl.brokerconf.policy_fields import BY_NAME
from offloadctl.model.names import NamespaceName
from offloadctl.model.policies import PolicyLevels, PolicyScope, PolicyValue
from offloadctl.plan.offload_policies import Danger, FieldChange, PolicyRequest, Why
from offloadctl.plan.policies_in_force import EffectiveField, in_force
from offloadctl.plan.policy_outcome import OF_PROOF, Affected, Approval, ChangeState, PolicyOutcome
from offloadctl.plan.policy_words import bucket_flag, plain_value, shown_value, story
from offloadctl.report.origin import Origin
from offloadctl.report.policies import ChangeReport, EffectiveReport
from offloadctl.report.text import Cell, Column, Style, count, labelled, line, style_of, styled, table
from offloadctl.units import format_size

_SEVERITIES: Final = {
    LintSeverity.ERROR: Style.BAD,
    LintSeverity.WARNING: Style.CAREFUL,
    LintSeverity.NOTE: Style.QUIET,
}
STATE_WORDS: Final = {
    ChangeState.UNCHANGED: "is so already; nothing to send",
    ChangeState.PLANNED: "would change; nothing was sent",
    ChangeState.REFUSED: "refused; nothing was sent",
    ChangeState.CONFIRMED: "changed, and read back as it was meant",
    ChangeState.UNCONFIRMED: "sent, but what is there now is not what was meant",
    ChangeState.FAILED: "failed",
}


def scope_name(scope: PolicyScope, *, is_global: bool = False) -> str:
    """`namespace acme/shop`, `topic acme/shop/orders`, `topic acme/shop/orders, global`."""
    if isinstance(scope, NamespaceName):
        return f"namespace {scope}"
    return f"topic {str(scope).removeprefix('persistent://')}" + (", global" if is_global else "")


def policies_text(levels: Sequence[PolicyLevels], origin: Origin, *, wide: bool = False) -> Iterator[RenderableType]:
    """What each level itself has."""
    yield line((str(origin), Style.QUIET))
    for one in levels:
        yield line((scope_name(one.scope, is_global=one.is_global), Style.HEAD))
        if one.own is None:
            older = one.facts.older if isinstance(one.scope, NamespaceName) else None
            yield line("no policy of its own" + (", but older fields" if older and older.fields else ""), indent=2)
        else:
            rows = [
                [name, shown_value(name, value), *([_note(name, value)] if wide else [])]
                for name, value in one.own.fields.items()
                if wide or value != _born(name)
            ]
            hidden = len(one.own.fields) - len(rows)
            columns = [Column("field"), Column("value", may_fold=True), *([Column("")] if wide else [])]
            yield table(columns, rows)
            if hidden:
                yield line(
                    (f"and {count(hidden, 'value')} that every policy is born with (-o wide)", Style.QUIET), indent=2
                )
        for name, value in one.facts.older.fields.items() if isinstance(one.scope, NamespaceName) else ():
            yield line(f"older field: {name} = {shown_value(name, value)}", indent=2)


def effective_text(report: EffectiveReport, origin: Origin, *, wide: bool = False) -> Iterator[RenderableType]:
    """The story, every value with its origin, and what is wrong."""
    levels = report.levels
    yield line((str(origin), Style.QUIET))
    yield line((scope_name(levels.scope), Style.HEAD))
    for label, text in story(levels, in_force(levels)):
        yield labelled(label, text)
    if flag := bucket_flag(in_force(levels)):
        yield labelled("bucket", f"for check, offload and doctor: {flag}")
    if levels.topic is not None and levels.global_topic is not None:
        yield labelled("note", "The topic has a global policy, too: its own hides all of that.")
    rows = [_effective_row(one) for one in report.fields if wide or _matters(one)]
    columns = [Column("field"), Column("value", may_fold=True), Column("from", may_fold=True)]
    yield table([*columns, Column("instead of", may_fold=True)], rows)
    if len(rows) < len(report.fields):
        yield line((f"and {count(len(report.fields) - len(rows), 'other value')} (-o wide)", Style.QUIET), indent=2)
    if not levels.broker_is_known:
        yield line(("What policies hide of the broker's own settings is not known.", Style.QUIET), indent=2)
    yield from lint_lines(report.findings, wide=wide)


def lint_lines(findings: Sequence[LintFinding], *, wide: bool) -> Iterator[RenderableType]:
    """What the linter says of values in force: each in a few lines."""
    for one in findings:
        if one.rule.severity is LintSeverity.NOTE and not wide:
            continue
        yield line((f"{one.rule.severity.value}: ", _SEVERITIES[one.rule.severity]), f"{one.what} [{one.rule.id}]")
        yield labelled("broker", one.broker or one.rule.broker)
        yield labelled("do", one.fix or one.rule.fix)


def change_text(
    report: ChangeReport, approval: Approval, origin: Origin, *, wide: bool = False
) -> Iterator[RenderableType]:
    """What changes where, what is sent for it, and what came of it."""
    yield line((str(origin), Style.QUIET))
    for one in report.outcomes:
        yield from _outcome(one, approval, wide=wide or report.dry_run, is_diff=report.is_diff)


def _outcome(outcome: PolicyOutcome, approval: Approval, *, wide: bool, is_diff: bool) -> Iterator[RenderableType]:
    words = STATE_WORDS[outcome.state]
    if is_diff:
        words = "differs" if outcome.plan.is_needed else "is the same"
    style = style_of(outcome.exit_code) if not is_diff else Style.PLAIN
    name = scope_name(outcome.plan.wish.scope, is_global=outcome.plan.wish.is_global)
    yield line((f"{name}: ", Style.HEAD), (words, style))
    if outcome.plan.changes:
        columns = [Column(""), Column("field"), Column("before", may_fold=True)]
        rows = [_change_row(one) for one in outcome.plan.changes]
        yield table([*columns, Column("after", may_fold=True), Column("why", may_fold=True)], rows)
    if outcome.plan.wish.is_global:
        here = outcome.plan.before.topic is None
        own = "Only this one was looked at." if here else "In this one the topic's own counts, and hides all of it."
        yield labelled("note", f"It counts in every cluster that the namespace is replicated to. {own}")
    if wide and not is_diff:
        for request in outcome.plan.requests:
            yield labelled("request", request_words(request))
    yield from danger_lines(outcome.plan.wish.scope, outcome.dangers, outcome.in_the_way, approval)
    yield from affected_lines(outcome.affected, () if is_diff else outcome.dangers)
    for one in outcome.left:
        text = f"{one.name} is {shown_value(one.name, one.before)}, meant was {shown_value(one.name, one.after)}"
        yield labelled("read back", text, style=Style.BAD)
    if outcome.error is not None:
        yield labelled("error", outcome.error.message, style=Style.BAD)
        if outcome.error.hint:
            yield labelled("hint", outcome.error.hint)


def danger_lines(
    scope: PolicyScope, dangers: Sequence[Danger], in_the_way: Sequence[Danger], approval: Approval
) -> Iterator[RenderableType]:
    """Each danger, and what allows those that are in the way."""
    for danger in dangers:
        is_in_the_way = danger in in_the_way
        yield labelled("danger", danger.text, style=Style.BAD if is_in_the_way else Style.CAREFUL)
        if is_in_the_way:
            check = f"a clean check (offloadctl check {_named(scope)} --level blocks), or "
            yield labelled("", f"{check if danger.kind in OF_PROOF else ''}{approval.flag(danger)} allows it")


def _named(scope: PolicyScope) -> str:
    return f"-n {scope}" if isinstance(scope, NamespaceName) else str(scope).removeprefix("persistent://")


def affected_lines(found: Affected, dangers: Sequence[Danger]) -> Iterator[RenderableType]:
    """What it is about, and whether it is proved."""
    if found.ledgers:
        ledgers = f"{count(found.ledgers, 'offloaded ledger')} of {count(found.topics, 'topic')}"
        yield labelled("about", f"{ledgers}, {format_size(found.size)}")
    if found.doubt:
        yield labelled("not proved", found.doubt)
    elif found.ledgers and any(one.kind in OF_PROOF for one in dangers):
        yield labelled("proved", "a check at the level blocks finds nothing wrong with their objects", style=Style.GOOD)


def request_words(request: PolicyRequest) -> str:
    """One request as a sentence, without credentials."""
    if request.policy is not None:
        fields = ", ".join(f"{name}={plain_value(name, value)}" for name, value in request.policy.fields.items())
        return f"{request.verb.value}: {fields}"
    if request.name:
        return f"{request.verb.value}: {request.name}" + ("" if request.value is None else f"={request.value}")
    return request.verb.value


def _change_row(one: FieldChange) -> list[Cell]:
    mark = "+" if one.before is None else "-" if one.after is None else "~"
    style = {"+": Style.GOOD, "-": Style.BAD, "~": Style.CAREFUL}[mark]
    why = {Why.ASKED: "", Why.PINNED: "repeated, or it would be hidden", Why.REQUIRED: "the broker demands it"}
    before, after = (shown_value(one.name, value) for value in (one.before, one.after))
    return [styled(mark, style), one.name, before, after, styled(why[one.why], Style.QUIET)]


def _effective_row(one: EffectiveField) -> list[Cell]:
    level = f"{one.level.value}, born with it" if one.is_brought else one.level.value
    shadows = ", ".join(f"{shown_value(one.name, value)} ({of.value})" for of, value in one.shadows)
    return [one.name, shown_value(one.name, one.value), level, styled(shadows, Style.CAREFUL)]


def _matters(one: EffectiveField) -> bool:
    """Not what is as it always is, and not another driver's sizes."""
    born = _born(one.name)
    return bool(one.shadows) or (born is None or one.value != born)


def _born(name: str) -> PolicyValue | None:
    return BY_NAME[name].brought if name in BY_NAME else None


def _note(name: str, value: PolicyValue) -> Cell:
    return styled("born with it", Style.QUIET) if value == _born(name) else ""
