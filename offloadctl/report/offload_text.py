"""An offload run for people: one block for each topic, a table of its partitions or ledgers, and why."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import chain
from typing import Final

from rich.console import RenderableType

from offloadctl.model.ledger import OffloadPolicies
from offloadctl.model.offload import (
    Confirmation,
    Fate,
    MovedLedger,
    OffloadPlan,
    OffloadResult,
    OffloadRun,
    Outcome,
    PlannedLedger,
    TopicResults,
)
from offloadctl.plan.storage import OBJECTS_PER_LEDGER, deletion_lag, implied_data_sizes
from offloadctl.report.origin import Origin
from offloadctl.report.scope import scope_text
from offloadctl.report.text import (
    Cell,
    Column,
    Style,
    ago,
    amount,
    count,
    findings,
    labelled,
    line,
    style_of,
    styled,
    table,
)
from offloadctl.units import format_duration, format_size

_SHOWN_LEDGERS: Final = 20
"""So many ledgers tell how a topic looks; `-o wide` shows all."""

TOLD_BY_THE_TABLE: Final = (
    Outcome.CONFIRMED,
    Outcome.NOTHING_TO_DO,
    Outcome.LEFT,
    Outcome.PLANNED,
    Outcome.ACCEPTED,
    Outcome.NOT_STARTED,
)

_VERBS: Final = {
    Outcome.PLANNED: "would move",
    Outcome.ACCEPTED: "to move",
    Outcome.CONFIRMED: "moved",
    Outcome.UNCONFIRMED: "moved",
}

_FATE_STYLES: Final = {Fate.MOVES: Style.GOOD, Fate.NO_LENGTH: Style.CAREFUL, Fate.UNKNOWN: Style.CAREFUL}
_CONFIRMATION_STYLES: Final = {
    Confirmation.CONFIRMED: Style.GOOD,
    Confirmation.DAMAGED: Style.BAD,
    Confirmation.NOT_MOVED: Style.BAD,
}


def run_text(run: OffloadRun, origin: Origin, *, wide: bool = False) -> Iterator[RenderableType]:
    """Everything that the run did, or would do."""
    if run.reason:
        yield labelled("reason", run.reason)
    for number, topic in enumerate(run.topics):
        if number:
            yield ""
        yield from _topic(topic, origin, wide=wide)
    if len(run.results) > 1:
        yield ""
        yield total_text(run)
    if run.scope is not None:
        yield from scope_text(run.scope)


def _topic(topic: TopicResults, origin: Origin, *, wide: bool) -> Iterator[RenderableType]:
    partitions = f", {count(topic.partitions, 'partition')}" if topic.partitions else ""
    yield line((str(topic.topic), Style.HEAD), f"  ({origin}{partitions})")
    if len(topic.results) == 1:
        yield from result_text(topic.results[0], wide=wide)
        return
    yield _partition_table(topic.results)
    for result in topic.results:
        if wide or result.outcome not in TOLD_BY_THE_TABLE:
            yield ""
            yield line((str(result.topic), Style.HEAD), indent=2)
            yield from result_text(result, wide=wide)


def result_text(result: OffloadResult, *, wide: bool) -> Iterator[RenderableType]:
    """One topic's or partition's result in full."""
    if result.ledgers:
        yield _moved_table(result.ledgers, wide=wide)
    elif result.plan is not None and result.plan.ledgers:
        yield _plan_table(result.plan, wide=wide)
    yield labelled("outcome", _outcome(result), style=style_of(result.exit_code))
    if result.plan is not None and result.plan.before is not None:
        yield from _what_moves(result.plan, _VERBS.get(result.outcome, "wanted"))
    for reason in result.reasons:
        label, _, text = reason.text.partition(": ")
        known = label in ("moves", "kept", "already offloaded")
        if label != "moves":
            yield labelled(label if known and len(label) < 12 else "why", text if label == "kept" else reason.text)
    if result.status is not None and result.exit_code and result.status.last_error:
        yield labelled("broker says", result.status.last_error.partition("\n")[0])
    for reason in result.warnings:
        yield labelled("warning", reason.text, style=Style.CAREFUL)
    yield from findings(result.findings)
    for text in result.not_covered:
        yield labelled("not seen", text, style=Style.CAREFUL)
    if result.hint and not result.findings:
        yield labelled("do next", result.hint)


def _outcome(result: OffloadResult) -> str:
    joined = " A run was going on already; this one waited for it." if result.joined else ""
    took = f" ({format_duration(timedelta(seconds=result.seconds))})" if result.seconds else ""
    return f"{result.outcome.value}{took}: {result.outcome.meaning}{joined}"


def _what_moves(plan: OffloadPlan, verb: str) -> Iterator[RenderableType]:
    policies = plan.policies or OffloadPolicies()
    yield labelled(verb, f"{count(len(plan.moves), 'ledger')}, {format_size(plan.bytes_to_move)}: before {plan.before}")
    objects = count(OBJECTS_PER_LEDGER * len(plan.moves), "object")
    data = amount(implied_data_sizes(plan.moves, policies.max_block_size))
    yield labelled("to", f"{objects}, {data} of data, {_place(plan.policies)}")
    if verb in _VERBS.values():
        yield labelled("disk space", _when_free(policies))


def _place(policies: OffloadPolicies | None) -> str:
    if policies is None:
        return "where to is not known: the policies in force could not be read"
    if policies.driver is None:
        return "nowhere: no offload driver is in force"
    at = f" at {policies.endpoint}" if policies.endpoint else ""
    return f"in {policies.bucket or 'an unknown bucket'}{at}, by the driver {policies.driver}"


def _when_free(policies: OffloadPolicies) -> str:
    if policies.driver is None:
        return "unknown: the deletion lag could not be read"
    lag = deletion_lag(policies)
    if lag is None:
        return "never freed: without a deletion lag BookKeeper keeps its copy"
    return (
        f"each copy in BookKeeper can go {format_duration(lag)} after its ledger's offload: at the next retention "
        "check (every 2 min by default), and from the disk with the bookies' next garbage collection"
    )


def _plan_table(plan: OffloadPlan, *, wide: bool) -> RenderableType:
    columns = [
        Column("ledger", is_number=True),
        Column("entries", is_number=True),
        Column("size", is_number=True),
        Column("closed", is_number=True),
        Column("fate"),
    ]
    now = plan.managed_ledger.observed_at

    def row(planned: PlannedLedger) -> list[Cell]:
        ledger = planned.ledger
        known = not ledger.is_open or plan.managed_ledger.served
        return [
            str(ledger.ledger_id),
            f"{ledger.entries:,}" if known else "?",
            format_size(ledger.size) if known else "?",
            "open" if planned.fate is Fate.OPEN else ago(ledger.closed_at, now),
            styled(planned.fate.value, _FATE_STYLES.get(planned.fate, Style.QUIET)),
        ]

    return _shortened(columns, [row(planned) for planned in plan.ledgers], wide=wide)


def _moved_table(ledgers: Sequence[MovedLedger], *, wide: bool) -> RenderableType:
    columns = [
        Column("ledger", is_number=True),
        Column("entries", is_number=True),
        Column("size", is_number=True),
        Column("in S3", is_number=True),
        Column("result"),
    ]
    if wide:
        columns.append(Column("uuid"))

    def row(moved: MovedLedger) -> list[Cell]:
        ledger = moved.ledger
        cells: list[Cell] = [
            str(ledger.ledger_id),
            f"{ledger.entries:,}",
            format_size(ledger.size),
            format_size(moved.object_bytes) if moved.object_bytes else "-",
            styled(moved.confirmation.value, _CONFIRMATION_STYLES.get(moved.confirmation, Style.CAREFUL)),
        ]
        return [*cells, str(ledger.context_uuid or "-")] if wide else cells

    return _shortened(columns, [row(moved) for moved in ledgers], wide=wide)


def _shortened(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, wide: bool) -> RenderableType:
    """The table; of very many rows the first and the last ones."""
    shown: Iterable[Sequence[Cell]] = rows
    if not wide and len(rows) > _SHOWN_LEDGERS + 1:
        half = _SHOWN_LEDGERS // 2
        between = [f"… {len(rows) - 2 * half:,} more", *[""] * (len(columns) - 1)]
        shown = chain(rows[:half], [between], rows[-half:])
    return table(columns, shown)


def _partition_table(results: Sequence[OffloadResult]) -> RenderableType:
    columns = [
        Column("partition", is_number=True),
        Column("outcome"),
        Column("ledgers", is_number=True),
        Column("size", is_number=True),
        Column("before"),
        Column("time", is_number=True),
    ]
    rows: list[list[Cell]] = [
        [
            str(result.topic.partition),
            styled(result.outcome.value, style_of(result.exit_code)),
            f"{len(result.plan.moves):,}" if result.plan else "-",
            format_size(result.plan.bytes_to_move) if result.plan else "-",
            str(result.plan.before or "-") if result.plan else "-",
            format_duration(timedelta(seconds=result.seconds)) if result.seconds else "-",
        ]
        for result in results
    ]
    return table(columns, rows)


def total_text(run: OffloadRun) -> RenderableType:
    """How much there was of everything, and how often each outcome."""
    plans = [result.plan for result in run.results if result.plan is not None]
    counted: dict[str, int] = {}
    for result in run.results:
        counted[result.outcome.value] = counted.get(result.outcome.value, 0) + 1
    outcomes = ", ".join(f"{number} {outcome}" for outcome, number in counted.items())
    ledgers, size = sum(len(plan.moves) for plan in plans), sum(plan.bytes_to_move for plan in plans)
    return line(("Total  ", Style.HEAD), f"{count(ledgers, 'ledger')}, {format_size(size)}: {outcomes}")
