"""How a deleted object can be brought back: in a versioned bucket a delete marker only hides it."""

import shlex
from collections.abc import Iterable, Iterator, Sequence

from offloadctl.errors import StoreError
from offloadctl.ports import ObjectStore, ObjectVersion
from offloadctl.units import format_size


def how_to_restore(stores: Iterable[ObjectStore], keys: Sequence[str]) -> str:
    """What older versions there are, and the commands that bring the newest ones back; empty if there is none."""
    return "\n".join(text for store in stores for text in _of_store(store, keys))


def _of_store(store: ObjectStore, keys: Sequence[str]) -> Iterator[str]:
    for key in keys:
        try:
            versions = [one for one in store.versions(key) if one.key == key]
        except StoreError as error:
            yield f"Whether an older version is there is not known: {error.message}."
            return
        yield from _of_object(store, versions)


def _of_object(store: ObjectStore, versions: Sequence[ObjectVersion]) -> Iterator[str]:
    """The newest first, as the store tells them."""
    number = next((number for number, one in enumerate(versions) if not one.is_delete_marker), None)
    if not number:
        # No version at all, or one that is there: then it came back meanwhile.
        return
    newest, markers = versions[number], versions[:number]
    written = f" of {newest.last_modified:%Y-%m-%d %H:%M:%S UTC}" if newest.last_modified is not None else ""
    deleted = markers[-1].last_modified
    when = f" on {deleted:%Y-%m-%d %H:%M:%S UTC}" if deleted is not None else ""
    commands = " && ".join(_command(store, one) for one in markers)
    yield (
        f"{newest.key} was deleted{when}, and its version{written} with {format_size(newest.size)} is still there. "
        f"Without the delete marker it is back:\n{commands}"
    )


def _command(store: ObjectStore, marker: ObjectVersion) -> str:
    words = ["aws", "s3api", "delete-object", "--bucket", store.bucket, "--key", marker.key]
    words += ["--version-id", marker.version_id]
    return shlex.join([*words, "--endpoint-url", store.endpoint] if store.endpoint else words)
