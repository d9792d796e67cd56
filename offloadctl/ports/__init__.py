"""The doors to the outside, and what each of them promises. Adapters keep the promises; fakes do too.

Nothing here retries on its own account unless it says so, and nothing returns a half-understood answer: an adapter
either returns a value or raises one of the errors named in `errors.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from offloadctl.model.bucket_facts import BucketFacts
from offloadctl.model.ended_check import EndedCheck
from offloadctl.model.finding import Acknowledgement, Finding, KnownFinding, Sighting
from offloadctl.model.ledger import OffloadPolicies, OffloadStatus, Position, ServedLedgers, StoredLedgers
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.policies import NamespaceFacts, PolicyObject, PolicyScope, Retention
from offloadctl.model.scope import Listed
from offloadctl.ports.topics import TopicAdmin


class Clock(Protocol):
    """The time, and waiting for it."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only ever grow, for measuring durations."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; may be cut short only by an exception."""
        ...


class PolicyAdmin(Protocol):
    """The part of Pulsar's admin REST service that is about offload policies. Loads no topic.

    Credentials are never read: where a level has one, its policy says STORED. None: the level has nothing.
    """

    def own_offload_policy(self, scope: PolicyScope, *, is_global: bool = False) -> PolicyObject | None:
        """What a namespace or topic itself has. NotFound if there is no such namespace or topic."""
        ...

    def applied_offload_policy(self, topic: TopicName) -> PolicyObject:
        """Topic, namespace and broker as the broker merges them; 4.0.7 forgets the namespace's older fields."""
        ...

    def namespace_facts(self, namespace: NamespaceName) -> NamespaceFacts:
        """What else a namespace has that matters to offload."""
        ...

    def topic_retention(self, topic: TopicName, *, is_global: bool = False) -> Retention | None:
        """The topic's own."""
        ...

    def broker_settings(self) -> Mapping[str, str]:
        """The answering broker's typed settings that offload depends on. NotAuthorised without super-user rights."""
        ...

    # -- changes something; never retried

    def replace_offload_policy(
        self, scope: PolicyScope, policy: PolicyObject, *, expected: PolicyObject | None, is_global: bool = False
    ) -> None:
        """Set all of it at once; Busy if the level has no longer what is `expected`, and nothing was done then.

        STORED stands for the credential that the level has. A topic's policy comes into force a moment later.
        """
        ...

    def set_offload_field(self, namespace: NamespaceName, name: str, value: int | None) -> None:
        """One threshold or the deletion lag, which alone can be removed (None)."""
        ...

    def remove_offload_policy(self, scope: PolicyScope, *, is_global: bool = False) -> None:
        """The whole policy; a namespace's older fields stay."""
        ...

    def set_retention(self, scope: PolicyScope, retention: Retention | None) -> None:
        """How much is kept of what is consumed; None: the level below counts again. A topic's comes in force later."""
        ...


