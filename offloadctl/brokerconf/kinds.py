"""What can be said of a key of broker.conf: the types of the table in `settings.py`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Driver(StrEnum):
    """Who moves the ledgers (OffloadPoliciesImpl.java, DRIVER_NAMES)."""

    AWS_S3 = "aws-s3"
    S3 = "S3"
    GCS = "google-cloud-storage"
    AZURE = "azureblob"
    ALIYUN = "aliyun-oss"
    FILESYSTEM = "filesystem"

    @classmethod
    def named(cls, text: str) -> "Driver | None":
        """As the broker does: without regard to case, but for `filesystem` (FileSystemLedgerOffloaderFactory.java)."""
        if text.lower() == cls.FILESYSTEM:
            return cls.FILESYSTEM if text == cls.FILESYSTEM else None
        return next((driver for driver in cls if driver.lower() == text.lower()), None)


class Kind(StrEnum):
    """What a value is."""

    TEXT = "text"
    SECRET = "secret"  # noqa: S105 - a word, not one
    PATH = "path"
    URL = "URL"
    CHOICE = "choice"
    SWITCH = "true or false"
    COUNT = "number"
    BYTES = "bytes"
    MEGABYTES = "megabytes"
    MILLISECONDS = "milliseconds"
    SECONDS = "seconds"
    MINUTES = "minutes"

    @property
    def is_number(self) -> bool:
        """Whether the broker wants plain digits."""
        return self in (Kind.COUNT, Kind.BYTES, Kind.MEGABYTES, *DURATIONS)


DURATIONS: Final = (Kind.MILLISECONDS, Kind.SECONDS, Kind.MINUTES)


class JavaType(StrEnum):
    """How the broker holds it."""

    STRING = "String"
    INT = "int"
    LONG = "long"
    BOOLEAN = "boolean"
    ENUM = "enum"


class Family(StrEnum):
    """The keys that belong together, by the beginning of their names or by what they are about."""

    COMMON = "for every driver"
    S3 = "s3ManagedLedgerOffload…: for aws-s3"
    GENERIC = "managedLedgerOffload…: for S3, azureblob, aliyun-oss; the second choice of the others"
    GCS = "gcsManagedLedgerOffload…: for google-cloud-storage"
    FILESYSTEM = "for filesystem"
    LEDGERS = "when a ledger closes: only closed ledgers can be offloaded"
    RELATED = "what offload depends on"


class Place(StrEnum):
    """What tells a driver where ledgers go, and in what pieces: each family has its own key for it."""

    BUCKET = "Bucket"
    REGION = "Region"
    ENDPOINT = "ServiceEndpoint"
    BLOCK_SIZE = "MaxBlockSizeInBytes"
    READ_BUFFER = "ReadBufferSizeInBytes"


@dataclass(frozen=True, slots=True)
class Setting:
    """One key."""

    key: str
    kind: Kind
    java: JavaType
    default: str | None
    """What counts when the key is not there."""
    about: str
    source: str
    """Where Pulsar has it."""
    family: Family = Family.COMMON
    in_runtime: bool = False
    """A typed field: the broker shows it in its runtime configuration. All others it only reads from the file."""
    in_policy: bool = False
    """A field of offload policies: a namespace's or a topic's policy can override it."""
    stock: str | None = None
    """Its value in the broker.conf that comes with Pulsar; None: the file does not have it."""
    stock_commented: bool = False
    since: str = ""
    """The first releases that have it, the newest line of releases last, where that is known to matter."""
    live: bool = False
    """Can be changed while the broker runs; all others need a restart."""
    choices: tuple[str, ...] = ()
    parameter: str = ""
    """Its short name for `render --set`."""
    alias_of: str = ""
    """The older key that this one wins over, if both are there."""
    leaks: str | None = None
    """The value that each policy of a namespace or topic brings along, over that of the file, unless it repeats it."""

    @property
    def drivers(self) -> tuple[Driver, ...]:
        """The drivers that read it; all of them if there are none."""
        return _READERS[self.family]

    @property
    def is_secret(self) -> bool:
        """Whether its value must not be shown."""
        return self.kind is Kind.SECRET

    @property
    def in_stock_file(self) -> bool:
        """Whether Pulsar's broker.conf has it, even commented out: the images then set it without a prefix."""
        return self.stock is not None


OWN_FAMILY: Final = {Driver.AWS_S3: Family.S3, Driver.GCS: Family.GCS}
"""TieredStorageConfiguration.java, getBackwardCompatibleKey: who has keys of its own, which come first if present."""

_READERS: Final = {
    Family.COMMON: (),
    Family.LEDGERS: (),
    Family.RELATED: (),
    Family.S3: (Driver.AWS_S3,),
    Family.GCS: (Driver.GCS,),
    Family.GENERIC: (Driver.S3, Driver.AZURE, Driver.ALIYUN, Driver.AWS_S3, Driver.GCS),
    Family.FILESYSTEM: (Driver.FILESYSTEM,),
}
PREFIXES: Final = {
    Family.S3: "s3ManagedLedgerOffload",
    Family.GCS: "gcsManagedLedgerOffload",
    Family.GENERIC: "managedLedgerOffload",
}

EXTRA_PREFIX: Final = "managedLedgerOffloadExtraConfig"
"""Keys with this beginning are free: `managedLedgerOffloadExtraConfigFoo` (OffloadPoliciesImpl.java)."""
