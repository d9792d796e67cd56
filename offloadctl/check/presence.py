"""Whether the objects are there, and in a storage class that can be read at once."""

from collections.abc import Iterator
from typing import Final

from offloadctl.check.subject import Subject
from offloadctl.format.keys import ObjectRole
from offloadctl.model.finding import Finding

ARCHIVED: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""S3's storage classes whose objects must be restored first; GLACIER_IR is read like any other."""


def missing_objects(subject: Subject, *, data: bool, index: bool, looked_in: str) -> Iterator[Finding]:
    """Findings for what is not there, in buckets that are known to be the right ones."""
    if not data:
        what = "the data object is not there" if index else "neither the data object nor the index is there"
        yield subject.finding("data-missing", what, expected="an object", found=f"none in {looked_in}")
    elif not index:
        what = "the index object is not there"
        found = f"none in {looked_in}"
        yield subject.finding("index-missing", what, role=ObjectRole.INDEX, expected="an object", found=found)


def not_found(subject: Subject, *, looked_in: str) -> Finding:
    """The finding for objects that are nowhere where it was looked, while the broker's bucket may be another one."""
    what = "neither object is in a known bucket"
    return subject.finding("objects-not-found", what, expected="two objects", found=f"none in {looked_in}")


def archived(subject: Subject, role: ObjectRole, storage_class: str) -> Iterator[Finding]:
    """A finding if the object must be restored before anybody can read it."""
    if storage_class in ARCHIVED:
        what = f"the {role.value} object is archived"
        yield subject.finding("archived", what, role=role, expected="a class that can be read", found=storage_class)
