"""What is in the listed buckets beside the ledgers that were looked at: strays, unfinished offloads, open uploads."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from offloadctl.check.subject import Subject
from offloadctl.errors import BrokerError, Interrupted, StoreError
from offloadctl.format.keys import data_key, split_key
from offloadctl.model.bucket import GRACE, BucketCheck, ObjectSum, OldVersions, OpenUploads
from offloadctl.model.finding import Finding
from offloadctl.model.journal import Attempt
from offloadctl.model.ledger import OffloadProgress
from offloadctl.model.names import TopicName
from offloadctl.operations.bucket_lists import BucketList, BucketLists, InFlight
from offloadctl.operations.check_strays import Judged, StrayJudge
from offloadctl.operations.check_topics import TopicRead, TopicReader
from offloadctl.operations.check_versions import count_versions
from offloadctl.operations.workers import StoppableClock
from offloadctl.ports import BrokerAdmin, MultipartUpload, ObjectStore

MOST_FINDINGS: Final = 1000
"""So many of one bucket are kept."""

_MOST_KEYS: Final = 1000
"""So many keys are looked up where uploads cannot be listed."""


@dataclass(frozen=True, slots=True)
class BucketChecker:
    """Looks at listed buckets, once all metadata of the scope is read."""

    admins: tuple[BrokerAdmin, ...]
    """Ours, and those of the clusters that share the buckets."""
    topics: TopicReader
    clock: StoppableClock
    started_at: datetime
    is_everything: bool
    """Whether the scope is everything; of a narrower one nothing is said of what belongs to others."""
    every_topic_known: bool
    left: tuple[Attempt, ...] = ()
    """What runs that are written down have left: their uploads may be open, though no metadata names them any more."""

    def look_at(self, lists: BucketLists) -> tuple[BucketCheck, ...]:
        """Each bucket that was listed; what was not looked at for an interruption is said."""
        return tuple(self._bucket(one, lists) for one in lists.lists if one.is_whole or one.error)

    def _bucket(self, one: BucketList, lists: BucketLists) -> BucketCheck:
        classes = one.pairing.classes
        check = BucketCheck(
            one.store.bucket,
            one.store.location,
            listed=one.is_whole,
            ledger_objects=sum(classes.values(), ObjectSum()),
            classes=tuple(classes.items()),
            unknown=one.pairing.unknown,
        )
        if one.error:
            return replace(check, not_covered=(f"the listing of {one.store.location}: {one.error}",))
        if not self.is_everything:
            return check
        try:
            return self._with_strays(check, one, lists)
        except (Interrupted, KeyboardInterrupt) as error:
            self.clock.end_by(error)
            why = f"what no metadata names in {one.store.location}: the check was interrupted before"
            return replace(check, not_covered=(why,))

    def _with_strays(self, check: BucketCheck, one: BucketList, lists: BucketLists) -> BucketCheck:
        judged = self._strays(one)
        unfinished = list(self._unfinished(one, lists.in_flight))
        try:
            uploads, of_uploads = self._uploads(one, lists.in_flight, judged)
        except StoreError as error:
            uploads, of_uploads = OpenUploads(), []
            judged += Judged(not_covered=(f"open uploads in {one.store.location}: {error.message}",))
        if uploads.keys_left:
            why = f"open uploads of {uploads.keys_left:,} keys in {one.store.location}, which has to be asked for each"
            judged += Judged(not_covered=(why,))
        try:
            versions = count_versions(one.store, self.clock)
        except StoreError as error:
            versions = OldVersions()
            judged += Judged(not_covered=(f"older versions in {one.store.location}: {error.message}",))
        findings = (*judged.findings, *unfinished, *of_uploads)
        return replace(
            check,
            strays=judged.strays,
            uploads=uploads,
            versions=versions,
            findings=findings[:MOST_FINDINGS],
            more_findings=max(0, len(findings) - MOST_FINDINGS),
            not_covered=judged.not_covered,
        )

    @property
    def _begun_before(self) -> datetime:
        return self.started_at - GRACE

    def _strays(self, one: BucketList) -> Judged:
        judge = StrayJudge(self.admins, self.clock, self._clusters(), self._begun_before, self.every_topic_known)
        return judge.judge(one.store, one.pairing)

    def _clusters(self) -> frozenset[str]:
        """Whose objects are judged; nobody's, if one of the clusters does not say its name."""
        try:
            names = [admin.own_cluster() for admin in self.admins]
        except BrokerError:
            return frozenset()
        return frozenset() if None in names else frozenset(name for name in names if name is not None)

    # -- offloads that were begun and not completed

    def _unfinished(self, one: BucketList, in_flight: list[InFlight]) -> Iterator[Finding]:
        for each in in_flight:
            uuid = each.ledger.context_uuid
            row = one.pairing.claim(uuid, each.ledger.ledger_id) if uuid is not None else None
            if row is None or uuid is None or one.pairing.modified(row) >= self._begun_before:
                continue
            if self._is_still_in_flight(each) and _is_there(
                one.store, subject := Subject.of(each.topic, each.ledger, uuid)
            ):
                what = "the offload of the ledger was begun, wrote objects, and was never completed"
                found = f"written {one.pairing.modified(row):%F}"
                yield subject.finding("unfinished-offload", what, expected="complete within a day", found=found)

    def _is_still_in_flight(self, each: InFlight) -> bool:
        now = self.topics.read(each.topic, None)
        ledger = now.ledgers.ledger(each.ledger.ledger_id) if isinstance(now, TopicRead) else None
        return (
            ledger is not None
            and ledger.progress is OffloadProgress.IN_FLIGHT
            and ledger.context_uuid == each.ledger.context_uuid
        )

    # -- uploads

    def _uploads(self, one: BucketList, in_flight: list[InFlight], judged: Judged) -> tuple[OpenUploads, list[Finding]]:
        owners = self._owners(in_flight)
        listable = one.store.uploads_listable
        keys = [""] if listable else list(owners)[:_MOST_KEYS]
        # Others' uploads look like ours; without others' objects there are no others.
        only_ours = self.every_topic_known and not (judged.strays.foreign + judged.strays.owner_unknown).objects
        seen = OpenUploads(
            is_complete=listable,
            keys_asked=0 if listable else len(keys),
            keys_left=0 if listable else len(owners) - len(keys),
        )
        findings: list[Finding] = []
        for upload in _once(upload for key in keys for upload in one.store.uploads(key)):
            parts = split_key(upload.key)
            if parts is None:
                continue
            size = _size(one.store, upload)
            if size is None and not _is_open(one.store, upload):
                continue
            oldest = min((at for at in (seen.oldest, upload.initiated) if at is not None), default=None)
            seen = replace(seen, seen=seen.seen + 1, size=seen.size + (size or 0), oldest=oldest)
            if upload.initiated is None or upload.initiated >= self._begun_before:
                seen = replace(seen, young=seen.young + 1)
            elif upload.key in owners or one.pairing.is_claimed(parts[0], parts[1]) or only_ours:
                findings.append(_open_upload(upload, parts[1], owners.get(upload.key), size))
            else:
                seen = replace(seen, owner_unknown=seen.owner_unknown + 1)
        return seen, findings

    def _owners(self, in_flight: Sequence[InFlight]) -> dict[str, TopicName]:
        """Whose uploads may be open: what the metadata has in flight, and what runs that are written down have left."""
        named = {
            data_key(each.ledger.context_uuid, each.ledger.ledger_id): each.topic
            for each in in_flight
            if each.ledger.context_uuid is not None
        }
        return named | {data_key(one.uuid, one.ledger_id): one.topic for one in self.left}


