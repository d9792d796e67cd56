"""What a bucket holds, beside the ledgers that metadata names."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Self

from offloadctl.exitcodes import ExitCode
from offloadctl.model.finding import Finding, unacknowledged

GRACE: Final = timedelta(hours=24)
"""Younger objects may belong to an offload that goes on: a broker retries for hours."""


@dataclass(frozen=True, slots=True)
class ObjectSum:
    """So many objects and their bytes."""

    objects: int = 0
    size: int = 0

    def __add__(self, other: Self) -> "ObjectSum":
        return ObjectSum(self.objects + other.objects, self.size + other.size)


@dataclass(frozen=True, slots=True)
class Strays:
    """Ledgers' objects that no metadata names that was read; each is in exactly one of these sums."""

    young: ObjectSum = ObjectSum()
    """Younger than the grace: perhaps in flight."""
    gone: ObjectSum = ObjectSum()
    """Listed, and not there any more at the second look."""
    foreign: ObjectSum = ObjectSum()
    """Another cluster's, by their user metadata: never judged."""
    not_pulsars: ObjectSum = ObjectSum()
    """Without Pulsar's user metadata, and under such keys all the same: never judged."""
    owner_unknown: ObjectSum = ObjectSum()
    """Not all metadata that may own them was read, or they do not say whose they are."""
    named_meanwhile: ObjectSum = ObjectSum()
    """Named by the metadata at the second look."""
    judged: ObjectSum = ObjectSum()
    """Nobody will read these: see the findings."""

    def __add__(self, other: Self) -> "Strays":
        return Strays(
            self.young + other.young,
            self.gone + other.gone,
            self.foreign + other.foreign,
            self.not_pulsars + other.not_pulsars,
            self.owner_unknown + other.owner_unknown,
            self.named_meanwhile + other.named_meanwhile,
            self.judged + other.judged,
        )

    @property
    def total(self) -> ObjectSum:
        """All of them."""
        parts = (self.young, self.gone, self.foreign, self.not_pulsars, self.owner_unknown, self.named_meanwhile)
        return sum(parts, self.judged)


@dataclass(frozen=True, slots=True)
class OpenUploads:
    """Multipart uploads that were begun and not ended."""

    is_complete: bool = False
    """Whether all there are could be listed; otherwise only those of the keys that metadata names were looked up."""
    seen: int = 0
    size: int = 0
    """The bytes that have arrived of those, as far as the store tells."""
    young: int = 0
    owner_unknown: int = 0
    """Older than the grace, of keys that no metadata names, in a bucket that may have other owners."""
    oldest: datetime | None = None
    keys_asked: int = 0
    """So many keys were looked up, of metadata and of runs that are written down, where not all can be listed."""
    keys_left: int = 0
    """So many more there were than are looked up."""


@dataclass(frozen=True, slots=True)
class OldVersions:
    """What a versioned bucket keeps of ledgers' objects that are deleted or replaced: paid for, and never listed."""

    is_versioned: bool = False
    """False also where nobody asked."""
    noncurrent: ObjectSum = ObjectSum()
    delete_markers: int = 0

    def __add__(self, other: Self) -> "OldVersions":
        return OldVersions(
            self.is_versioned or other.is_versioned,
            self.noncurrent + other.noncurrent,
            self.delete_markers + other.delete_markers,
        )


@dataclass(frozen=True, slots=True)
class BucketCheck:
    """One bucket that was listed, or should have been."""

    bucket: str
    location: str
    listed: bool
    ledger_objects: ObjectSum = ObjectSum()
    classes: tuple[tuple[str, ObjectSum], ...] = ()
    """Ledgers' objects by storage class."""
    unknown: ObjectSum = ObjectSum()
    """Objects whose keys are not those of ledgers: never judged."""
    strays: Strays = Strays()
    uploads: OpenUploads = OpenUploads()
    versions: OldVersions = OldVersions()
    findings: tuple[Finding, ...] = ()
    more_findings: int = 0
    """So many more there were than are kept."""
    not_covered: tuple[str, ...] = field(default=())

    @property
    def exit_codes(self) -> tuple[ExitCode, ...]:
        """Each cause for itself; what is acknowledged is none."""
        met = [ExitCode.WARNINGS] if self.more_findings or unacknowledged(self.findings) else []
        return (*met, ExitCode.NOT_COVERED) if self.not_covered else tuple(met)
