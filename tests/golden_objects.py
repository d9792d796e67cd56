"""The recorded objects of a real Pulsar 4.0.7 under tests/golden/objects: every test reads them through this module.

`offloaded` are whole ledgers, one topic for each way of publishing; `truncated` is the one that the broker cut short in
silence. All were written with blocks of 5 MiB.
"""

import gzip
import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).parent / "golden" / "objects"

MAX_BLOCK_SIZE: Final = 5 * 1024 * 1024
"""The broker's managedLedgerOffloadMaxBlockSizeInBytes while the objects were recorded."""


@dataclass(frozen=True, slots=True)
class GoldenObject:
    """One object as it lay in the bucket; `sha256` and `size` were taken there."""

    key: str
    body: bytes
    size: int
    etag: str
    sha256: str
    metadata: dict[str, str]
    content_type: str | None


@dataclass(frozen=True, slots=True)
class GoldenLedger:
    """Both objects of one offloaded ledger."""

    data: GoldenObject
    index: GoldenObject

    @property
    def ledger_id(self) -> int:
        """The ledger's id, from the key."""
        return int(self.data.key.rpartition("-ledger-")[2])

    @property
    def managed_ledger_name(self) -> str:
        """The owner, from the user metadata."""
        return self.data.metadata["managedledgername"]


@cache
def offloaded_objects() -> tuple[GoldenObject, ...]:
    """All objects of whole ledgers, in the bucket's order."""
    return _load("offloaded")


@cache
def truncated_objects() -> tuple[GoldenObject, ...]:
    """Both objects of the ledger that was cut short."""
    return _load("truncated")


def offloaded_ledgers() -> tuple[GoldenLedger, ...]:
    """The whole ledgers."""
    return _pairs(offloaded_objects())


def truncated_ledger() -> GoldenLedger:
    """The ledger that was cut short: 7 entries in its metadata, 3 in its data object."""
    (ledger,) = _pairs(truncated_objects())
    return ledger


@cache
def topics() -> dict[str, Any]:
    """What the broker and a Pulsar reader said of each topic of the whole ledgers, by local name."""
    found: dict[str, Any] = json.loads((_ROOT / "offloaded" / "topics.json").read_text())
    return found


@cache
def truncated_rest() -> list[dict[str, Any]]:
    """The admin REST calls around the offload that was cut short."""
    found: list[dict[str, Any]] = json.loads((_ROOT / "truncated" / "rest.json").read_text())
    return found


def _load(directory: str) -> tuple[GoldenObject, ...]:
    listing = json.loads((_ROOT / directory / "listing.json").read_text())
    return tuple(_load_object(_ROOT / directory / "objects", listed) for listed in listing)


def _load_object(directory: Path, listed: dict[str, Any]) -> GoldenObject:
    body = gzip.decompress((directory / f"{listed['key']}.gz").read_bytes())
    if sha256(body).hexdigest() != listed["sha256"]:
        raise AssertionError(f"{listed['key']} is not what was recorded")
    return GoldenObject(
        key=listed["key"],
        body=body,
        size=listed["size"],
        etag=listed["etag"],
        sha256=listed["sha256"],
        metadata=listed["metadata"],
        content_type=listed.get("content_type"),
    )


def _pairs(objects: tuple[GoldenObject, ...]) -> tuple[GoldenLedger, ...]:
    by_key = {found.key: found for found in objects}
    return tuple(
        GoldenLedger(found, by_key[f"{found.key}-index"]) for found in objects if not found.key.endswith("-index")
    )
