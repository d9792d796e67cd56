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
_ROWS: Final = 1024
_NO_SIZES: Final = array("q", [_ABSENT]) * _ROWS
_NO_TIMES: Final = array("d", [0.0]) * _ROWS
_NO_PARTS: Final = array("I", [0]) * _ROWS
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
        self._modified = array("d")
        self._parts = array("I")
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
        rows, modified_at, part_counts, etags = self._rows, self._modified, self._parts, self._etags
        archived, index_of_last, row = self._archived, "", 0
        storage_class, sums, is_archived = None, [0, 0], False
        for one in objects:
            key, size = one.key, one.size
            is_index = key == index_of_last
            if not is_index:
                parts = split_key(key)
                if parts is None:
                    self.unknown += ObjectSum(1, size)
                    continue
                uuid, ledger_id, is_index = parts
                row = rows.setdefault((uuid << _LEDGER_BITS) | ledger_id, len(rows))
                if row == len(modified_at):
                    self._make_room()
                # An index comes right behind its data.
                index_of_last = key + INDEX_SUFFIX
            if one.storage_class != storage_class:
                storage_class = one.storage_class
                sums = self._classes.setdefault(storage_class, [0, 0])
                is_archived = storage_class in ARCHIVED
            if is_index:
                sizes = self._index_sizes
            else:
                sizes = self._data_sizes
                part_counts[row] = part_count(one.etag)
            if sizes[row] == _ABSENT:
                sums[0] += 1
                sums[1] += size
            sizes[row] = size
            if etags is not None:
                etags[is_index][row] = hash(one.etag)
            archived[row] |= is_archived
            modified = one.last_modified
            if modified is not None and (seconds := modified.timestamp()) > modified_at[row]:
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
        if data < 0 or index < 0 or self._archived[row]:
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

    def _make_room(self) -> None:
        """For many rows at once, which takes less time than for each."""
        for column in (self._data_sizes, self._index_sizes):
            column.extend(_NO_SIZES)
        for column in self._etags or ():
            column.extend(_NO_SIZES)
        self._modified.extend(_NO_TIMES)
        self._parts.extend(_NO_PARTS)
        self._archived.extend(bytes(_ROWS))
        self._claimed.extend(bytes(_ROWS))

    def _pair(self, key: int, row: int) -> ListedPair:
        data, index = self._data_sizes[row], self._index_sizes[row]
        return ListedPair(
            UUID(int=key >> _LEDGER_BITS),
            key & _LEDGER_MASK,
            None if data == _ABSENT else data,
            None if index == _ABSENT else index,
            self.modified(row),
        )
