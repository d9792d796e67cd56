"""The keys that say where ledgers go, in what pieces and by whose credentials: one family for each sort of store."""

from collections.abc import Iterator, Mapping
from typing import Final

from offloadctl.brokerconf.kinds import PREFIXES, Family, JavaType, Kind, Place, Setting

DEFAULT_BLOCK_SIZE: Final = 64 * 1024 * 1024
DEFAULT_GCS_BLOCK_SIZE: Final = 128 * 1024 * 1024
DEFAULT_READ_BUFFER: Final = 1024 * 1024
"""OffloadPoliciesImpl.java:82-84 and, for the general keys, TieredStorageConfiguration.java:241-266."""

_STRING, _INT = JavaType.STRING, JavaType.INT


def _places(family: Family, stock: Mapping[Place, str], *, block_size: int, leaks: bool) -> Iterator[Setting]:
    """The keys of one family that say where ledgers go."""
    prefix, source = PREFIXES[family], f"{_SOURCES[family]}; TieredStorageConfiguration.java:111"
    numbers = {Place.BLOCK_SIZE: block_size, Place.READ_BUFFER: DEFAULT_READ_BUFFER}
    short = {
        Place.BUCKET: "bucket",
        Place.REGION: "region",
        Place.ENDPOINT: "endpoint",
        Place.BLOCK_SIZE: "max-block-size",
        Place.READ_BUFFER: "read-buffer",
    }
    for place, about in _PLACES.items():
        if (family, place) == (Family.GCS, Place.ENDPOINT):
            continue  # no such field: the general key is the one
        is_size = place in numbers
        yield Setting(
            prefix + place,
            Kind.BYTES if is_size else Kind.URL if place is Place.ENDPOINT else Kind.TEXT,
            _INT if is_size else _STRING,
            str(numbers[place]) if is_size else None,
            about,
            source,
            family=family,
            in_policy=True,
            stock=stock.get(place),
            parameter=short[place],
            leaks=str(numbers[place]) if is_size and leaks else None,
        )


_SOURCES: Final = {
    Family.S3: "OffloadPoliciesImpl.java:135",
    Family.GCS: "broker.conf:1789",
    Family.GENERIC: "OffloadPoliciesImpl.java:190",
}
_PLACES: Final = {
    Place.BUCKET: "The bucket; it must exist.",
    Place.REGION: "The bucket's region. It does not choose the service's address: the endpoint does.",
    Place.ENDPOINT: "The service's address. With one, bucket names go into the path instead of the host name.",
    Place.BLOCK_SIZE: (
        "The size of a data block, which is a part of a multipart upload: at least 5 MiB, and more than the largest"
        " message (maxMessageSize) plus 10,380 bytes, or ledgers are cut short in silence."
    ),
    Place.READ_BUFFER: "How much each GET fetches when a ledger is read back; each open ledger holds one such buffer.",
}

S3: Final = (
    *_places(
        Family.S3,
        {
            Place.REGION: "",
            Place.BUCKET: "",
            Place.ENDPOINT: "",
            Place.BLOCK_SIZE: str(DEFAULT_BLOCK_SIZE),
            Place.READ_BUFFER: str(DEFAULT_READ_BUFFER),
        },
        block_size=DEFAULT_BLOCK_SIZE,
        leaks=True,
    ),
    Setting(
        "s3ManagedLedgerOffloadCredentialId",
        Kind.TEXT,
        _STRING,
        None,
        "A static access key. Without one: the role, then AWS's own chain (AWS_* variables, web identity, instance).",
        "OffloadPoliciesImpl.java:151; JCloudBlobStoreProvider.java:331",
        family=Family.S3,
        in_policy=True,
        parameter="credential-id",
    ),
    Setting(
        "s3ManagedLedgerOffloadCredentialSecret",
        Kind.SECRET,
        _STRING,
        None,
        "The static key's secret. Prefer a role or variables: the images print it, and REST shows it in policies.",
        "OffloadPoliciesImpl.java:154; JCloudBlobStoreProvider.java:331",
        family=Family.S3,
        in_policy=True,
        parameter="credential-secret",
    ),
    Setting(
        "s3ManagedLedgerOffloadRole",
        Kind.TEXT,
        _STRING,
        None,
        "The ARN of a role to assume by STS; unused if there is a static key.",
        "OffloadPoliciesImpl.java:157; JCloudBlobStoreProvider.java:348",
        family=Family.S3,
        in_policy=True,
        parameter="role",
    ),
    Setting(
        "s3ManagedLedgerOffloadRoleSessionName",
        Kind.TEXT,
        _STRING,
        "pulsar-s3-offload",
        "The session's name when a role is assumed.",
        "OffloadPoliciesImpl.java:160",
        family=Family.S3,
        in_policy=True,
        parameter="role-session-name",
        leaks="pulsar-s3-offload",
    ),
)
GENERIC: Final = tuple(_places(Family.GENERIC, {Place.BUCKET: ""}, block_size=DEFAULT_BLOCK_SIZE, leaks=False))
GCS: Final = (
    *_places(
        Family.GCS,
        {
            Place.REGION: "",
            Place.BUCKET: "",
            Place.BLOCK_SIZE: str(DEFAULT_GCS_BLOCK_SIZE),
            Place.READ_BUFFER: str(DEFAULT_READ_BUFFER),
        },
        block_size=DEFAULT_GCS_BLOCK_SIZE,
        leaks=True,
    ),
    Setting(
        "gcsManagedLedgerOffloadServiceAccountKeyFile",
        Kind.PATH,
        _STRING,
        None,
        "The JSON file of the service account; each broker needs it.",
        "broker.conf:1803; JCloudBlobStoreProvider.java:115",
        family=Family.GCS,
        in_policy=True,
        stock="",
        parameter="key-file",
    ),
)
FILESYSTEM: Final = (
    Setting(
        "fileSystemProfilePath",
        Kind.PATH,
        _STRING,
        None,
        "Hadoop's configuration for the driver filesystem.",
        "broker.conf:1809",
        family=Family.FILESYSTEM,
        in_policy=True,
        stock="conf/filesystem_offload_core_site.xml",
        parameter="profile-path",
    ),
    Setting(
        "fileSystemURI",
        Kind.TEXT,
        _STRING,
        None,
        "Where the file system is, such as hdfs://127.0.0.1:9000 or file:///mnt/offload.",
        "broker.conf:1812",
        family=Family.FILESYSTEM,
        in_policy=True,
        stock="",
        parameter="uri",
    ),
)
