"""The account at the end of the weeks: whatever is in bucket, log and journals has a cause that is known.

Each rule holds what is there against the truth of the embedded cluster, and tells what it cannot explain. None of them
asks the code that is tested what it thinks, but where that is what is held against the truth.
"""

import hashlib
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID

from offloadctl.adapters.checks_shape import CHECKS_FILE
from offloadctl.adapters.sqlite_journal import SqliteHistory
from offloadctl.demo.faults import Fault
from offloadctl.demo.ledgers import SimulatedLedger
from offloadctl.format.data_object import DataObjectReader, EntryRead
from offloadctl.format.errors import FormatError
from offloadctl.format.keys import ObjectKey, data_key, index_key
from offloadctl.model.check import CheckReport, CheckStatus
from offloadctl.model.decision import Decision, EntryKind, Fate, LogEntry, Settled, Verdict
from offloadctl.model.journal import HistoryFilter, RunState
from offloadctl.model.names import TopicName
from offloadctl.model.schedule import Cron, Missed, Schedule
from offloadctl.operations.schedule import STATE_KINDS
from offloadctl.operations.schedule_codec import decode
from offloadctl.plan.cron import times
from tests.soak.process import EVERY, Process
from tests.soak.soak import Soaked
from tests.soak.world import TOKEN, Evaluation, Objects, Trigger, World

GRACE: Final = timedelta(hours=24)
_RUN: Final = re.compile(r"schedule (\S+), run (\S+)")


@dataclass(frozen=True, slots=True)
class Unexplained:
    """Something without a cause, or a cause without what should have come of it."""

    rule: str
    what: str


@dataclass(frozen=True, slots=True, order=True)
class Told:
    """A finding, as far as it is compared."""

    code: str
    ledger_id: int
    uuid: str


# -- bucket


def expected_findings(world: World) -> set[Told]:
    """What a full check of the bucket must find, by the bytes that are there and the metadata of the brokers."""
    owners = {one.ledger_id: one for metadata in world.cluster.metadata.values() for one in metadata.ascending}
    now, expected = world.clock.now(), set[Told]()
    for ledger in owners.values():
        if ledger.context is not None and ledger.context.complete:
            expected |= {Told(code, ledger.ledger_id, str(ledger.context.uuid)) for code in _damage(world, ledger)}
    for (uuid, ledger_id), at in _pairs(world).items():
        owner = owners.get(ledger_id)
        named = owner is not None and owner.context is not None and owner.context.uuid == uuid
        if now - at < GRACE or (named and owner is not None and owner.is_offloaded):
            continue
        code = "unfinished-offload" if named else "orphan" if owner is None else "older-attempt"
        expected.add(Told(code, ledger_id, str(uuid)))
    for upload in world.bucket.uploads():
        key = ObjectKey.parse(upload.key)
        if key is not None and upload.initiated is not None and now - upload.initiated >= GRACE:
            expected.add(Told("open-upload", key.ledger_id, str(key.uuid)))
    return expected


def what_the_check_tells(soaked: Soaked) -> Iterator[Unexplained]:
    """The full check finds what is there: no more, and no less."""
    report: CheckReport = soaked.report
    if report.status is not CheckStatus.FULL:
        yield Unexplained("check", f"the last check has not covered everything: {report.coverage.reasons}")
    told, expected = (
        {_told(one.code, one.ledger_id, one.key) for one in report.findings},
        expected_findings(soaked.world),
    )
    for one in sorted(told - expected):
        yield Unexplained("check", f"tells of what is not there: {one}")
    for one in sorted(expected - told):
        yield Unexplained("check", f"does not tell of {one}")


def what_is_left_in_the_bucket(soaked: Soaked) -> Iterator[Unexplained]:
    """Whatever is left over was left by a fault that is known, and whatever a fault left is still there."""
    world = soaked.world
    for told in sorted(expected_findings(world)):
        uuid = UUID(told.uuid)
        keys = {data_key(uuid, told.ledger_id), index_key(uuid, told.ledger_id)}
        match told.code:
            case "open-upload":
                explained = bool(keys & world.bucket.left_open.keys())
            case "orphan" | "older-attempt":
                explained = bool(keys & world.bucket.kept.keys())
            case "unfinished-offload":
                # Schedules move these, in the quiet days at the latest.
                explained = False
            case _:
                explained = world.truth.spoilt.get((uuid, told.ledger_id)) in _FAULTS_OF[told.code]
        if not explained:
            yield Unexplained("bucket", f"nobody knows why there is {told}")
    for key in world.bucket.list():
        if ObjectKey.parse(key.key) is None:
            yield Unexplained("bucket", f"a stranger's object: {key.key}")
    yield from _lost_leftovers(world)


