"""The two objects of one ledger, found in a bucket or among files."""

from dataclasses import dataclass

from offloadctl.model.verified import Mark, Marks, Place, SeenObjects
from offloadctl.ports import ObjectInfo, ObjectStore


@dataclass(frozen=True, slots=True)
class LedgerObjects:
    """Both objects of a ledger, where they lie."""

    store: ObjectStore
    data: ObjectInfo
    index: ObjectInfo
    are_files: bool = False
    """Files have neither user metadata nor an ETag, and so these are not judged."""

    @property
    def seen(self) -> SeenObjects:
        """By what they are known again."""
        data, index = (Mark(one.etag, one.size) for one in (self.data, self.index))
        return SeenObjects(Place(self.store.location, self.store.bucket), Marks(data, index))
