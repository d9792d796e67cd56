"""Whether a run that goes on moves, waits for a thread or stands still; and that in words, with what was looked at.

A broker writes a ledger's new uuid first, then waits for one of its offload threads, which begins the upload. So a
ledger with a uuid and without an upload waits for a thread, or the task that was to upload it has died.
"""

from datetime import datetime, timedelta
from typing import Final

from offloadctl.model.offload import Reason
from offloadctl.model.standing import Movement, Neighbours, Standing, Writing
from offloadctl.units import format_duration, format_size

STANDS_STILL_S: Final = 60.0
"""So long may nothing move before it is called standing still: a part of 64 MiB takes its time."""


def assess(still_s: float, writing: Writing | None, neighbours: Neighbours, limit_s: float | None) -> Standing:
    """How the run stands, and whether it is to be given up: only what cannot be waiting for others ever is."""
    has_thread = writing is not None and writing.has_a_thread
    others_move = neighbours.still_s is not None and (limit_s is None or neighbours.still_s < limit_s)
    waits = writing is not None and not has_thread and others_move
    soon = STANDS_STILL_S if limit_s is None else min(STANDS_STILL_S, limit_s)
    if waits:
        movement = Movement.QUEUED
    elif still_s >= soon:
        movement = Movement.STANDING_STILL
    else:
        movement = Movement.MOVING if has_thread or writing is None else Movement.UNCLEAR
    is_stalled = limit_s is not None and still_s >= limit_s and not waits
    return Standing(movement, still_s, writing, neighbours, is_stalled)


def why(standing: Standing, now: datetime) -> Reason:
    """The movement as a reason: what was seen, of the ledger and of its neighbours, and what was not."""
    seen = "it was not looked at" if standing.writing is None else _seen(standing.writing, now)
    others = _others(standing.neighbours)
    still = format_duration(timedelta(seconds=standing.still_s))
    texts = {
        Movement.MOVING: f"it goes on: {seen}",
        Movement.QUEUED: f"it waits for an offload thread of its broker: {seen}; {others}",
        Movement.STANDING_STILL: f"nothing of it has moved for {still}: {seen}; {others}",
        Movement.UNCLEAR: f"too early to tell whether it waits, uploads or has died: {seen}; {others}",
    }
    return Reason(standing.movement.value, texts[standing.movement])


def do_next(standing: Standing, topic: str) -> str:
    """What helps a run that stands still."""
    writing, unload = standing.writing or Writing(), f"`pulsar-admin topics unload {topic}` ends the run"
    if writing.has_data and writing.has_index:
        return f"both objects are written, so the broker cannot write its metadata: its log tells; {unload}"
    if writing.has_upload or writing.has_data:
        return (
            f"the upload was begun and does not go on: the broker's log, and its way to the store; {unload}, and its "
            "upload stays open"
        )
    return (
        "the offload driver may lack its credentials or endpoint, or another topic's upload holds the thread: the "
        f"broker's log tells; {unload}; then run the command again"
    )


def _seen(writing: Writing, now: datetime) -> str:
    if writing.ledger_id is None:
        return "no planned ledger was begun"
    ledger = f"ledger {writing.ledger_id}"
    if writing.not_seen:
        return f"{ledger} was begun; whether an upload of it is open was not looked at: {writing.not_seen}"
    if writing.has_upload:
        parts = "1 part" if writing.parts == 1 else f"{writing.parts:,} parts"
        arrived = f"{parts}, {format_size(writing.size)}" if writing.parts else "no part yet"
        ago = f", the last {_ago(writing.last_part_at, now)} ago" if writing.last_part_at is not None else ""
        return f"the upload of {ledger} is open and has {arrived}{ago}"
    if writing.has_data:
        index = "and the metadata does not say that it is complete" if writing.has_index else "its index is not"
        return f"the data object of {ledger} is written, {index}"
    return f"{ledger} was begun, and no upload of it is open in {writing.looked_in}"


def _ago(then: datetime, now: datetime) -> str:
    return format_duration(max(now - then, timedelta()))


def _others(neighbours: Neighbours) -> str:
    where = f"on {neighbours.broker}" if neighbours.broker else "on its broker"
    if not neighbours.at_work and neighbours.still_s is None:
        return f"this command knows of no other topic at work {where}"
    topics = "1 other topic is" if neighbours.at_work == 1 else f"{neighbours.at_work or 'no'} other topics are"
    if neighbours.still_s is None:
        return f"{where} {topics} at work, and nothing of them has moved"
    return f"{where} {topics} at work, the last move {format_duration(timedelta(seconds=neighbours.still_s))} ago"