def what_was_planted(soaked: Soaked) -> Iterator[Unexplained]:
    """Each damage that was planted is seen in the bytes, as long as the broker has the ledger."""
    world, expected = soaked.world, expected_findings(soaked.world)
    for (uuid, ledger_id), fault in world.truth.spoilt.items():
        ledger = _ledger(world, ledger_id)
        if ledger is None or ledger.context is None or ledger.context.uuid != uuid or not ledger.context.complete:
            continue
        if not any(fault in _FAULTS_OF.get(one.code, ()) for one in expected if one.uuid == str(uuid)):
            yield Unexplained("planted", f"{fault} of ledger {ledger_id} left no damage")


_FAULTS_OF: Final[Mapping[str, tuple[Fault, ...]]] = {
    "data-missing": (Fault.LOST_OBJECT,),
    "index-missing": (Fault.LOST_INDEX,),
    "truncated": (Fault.TRUNCATED_LEDGER,),
}


def _damage(world: World, ledger: SimulatedLedger) -> Iterator[str]:
    assert ledger.context is not None
    uuid, number = ledger.context.uuid, ledger.ledger_id
    data, index = world.bucket.head(data_key(uuid, number)), world.bucket.head(index_key(uuid, number))
    if data is None and index is None:
        yield "objects-not-found"
    elif data is None:
        yield "data-missing"
    elif index is None:
        yield "index-missing"
    elif not _is_whole(world, ledger):
        yield "truncated"


def _is_whole(world: World, ledger: SimulatedLedger) -> bool:
    """Whether the data object has the entries that were published, byte by byte."""
    if ledger.context is None:
        return False
    data = world.bucket.read(data_key(ledger.context.uuid, ledger.ledger_id))
    if data is None or world.bucket.head(index_key(ledger.context.uuid, ledger.ledger_id)) is None:
        return False
    digest, reader = hashlib.sha256(), DataObjectReader(object_length=len(data))
    try:
        for event in (*reader.feed(data), *reader.close()):
            if isinstance(event, EntryRead):
                digest.update(event.data)
    except FormatError:
        return False
    return digest.digest() == world.truth.entries[ledger.ledger_id].digest()


def _pairs(world: World) -> dict[Objects, datetime]:
    """Attempts of which there are objects, and when the last of these was written."""
    found: dict[Objects, datetime] = {}
    for info in world.bucket.list():
        key = ObjectKey.parse(info.key)
        if key is not None and info.last_modified is not None:
            pair = (key.uuid, key.ledger_id)
            found[pair] = max(info.last_modified, found.get(pair, info.last_modified))
    return found


def _lost_leftovers(world: World) -> Iterator[Unexplained]:
    """Nobody but a broker deletes anything; an upload that was left open stays open."""
    open_keys = {one.key for one in world.bucket.uploads()}
    for key, cause in world.bucket.left_open.items():
        if key not in open_keys:
            yield Unexplained("bucket", f"the upload of {key} ({cause.what}) is gone")
    for key, cause in world.bucket.kept.items():
        if world.bucket.head(key) is None and key not in world.bucket.deleted:
            yield Unexplained("bucket", f"{key} ({cause.what}) is gone")


def _told(code: str, ledger_id: int | None, key: str | None) -> Told:
    parsed = ObjectKey.parse(key or "")
    return Told(code, -1 if ledger_id is None else ledger_id, str(parsed.uuid) if parsed is not None else "")


def _ledger(world: World, ledger_id: int) -> SimulatedLedger | None:
    topic = world.truth.topics.get(ledger_id)
    metadata = world.cluster.metadata.get(topic) if topic is not None else None
    return metadata.ledgers.get(ledger_id) if metadata is not None else None