class BrokerAdmin(PolicyAdmin, TopicAdmin, Protocol):
    """Pulsar's admin REST service.

    Reads are retried with back-off when that helps; triggers never are. Every method may raise a BrokerError.
    The methods under *loads nothing* never make a broker load a topic; those under *loads the topic* do.
    """

    # -- loads nothing

    def clusters(self) -> tuple[str, ...]:
        """The clusters that the broker knows; its own is the only one of a stand-alone installation."""
        ...

    def own_cluster(self) -> str | None:
        """The cluster that the broker belongs to; None if it knows several and we lack the super-user right to ask."""
        ...

    def broker_version(self) -> str:
        """The answering broker's version, such as `4.0.7`."""
        ...

    def tenants(self) -> tuple[str, ...]:
        """All tenants, ascending. NotAuthorised without super-user rights."""
        ...

    def namespaces(self, tenant: str) -> Listed[NamespaceName]:
        """The tenant's namespaces. NotFound if there is no such tenant."""
        ...

    def topics(self, namespace: NamespaceName) -> Listed[TopicName]:
        """The persistent topics that have a managed ledger, partitions one by one, system topics too.

        NotFound if there is no such namespace.
        """
        ...

    def partition_count(self, topic: TopicName) -> int:
        """The number of partitions; 0 for a topic that is not partitioned. NotFound if there is no such topic."""
        ...

    def stored_ledgers(self, topic: TopicName) -> StoredLedgers:
        """`internal-info` of a topic or partition. NotFound if it has no managed ledger."""
        ...

    def stored_ledgers_by_partition(self, topic: TopicName) -> Mapping[TopicName, StoredLedgers]:
        """`internal-info` of a partitioned topic: one entry for each partition that has a managed ledger."""
        ...

    def served_topics(self) -> frozenset[TopicName]:
        """The topics and partitions that brokers have loaded. NotAuthorised without super-user rights.

        Brokers refresh this list once a minute (statsUpdateFrequencyInSecs), so a topic loaded just now may be missing.
        """
        ...

    def offload_policies(self, topic: TopicName) -> OffloadPolicies:
        """The offload policies in force; of a partition, those of its parent."""
        ...

    def owner_of(self, topic: TopicName) -> str:
        """The host that answered the last loading call for the topic; empty if there was none. Asks nobody.

        A lookup would tell of any topic, but it assigns the bundle to a broker if it has none. Behind a proxy the
        host is the proxy's.
        """
        ...

    # -- loads the topic

    def served_ledgers(self, topic: TopicName) -> ServedLedgers:
        """`internalStats` of a topic or partition."""
        ...

    def offload_status(self, topic: TopicName) -> OffloadStatus:
        """What the broker says of the last manual offload."""
        ...

    # -- changes something

    def trigger_offload(self, topic: TopicName, before: Position) -> None:
        """Ask the broker to offload every closed ledger before `before`. Busy if a manual run is going on.

        Returning means *accepted*, no more. Never retried: a lost answer may have been an accepted request.
        """
        ...


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object as HEAD or LIST tells it. `user_metadata` is empty when it comes from LIST; keys are lower-case."""

    key: str
    size: int
    etag: str = ""
    last_modified: datetime | None = None
    storage_class: str = "STANDARD"
    user_metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MultipartUpload:
    """An upload that was begun and neither completed nor aborted; its parts take space, and no listing shows them."""

    key: str
    upload_id: str
    initiated: datetime | None = None


@dataclass(frozen=True, slots=True)
class UploadPart:
    """One part of an open upload that has arrived whole."""

    number: int
    """From 1."""
    size: int
    arrived_at: datetime | None = None
    """By the store's clock."""


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of an object, or the mark that it was deleted, which hides the versions before it."""

    key: str
    version_id: str
    is_latest: bool
    is_delete_marker: bool = False
    size: int = 0
    last_modified: datetime | None = None


CHUNK_SIZE: Final = 8 * 1024 * 1024
"""What `read_chunks` hands out at once by default."""


class ObjectStore(Protocol):
    """One bucket, for reading. Every method may raise a StoreError; *missing* is an answer, not an error."""

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        ...

    @property
    def location(self) -> str:
        """Bucket and endpoint for people: `s3://bucket at https://endpoint`."""
        ...

    @property
    def endpoint(self) -> str:
        """The address of the store, for commands to paste; empty if it has none."""
        ...

    def head(self, key: str) -> ObjectInfo | None:
        """The object's facts, or None if the bucket exists and has no such object."""
        ...

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes | None:
        """Up to `length` bytes from `start`, all of the rest by default; None if there is no such object.

        A range that begins at or behind the object's end gives no bytes.
        """
        ...

    def read_chunks(
        self, key: str, *, start: int = 0, length: int | None = None, chunk_size: int = CHUNK_SIZE
    ) -> Iterator[bytes] | None:
        """The bytes of `read` in chunks of `chunk_size`, the last one shorter; None, at once, without the object.

        Takes no more memory than a few chunks, and resumes where a connection breaks off. All chunks are of one and
        the same object: if it is replaced or deleted meanwhile, the iterator raises StoreFailed.
        """
        ...

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        """All objects whose key begins with `prefix` and comes after `after`, ascending by key."""
        ...

    @property
    def is_versioned(self) -> bool:
        """Whether the bucket keeps what is deleted or replaced, or once did. It takes a right of its own to know."""
        ...

    def versions(self, prefix: str = "") -> Iterator[ObjectVersion]:
        """All versions and delete markers of keys that begin with `prefix`, ascending by key, of each the newest first.

        Of a bucket that was never versioned: its objects. It takes a right of its own.
        """
        ...

    def uploads(self, prefix: str = "") -> Iterator[MultipartUpload]:
        """Multipart uploads whose key begins with `prefix`, ascending by key; complete only where `uploads_listable`.

        The uploads of a whole key, given as `prefix`, are complete everywhere; others may come with them.
        """
        ...

    def upload_parts(self, upload: MultipartUpload, *, after: int = 0) -> tuple[UploadPart, ...] | None:
        """The parts of an open upload with numbers after `after`, ascending; None once it is not open any more."""
        ...

    @property
    def uploads_listable(self) -> bool:
        """Whether `uploads` of a mere prefix tells all there are. MinIO lists uploads by exact key only.

        False also where that is not known: then no uploads found means nothing, and each key must be asked for.
        """
        ...


