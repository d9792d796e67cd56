"""What the audit asks of bucket, checks and data."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from offloadctl.demo.faults import Fault
from offloadctl.demo.ledgers import SimulatedLedger
from offloadctl.format.data_object import DataObjectReader, EntryRead
from offloadctl.format.errors import FormatError
from offloadctl.format.keys import ObjectKey, data_key, index_key
from offloadctl.model.check import CheckReport, CheckStatus
from tests.soak.soak import Soaked
from tests.soak.unexplained import Unexplained
from tests.soak.world import Objects, World

GRACE: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, order=True)
class Told:
    """A finding, as far as it is compared."""

    code: str
    ledger_id: int
    uuid: str


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
                explained = not world.truth.spoilt.get((uuid, told.ledger_id), set()).isdisjoint(FAULTS_OF[told.code])
        if not explained:
            yield Unexplained("bucket", f"nobody knows why there is {told}")
    for key in world.bucket.list():
        if ObjectKey.parse(key.key) is None:
            yield Unexplained("bucket", f"a stranger's object: {key.key}")
    yield from _lost_leftovers(world)


def what_was_planted(soaked: Soaked) -> Iterator[Unexplained]:
    """Each damage that was planted is seen in the bytes, as long as the broker has the ledger."""
    world, expected = soaked.world, expected_findings(soaked.world)
    for (uuid, ledger_id), faults in world.truth.spoilt.items():
        ledger = _ledger(world, ledger_id)
        if ledger is None or ledger.context is None or ledger.context.uuid != uuid or not ledger.context.complete:
            continue
        if all(faults.isdisjoint(FAULTS_OF.get(one.code, ())) for one in expected if one.uuid == str(uuid)):
            yield Unexplained("planted", f"{sorted(faults)} of ledger {ledger_id} left no damage")


FAULTS_OF: Final[Mapping[str, tuple[Fault, ...]]] = {
    "data-missing": (Fault.LOST_OBJECT,),
    "index-missing": (Fault.LOST_INDEX,),
    "truncated": (Fault.TRUNCATED_LEDGER,),
}


def _damage(world: World, ledger: SimulatedLedger) -> Iterator[str]:
    assert ledger.context is not None
    uuid, number = ledger.context.uuid, ledger.ledger_id
    data, index = world.bucket.head(data_key(uuid, number)), world.bucket.head(index_key(uuid, number))
    if data is None:
        # One code for both: the bucket is surely the one that the broker writes to.
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
                if not spoilt or not any((ledger.ledger_id, code) in told for code in FAULTS_OF):
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
