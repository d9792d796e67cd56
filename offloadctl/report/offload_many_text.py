"""An offload run of many topics for people: the largest as a table, the troubles in words, the rest in numbers."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import chain
from typing import Final

from rich.console import RenderableType

from offloadctl.model.offload import OffloadResult, OffloadRun, Outcome
from offloadctl.model.scope import Scope
from offloadctl.report.offload_text import TOLD_BY_THE_TABLE, result_text, total_text
from offloadctl.report.origin import Origin
from offloadctl.report.scope import scope_text
from offloadctl.report.text import Cell, Column, Style, ago, count, labelled, line, short_name, style_of, styled, table
from offloadctl.units import format_duration, format_size

_SHOWN: Final = 20
"""So many topics, and so many troubles, are shown; `-o wide` shows all."""


def many_text(run: OffloadRun, origin: Origin, *, wide: bool = False) -> Iterator[RenderableType]:
    """Everything that matters of the run, however many topics there were."""
    scope = _words(run.scope.scope) if run.scope is not None and run.scope.scope.is_wide else ""
    yield line((f"{scope}  ", Style.HEAD) if scope else "", f"({origin})")
    if run.reason:
        yield labelled("reason", run.reason)
    shown = sorted((one for one in run.results if _is_worth_a_row(one)), key=lambda one: -_size(one))
    if shown:
        yield _table(shown if wide else shown[:_SHOWN])
        if not wide and len(shown) > _SHOWN:
            yield labelled("…", f"{len(shown) - _SHOWN:,} more: -o wide shows all", style=Style.QUIET)
    yield from _troubles([one for one in shown if one.outcome not in TOLD_BY_THE_TABLE], wide=wide)
    yield from _remarks(run)
    if run.scope is not None:
        yield from scope_text(run.scope)
    yield total_text(run) if run.results else line(f"{scope or 'the scope'}: no topic")


def _words(scope: Scope) -> str:
    """The scope as these commands are told it: `-n` is no namespace there."""
    if scope.namespaces:
        words = " ".join(("namespace", *map(str, scope.namespaces)))
    else:
        words = " ".join(("all", *(f"--tenant {tenant}" for tenant in scope.tenants)))
    return f"{words} --match {scope.match}" if scope.match else words


def _is_worth_a_row(result: OffloadResult) -> bool:
    return result.outcome is not Outcome.NOTHING_TO_DO


def _size(result: OffloadResult) -> int:
    return result.plan.bytes_to_move if result.plan is not None else 0


def _table(results: Sequence[OffloadResult]) -> RenderableType:
    columns = [
        Column("topic", may_fold=True),
        Column("outcome"),
        Column("ledgers", is_number=True),
        Column("size", is_number=True),
        Column("oldest", is_number=True),
        Column("time", is_number=True),
    ]
    return table(columns, (_row(result) for result in results))


def _row(result: OffloadResult) -> list[Cell]:
    plan = result.plan
    closed = [one.closed_at for one in plan.moves if one.closed_at is not None] if plan is not None else []
    return [
        short_name(result.topic),
        styled(result.outcome.value, style_of(result.exit_code)),
        f"{len(plan.moves):,}" if plan is not None else "-",
        format_size(plan.bytes_to_move) if plan is not None else "-",
        ago(min(closed), plan.managed_ledger.observed_at) if closed and plan is not None else "-",
        format_duration(timedelta(seconds=result.seconds)) if result.seconds else "-",
    ]


def _troubles(results: Sequence[OffloadResult], *, wide: bool) -> Iterator[RenderableType]:
    # What is worst comes first: of many only some are shown.
    worst = sorted(results, key=lambda one: one.outcome is not Outcome.DAMAGED)
    for result in worst if wide else worst[:_SHOWN]:
        yield from chain(("", line((str(result.topic), Style.HEAD), indent=2)), result_text(result, wide=wide))
    if not wide and len(worst) > _SHOWN:
        yield line(f"… {len(worst) - _SHOWN:,} more that did not go well: -o wide shows all", indent=2)


def _remarks(run: OffloadRun) -> Iterator[RenderableType]:
    idle = sum(one.plan is not None and not one.plan.managed_ledger.served for one in run.results)
    if idle and run.dry_run:
        yield labelled(
            "idle",
            f"{count(idle, 'topic')} planned from the metadata alone: loading them closes their open ledgers",
            style=Style.QUIET,
        )
    left = [one for one in run.results if one.outcome is Outcome.LEFT]
    if left:
        size = format_size(sum(map(_size, left)))
        yield labelled("left", f"{count(len(left), 'topic')} with {size}: beyond this run's limits")
