"""Object keys: `<uuid>-ledger-<id>` holds a ledger's data, the same with `-index` its index.

Pulsar's DataBlockUtils.java is the authority. Keys lie flat at the bucket's root, beside those of other clusters and of
strangers, so everything that is not exactly such a key is None and not an error.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from offloadctl.units import MAX_LONG

INDEX_SUFFIX: Final = "-index"
_KEY: Final = re.compile(
    r"(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-ledger-(?P<ledger>0|[1-9][0-9]{0,18})(?P<index>-index)?"
)


class ObjectRole(StrEnum):
    """Which of a ledger's two objects; the same words as the object metadata's `role`."""

    DATA = "data"
    INDEX = "index"


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """The key of one of the two objects that one offload attempt of one ledger writes."""

    uuid: UUID
    ledger_id: int
    role: ObjectRole

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a key, or None when it is not one that Pulsar writes for a ledger."""
        match = _KEY.fullmatch(text)
        if match is None or int(match["ledger"]) > MAX_LONG:
            return None
        role = ObjectRole.INDEX if match["index"] else ObjectRole.DATA
        return cls(UUID(match["uuid"]), int(match["ledger"]), role)

    def __str__(self) -> str:
        key = data_key if self.role is ObjectRole.DATA else index_key
        return key(self.uuid, self.ledger_id)


def split_key(text: str) -> tuple[int, int, bool] | None:
    """A key's uuid as a number, its ledger, and whether it is an index; None as in `ObjectKey.parse`, but faster."""
    match = _KEY.fullmatch(text)
    if match is None:
        return None
    uuid, ledger, index = match.groups()
    ledger_id = int(ledger)
    if ledger_id > MAX_LONG:
        return None
    return int(uuid.replace("-", ""), 16), ledger_id, index is not None


def data_key(uuid: UUID, ledger_id: int) -> str:
    """Where the offload attempt `uuid` puts the ledger's data."""
    return f"{uuid}-ledger-{ledger_id}"


def index_key(uuid: UUID, ledger_id: int) -> str:
    """Where the offload attempt `uuid` puts the ledger's index, last of all."""
    return data_key(uuid, ledger_id) + INDEX_SUFFIX
