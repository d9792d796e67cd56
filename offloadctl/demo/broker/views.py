"""Ledgers and their offload as the admin REST service shows them: values for JSON, fields in Pulsar's order.

ManagedLedgerInfo.java (internal-info), PersistentTopicInternalStats.java (internalStats), TopicStatsImpl.java (stats),
OffloadProcessStatusImpl.java (offload).
"""

import base64
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote_plus

from offloadctl.demo.broker.ownership import Served
from offloadctl.demo.broker.values import Response
from offloadctl.demo.ledgers import ManagedLedgerMetadata, SimulatedCursor, SimulatedLedger
from offloadctl.demo.object_writer import BOOKIE
from offloadctl.demo.offloading import LoadedTopic
from offloadctl.demo.policies import NamespacePolicies
from offloadctl.format.entry import Entry
from offloadctl.format.ledger_metadata import custom_metadata_for
from offloadctl.format.message import MessageMetadata
from offloadctl.model.ledger import OffloadStatus, Position
from offloadctl.model.names import TopicName

JsonObject = dict[str, Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_LEDGER: Final = {"ledgerId": -1, "entries": -1, "size": -1, "offloaded": False, "underReplicated": False}


def iso(moment: datetime) -> str:
    """A time as Pulsar writes it: milliseconds without trailing zeros, or none."""
    fraction = f".{moment.microsecond // 1000:03d}".rstrip("0").rstrip(".")
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"


def milliseconds(moment: datetime | None) -> int:
    """Milliseconds since 1970; 0 for never."""
    return 0 if moment is None else int(moment.timestamp() * 1000)


def internal_info(metadata: ManagedLedgerMetadata, now: datetime) -> JsonObject:
    """`internal-info`: the metadata store's view, ledgers in the order in which they were written."""
    info: JsonObject = {
        "version": metadata.version,
        "creationDate": iso(metadata.created_at),
        "modificationDate": iso(metadata.modified_at),
        "ledgers": [_stored_ledger(metadata.ledgers[ledger_id], now) for ledger_id in metadata.stored_order],
    }
    if metadata.terminated_at is not None:
        info["terminatedPosition"] = _position(metadata.terminated_at)
    info["cursors"] = {_encoded(name): _stored_cursor(metadata.cursors[name]) for name in sorted(metadata.cursors)}
    if metadata.properties:
        info["properties"] = metadata.properties
    return info


def internal_stats(served: Served, *, with_metadata: bool = False) -> JsonObject:
    """`internalStats`: the serving broker's view, ledgers ascending."""
    _, metadata, loaded = served
    ledgers = loaded.ledgers(metadata)
    current = loaded.open_ledger(metadata)
    return {
        "entriesAddedCounter": loaded.entries_added,
        "numberOfEntries": sum(ledger.entry_count for ledger in ledgers),
        "totalSize": sum(ledger.length for ledger in ledgers),
        "currentLedgerEntries": current.entry_count if current else 0,
        "currentLedgerSize": current.length if current else 0,
        "lastLedgerCreatedTimestamp": iso(current.created_at if current else _EPOCH),
        "waitingCursorsCount": 0,
        "pendingAddEntriesCount": 0,
        "lastConfirmedEntry": str(loaded.last_confirmed),
        "state": "LedgerOpened" if metadata.terminated_at is None else "Terminated",
        "ledgers": [
            _served_ledger(metadata.topic, ledger, is_open=ledger is current, with_metadata=with_metadata)
            for ledger in ledgers
        ],
        "cursors": {_encoded(name): _served_cursor(metadata.cursors[name]) for name in sorted(metadata.cursors)},
        "schemaLedgers": [],
        "compactedLedger": _NO_LEDGER,
    }


def topic_stats(served: Served, policies: NamespacePolicies, *, default_quota: int) -> JsonObject:
    """`stats` of a topic or partition."""
    _, metadata, loaded = served
    ledgers = loaded.ledgers(metadata)
    quotas = policies.backlog_quotas
    return _stats(
        {
            "bytesInCounter": loaded.bytes_in,
            "msgInCounter": loaded.messages_in,
            "storageSize": sum(ledger.length for ledger in ledgers),
            "backlogQuotaLimitSize": quotas.get("destination_storage", {}).get("limitSize", default_quota),
            "backlogQuotaLimitTime": quotas.get("message_age", {}).get("limitTime", -1),
            "oldestBacklogMessageAgeSeconds": -1,
            "offloadedStorageSize": sum(ledger.length for ledger in ledgers if ledger.is_offloaded),
            "lastOffloadLedgerId": loaded.last_offload_ledger_id,
            "lastOffloadSuccessTimeStamp": milliseconds(loaded.last_success_at),
            "lastOffloadFailureTimeStamp": milliseconds(loaded.last_failure_at),
        },
        {"deduplicationStatus": "Disabled"},
        {"ownerBroker": loaded.broker},
    ) | _connected(loaded)


def message(entry: bytes, position: Position) -> Response:
    """The headers that tell of an entry (PersistentTopicsBase.java, generateResponseWithEntry), as far as they do here.

    Of a batch the broker says how many messages it has, and hands it out whole.
    """
    parsed = Entry.parse(entry)
    metadata, stored = MessageMetadata.parse(parsed.metadata), parsed.broker_metadata
    headers = [
        ("X-Pulsar-Message-ID", str(position)),
        ("X-Pulsar-publish-time", iso(_EPOCH + timedelta(milliseconds=metadata.publish_time))),
        ("X-Pulsar-producer-name", metadata.producer_name),
        ("X-Pulsar-sequence-id", str(metadata.sequence_id)),
    ]
    if metadata.num_messages_in_batch is not None:
        headers.append(("X-Pulsar-num-batch-message", str(metadata.num_messages_in_batch)))
    if stored is not None and stored.broker_timestamp is not None:
        stored_at = _EPOCH + timedelta(milliseconds=stored.broker_timestamp)
        headers.append(("X-Pulsar-Broker-Entry-METADATA-timestamp", iso(stored_at)))
    return Response(200, parsed.payload, "application/octet-stream", of_message=tuple(headers))


def _connected(loaded: LoadedTopic) -> JsonObject:
    """Who is connected, as far as it can be counted: a producer or consumer is an object with many fields."""
    readers: JsonObject = {"reader": {"consumers": [{}] * loaded.consumers}} if loaded.consumers else {}
    return {"publishers": [{}] * loaded.producers, "subscriptions": readers}


def partitioned_stats(partitions: Iterable[JsonObject], metadata: JsonObject) -> JsonObject:
    """`partitioned-stats` without its partitions: sums, and of some fields the largest."""
    each = list(partitions)
    summed = ("bytesInCounter", "msgInCounter", "storageSize", "offloadedStorageSize")
    largest = ["lastOffloadLedgerId", "lastOffloadSuccessTimeStamp", "lastOffloadFailureTimeStamp"]
    largest += ["backlogQuotaLimitSize", "backlogQuotaLimitTime"]
    totals = {name: sum(one[name] for one in each) for name in summed}
    totals |= {name: max((one[name] for one in each), default=0) for name in largest}
    return _stats(totals | {"oldestBacklogMessageAgeSeconds": 0}, {}, {"metadata": metadata})


def offload_status(status: OffloadStatus) -> JsonObject:
    """The answer to GET offload."""
    position = status.first_unoffloaded or Position(-1, -1)
    return {
        "status": str(status.state),
        "lastError": status.last_error,
        "firstUnoffloadedMessage": message_id(position),
    }


def message_id(position: Position) -> JsonObject:
    """A MessageIdImpl."""
    return {**_position(position), "partitionIndex": -1, "batchSize": 0, "batchIndex": -1}


def _position(position: Position) -> JsonObject:
    return {"ledgerId": position.ledger_id, "entryId": position.entry_id}


def _encoded(subscription: str) -> str:
    """A subscription's name as Codec.java writes it into paths of the metadata store."""
    return quote_plus(subscription)


def _stored_cursor(cursor: SimulatedCursor) -> JsonObject:
    return {
        "version": cursor.version,
        "creationDate": iso(cursor.created_at),
        "modificationDate": iso(cursor.modified_at),
        "cursorsLedgerId": -1 if cursor.own_ledger is None else cursor.own_ledger,
        "markDelete": _position(cursor.stored),
    }


def _served_cursor(cursor: SimulatedCursor) -> JsonObject:
    """A cursor that nobody reads with."""
    is_open = cursor.own_ledger is not None
    return {
        "markDeletePosition": str(cursor.mark_delete),
        "readPosition": str(cursor.read),
        "waitingReadOp": False,
        "pendingReadOps": 0,
        "messagesConsumedCounter": 0,
        "cursorLedger": cursor.own_ledger if is_open else -1,
        "cursorLedgerLastEntry": cursor.own_entries - 1 if is_open else -1,
        "individuallyDeletedMessages": "[]",
        "lastLedgerSwitchTimestamp": iso(cursor.modified_at),
        "state": "Open" if is_open else "NoLedger",
        "active": False,
        "numberOfEntriesSinceFirstNotAckedMessage": cursor.read.entry_id - cursor.mark_delete.entry_id,
        "totalNonContiguousDeletedMessagesRange": 0,
        "subscriptionHavePendingRead": False,
        "subscriptionHavePendingReplayRead": False,
        "properties": {},
    }


def _stored_ledger(ledger: SimulatedLedger, now: datetime) -> JsonObject:
    info: JsonObject = {"ledgerId": ledger.ledger_id}
    if ledger.closed_at is not None:
        info |= {"entries": ledger.entry_count, "size": ledger.length}
    # MetaStoreImpl.java puts the time of reading where there is none, which is so for the open ledger.
    info |= {"timestamp": milliseconds(ledger.closed_at or now), "isOffloaded": ledger.context is not None}
    if ledger.context is not None:
        info["offloadedContextUuid"] = str(ledger.context.uuid)
    return info


def _served_ledger(topic: TopicName, ledger: SimulatedLedger, *, is_open: bool, with_metadata: bool) -> JsonObject:
    info: JsonObject = {
        "ledgerId": ledger.ledger_id,
        "entries": 0 if is_open else ledger.entry_count,
        "size": 0 if is_open else ledger.length,
        "offloaded": ledger.is_offloaded,
    }
    if with_metadata:
        info["metadata"] = _bookkeeper_metadata(topic, ledger, is_open=is_open)
    # With metadata it is always true: the broker looks for a set in a set of bookies (ManagedLedgerImpl.java).
    return info | {"underReplicated": with_metadata}


def _bookkeeper_metadata(topic: TopicName, ledger: SimulatedLedger, *, is_open: bool) -> str:
    """BookKeeper's text dump; of an offloaded ledger the index object is asked, which keeps an older format."""
    state = "OPEN" if is_open else f"CLOSED, length={ledger.length}, lastEntryId={ledger.entry_count - 1}"
    custom = ", ".join(
        f"{name}=base64:{base64.b64encode(value).decode()}"
        for name, value in custom_metadata_for(topic.managed_ledger_name)
    )
    return (
        f"LedgerMetadata{{formatVersion={2 if ledger.is_offloaded else 3}, ensembleSize=1, writeQuorumSize=1,"
        f" ackQuorumSize=1, state={state}, digestType=CRC32C, password=OMITTED, ensembles={{0=[{BOOKIE}]}},"
        f" customMetadata={{{custom}}}}}"
    )


def _stats(numbers: JsonObject, deduplication: JsonObject, end: JsonObject) -> JsonObject:
    """TopicStatsImpl.java with everything that nobody does in here: no consumer, no rate, no transaction."""
    zero = dict.fromkeys(("msgRateIn", "msgThroughputIn", "msgRateOut", "msgThroughputOut"), 0.0)
    return {
        **zero,
        "bytesInCounter": numbers["bytesInCounter"],
        "msgInCounter": numbers["msgInCounter"],
        "systemTopicBytesInCounter": 0,
        "bytesOutCounter": 0,
        "msgOutCounter": 0,
        "bytesOutInternalCounter": 0,
        "averageMsgSize": 0.0,
        "msgChunkPublished": False,
        "storageSize": numbers["storageSize"],
        "backlogSize": 0,
        "backlogQuotaLimitSize": numbers["backlogQuotaLimitSize"],
        "backlogQuotaLimitTime": numbers["backlogQuotaLimitTime"],
        "oldestBacklogMessageAgeSeconds": numbers["oldestBacklogMessageAgeSeconds"],
        "publishRateLimitedTimes": 0,
        "earliestMsgPublishTimeInBacklogs": 0,
        "offloadedStorageSize": numbers["offloadedStorageSize"],
        "lastOffloadLedgerId": numbers["lastOffloadLedgerId"],
        "lastOffloadSuccessTimeStamp": numbers["lastOffloadSuccessTimeStamp"],
        "lastOffloadFailureTimeStamp": numbers["lastOffloadFailureTimeStamp"],
        "ongoingTxnCount": 0,
        "abortedTxnCount": 0,
        "committedTxnCount": 0,
        "publishers": [],
        "waitingPublishers": 0,
        "subscriptions": {},
        "replication": {},
        **deduplication,
        "nonContiguousDeletedMessagesRanges": 0,
        "nonContiguousDeletedMessagesRangesSerializedSize": 0,
        "delayedMessageIndexSizeInBytes": 0,
        "compaction": {
            "lastCompactionRemovedEventCount": 0,
            "lastCompactionSucceedTimestamp": 0,
            "lastCompactionFailedTimestamp": 0,
            "lastCompactionDurationTimeInMills": 0,
        },
        **end,
    }
