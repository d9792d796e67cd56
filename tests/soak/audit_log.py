"""What the audit asks of the decision log, of requests, and of cron times."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from offloadctl.model.decision import Decision, EntryKind, Fate, LogEntry, Settled, Verdict
from offloadctl.model.names import TopicName
from offloadctl.model.schedule import Cron, Missed, Schedule
from offloadctl.operations.schedule import STATE_KINDS
from offloadctl.operations.schedule_codec import decode
from offloadctl.plan.cron import times
from tests.soak.process import EVERY
from tests.soak.soak import Soaked
from tests.soak.unexplained import Unexplained
from tests.soak.world import Evaluation, Trigger


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
            end = watched.ends_at
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
    ends_at: int = 0
    """So many entries the log had when it was not in the file any more."""

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
                watched.is_last, watched.ends_at = watched.cron.key in now, one.place
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