class WritableObjectStore(ObjectStore, Protocol):
    """A bucket that may be written to. Only the embedded cluster writes; the product reads."""

    def put(self, key: str, data: bytes, *, user_metadata: Mapping[str, str], content_type: str) -> None:
        """Store one object in one request."""
        ...

    def put_multipart(
        self, key: str, parts: Iterator[bytes], *, user_metadata: Mapping[str, str], content_type: str
    ) -> None:
        """Store one object from its parts; it appears only when all of them are there. Aborted on any failure."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object; removing one that is not there is no error."""
        ...


class BucketProbe(Protocol):
    """What the store tells of a bucket's configuration; it takes other rights than reading objects does."""

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        ...

    def facts(self) -> BucketFacts:
        """Everything that the store tells; each refusal stands in its place and raises nothing."""
        ...


class MessageReader(Protocol):
    """Messages by Pulsar's binary protocol, as any consumer gets them; nothing is acknowledged. Loads the topic."""

    def first_from(self, topic: TopicName, position: Position, *, timeout: float) -> Position | None:
        """Where the first message at that position or behind it is; None if none has come when the time is over.

        Raises a BrokerError if the broker cannot be reached or refuses: that is no silence.
        """
        ...


class FindingStore(Protocol):
    """What checks have found, kept from one command to the next. Every method may raise a StateError."""

    def see(self, findings: Sequence[Finding], at: datetime, *, keep: bool = True) -> Mapping[str, Sighting]:
        """Remember what one check has found, and tell of each, by id, since when it is known.

        Without `keep` nothing is written, and those that are not known are left out. An acknowledgement comes with it
        only if it holds: it has not ended, and its evidence is what is found now.
        """
        ...

    def known(self, finding_id: str) -> KnownFinding | None:
        """A finding as the last check told it that had it; None if none ever did."""
        ...

    def acknowledge(self, acknowledgements: Sequence[Acknowledgement]) -> None:
        """Take note of known findings, all of them or none; a later acknowledgement replaces an earlier one."""
        ...

    def unacknowledge(self, finding_ids: Sequence[str]) -> tuple[str, ...]:
        """Forget acknowledgements; tells which of them there were."""
        ...

    def acknowledgements(self) -> tuple[tuple[Acknowledgement, KnownFinding], ...]:
        """Every one that is remembered, also those that have ended, the soonest end first."""
        ...

    def ended(self, check: EndedCheck) -> None:
        """Remember that it has ended, after its findings were seen; what it has not covered stays as it is known."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that an operation may reach. `stores` are the buckets where ledgers may have gone; it may be empty."""

    admin: BrokerAdmin
    clock: Clock
    stores: tuple[ObjectStore, ...] = ()
    messages: MessageReader | None = None
    """None without a broker_url."""