# -- data


def what_can_be_read(soaked: Soaked) -> Iterator[Unexplained]:
    """Every ledger that a topic has is in BookKeeper or whole in the bucket, but for planted damage, which is told."""
    world = soaked.world
    told = {(one.ledger_id, one.code) for one in soaked.report.findings}
    for metadata in world.cluster.metadata.values():
        for ledger in metadata.ascending:
            if not ledger.entry_count:
                continue
            if ledger.in_bookkeeper:
                digest = hashlib.sha256()
                for entry in ledger.entries():
                    digest.update(entry)
                if digest.digest() != world.truth.entries[ledger.ledger_id].digest():
                    yield Unexplained("data", f"BookKeeper's copy of ledger {ledger.ledger_id} is not what was written")
            elif not _is_whole(world, ledger):
                spoilt = ledger.context is not None and (ledger.context.uuid, ledger.ledger_id) in world.truth.spoilt
                if not spoilt or not any((ledger.ledger_id, code) in told for code in _FAULTS_OF):
                    yield Unexplained("data", f"ledger {ledger.ledger_id} of {metadata.topic} is lost")


def what_should_have_moved(soaked: Soaked) -> Iterator[Unexplained]:
    """After quiet nights nothing waits that the nightly schedule is for."""
    now = soaked.world.clock.now()
    for metadata in soaked.world.cluster.metadata.values():
        for ledger in metadata.ascending:
            waits_since = ledger.closed_at
            if waits_since is None or ledger.is_offloaded or not ledger.length or ledger is metadata.last:
                continue
            if now - waits_since > timedelta(hours=27):
                yield Unexplained("eligible", f"ledger {ledger.ledger_id} of {metadata.topic}, closed {waits_since}")


# -- the decision log


def what_the_log_holds(soaked: Soaked) -> Iterator[Unexplained]:
    """One run of a schedule at a time; each has one result, behind its last intent, and terms that only ever grow."""
    entries = list(reversed(soaked.world.lease.log.entries()))
    terms = _terms(entries)
    running: dict[str, str] = {}
    attempts: dict[str, list[int]] = defaultdict(list)
    results: Counter[str] = Counter()
    for entry, term in zip(entries, terms, strict=True):
        if entry.kind not in STATE_KINDS:
            continue
        payload = decode(entry)
        if payload.intent is not None:
            intent = payload.intent
            yield from _of_intent(entry, term, running, attempts[intent.run_id], results)
            running[entry.schedule] = intent.run_id
            attempts[intent.run_id].append(intent.attempt)
        if payload.result is not None:
            if running.pop(entry.schedule, "") != payload.result.run_id:
                yield Unexplained("log", f"a result of {payload.result.run_id}, which is not what runs")
            results[payload.result.run_id] += 1
    for run_id in attempts:
        if results[run_id] != 1:
            yield Unexplained("log", f"run {run_id} has {results[run_id]} results")
    yield from _acted_without_intent(soaked, entries, terms)


def _of_intent(
    entry: LogEntry, term: int, running: Mapping[str, str], before: Sequence[int], results: Mapping[str, int]
) -> Iterator[Unexplained]:
    intent = decode(entry).intent
    assert intent is not None
    if not term:
        yield Unexplained("log", f"an intent of {intent.run_id} before anybody had the lease")
    if results.get(intent.run_id):
        yield Unexplained("log", f"run {intent.run_id} begins after its end")
    if running.get(entry.schedule, intent.run_id) != intent.run_id:
        yield Unexplained("log", f"run {intent.run_id} begins while {running[entry.schedule]} goes on")
    if intent.attempt != len(before) + 1:
        yield Unexplained("log", f"attempt {intent.attempt} of run {intent.run_id} follows {list(before)}")


