"""Each rule of the soak's audit can fail: one thing without a cause is planted, and that rule tells of it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from offloadctl.adapters.checks_shape import CHECKS_FILE
from offloadctl.demo.faults import Fault
from offloadctl.demo.ledgers import OffloadContext, SimulatedLedger
from offloadctl.format.keys import data_key, index_key
from offloadctl.model.decision import EntryKind, LogEntry
from offloadctl.model.finding import Finding, Severity
from offloadctl.model.ledger import OffloadState
from offloadctl.operations.schedule_codec import decode
from tests.soak.audit import audit
from tests.soak.soak import Soaked, soak
from tests.soak.world import TOKEN, Trigger

STRANGER = UUID(int=7, version=4)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory) -> Soaked:
    """A short one, in which everything is explained."""
    made = soak(1, days=2, directory=tmp_path_factory.mktemp("soak"))
    assert audit(made) == []
    return made


# -- what is planted


@contextmanager
def a_strangers_object(soaked: Soaked) -> Iterator[None]:
    bucket = soaked.world.bucket
    bucket._store("notes.txt", b"x", "etag", {}, "text/plain")
    yield
    del bucket._objects["notes.txt"]


@contextmanager
def objects_of_nobody(soaked: Soaked) -> Iterator[None]:
    """Copied, as old as the original, under another uuid."""
    ledger = _offloaded(soaked)
    objects = soaked.world.bucket._objects
    key, copy = _data_key(ledger), data_key(STRANGER, ledger.ledger_id)
    objects[copy] = replace(objects[key], info=replace(objects[key].info, key=copy))
    yield
    del objects[copy]


@contextmanager
def an_upload_of_nobody(soaked: Soaked) -> Iterator[None]:
    bucket, old = soaked.world.bucket, soaked.world.clock.now() - timedelta(days=2)
    upload = bucket.begin_upload(data_key(STRANGER, 5))
    bucket._uploads[upload.upload_id] = replace(upload, initiated=old)
    yield
    bucket.abort_upload(upload)


@contextmanager
def an_index_is_gone(soaked: Soaked) -> Iterator[None]:
    ledger, objects = _offloaded(soaked), soaked.world.bucket._objects
    key = f"{_data_key(ledger)}-index"
    taken = objects.pop(key)
    yield
    objects[key] = taken


@contextmanager
def a_byte_of_the_only_copy_is_flipped(soaked: Soaked) -> Iterator[None]:
    ledger = next(one for one in _ledgers(soaked) if one.is_offloaded and not one.in_bookkeeper)
    objects, key = soaked.world.bucket._objects, _data_key(ledger)
    stored = objects[key]
    flipped = bytearray(stored.data)
    flipped[200] ^= 1
    objects[key] = replace(stored, data=bytes(flipped))
    yield
    objects[key] = stored


@contextmanager
def an_entry_is_lost_in_bookkeeper(soaked: Soaked) -> Iterator[None]:
    ledger = next(one for one in _ledgers(soaked) if one.in_bookkeeper and one.entry_count)
    entry = ledger._stored.pop()
    yield
    ledger._stored.append(entry)


@contextmanager
def a_ledger_waits_for_days(soaked: Soaked) -> Iterator[None]:
    ledger = _offloaded(soaked)
    context, closed_at = ledger.context, ledger.closed_at
    ledger.context, ledger.closed_at = None, soaked.world.clock.now() - timedelta(days=3)
    yield
    ledger.context, ledger.closed_at = context, closed_at


@contextmanager
def a_leftover_was_taken_away(soaked: Soaked) -> Iterator[None]:
    bucket = soaked.world.bucket
    key = next(iter(bucket.left_open))
    upload = next(one for one in bucket.uploads() if one.key == key)
    bucket.abort_upload(upload)
    yield
    bucket._uploads[upload.upload_id] = upload


@contextmanager
def damage_that_was_planted_is_not_there(soaked: Soaked) -> Iterator[None]:
    ledger, spoilt = _offloaded(soaked), soaked.world.truth.spoilt
    context = ledger.context
    assert context is not None
    spoilt[context.uuid, ledger.ledger_id] = {Fault.LOST_OBJECT}
    yield
    del spoilt[context.uuid, ledger.ledger_id]


@contextmanager
def a_finding_of_nothing(soaked: Soaked) -> Iterator[None]:
    ledger, report = _offloaded(soaked), soaked.report
    made = Finding("orphan", Severity.WARNING, "", ledger_id=ledger.ledger_id, key=_data_key(ledger))
    bucket = report.buckets[0]
    soaked.report = replace(report, buckets=(replace(bucket, findings=(*bucket.findings, made)),))
    yield
    soaked.report = report


@contextmanager
def a_finding_is_not_told(soaked: Soaked) -> Iterator[None]:
    report = soaked.report
    bucket = report.buckets[0]
    soaked.report = replace(report, buckets=(replace(bucket, findings=bucket.findings[1:]),))
    yield
    soaked.report = report


def without_entry(kind: EntryKind, *, has_settled: bool = False) -> Callable[[Soaked], AbstractContextManager[None]]:
    """The log lacks one of those."""

    @contextmanager
    def plant(soaked: Soaked) -> Iterator[None]:
        place = _place(soaked, kind, has_settled=has_settled)
        entry = soaked.world.lease.log._entries.pop(place)
        yield
        soaked.world.lease.log._entries.insert(place, entry)

    return plant


def twice_in_the_log(kind: EntryKind, *, has_settled: bool = False) -> Callable[[Soaked], AbstractContextManager[None]]:
    """One of those is there a second time."""

    @contextmanager
    def plant(soaked: Soaked) -> Iterator[None]:
        entries = soaked.world.lease.log._entries
        place = _place(soaked, kind, has_settled=has_settled)
        entries.insert(place, entries[place])
        yield
        entries.pop(place)

    return plant


@contextmanager
def a_run_began_without_its_intent(soaked: Soaked) -> Iterator[None]:
    begun = soaked.world.truth.begun
    process, term, intent = begun[0]
    begun.append((process, term, replace(intent, attempt=9)))
    yield
    begun.pop()


@contextmanager
def a_run_began_in_a_term_that_was_over(soaked: Soaked) -> Iterator[None]:
    begun = soaked.world.truth.begun
    first = begun[0]
    begun[0] = (first[0], first[1] + 1, first[2])
    yield
    begun[0] = first


def _trigger(soaked: Soaked, **changes: object) -> Callable[[], AbstractContextManager[None]]:
    @contextmanager
    def plant() -> Iterator[None]:
        triggers: list[Trigger] = soaked.world.truth.triggers
        made = next(one for one in triggers if not one.refused and not one.error)
        triggers.append(replace(made, **changes))  # type: ignore[arg-type] # whoever misspells a field is told at once
        yield
        triggers.pop()

    return plant


def a_request_was_taken_twice(soaked: Soaked) -> AbstractContextManager[None]:
    return _trigger(soaked, state=OffloadState.RUNNING)()


def a_request_that_no_intent_names(soaked: Soaked) -> AbstractContextManager[None]:
    return _trigger(soaked, term=10_000)()


@contextmanager
def a_ledger_was_offloaded_twice(soaked: Soaked) -> Iterator[None]:
    completed = next(iter(soaked.world.truth.completed.values()))
    completed.append(STRANGER)
    yield
    completed.pop()


def in_the_journal(change: str, undo: str) -> Callable[[Soaked], AbstractContextManager[None]]:
    """Somebody has changed it."""

    @contextmanager
    def plant(soaked: Soaked) -> Iterator[None]:
        path = next(one.directory for one in soaked.processes if (one.directory / "journal.sqlite").exists())
        for statement in (change, undo):
            connection = sqlite3.connect(path / "journal.sqlite")
            connection.executescript(statement)
            connection.close()
            if statement == change:
                yield

    return plant


@contextmanager
def a_false_alarm(soaked: Soaked) -> Iterator[None]:
    ledger = _offloaded(soaked)
    path = next(one.directory for one in soaked.processes if (one.directory / CHECKS_FILE).exists())
    values = ("made-up", "e", "index-missing", "damage", "w", f"t, ledger {ledger.ledger_id}, {_data_key(ledger)}")
    connection = sqlite3.connect(path / CHECKS_FILE)
    with connection:
        connection.execute("INSERT INTO finding VALUES (?, ?, ?, ?, ?, ?, '2026', '2026', 1)", values)
    yield
    with connection:
        connection.execute("DELETE FROM finding WHERE id = 'made-up'")
    connection.close()


def in_a_log_line(text: str) -> Callable[[Soaked], AbstractContextManager[None]]:
    """A process has said that."""

    @contextmanager
    def plant(soaked: Soaked) -> Iterator[None]:
        lines = soaked.processes[1].lines
        lines.append(f'{{"at": "2026", "event": "run-failed", "error": "{text}"}}')
        yield
        lines.pop()

    return plant


@contextmanager
def a_secret_in_the_log(soaked: Soaked) -> Iterator[None]:
    entries: list[LogEntry] = soaked.world.lease.log._entries
    entries[0] = replace(entries[0], text=f"Bearer {TOKEN}")
    yield
    entries[0] = replace(entries[0], text="")


RUN = "(SELECT min(id) FROM run WHERE ended_at IS NOT NULL)"
STEP = "(SELECT min(rowid) FROM step WHERE outcome IS NOT NULL AND sent_at IS NOT NULL)"
PLANTED: dict[str, tuple[str, Callable[[Soaked], AbstractContextManager[None]]]] = {
    "a stranger's object": ("bucket", a_strangers_object),
    "objects of nobody": ("bucket", objects_of_nobody),
    "an upload of nobody": ("bucket", an_upload_of_nobody),
    "an index is gone": ("bucket", an_index_is_gone),
    "an index is gone, and the check is silent": ("check", an_index_is_gone),
    "a leftover was taken away": ("bucket", a_leftover_was_taken_away),
    "a finding of nothing": ("check", a_finding_of_nothing),
    "a finding is not told": ("check", a_finding_is_not_told),
    "planted damage left no trace": ("planted", damage_that_was_planted_is_not_there),
    "the only copy is damaged": ("data", a_byte_of_the_only_copy_is_flipped),
    "an entry is lost": ("data", an_entry_is_lost_in_bookkeeper),
    "a ledger waits for days": ("eligible", a_ledger_waits_for_days),
    "a run without a result": ("log", without_entry(EntryKind.RESULT)),
    "a run with two results": ("log", twice_in_the_log(EntryKind.RESULT)),
    "an intent is not written": ("acts", without_entry(EntryKind.INTENT)),
    "an intent is written twice": ("log", twice_in_the_log(EntryKind.INTENT)),
    "a run without its intent": ("acts", a_run_began_without_its_intent),
    "a run of another term": ("acts", a_run_began_in_a_term_that_was_over),
    "a request that no intent names": ("acts", a_request_that_no_intent_names),
    "a request was taken twice": ("requests", a_request_was_taken_twice),
    "a ledger was offloaded twice": ("requests", a_ledger_was_offloaded_twice),
    "a cron time is lost": ("cron", without_entry(EntryKind.INTENT, has_settled=True)),
    "a cron time is served twice": ("cron", twice_in_the_log(EntryKind.INTENT, has_settled=True)),
    "a run never ended": (
        "journal",
        in_the_journal(
            f"CREATE TABLE kept AS SELECT id, ended_at FROM run WHERE id = {RUN};"
            "UPDATE run SET ended_at = NULL WHERE id IN (SELECT id FROM kept);",
            "UPDATE run SET ended_at = (SELECT ended_at FROM kept) WHERE id IN (SELECT id FROM kept); DROP TABLE kept;",
        ),
    ),
    "a run of nobody": (
        "journal",
        in_the_journal(
            f"CREATE TABLE kept AS SELECT id, reason FROM run WHERE id = {RUN};"
            "UPDATE run SET reason = 'by hand' WHERE id IN (SELECT id FROM kept);",
            "UPDATE run SET reason = (SELECT reason FROM kept) WHERE id IN (SELECT id FROM kept); DROP TABLE kept;",
        ),
    ),
    "a false alarm": ("alarms", a_false_alarm),
    "a secret in a log line": ("secrets", in_a_log_line(TOKEN)),
    "a secret in the decision log": ("secrets", a_secret_in_the_log),
    "a bug": ("bugs", in_a_log_line("KeyError: 'x'")),
}


@pytest.mark.parametrize("what", PLANTED)
def test_the_audit_tells_of(what: str, soaked: Soaked) -> None:
    rule, plant = PLANTED[what]

    with plant(soaked):
        unexplained = audit(soaked)

    assert rule in {one.rule for one in unexplained}
    assert audit(soaked) == []


# -- where it is planted


def _ledgers(soaked: Soaked) -> Iterator[SimulatedLedger]:
    metadata = soaked.world.cluster.metadata.values()
    return (ledger for each in metadata for ledger in each.ascending)


def _offloaded(soaked: Soaked) -> SimulatedLedger:
    """An old one whose objects are whole."""
    spoilt, objects = soaked.world.truth.spoilt, soaked.world.bucket._objects
    for ledger in _ledgers(soaked):
        context = ledger.context
        if context is None or not context.complete or (context.uuid, ledger.ledger_id) in spoilt:
            continue
        if index_key(context.uuid, ledger.ledger_id) in objects:
            return ledger
    raise AssertionError("nothing was offloaded")


def _data_key(ledger: SimulatedLedger) -> str:
    context: OffloadContext | None = ledger.context
    assert context is not None
    return data_key(context.uuid, ledger.ledger_id)


def _place(soaked: Soaked, kind: EntryKind, *, has_settled: bool) -> int:
    """Where in the log such an entry is, in its middle."""
    entries = soaked.world.lease.log._entries
    found = []
    for place, entry in enumerate(entries):
        if entry.kind is kind:
            decision = decode(entry).decision
            if not has_settled or (decision is not None and decision.settled):
                found.append(place)
    return found[len(found) // 2]