def _once(uploads: Iterable[MultipartUpload]) -> Iterator[MultipartUpload]:
    """Each upload once: a whole key is the beginning of others."""
    seen: set[tuple[str, str]] = set()
    for one in uploads:
        if (one.key, one.upload_id) not in seen:
            seen.add((one.key, one.upload_id))
            yield one


def _open_upload(upload: MultipartUpload, ledger_id: int, owner: TopicName | None, size: int | None) -> Finding:
    subject = Subject(upload.key, f"{upload.key}-index", owner, ledger_id)
    what = "a multipart upload was begun and never ended"
    found = f"upload {upload.upload_id}, begun {upload.initiated:%F}"
    if size is not None:
        found += f", {size:,} bytes"
    return subject.finding("open-upload", what, expected="ended within a day", found=found)


def _size(store: ObjectStore, upload: MultipartUpload) -> int | None:
    """The bytes that have arrived; None if the upload is not open any more, or if that takes a right that we lack."""
    try:
        parts = store.upload_parts(upload)
    except StoreError:
        return None
    return None if parts is None else sum(part.size for part in parts)


def _is_open(store: ObjectStore, upload: MultipartUpload) -> bool:
    return any(one.upload_id == upload.upload_id for one in store.uploads(upload.key))


def _is_there(store: ObjectStore, subject: Subject) -> bool:
    try:
        return any(store.head(key) is not None for key in (subject.data_key, subject.index_key))
    except StoreError:
        return False
