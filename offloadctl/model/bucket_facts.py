"""How a bucket is configured, as far as its store tells us."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """What was asked for; or why the store did not tell."""

    value: T | None = None
    refusal: str = ""
    """Empty: it told, be it that nothing is configured (None)."""


@dataclass(frozen=True, slots=True)
class LifecycleRule:
    """One enabled rule."""

    id: str
    prefix: str = ""
    is_narrowed: bool = False
    """By tags or sizes, which brokers' objects may not have."""
    expires: str = ""
    """When objects are deleted, in words; empty: never."""
    archives_to: tuple[str, ...] = ()
    """The storage classes that objects go to."""
    old_versions_expire: bool = False
    aborts_uploads_after_days: int | None = None


@dataclass(frozen=True, slots=True)
class BucketFacts:
    """Everything that can be read of a bucket's configuration."""

    endpoint: str
    path_style: bool
    credentials: str
    """Where ours come from, in botocore's word; empty: there are none."""
    region: Told[str]
    clock_skew: Told[timedelta]
    """The store's clock minus ours."""
    versioning: Told[str]
    object_lock: Told[str]
    encryption: Told[str]
    lifecycle: Told[tuple[LifecycleRule, ...]]
    wanted_region: str | None = None
    """As it is set here."""


@dataclass(frozen=True, slots=True)
class ProbeStep:
    """One step of a probe, and why it failed; empty: it did not."""

    what: str
    failure: str = ""
