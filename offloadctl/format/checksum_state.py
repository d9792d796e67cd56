"""The words for what an entry's checksum says; apart from `entry`, which takes protobuf to read one."""

from enum import StrEnum


class ChecksumState(StrEnum):
    """What an entry's own checksum says of it."""

    OK = "ok"
    ABSENT = "absent"
    """The client sent none: nothing to verify, and nothing wrong."""
    BAD = "bad"
