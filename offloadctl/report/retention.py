"""Retention and its changes, as documents and for people."""

from collections.abc import Iterator
from typing import Final

from rich.console import RenderableType

from offloadctl.exitcodes import ExitCode
from offloadctl.model.names import NamespaceName
from offloadctl.model.policies import PolicyScope, Retention
from offloadctl.plan.policy_outcome import Affected, Approval
from offloadctl.plan.policy_words import retention_story, retention_words
from offloadctl.plan.retention import Due, RetentionInForce
from offloadctl.plan.retention_outcome import RetentionOutcome, RetentionView
from offloadctl.report import retention_documents as doc
from offloadctl.report.origin import Origin
from offloadctl.report.policies_text import STATE_WORDS, affected_lines, danger_lines, scope_name
from offloadctl.report.policy_documents import AffectedDocument, DangerDocument
from offloadctl.report.text import Style, count, labelled, line, style_of
from offloadctl.units import format_size

_NEXT_LOOK: Final = "at the brokers' next look"


def effective_document(view: RetentionView, origin: Origin) -> doc.EffectiveRetention:
    """`kind: EffectiveRetention`."""
    namespace, topic = _names(view.levels.scope)
    return doc.EffectiveRetention(
        context=origin.context,
        cluster=origin.cluster,
        admin_urls_from=origin.admin_urls_from,
        namespace=namespace,
        topic=topic,
        in_force=_in_force(view.in_force),
        story=retention_story(view.in_force.retention),
        offloaded=_affected(view.affected),
        due=_due(view.due),
        topics_with_their_own=view.others,
        exit_code=int(ExitCode.NOT_COVERED if view.affected.unread else ExitCode.OK),
    )


def effective_text(view: RetentionView, origin: Origin) -> Iterator[RenderableType]:
    """What is in force, what it hides, and what that means for what is there."""
    yield line((str(origin), Style.QUIET))
    yield line((scope_name(view.levels.scope), Style.HEAD))
    yield labelled("retention", _kept(view.in_force))
    yield labelled("data", retention_story(view.in_force.retention))
    yield from _others(view.others)
    yield labelled("offloaded", _amount(view.affected.ledgers, view.affected.size))
    if view.due.ledgers:
        yield labelled("due", _due_words(view.due), style=Style.CAREFUL)
    if view.affected.doubt:
        yield labelled("not known", view.affected.doubt, style=Style.CAREFUL)


def change_document(
    outcome: RetentionOutcome, approval: Approval, origin: Origin, *, dry_run: bool
) -> doc.RetentionChange:
    """`kind: RetentionChange`."""
    namespace, topic = _names(outcome.scope)
    return doc.RetentionChange(
        context=origin.context,
        cluster=origin.cluster,
        admin_urls_from=origin.admin_urls_from,
        dry_run=dry_run,
        namespace=namespace,
        topic=topic,
        state=outcome.state.value,
        before=_in_force(outcome.before),
        after=_in_force(outcome.after),
        request=None if outcome.wish is None else _retention(outcome.wish),
        dangers=[
            DangerDocument(
                kind=one.kind.value,
                text=one.text,
                allowed=one not in outcome.in_the_way,
                allowed_by=approval.flag(one),
            )
            for one in outcome.dangers
        ],
        affected=_affected(outcome.affected),
        due=_due(outcome.due),
        topics_with_their_own=outcome.others,
        error=outcome.error.message if outcome.error is not None else "",
        exit_code=int(outcome.exit_code),
    )


def change_text(
    outcome: RetentionOutcome, approval: Approval, origin: Origin, *, dry_run: bool
) -> Iterator[RenderableType]:
    """What changes, what it lets go, and what came of it."""
    yield line((str(origin), Style.QUIET))
    words, style = STATE_WORDS[outcome.state], style_of(outcome.exit_code)
    yield line((f"{scope_name(outcome.scope)}: ", Style.HEAD), (words, style))
    yield labelled("before", _kept(outcome.before))
    yield labelled("after", _kept(outcome.after))
    if dry_run and outcome.before != outcome.after:
        yield labelled("request", request_words(outcome.wish))
    yield from danger_lines(outcome.scope, outcome.dangers, outcome.in_the_way, approval)
    yield from affected_lines(outcome.affected, outcome.dangers)
    yield from _others(outcome.others)
    if outcome.left is not None or outcome.state.value == "unconfirmed":
        yield labelled("read back", retention_words(outcome.left), style=Style.BAD)
    if outcome.error is not None:
        yield labelled("error", outcome.error.message, style=Style.BAD)
        if outcome.error.hint:
            yield labelled("hint", outcome.error.hint)


def request_words(wish: Retention | None) -> str:
    """The request as a sentence."""
    if wish is None:
        return "remove the retention"
    return f"set the retention: {wish.minutes} minutes, {wish.mebibytes} MB"


def _kept(found: RetentionInForce) -> str:
    text = f"{retention_words(found.retention)} ({found.level.value})"
    others = ", ".join(f"{retention_words(retention)} ({level.value})" for level, retention in found.shadows)
    return f"{text}, instead of {others}" if others else text


def _others(number: int) -> Iterator[RenderableType]:
    if number:
        has = "has a retention of its own" if number == 1 else "have a retention of their own"
        yield labelled("left out", f"{count(number, 'topic')} of the namespace {has}")


def _amount(ledgers: int, size: int) -> str:
    return f"{count(ledgers, 'ledger')}, {format_size(size)}" if ledgers else "nothing"


def _due_words(due: Due) -> str:
    up_to = "" if due.is_exact else "up to "
    text = f"{up_to}{_amount(due.ledgers, due.size)} go {_NEXT_LOOK}"
    return (
        f"{text}; {_amount(due.offloaded, due.offloaded_size)} of that from the bucket too" if due.offloaded else text
    )


def _in_force(found: RetentionInForce) -> doc.RetentionInForceDocument:
    return doc.RetentionInForceDocument(
        retention=None if found.retention is None else _retention(found.retention),
        level=found.level.value,
        shadows=[doc.ShadowedRetention(level=level.value, retention=_retention(one)) for level, one in found.shadows],
    )


def _retention(retention: Retention) -> doc.RetentionDocument:
    return doc.RetentionDocument(minutes=retention.minutes, megabytes=retention.mebibytes)


def _due(due: Due) -> doc.DueDocument:
    return doc.DueDocument(
        ledgers=due.ledgers,
        bytes=due.size,
        offloaded=due.offloaded,
        offloaded_bytes=due.offloaded_size,
        exact=due.is_exact,
    )


def _affected(found: Affected) -> AffectedDocument:
    return AffectedDocument(topics=found.topics, ledgers=found.ledgers, bytes=found.size, doubt=found.doubt)


def _names(scope: PolicyScope) -> tuple[str | None, str | None]:
    return (str(scope), None) if isinstance(scope, NamespaceName) else (None, str(scope))
