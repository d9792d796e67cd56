"""What the audit asks of journals, commands, checks on the way, and whatever else was printed or kept."""

import io
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from rich.console import Console, RenderableType

from offloadctl.adapters.checks_shape import CHECKS_FILE
from offloadctl.adapters.sqlite_journal import SqliteHistory
from offloadctl.format.keys import ObjectKey, data_key, index_key
from offloadctl.model.decision import EntryKind
from offloadctl.model.journal import HistoryFilter, RunState
from offloadctl.operations.history import read_run
from offloadctl.operations.schedule_codec import decode
from offloadctl.operations.schedule_overview import story
from offloadctl.report.history_text import run_text
from tests.soak.audit_bucket import FAULTS_OF
from tests.soak.process import Process
from tests.soak.soak import Soaked
from tests.soak.unexplained import Unexplained
from tests.soak.world import TOKEN, World

_RUN: Final = re.compile(r"schedule (\S+), run (\S+)")


def what_the_journals_hold(soaked: Soaked) -> Iterator[Unexplained]:
    """Each run has ended, or was broken off by a death after which another attempt of the same run began."""
    entries = list(reversed(soaked.world.lease.log.entries()))
    ends = {one.run_id: one.text for one in entries if one.kind is EntryKind.RESULT}
    attempts = Counter(one.run_id for one in entries if one.kind is EntryKind.INTENT)
    known: set[str] = set()
    for process in soaked.processes:
        history = SqliteHistory(process.directory)
        known |= {one.run_id for one in history.runs(HistoryFilter())}
        yield from _of_journal(process, history, ends, attempts)
        history.close()
    for entry in entries:
        result = decode(entry).result if entry.kind is EntryKind.RESULT else None
        for run_id in result.journal_runs if result is not None else ():
            if run_id not in known:
                yield Unexplained("journal", f"{entry.run_id} names run {run_id}, which no journal knows")


def _of_journal(
    process: Process, history: SqliteHistory, ends: Mapping[str, str], attempts: Mapping[str, int]
) -> Iterator[Unexplained]:
    ids = {one.run_id for one in history.runs(HistoryFilter())}
    for run in history.runs(HistoryFilter()):
        found = _RUN.search(run.start.reason)
        if found is None or found[2] not in attempts:
            yield Unexplained("journal", f"{process.name}: run {run.run_id} is of no run that was decided on")
            continue
        if run.state is RunState.GOING_ON:
            yield Unexplained("journal", f"{process.name}: run {run.run_id} goes on")
        if run.state is RunState.BROKEN_OFF and attempts[found[2]] < 2 and "given up" not in ends.get(found[2], ""):
            yield Unexplained("journal", f"{process.name}: run {run.run_id} was broken off, and nobody went on with it")
        for step in history.steps(run.run_id):
            if step.is_unfinished:
                yield Unexplained("journal", f"{process.name}: {step.topic} of run {run.run_id} is unfinished")
            if step.end is not None and step.end.judged_by and step.end.judged_by not in ids:
                yield Unexplained("journal", f"{process.name}: {step.end.judged_by} has judged, and is not known")


def what_commands_explain(soaked: Soaked) -> Iterator[Unexplained]:
    """`schedule explain` tells each attempt and the end; `offload history` of a dead run that, and which run it was."""
    log = soaked.world.lease.log
    attempts = Counter(one.run_id for one in log.entries() if one.kind is EntryKind.INTENT)
    for run_id, count in attempts.items():
        told = story(log, run_id)
        if len(told.intents) != count or told.result is None:
            yield Unexplained("explained", f"{run_id} has {count} attempts, and {len(told.intents)} are told")
    for process in soaked.processes:
        history = SqliteHistory(process.directory)
        for run in history.runs(HistoryFilter()):
            if run.state is RunState.BROKEN_OFF:
                shown = _shown(run_text(read_run(history, run.run_id, now=soaked.world.clock.now()), wide=True))
                judges = {one.end.judged_by for one in history.steps(run.run_id) if one.end is not None}
                for word in (RunState.BROKEN_OFF.value, run.start.reason, *judges):
                    if word not in shown:
                        yield Unexplained("explained", f"{process.name}: of run {run.run_id} {word!r} is not told")
        history.close()


def _shown(lines: Iterable[RenderableType]) -> str:
    text = io.StringIO()
    console = Console(file=text, width=400)
    for one in lines:
        console.print(one)
    return text.getvalue()


def what_scheduled_checks_told(soaked: Soaked) -> Iterator[Unexplained]:
    """No check of the whole time has told of anything that no fault had caused."""
    world = soaked.world
    for process in soaked.processes:
        for code, place in _remembered(process):
            key = next((one for part in place.split(", ") if (one := ObjectKey.parse(part)) is not None), None)
            if key is None or not _was_caused(world, code, key):
                yield Unexplained("alarms", f"{process.name} told of {code} at {place}")


def _was_caused(world: World, code: str, key: ObjectKey) -> bool:
    keys = {data_key(key.uuid, key.ledger_id), index_key(key.uuid, key.ledger_id)}
    match code:
        case "open-upload":
            return bool(keys & world.bucket.left_open.keys())
        case "orphan" | "older-attempt":
            return bool(keys & world.bucket.kept.keys())
        case "unfinished-offload":
            return key.uuid not in world.truth.completed.get(key.ledger_id, ())
        case _:
            return not world.truth.spoilt.get((key.uuid, key.ledger_id), set()).isdisjoint(FAULTS_OF.get(code, ()))


def _remembered(process: Process) -> list[tuple[str, str]]:
    path = process.directory / CHECKS_FILE
    if not path.exists():
        return []
    connection = sqlite3.connect(path)
    try:
        return [(str(code), str(place)) for code, place in connection.execute("SELECT code, place FROM finding")]
    finally:
        connection.close()


def what_must_not_be_told(soaked: Soaked) -> Iterator[Unexplained]:
    """No secret is in anything that was printed, served or kept."""
    secret = TOKEN.encode()
    for process in soaked.processes:
        for text in process.told:
            if secret in text:
                at = text.index(secret)
                yield Unexplained("secrets", f"{process.name}: …{text[max(0, at - 80) : at]!r}…")
    for entry in soaked.world.lease.log.entries():
        if TOKEN in entry.text or TOKEN in entry.payload:
            yield Unexplained("secrets", f"the log: {entry.kind} of {entry.schedule}")


def what_failed_inside(soaked: Soaked) -> Iterator[Unexplained]:
    """No run ended by a bug; what is said of failures are words for people."""
    for process in soaked.processes:
        for line in process.events("run-failed"):
            if _BUG.match(str(line["error"])):
                yield Unexplained("bugs", f"{process.name} at {line['at']}: {line['error']}")


_BUG: Final = re.compile(r"[A-Z]\w*(Error|Exception|Interrupt|Exit): ")
