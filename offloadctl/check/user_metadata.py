"""What both objects carry beside their bytes: format version, role, owner.

Pulsar's DataBlockUtils.java (VERSION_CHECK) reads the version before every range of bytes and refuses an object without
it; role and owner it only writes (BlobStoreManagedLedgerOffloader.java). What is not there but the version is not
judged, since older brokers wrote less.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from offloadctl.check.subject import Subject
from offloadctl.errors import OffloadctlError
from offloadctl.format.keys import ObjectRole
from offloadctl.model.finding import Finding
from offloadctl.model.names import TopicName

VERSION_KEY: Final = "s3managedledgeroffloaderformatversion"
VERSION: Final = "1"
ROLE_KEY: Final = "role"
OWNER_KEY: Final = "managedledgername"
CLUSTER_KEY: Final = "pulsarclustername"


def check_user_metadata(subject: Subject, role: ObjectRole, metadata: Mapping[str, str]) -> Iterator[Finding]:
    """Findings about one of the two objects; `metadata` has lower-case keys, as S3 gives them back."""
    version = metadata.get(VERSION_KEY)
    if version != VERSION:
        what = f"the user metadata of the {role.value} object has not the format version that brokers ask for"
        found = f"{VERSION_KEY} is {version!r}" if version is not None else _without_version(metadata)
        yield subject.finding("format-version", what, role=role, expected=f"{VERSION_KEY} is '1'", found=found)
    named = metadata.get(ROLE_KEY)
    if named is not None and named != role.value:
        what = f"the {role.value} object's key holds an object of another role"
        yield subject.finding("object-role", what, role=role, expected=role.value, found=named)
    owner = metadata.get(OWNER_KEY)
    if owner is not None and not is_owner(subject, owner):
        what = f"the {role.value} object belongs to another topic"
        yield subject.finding("object-owner", what, role=role, expected=subject.topic, found=owner)


def is_owner(subject: Subject, managed_ledger_name: str) -> bool:
    """Whether that is the name of the ledger's topic; true too if either cannot be told."""
    if subject.topic is None:
        return True
    try:
        return TopicName.from_managed_ledger_name(managed_ledger_name) == subject.topic
    except OffloadctlError:
        return False


def _without_version(metadata: Mapping[str, str]) -> str:
    return f"only {', '.join(sorted(metadata))}" if metadata else "no user metadata at all"
