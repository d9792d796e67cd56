"""A run's progress in words: the same ones in the live table and in logs."""

from datetime import timedelta

from offloadctl.cli.progress_tally import Totals
from offloadctl.model.offload import OffloadResult
from offloadctl.report.text import count
from offloadctl.units import format_duration, format_size


def topics_text(totals: Totals) -> str:
    """`412 of 1,000 topics done, 3 failed, 16 at work`."""
    parts = [f"{totals.done:,} of {count(totals.topics, 'topic')} done"]
    parts += [f"{totals.failed:,} failed"] if totals.failed else []
    parts += [f"{totals.at_work:,} at work"] if totals.at_work else []
    return ", ".join(parts)


def bytes_text(totals: Totals) -> str:
    """`1.2 TiB of 3.4 TiB, 512 MiB/s, about 1h 20m left`, as far as that is known."""
    parts = [f"{format_size(totals.moved)} of {format_size(totals.size)}"]
    if totals.rate is not None:
        parts.append(f"{format_size(round(totals.rate))}/s")
    if totals.time_left is not None and totals.left:
        parts.append(f"about {format_duration(timedelta(seconds=round(totals.time_left.total_seconds())))} left")
    return ", ".join(parts)


def failure_text(result: OffloadResult) -> str:
    """What became of the topic, and why, as far as one line can tell; the report tells all."""
    return f"{result.topic}: {result.outcome.value}: {_why(result)}"


def _why(result: OffloadResult) -> str:
    if result.findings:
        more = f" (and {count(len(result.findings) - 1, 'more finding')})" if len(result.findings) > 1 else ""
        return result.findings[0].what + more
    planned = result.plan.reasons if result.plan is not None else ()
    met = [reason.text for reason in result.reasons if reason not in planned]
    return met[-1] if met else result.hint or result.outcome.meaning
