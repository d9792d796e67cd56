"""What is known of a ledger before its objects are looked at: what they are measured by."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Self
from uuid import UUID

from offloadctl.check.catalogue import KINDS
from offloadctl.format.keys import ObjectRole, data_key, index_key
from offloadctl.model.finding import Finding, Severity
from offloadctl.model.ledger import Ledger
from offloadctl.model.names import TopicName

_KEEP_COMMAND: Final = "pulsar-admin namespaces set-offload-deletion-lag -l -1 {namespace}"


@dataclass(frozen=True, slots=True)
class Subject:
    """A ledger by its two objects' names; None for what is not known, which is then not compared."""

    data_key: str
    index_key: str
    topic: TopicName | None = None
    ledger_id: int | None = None
    entries: int | None = None
    size: int | None = None
    closed_at: datetime | None = None
    begun_after: datetime | None = None
    """When the ledger before it was closed: the broker makes a ledger only then."""

    @classmethod
    def of(cls, topic: TopicName, ledger: Ledger, uuid: UUID, *, begun_after: datetime | None = None) -> Self:
        """A ledger as the broker knows it."""
        return cls(
            data_key(uuid, ledger.ledger_id),
            index_key(uuid, ledger.ledger_id),
            topic,
            ledger.ledger_id,
            ledger.entries,
            ledger.size,
            ledger.closed_at,
            begun_after,
        )

    def key(self, role: ObjectRole) -> str:
        """The name of one of the two objects."""
        return self.data_key if role is ObjectRole.DATA else self.index_key

    def finding(
        self,
        code: str,
        what: str,
        *,
        role: ObjectRole = ObjectRole.DATA,
        offset: int | None = None,
        expected: object = "",
        found: object = "",
    ) -> Finding:
        """A finding about one of its two objects."""
        kind = KINDS[code]
        next_step = kind.do
        if kind.severity is Severity.DAMAGE and self.topic is not None:
            command = _KEEP_COMMAND.format(namespace=self.topic.namespace_name)
            next_step = f"{kind.do} The command: {command}"
        return Finding(
            code,
            kind.severity,
            what,
            topic=self.topic,
            ledger_id=self.ledger_id,
            key=self.key(role),
            offset=offset,
            expected=str(expected),
            found=str(found),
            meaning=kind.means,
            next_step=next_step,
        )


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What HEAD tells of an object. `user_metadata` and `etag` are None where there are none: files have neither."""

    size: int
    etag: str | None = None
    storage_class: str = "STANDARD"
    last_modified: datetime | None = None
    user_metadata: dict[str, str] | None = field(default=None)
