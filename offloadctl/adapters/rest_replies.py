"""Answers of the admin REST service as values: unknown fields are ignored, needed ones must be there.

Field names are Pulsar's: ManagedLedgerInfo.java (internal-info), ManagedLedgerInternalStats.java (internalStats),
LongRunningProcessStatus.java and OffloadProcessStatus.java (offload), OffloadPoliciesImpl.java (offloadPolicies).
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import starmap
from operator import attrgetter
from typing import Annotated, Final, TypeVar
from urllib.parse import unquote_plus
from uuid import UUID

import msgspec

from offloadctl.adapters.decoding import decoded
from offloadctl.adapters.rest_calls import Reply
from offloadctl.adapters.rest_errors import bad_reply, masked
from offloadctl.errors import UnsupportedTopic, UsageError
from offloadctl.model.ledger import (
    Cursor,
    OffloadState,
    OffloadStatus,
    Position,
    ServedLedger,
    ServedLedgers,
    StoredLedger,
    StoredLedgers,
)
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.scope import Listed
from offloadctl.units import ByteSize

Wire = TypeVar("Wire")
Value = TypeVar("Value")
Name = TypeVar("Name")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_BY_ID: Final = attrgetter("ledger_id")
_POSITION: Final = re.compile(r"(-?\d{1,19}):(-?\d{1,19})", re.ASCII)
_VERSION: Final = re.compile(r"[\w.+~:-]{1,80}", re.ASCII)

_Count = Annotated[int, msgspec.Meta(ge=0)]


def clusters_of(reply: Reply) -> tuple[str, ...]:
    """`/clusters`."""
    return understood(reply, tuple[str, ...], lambda names: names)


def cluster_name_of(reply: Reply) -> str:
    """`/brokers/configuration/runtime`: of all the settings only the one that names the cluster."""
    return understood(reply, _RuntimeConfiguration, lambda configuration: configuration.cluster_name)


def brokers_of(reply: Reply) -> tuple[str, ...]:
    """`/brokers/{cluster}`: `host:port` of each."""
    return understood(reply, tuple[str, ...], lambda names: names)


def version_of(reply: Reply) -> str:
    """`/brokers/version`: plain text, whatever its Content-Type says. Any version is taken as it is."""
    text = reply.body.decode("utf-8", errors="replace").strip().strip('"')
    if not _VERSION.fullmatch(text):
        raise bad_reply(reply, "expected a version, as in 4.0.7")
    return text


def tenants_of(reply: Reply) -> tuple[str, ...]:
    """`/tenants`."""
    return understood(reply, tuple[str, ...], lambda names: tuple(sorted(names)))


def namespaces_of(reply: Reply) -> Listed[NamespaceName]:
    """`/namespaces/{tenant}`: those of Pulsar 1 have three parts."""
    return understood(reply, tuple[str, ...], lambda names: _listed(names, _namespace))


def topics_of(reply: Reply) -> Listed[TopicName]:
    """`/persistent/{tenant}/{namespace}`: full names, decoded, partitions one by one."""
    return understood(reply, tuple[str, ...], lambda names: _listed(names, _topic))


def partition_count_of(reply: Reply) -> int:
    """`partitions`: 0 for a topic without."""
    return understood(reply, _PartitionedTopic, lambda topic: topic.partitions)


def stored_ledgers_of(reply: Reply) -> StoredLedgers:
    """`internal-info` of a topic or partition."""
    return understood(reply, _ManagedLedgerInfo, _stored_ledgers)


def stored_ledgers_by_partition_of(reply: Reply) -> dict[TopicName, StoredLedgers]:
    """`internal-info` of a partitioned topic."""
    return understood(
        reply,
        _PartitionedInfo,
        lambda info: {TopicName.parse(name): _stored_ledgers(one) for name, one in info.partitions.items()},
    )


def served_topics_of(reply: Reply) -> frozenset[TopicName]:
    """`/broker-stats/topics`: namespace, bundle, "persistent", topic, numbers that nobody decodes."""
    return understood(reply, dict[str, dict[str, _Bundle]], _served_topics)


def served_ledgers_of(reply: Reply) -> ServedLedgers:
    """`internalStats`."""
    return understood(reply, _InternalStats, _served_ledgers)


def offload_status_of(reply: Reply) -> OffloadStatus:
    """The answer to `GET …/offload`."""
    return understood(reply, _OffloadStatus, _offload_status)


def topic_names_of(reply: Reply) -> frozenset[str]:
    """`/persistent/{tenant}/{namespace}`: full names, partitions one by one."""
    return understood(reply, tuple[str, ...], frozenset)


def understood(reply: Reply, wire: type[Wire], build: Callable[[Wire], Value]) -> Value:
    """The answer as a value; an empty body is null. BadReply tells what came if it cannot be understood."""
    try:
        return build(decoded(reply.body.strip() or b"null", wire))
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as exc:
        raise bad_reply(reply, str(exc)) from exc
    except UsageError as exc:
        raise bad_reply(reply, exc.message) from exc


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    ledger_id: int
    entry_id: int

    @property
    def position(self) -> Position:
        return Position(self.ledger_id, self.entry_id)


class _RuntimeConfiguration(msgspec.Struct, frozen=True, rename="camel"):
    cluster_name: str


class _PartitionedTopic(msgspec.Struct, frozen=True):
    partitions: _Count


class _LedgerInfo(msgspec.Struct, frozen=True, rename="camel"):
    ledger_id: int
    timestamp: int
    entries: _Count | None = None
    size: _Count | None = None
    is_offloaded: bool = False
    offloaded_context_uuid: str | None = None


class _CursorInfo(msgspec.Struct, frozen=True, rename="camel"):
    cursors_ledger_id: int
    mark_delete: _Message | None = None


class _ManagedLedgerInfo(msgspec.Struct, frozen=True, rename="camel"):
    version: int
    ledgers: tuple[_LedgerInfo, ...]
    cursors: dict[str, _CursorInfo] | None = None
    modification_date: str | None = None
    terminated_position: _Message | None = None


class _PartitionedInfo(msgspec.Struct, frozen=True):
    partitions: dict[str, _ManagedLedgerInfo]


class _ServedLedger(msgspec.Struct, frozen=True, rename="camel"):
    ledger_id: int
    entries: _Count
    size: _Count
    offloaded: bool


class _ServedCursor(msgspec.Struct, frozen=True, rename="camel"):
    mark_delete_position: str


class _InternalStats(msgspec.Struct, frozen=True, rename="camel"):
    ledgers: tuple[_ServedLedger, ...]
    current_ledger_entries: _Count
    current_ledger_size: _Count
    state: str
    last_confirmed_entry: str | None = None
    cursors: dict[str, _ServedCursor] | None = None


class _OffloadStatus(msgspec.Struct, frozen=True, rename="camel"):
    status: OffloadState
    last_error: str | None = None
    first_unoffloaded_message: _Message | None = None


class _Bundle(msgspec.Struct, frozen=True):
    persistent: dict[str, msgspec.Raw] = {}


def _stored_ledgers(info: _ManagedLedgerInfo) -> StoredLedgers:
    terminated = info.terminated_position
    return StoredLedgers(
        version=info.version,
        # The broker rebuilds the list from a HashMap after an offload (ManagedLedgerImpl.java), so it is in no order.
        ledgers=tuple(sorted(map(_stored_ledger, info.ledgers), key=_BY_ID)),
        terminated_at=terminated.position if terminated else None,
        modified_at=_moment(info.modification_date),
        cursors=tuple(sorted(starmap(_stored_cursor, (info.cursors or {}).items()), key=_subscription)),
    )


def _stored_ledger(ledger: _LedgerInfo) -> StoredLedger:
    if ledger.is_offloaded and not ledger.offloaded_context_uuid:
        raise ValueError(f"ledger {ledger.ledger_id} is said to have an offload context, and there is no uuid")
    # The open ledger has no entries. Its timestamp says nothing: MetaStoreImpl.java puts the time of asking there.
    is_open = ledger.entries is None
    return StoredLedger(
        ledger_id=ledger.ledger_id,
        entries=ledger.entries,
        size=None if ledger.size is None else ByteSize(ledger.size),
        closed_at=None if is_open else _EPOCH + ledger.timestamp * _MILLISECOND,
        context_uuid=UUID(ledger.offloaded_context_uuid) if ledger.offloaded_context_uuid else None,
    )


def _stored_cursor(name: str, cursor: _CursorInfo) -> Cursor:
    # A broker that serves the topic writes acknowledgements to a ledger of the cursor's own, and puts the position back
    # into the metadata, without that ledger, when it closes the cursor (ManagedCursorImpl.java, internalAsyncMarkDelete
    # and persistPositionMetaStore). A position in a cursor's ledger may be anywhere from the one that stands here on.
    position = cursor.mark_delete.position if cursor.mark_delete is not None else Position(-1, -1)
    is_current = cursor.mark_delete is not None and cursor.cursors_ledger_id < 0
    return Cursor(_subscription_name(name), position, is_current)


def _subscription(cursor: Cursor) -> str:
    return cursor.subscription


def _subscription_name(name: str) -> str:
    # As Codec.java writes it, by java.net.URLEncoder.
    return unquote_plus(name)


def _moment(text: str | None) -> datetime | None:
    # DateFormatter.java writes the broker's own time zone. Nothing depends on this date, so an odd one is none.
    try:
        moment = datetime.fromisoformat(text) if text else None
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC) if moment else None
    except (ValueError, OverflowError):
        return None


def _served_ledgers(stats: _InternalStats) -> ServedLedgers:
    ledgers = (
        ServedLedger(each.ledger_id, each.entries, ByteSize(each.size), each.offloaded) for each in stats.ledgers
    )
    return ServedLedgers(
        ledgers=tuple(sorted(ledgers, key=lambda ledger: ledger.ledger_id)),
        current_entries=stats.current_ledger_entries,
        current_size=ByteSize(stats.current_ledger_size),
        state=stats.state,
        last_confirmed=_position(stats.last_confirmed_entry) if stats.last_confirmed_entry else None,
        cursors=tuple(sorted(starmap(_served_cursor, (stats.cursors or {}).items()), key=_subscription)),
    )


def _served_cursor(name: str, cursor: _ServedCursor) -> Cursor:
    return Cursor(_subscription_name(name), _position(cursor.mark_delete_position))


def _position(text: str) -> Position:
    match = _POSITION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no position, as in 33:499")
    return Position(int(match[1]), int(match[2]))


def _offload_status(wire: _OffloadStatus) -> OffloadStatus:
    first = wire.first_unoffloaded_message
    # Only a success names a message; in every other state the ids are -1 (OffloadProcessStatusImpl.java).
    position = first.position if first and first.ledger_id >= 0 else None
    return OffloadStatus(wire.status, masked(wire.last_error or ""), position)


def _served_topics(namespaces: dict[str, dict[str, _Bundle]]) -> frozenset[TopicName]:
    names = (name for bundles in namespaces.values() for bundle in bundles.values() for name in bundle.persistent)
    return frozenset(topic for name in names if (topic := _topic(name)) is not None)


def _listed(names: Iterable[str], parse: Callable[[str], Name | None]) -> Listed[Name]:
    parsed = {name: parse(name) for name in names}
    return Listed(
        tuple(parsed[name] for name in sorted(parsed) if parsed[name] is not None),  # type: ignore[misc]
        tuple(name for name in sorted(parsed) if parsed[name] is None),
    )


def _namespace(name: str) -> NamespaceName | None:
    return NamespaceName.parse(name) if name.count("/") == 1 else None


def _topic(name: str) -> TopicName | None:
    try:
        return TopicName.parse(name)
    except UnsupportedTopic:
        # Pulsar 1 names, such as the brokers' own heartbeat topics: nothing here can name them.
        return None
