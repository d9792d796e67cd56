"""What a source of settings says: values with their origin, one layer for each source."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, cast

from offloadctl.config.keys import BUCKET_KEYS, Value
from offloadctl.model.settings import BucketSettings


class OriginKind(StrEnum):
    """The kinds of sources, the strongest first."""

    FLAG = "flag"
    VARIABLE = "variable"
    CONTEXT = "context"
    CLIENT_CONF = "client.conf"
    PULSARCTL = "pulsarctl"
    """Only while it is imported."""
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was given: the kind of the source, and which one in words that can stand in a message."""

    kind: OriginKind
    name: str

    def __str__(self) -> str:
        return self.name


BY_DEFAULT: Final = Origin(OriginKind.DEFAULT, "default")


def by_flag(option: str) -> Origin:
    """The origin of an option of the command line."""
    return Origin(OriginKind.FLAG, option)


def by_variable(name: str) -> Origin:
    """The origin of an environment variable."""
    return Origin(OriginKind.VARIABLE, name)


def by_context(name: str) -> Origin:
    """The origin of a context of the context file."""
    return Origin(OriginKind.CONTEXT, f"context {name}")


@dataclass(frozen=True, slots=True)
class Given:
    """One value, and where it was given."""

    path: str
    value: Value
    origin: Origin


@dataclass(frozen=True, slots=True)
class GivenBucket:
    """One bucket value by value; without a name it completes a bucket that another source names."""

    given: tuple[Given, ...]

    def get(self, path: str) -> Given | None:
        """What is said of one key."""
        return next((one for one in self.given if one.path == path), None)

    @property
    def origin(self) -> Origin:
        """Where the bucket was named."""
        return (self.get("name") or self.given[0]).origin

    @property
    def settings(self) -> BucketSettings:
        """The bucket that these values make."""
        values: Mapping[str, Value] = {one.path: one.value for one in self.given}
        # Each value was checked against its key, whose kind is the field's type.
        return BucketSettings(
            name=cast("str", values.get("name", "")),
            endpoint=cast("str | None", values.get("endpoint")),
            region=cast("str | None", values.get("region")),
            profile=cast("str | None", values.get("profile")),
            path_style=cast("bool | None", values.get("path_style")),
            ca_file=cast("Path | None", values.get("ca_file")),
            note=cast("str", values.get("note", "")),
        )

    def over(self, weaker: "GivenBucket") -> "GivenBucket":
        """This bucket, with what it leaves open taken from a weaker source."""
        return bucket_of((*self.given, *(one for one in weaker.given if self.get(one.path) is None)))


def bucket_of(given: Iterable[Given]) -> GivenBucket:
    """A bucket from its values, in the order of the table of keys."""
    by_path = {one.path: one for one in given}
    return GivenBucket(tuple(by_path[key.path] for key in BUCKET_KEYS if key.path in by_path))


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source says; it may say nothing."""

    given: tuple[Given, ...] = ()
    buckets: tuple[GivenBucket, ...] = ()
    bucket_defaults: GivenBucket | None = None
    """What is said of buckets without naming one: `--s3-endpoint`, OFFLOADCTL_S3_REGION."""

    def get(self, path: str) -> Given | None:
        """What this source says of one key."""
        return next((given for given in self.given if given.path == path), None)