def _acted_without_intent(soaked: Soaked, entries: Sequence[LogEntry], terms: Sequence[int]) -> Iterator[Unexplained]:
    """Each run that really began has its own intent, of the same term; each request belongs to such a run."""
    written = {
        (entry.run_id, intent.attempt): term
        for entry, term in zip(entries, terms, strict=True)
        if entry.kind is EntryKind.INTENT and (intent := decode(entry).intent) is not None
    }
    begun: Counter[tuple[str, int]] = Counter()
    topics: dict[int, set[TopicName] | None] = {}
    for process, term, intent in soaked.world.truth.begun:
        key = (intent.run_id, intent.attempt)
        begun[key] += 1
        if written.get(key) != term:
            yield Unexplained("acts", f"{process} began {key} in term {term}, its intent is of {written.get(key)}")
        if begun[key] > 1:
            yield Unexplained("acts", f"{key} was begun {begun[key]} times")
        known = topics.setdefault(term, set())
        topics[term] = None if intent.whole_scope or known is None else {*known, *intent.topics}
    for trigger in soaked.world.truth.triggers:
        named = topics.get(trigger.term, set())
        if named is not None and trigger.topic not in named:
            yield Unexplained("acts", f"{trigger.process} asked for {trigger.topic}, which no intent names")


def _terms(entries: Sequence[LogEntry]) -> list[int]:
    """In which term each entry was written."""
    term, found = 0, []
    for entry in entries:
        term += entry.kind is EntryKind.TAKEN
        found.append(term)
    return found


# -- requests


@dataclass(frozen=True, slots=True)
class Requests:
    """What came of all requests to offload."""

    sent: int
    refused: int
    """409: a run went on already."""
    failed: int
    late: int
    """Sent after somebody else had the lease."""
    late_and_refused: int
    late_with_nothing_to_do: int
    late_and_moved: int
    """Each was of a run that the successor had to do again in any case, and did not find it to do any more."""


def requests(triggers: Sequence[Trigger]) -> Requests:
    """Counted."""
    late = [one for one in triggers if one.term < one.newest_term]
    done = [one for one in late if not one.refused and not one.error]
    return Requests(
        len(triggers),
        sum(one.refused for one in triggers),
        sum(bool(one.error) and not one.refused for one in triggers),
        len(late),
        sum(one.refused for one in late),
        sum(not one.to_move for one in done),
        sum(one.to_move > 0 for one in done),
    )


def what_was_asked_twice(soaked: Soaked) -> Iterator[Unexplained]:
    """No request was taken while a run of the topic went on, and no ledger was completed by two of them."""
    for one in soaked.world.truth.triggers:
        if one.state == "RUNNING" and not one.refused and not one.error:
            yield Unexplained("requests", f"{one.process} asked for {one.topic} at {one.at}, and it was taken twice")
    for ledger_id, uuids in soaked.world.truth.completed.items():
        if len(uuids) > 1:
            yield Unexplained("requests", f"ledger {ledger_id} was offloaded {len(uuids)} times")


# -- cron times


def what_became_of_cron_times(soaked: Soaked) -> Iterator[Unexplained]:
    """Each cron time has one fate, from the first look at its schedule to the last, and one that the rules allow."""
    settled: dict[tuple[str, str], list[tuple[int, Settled, Decision]]] = defaultdict(list)
    for place, entry in enumerate(reversed(soaked.world.lease.log.entries())):
        decision = decode(entry).decision if entry.kind in STATE_KINDS else None
        if decision is not None:
            for one in decision.settled:
                settled[entry.schedule, one.cron].append((place, one, decision))
    for watched in _watched(soaked.world.truth.evaluations):
        rows, later = settled.get(watched.key, []), list[tuple[int, Settled, Decision]]()
        if not watched.is_last:
            end = max(one.place for one in watched.looks)
            rows, later = [one for one in rows if one[0] < end], [one for one in rows if one[0] >= end]
        settled[watched.key] = later
        yield from _tiles(watched, [one for _, one, _ in rows])
        for _, one, decision in rows:
            yield from _by_the_rules(watched, one, decision)
    for (name, key), rows in settled.items():
        if rows:
            yield Unexplained("cron", f"{name}: fates of {key}, which was not in force")


def _by_the_rules(watched: "_Watched", one: Settled, decision: Decision) -> Iterator[Unexplained]:
    name, missed = watched.schedule.name, watched.schedule.missed
    if one.fate is Fate.SERVED and decision.verdict is not Verdict.FIRED:
        yield Unexplained("cron", f"{name}: {one.first} was served by no run")
    if one.fate not in _FATES[missed]:
        yield Unexplained("cron", f"{name}: {one.first} is {one.fate}, which its rule does not allow")
    if missed is Missed.CATCH_UP and one.fate is Fate.SERVED and one.count != 1:
        yield Unexplained("cron", f"{name}: {one.count} times from {one.first} on were served by one run")


