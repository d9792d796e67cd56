"""BookKeeper's metadata of a ledger, as the index object carries it.

BookKeeper's DataFormats.proto (LedgerMetadataFormat) is the authority, Pulsar's OffloadUtils.java the writer. The
ledger's id is not in it; that is only in the object's key.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from offloadctl.format.errors import BadField
from offloadctl.format.proto import pulsar_pb2 as pb
from offloadctl.format.protobuf_support import parse_into, present_fields, take_unknown_fields

_WHAT: Final = "ledger metadata"

# LedgerMetadataUtils.java: what Pulsar notes in each ledger that it creates.
_COMPONENT: Final = ("component", b"managed-ledger")
_APPLICATION: Final = ("application", b"pulsar")
_MANAGED_LEDGER: Final = "pulsar/managed-ledger"


class LedgerState(StrEnum):
    """LedgerMetadataFormat.State; an offloaded ledger is CLOSED."""

    OPEN = "OPEN"
    IN_RECOVERY = "IN_RECOVERY"
    CLOSED = "CLOSED"


class DigestType(StrEnum):
    """LedgerMetadataFormat.DigestType; the digests themselves stay in BookKeeper."""

    CRC32 = "CRC32"
    HMAC = "HMAC"
    CRC32C = "CRC32C"
    DUMMY = "DUMMY"


@dataclass(frozen=True, slots=True)
class LedgerSegment:
    """The bookies that held the entries from `first_entry_id` on."""

    ensemble_members: tuple[str, ...]
    first_entry_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerMetadata:
    """What BookKeeper knew of the ledger when it was offloaded; None for what was not written."""

    length: int
    """The sum of the entries' lengths: what the broker's REST calls `size`."""
    last_entry_id: int | None
    state: LedgerState = LedgerState.CLOSED
    quorum_size: int = 1
    ensemble_size: int = 1
    ack_quorum_size: int | None = 1
    segments: tuple[LedgerSegment, ...] = ()
    digest_type: DigestType | None = DigestType.CRC32C
    password: bytes | None = field(default=None, repr=False)
    """The offloader does not write it; whoever did has put a secret into the bucket."""
    ctime: int | None = None
    """Milliseconds since 1970."""
    custom_metadata: tuple[tuple[str, bytes], ...] = ()
    """In the order of the object; no key occurs twice in what Pulsar writes."""
    c_token: int | None = None
    unknown_fields: bytes = b""

    @classmethod
    def parse(cls, data: bytes | memoryview, *, at: int = 0) -> Self:
        """Read the encoded metadata that stands at object offset `at`."""
        message = parse_into(pb.LedgerMetadataFormat(), data, what=_WHAT, at=at)
        values = present_fields(message, what=_WHAT, at=at)
        digest = values.get("digestType")
        return cls(
            length=message.length,
            last_entry_id=values.get("lastEntryId"),
            state=LedgerState(pb.LedgerMetadataFormat.State.Name(message.state)),
            quorum_size=message.quorumSize,
            ensemble_size=message.ensembleSize,
            ack_quorum_size=values.get("ackQuorumSize"),
            segments=tuple(_segment(segment, at=at) for segment in message.segment),
            digest_type=None if digest is None else DigestType(pb.LedgerMetadataFormat.DigestType.Name(digest)),
            password=values.get("password"),
            ctime=values.get("ctime"),
            custom_metadata=tuple(_custom_entry(entry, at=at) for entry in message.customMetadata),
            c_token=values.get("cToken"),
            unknown_fields=take_unknown_fields(message),
        )

    def build(self) -> bytes:
        """The encoded metadata, its fields in the order of their numbers as BookKeeper writes them."""
        message = pb.LedgerMetadataFormat()
        message.MergeFromString(self.unknown_fields)
        message.quorumSize, message.ensembleSize, message.length = self.quorum_size, self.ensemble_size, self.length
        for segment in self.segments:
            message.segment.add(ensembleMember=segment.ensemble_members, firstEntryId=segment.first_entry_id)
        for key, value in self.custom_metadata:
            message.customMetadata.add(key=key, value=value)
        for name, scalar in self._scalars().items():
            if scalar is not None:
                setattr(message, name, scalar)
        return message.SerializeToString()

    def _scalars(self) -> dict[str, int | bytes | None]:
        digest = self.digest_type
        return {
            "state": pb.LedgerMetadataFormat.State.Value(self.state),
            "lastEntryId": self.last_entry_id,
            "digestType": None if digest is None else pb.LedgerMetadataFormat.DigestType.Value(digest),
            "password": self.password,
            "ackQuorumSize": self.ack_quorum_size,
            "ctime": self.ctime,
            "cToken": self.c_token,
        }

    @property
    def managed_ledger_name(self) -> str | None:
        """`tenant/namespace/persistent/<encoded topic>`: the owner, even when the object's user metadata is lost."""
        name = dict(self.custom_metadata).get(_MANAGED_LEDGER)
        return None if name is None else name.decode("utf-8", "replace")


def custom_metadata_for(managed_ledger_name: str) -> tuple[tuple[str, bytes], ...]:
    """The custom metadata that a broker gives to each ledger of that managed ledger."""
    return (_COMPONENT, (_MANAGED_LEDGER, managed_ledger_name.encode()), _APPLICATION)


def _segment(segment: pb.LedgerMetadataFormat.Segment, *, at: int) -> LedgerSegment:
    values = list(segment.ensembleMember)
    if not all(isinstance(member, str) for member in values):
        raise BadField(f"bookies of {_WHAT}", at=at, expected="UTF-8", found="other bytes")
    return LedgerSegment(tuple(values), segment.firstEntryId)


def _custom_entry(entry: pb.LedgerMetadataFormat.cMetadataMapEntry, *, at: int) -> tuple[str, bytes]:
    values = present_fields(entry, what=f"custom metadata of {_WHAT}", at=at)
    if values.keys() != {"key", "value"}:
        found = " and ".join(values) or "neither"
        raise BadField(f"custom metadata of {_WHAT}", at=at, expected="a key and a value", found=found)
    return values["key"], values["value"]
