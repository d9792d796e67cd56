"""The two objects of one ledger, with the bytes, the user metadata and the content types that a broker gives them."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final, Protocol, runtime_checkable
from uuid import UUID

from offloadctl.demo.ledgers import SimulatedLedger
from offloadctl.errors import StoreError
from offloadctl.format.keys import data_key, index_key
from offloadctl.format.ledger_metadata import LedgerMetadata, LedgerSegment, custom_metadata_for
from offloadctl.format.writer import Block, BlockExtent, build_index, write_blocks
from offloadctl.model.names import TopicName
from offloadctl.ports import MultipartUpload, WritableObjectStore

GIT_SHA: Final = "ce00d7a4a040ad34399d44df54dc8e0fdc67eb35"
"""Pulsar 4.0.7's own, as its objects carry it."""

BOOKIE: Final = "127.0.0.1:3181"


@dataclass(frozen=True, slots=True)
class LedgerObjects:
    """Both objects of one offload attempt; `truncated`: as if the middle entry did not fit into a block."""

    topic: TopicName
    ledger: SimulatedLedger
    uuid: UUID
    cluster: str
    version: str
    max_block_size: int
    truncated: bool = False

    def blocks(self) -> Iterator[Block]:
        """The data object, block by block."""
        ledger = self.ledger
        entries: Iterable[bytes] = ledger.entries()
        length = ledger.length
        if self.truncated:
            # The writer keeps the broker's trap. An entry as long as a block, in place of the middle one, springs it.
            # Smaller blocks would suit a small ledger better, but S3 takes no part under 5 MiB before the last one.
            misfit = bytes(self.max_block_size)
            entries = chain(islice(entries, ledger.entry_count // 2), [misfit])
            length += 2 * self.max_block_size
        return write_blocks(
            entries, ledger_length=length, entry_count=ledger.entry_count, max_block_size=self.max_block_size
        )

    def user_metadata(self, role: str) -> dict[str, str]:
        """What both objects carry beside their bytes."""
        return {
            "s3managedledgeroffloaderformatversion": "1",
            "role": role,
            "managedledgername": self.topic.managed_ledger_name,
            "s3managedledgeroffloadersoftwareversion": self.version,
            "s3managedledgeroffloadersoftwaregitsha": GIT_SHA,
            "pulsarclustername": self.cluster,
        }


def ledger_metadata(topic: TopicName, ledger: SimulatedLedger) -> LedgerMetadata:
    """What BookKeeper says of a closed ledger."""
    return LedgerMetadata(
        length=ledger.length,
        last_entry_id=ledger.entry_count - 1,
        segments=(LedgerSegment((BOOKIE,), 0),),
        ctime=int(ledger.created_at.timestamp() * 1000),
        custom_metadata=custom_metadata_for(topic.managed_ledger_name),
    )


def write_objects(store: WritableObjectStore, objects: LedgerObjects, *, with_index: bool = True) -> None:
    """Data first, index last; if the index cannot be stored the data is deleted, as the broker does it."""
    key, extents = data_key(objects.uuid, objects.ledger.ledger_id), list[BlockExtent]()

    def parts() -> Iterator[bytes]:
        for block in objects.blocks():
            extents.append(block.extent)
            yield block.data

    metadata = objects.user_metadata("data")
    store.put_multipart(key, parts(), user_metadata=metadata, content_type="application/unknown")
    if not with_index:
        return
    index = build_index(extents, metadata=ledger_metadata(objects.topic, objects.ledger)).build()
    try:
        store.put(
            index_key(objects.uuid, objects.ledger.ledger_id),
            index,
            user_metadata=objects.user_metadata("index"),
            content_type="application/octet-stream",
        )
    except StoreError:
        with suppress(StoreError):
            store.delete(key)
        raise


@runtime_checkable
class KeepsUploads(Protocol):
    """A bucket in which an upload can be begun and left alone."""

    def begin_upload(self, key: str) -> MultipartUpload:
        """Begin a multipart upload that nobody goes on with."""
        ...


def leave_upload_open(store: WritableObjectStore, uuid: UUID, ledger_id: int) -> None:
    """What a broker leaves that dies during an upload: Pulsar never aborts it."""
    if isinstance(store, KeepsUploads):
        store.begin_upload(data_key(uuid, ledger_id))


def delete_objects(store: WritableObjectStore, uuid: UUID, ledger_id: int) -> None:
    """Both objects of an attempt, whether they are there or not."""
    store.delete(data_key(uuid, ledger_id))
    store.delete(index_key(uuid, ledger_id))