_ALWAYS: Final = (Fate.SERVED, Fate.NOT_NEEDED, Fate.PAUSED)
_FATES: Final[Mapping[Missed, tuple[Fate, ...]]] = {
    Missed.SKIP: (*_ALWAYS, Fate.TOO_LATE, Fate.MERGED),
    Missed.ONCE: (*_ALWAYS, Fate.MERGED),
    Missed.CATCH_UP: _ALWAYS,
}


@dataclass
class _Watched:
    """One cron for as long as it was in the file, with all looks at it."""

    schedule: Schedule
    cron: Cron
    looks: list[Evaluation]
    is_last: bool = True

    @property
    def key(self) -> tuple[str, str]:
        return self.schedule.name, self.cron.key


def _watched(evaluations: Sequence[Evaluation]) -> Iterator[_Watched]:
    """Each cron, as often as it was written into the file of a schedule that had another one before."""
    found: list[_Watched] = []
    current: dict[str, dict[str, _Watched]] = {}
    for one in evaluations:
        # What a deposed instance looks at counts for nobody, unless it is written down, which it cannot be.
        for schedule in one.schedules if not one.is_late else ():
            before, now = current.get(schedule.name, {}), dict[str, _Watched]()
            for cron in schedule.crons:
                watched = before.get(cron.key)
                if watched is None:
                    watched = _Watched(schedule, cron, [])
                    found.append(watched)
                watched.looks.append(one)
                now[cron.key] = watched
            for watched in before.values():
                watched.is_last = watched.cron.key in now
            current[schedule.name] = now
    return iter(found)


def _tiles(watched: _Watched, settled: Sequence[Settled]) -> Iterator[Unexplained]:
    name, cron, looks = watched.schedule.name, watched.cron, watched.looks
    whole = next((number for number, one in enumerate(looks) if one.is_whole), None)
    if whole is None:
        return
    # Those before the first that lived to decide may have decided something all the same.
    begins = [one.at for one in looks[: whole + 1]]
    row = [time for one in settled for time in _in(cron, one)]
    if len(row) != sum(one.count for one in settled):
        yield Unexplained("cron", f"{name}: counts of fates are not those of their times")
    for before, after in pairwise(row):
        if next(times(cron, before, after), None) != after:
            what = "has two fates" if after <= before else f"comes behind {before}, and what is between has no fate"
            yield Unexplained("cron", f"{name}: {after} {what}")
    if row and all(next(times(cron, at, row[0]), None) != row[0] for at in begins):
        yield Unexplained("cron", f"{name}: first looked at {begins[0]}, and the first fate is that of {row[0]}")
    if watched.is_last:
        end, last = row[-1] if row else begins[-1], max(one.at for one in looks if one.is_whole)
        # What is due waits for the next look, and jitter puts it off.
        left = [one for one in times(cron, end, last) if last - one > cron.jitter + 2 * EVERY]
        if left:
            yield Unexplained("cron", f"{name}: {len(left)} times from {left[0]} on have no fate")


def _in(cron: Cron, settled: Settled) -> list[datetime]:
    return [settled.first, *times(cron, settled.first, settled.last)]


# -- journals


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


# -- what was told on the way


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
            return world.truth.spoilt.get((key.uuid, key.ledger_id)) in _FAULTS_OF.get(code, ())


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

RULES: Final[tuple[Callable[[Soaked], Iterable[Unexplained]], ...]] = (
    what_the_check_tells,
    what_is_left_in_the_bucket,
    what_was_planted,
    what_can_be_read,
    what_should_have_moved,
    what_the_log_holds,
    what_was_asked_twice,
    what_became_of_cron_times,
    what_the_journals_hold,
    what_scheduled_checks_told,
    what_must_not_be_told,
    what_failed_inside,
)


def audit(soaked: Soaked) -> list[Unexplained]:
    """Everything that nobody can explain."""
    return [one for rule in RULES for one in rule(soaked)]
