"""Objects that were copied to files: an ObjectStore whose keys are paths, for looking at one ledger's two objects."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from offloadctl.adapters.ranges import check_chunk_size, check_range
from offloadctl.errors import StoreDenied, StoreError, StoreFailed
from offloadctl.ports import CHUNK_SIZE, MultipartUpload, ObjectInfo, ObjectVersion, UploadPart


class LocalFiles:
    """The files below `root`; a key is a path, absolute or from there. Files have no ETag and no user metadata."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def bucket(self) -> str:
        """Files are in none."""
        return ""

    @property
    def location(self) -> str:
        """Where the files are, for people."""
        return "local files"

    @property
    def endpoint(self) -> str:
        """There is none."""
        return ""

    def head(self, key: str) -> ObjectInfo | None:
        """The file's size and time, or None if there is no such file."""
        try:
            found = self._path(key).stat()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise _translate(exc, key) from exc
        return ObjectInfo(key, found.st_size, last_modified=datetime.fromtimestamp(found.st_mtime, UTC))

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes | None:
        """Up to `length` bytes from `start`; none at or behind the file's end; None if there is no such file."""
        check_range(start, length)
        try:
            with self._path(key).open("rb") as file:
                file.seek(start)
                return file.read(-1 if length is None else length)
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise _translate(exc, key) from exc

    def read_chunks(
        self, key: str, *, start: int = 0, length: int | None = None, chunk_size: int = CHUNK_SIZE
    ) -> Iterator[bytes] | None:
        """The same bytes in chunks."""
        check_range(start, length)
        check_chunk_size(chunk_size)
        return None if self.head(key) is None else self._chunks(key, start, length, chunk_size)

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        """The files whose path from the root begins with `prefix` and comes after `after`, ascending."""
        for key in sorted(str(path.relative_to(self._root)) for path in self._root.rglob("*") if path.is_file()):
            if key.startswith(prefix) and key > after and (info := self.head(key)) is not None:
                yield info

    @property
    def is_versioned(self) -> bool:
        """Files are gone when they are deleted."""
        return False

    def versions(self, prefix: str = "") -> Iterator[ObjectVersion]:
        """Each file is its only version."""
        return (ObjectVersion(one.key, "null", True, False, one.size, one.last_modified) for one in self.list(prefix))

    def uploads(self, prefix: str = "") -> Iterator[MultipartUpload]:  # noqa: ARG002 - the port's signature
        """Files are not uploaded."""
        return iter(())

    def upload_parts(self, upload: MultipartUpload, *, after: int = 0) -> tuple[UploadPart, ...] | None:  # noqa: ARG002 - the port's signature
        """Files are not uploaded."""
        return None

    @property
    def uploads_listable(self) -> bool:
        """All there are are told."""
        return True

    def _path(self, key: str) -> Path:
        return self._root / key

    def _chunks(self, key: str, start: int, length: int | None, chunk_size: int) -> Iterator[bytes]:
        left = length
        try:
            with self._path(key).open("rb") as file:
                file.seek(start)
                while chunk := file.read(chunk_size if left is None else min(chunk_size, left)):
                    left = None if left is None else left - len(chunk)
                    yield chunk
        except OSError as exc:
            raise _translate(exc, key) from exc


def _translate(exc: OSError, key: str) -> StoreError:
    said = f"cannot read {key}: {exc.strerror or exc}"
    return StoreDenied(said) if isinstance(exc, PermissionError) else StoreFailed(said)
