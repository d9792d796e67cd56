"""The two objects of one ledger, with the bytes, the user metadata and the content types that a broker gives them."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from offloadctl.demo.ledgers import SimulatedLedger
from offloadctl.errors import StoreError
from offloadctl.format.keys import data_key, index_key
from offloadctl.format.ledger_metadata import LedgerMetadata, LedgerSegment, custom_metadata_for
from offloadctl.format.writer import Block, build_index, write_blocks
from offloadctl.model.names import TopicName
from offloadctl.ports import WritableObjectStore

GIT_SHA: Final = "ce00d7a4a040ad34399d44df54dc8e0fdc67eb35"
"""Pulsar 4.0.7's own, as its objects carry it."""

BOOKIE: Final = "127.0.0.1:3181"


@dataclass(frozen=True, slots=True)
class LedgerObjects:
    """Both objects of one offload attempt, ready to be stored."""

    data_key: str
    index_key: str
    blocks: tuple[bytes, ...]
    index: bytes
    user_metadata: dict[str, str]

    @classmethod
    def of(
        cls,
        topic: TopicName,
        ledger: SimulatedLedger,
        uuid: UUID,
        *,
        cluster: str,
        version: str,
        max_block_size: int,
        truncated: bool = False,
    ) -> "LedgerObjects":
        """What a broker would write; `truncated`: as if its middle entry did not fit into a block."""
        blocks = tuple(_blocks(ledger, max_block_size, truncated=truncated))
        index = build_index([block.extent for block in blocks], metadata=ledger_metadata(topic, ledger))
        user_metadata = {
            "s3managedledgeroffloaderformatversion": "1",
            "managedledgername": topic.managed_ledger_name,
            "s3managedledgeroffloadersoftwareversion": version,
            "s3managedledgeroffloadersoftwaregitsha": GIT_SHA,
            "pulsarclustername": cluster,
        }
        keys = data_key(uuid, ledger.ledger_id), index_key(uuid, ledger.ledger_id)
        return cls(*keys, tuple(block.data for block in blocks), index.build(), user_metadata)


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
    metadata = objects.user_metadata
    store.put_multipart(
        objects.data_key,
        iter(objects.blocks),
        user_metadata=metadata | {"role": "data"},
        content_type="application/unknown",
    )
    if not with_index:
        return
    try:
        store.put(
            objects.index_key,
            objects.index,
            user_metadata=metadata | {"role": "index"},
            content_type="application/octet-stream",
        )
    except StoreError:
        with suppress(StoreError):
            store.delete(objects.data_key)
        raise


def delete_objects(store: WritableObjectStore, uuid: UUID, ledger_id: int) -> None:
    """Both objects of an attempt, whether they are there or not."""
    store.delete(data_key(uuid, ledger_id))
    store.delete(index_key(uuid, ledger_id))


def _blocks(ledger: SimulatedLedger, max_block_size: int, *, truncated: bool) -> Iterable[Block]:
    entries, length = ledger.entries, ledger.length
    if truncated:
        # The writer keeps the broker's trap. An entry as long as a block, in the place of the middle one, springs it.
        misfit = bytes(max_block_size)
        entries, length = [*entries[: ledger.entry_count // 2], misfit], length + 2 * max_block_size
    return write_blocks(entries, ledger_length=length, entry_count=ledger.entry_count, max_block_size=max_block_size)
