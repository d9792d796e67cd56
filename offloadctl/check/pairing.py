"""A bucket's listing joined with the ledgers that metadata names: what fits, what is suspicious, what nobody names.

Both sides come as streams, the listing first. It is kept in columns of numbers, about 160 bytes for the two objects of
an offload, so that a million ledgers need no more memory than a browser's tab; ledgers are not kept at all.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID

from offloadctl.check.presence import ARCHIVED
from offloadctl.check.sizes import fits_the_ledger, part_count
from offloadctl.format.keys import INDEX_SUFFIX, split_key
from offloadctl.model.bucket import ObjectSum
from offloadctl.model.verified import Marks

_ABSENT: Final = -1
_MANY: Final = 2**16 - 1
_LEDGER_BITS: Final = 64
_LEDGER_MASK: Final = (1 << _LEDGER_BITS) - 1


@dataclass(frozen=True, slots=True)
class ListedPair:
    """What a listing has of one attempt to offload one ledger: one object or both."""

    uuid: UUID
    ledger_id: int
    data_size: int | None
    index_size: int | None
    modified: datetime
    """The younger one's time; the beginning of all times where the listing tells none."""

    @property
    def objects(self) -> int:
        """How many there are."""
        return (self.data_size is not None) + (self.index_size is not None)

    @property
    def size(self) -> int:
        """The bytes of both."""
        return (self.data_size or 0) + (self.index_size or 0)


class ListedObject(Protocol):
    """An object as a listing tells it."""

    @property
    def key(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def etag(self) -> str: ...
    @property
    def last_modified(self) -> datetime | None: ...
    @property
    def storage_class(self) -> str: ...


class Pairing:
    """One bucket's listing, to which `add` gives the objects in any order, each once or more often."""

    def __init__(self, *, keeps_etags: bool = False) -> None:
        """Without its ETags it cannot tell what is unchanged; they take another 16 bytes."""
        self._rows: dict[int, int] = {}
        self._data_sizes = array("q")
        self._index_sizes = array("q")
        self._modified = array("q")
        self._parts = array("H")
        self._etags = (array("q"), array("q")) if keeps_etags else None
        self._archived = bytearray()
        self._claimed = bytearray()
        self.unknown = ObjectSum()
        """Objects whose keys are not those of ledgers."""
        self._classes: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, objects: Iterable[ListedObject]) -> None:
        """Some objects, as the listing tells them."""
        data_sizes, index_sizes, modified_at = self._data_sizes, self._index_sizes, self._modified
        index_of_last, row_of_last = "", 0
        for one in objects:
            key, size = one.key, one.size
            is_index = key == index_of_last
            if is_index:
                row = row_of_last
            else:
                parts = split_key(key)
                if parts is None:
                    self.unknown += ObjectSum(1, size)
                    continue
                uuid, ledger_id, is_index = parts
                row = self._row((uuid << _LEDGER_BITS) | ledger_id)
                # An index comes right behind its data.
                index_of_last, row_of_last = key + INDEX_SUFFIX, row
            sizes = index_sizes if is_index else data_sizes
            if sizes[row] == _ABSENT:
                self._count(one.storage_class, size)
            sizes[row] = size
            if self._etags is not None:
                self._etags[is_index][row] = hash(one.etag)
            if not is_index:
                self._parts[row] = min(part_count(one.etag), _MANY)
            if one.storage_class in ARCHIVED:
                self._archived[row] = True
            modified = one.last_modified
            if modified is not None and (seconds := int(modified.timestamp())) > modified_at[row]:
                modified_at[row] = seconds

    @property
    def classes(self) -> dict[str, ObjectSum]:
        """Ledgers' objects by storage class."""
        return {name: ObjectSum(*sums) for name, sums in sorted(self._classes.items())}

    def claim(self, uuid: UUID, ledger_id: int) -> int | None:
        """Metadata names these objects; tells where they are in the listing."""
        row = self._rows.get((uuid.int << _LEDGER_BITS) | ledger_id)
        if row is not None:
            self._claimed[row] = True
        return row

    def is_claimed(self, uuid: int, ledger_id: int) -> bool:
        """Whether metadata names these objects."""
        row = self._rows.get((uuid << _LEDGER_BITS) | ledger_id)
        return row is not None and bool(self._claimed[row])

    def sound_size(self, row: int, entries: int, size: int) -> int | None:
        """The bytes of both objects, if there is nothing suspicious about them for a ledger of that size."""
        data, index = self._data_sizes[row], self._index_sizes[row]
        if _ABSENT in (data, index) or self._archived[row]:
            return None
        fits = fits_the_ledger(data, index, parts=self._parts[row], entries=entries, size=size)
        return data + index if fits else None

    def is_unchanged(self, uuid: UUID, ledger_id: int, marks: Marks, since: datetime) -> bool:
        """Whether both objects are those of these marks, can be read, and were not written since."""
        row = self._rows.get((uuid.int << _LEDGER_BITS) | ledger_id)
        if row is None or self._etags is None or self._archived[row] or self._modified[row] > since.timestamp():
            return False
        data, index = marks.data, marks.index
        same_sizes = (self._data_sizes[row], self._index_sizes[row]) == (data.size, index.size)
        return same_sizes and (self._etags[0][row], self._etags[1][row]) == (hash(data.etag), hash(index.etag))

    def modified(self, row: int) -> datetime:
        """When the younger of both objects was written."""
        return datetime.fromtimestamp(self._modified[row], UTC)

    def unclaimed(self) -> Iterator[ListedPair]:
        """What no metadata has named so far."""
        claimed = self._claimed
        return (self._pair(key, row) for key, row in self._rows.items() if not claimed[row])

    def _count(self, storage_class: str, size: int) -> None:
        sums = self._classes.get(storage_class)
        if sums is None:
            sums = self._classes[storage_class] = [0, 0]
        sums[0] += 1
        sums[1] += size

    def _row(self, key: int) -> int:
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = len(self._rows)
            self._data_sizes.append(_ABSENT)
            self._index_sizes.append(_ABSENT)
            self._modified.append(0)
            self._parts.append(0)
            if self._etags is not None:
                self._etags[0].append(0)
                self._etags[1].append(0)
            self._archived.append(False)
            self._claimed.append(False)
        return row

    def _pair(self, key: int, row: int) -> ListedPair:
        data, index = self._data_sizes[row], self._index_sizes[row]
        return ListedPair(
            UUID(int=key >> _LEDGER_BITS),
            key & _LEDGER_MASK,
            None if data == _ABSENT else data,
            None if index == _ABSENT else index,
            self.modified(row),
        )
