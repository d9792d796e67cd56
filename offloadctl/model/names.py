"""Topic and namespace names, in every spelling that pulsar-admin accepts.

Pulsar's TopicName.java and Codec.java are the authorities. Local names are form-url-encoded in REST paths and in
managed-ledger names (Java's URLEncoder: a blank becomes `+`).
"""

import re
from dataclasses import dataclass, replace
from typing import Final, Self
from urllib.parse import quote_plus, unquote_plus

from offloadctl.errors import BadValue, UnsupportedTopic

_PARTITION_SUFFIX: Final = re.compile(r"(?P<parent>.+)-partition-(?P<number>0|[1-9]\d*)", re.DOTALL | re.ASCII)

_MAX_INT: Final = 2**31 - 1

# NamedEntity.java: what a tenant or a namespace may be called.
_ENTITY: Final = re.compile(r"[-=:.\w]+", re.ASCII)

_SYSTEM_NAMESPACES: Final = frozenset({"pulsar/system"})

# SystemTopicNames.java and NamespaceService.java: topics that the broker keeps for itself in a user's namespace.
_SYSTEM_LOCAL_NAMES: Final = frozenset(
    {
        "__change_events",
        "__transaction_buffer_snapshot",
        "__transaction_buffer_snapshot_indexes",
        "__transaction_buffer_snapshot_segments",
        "transaction_coordinator_assign",
        "healthcheck",
    }
)
OWN_TOPIC_PREFIX: Final = "__offloadctl"
"""So begin the names of topics that we keep for ourselves; nobody offloads or checks them, whatever is asked."""
_SYSTEM_LOCAL_PREFIXES: Final = ("__transaction_log_", OWN_TOPIC_PREFIX)
_SYSTEM_LOCAL_SUFFIXES: Final = ("__transaction_pending_ack",)
_HEARTBEAT_NAMESPACE: Final = re.compile(r"pulsar/[^/]+:\d+", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class NamespaceName:
    """`tenant/namespace`."""

    tenant: str
    local_name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `tenant/namespace`."""
        parts = text.split("/")
        if len(parts) != 2 or not all(_ENTITY.fullmatch(part) and _is_sendable(part) for part in parts):
            raise BadValue(f"{text!r} is not a namespace", hint="write tenant/namespace, as in public/default")
        return cls(*parts)

    @property
    def is_system(self) -> bool:
        """Whether the brokers keep the whole namespace for themselves."""
        return str(self) in _SYSTEM_NAMESPACES or _HEARTBEAT_NAMESPACE.fullmatch(str(self)) is not None

    def __str__(self) -> str:
        return f"{self.tenant}/{self.local_name}"


@dataclass(frozen=True, slots=True, order=True)
class TopicName:
    """A persistent topic, or one partition of it. `local_name` is decoded and keeps its `-partition-N`."""

    tenant: str
    namespace: str
    local_name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `persistent://t/n/x`, `t/n/x`, or `x` alone, which is in public/default.

        Raises UnsupportedTopic for names that can have no offloaded ledgers, BadValue for the rest.
        """
        scheme, separator, rest = text.partition("://")
        if not separator:
            rest = text if "/" in text else f"public/default/{text}"
        elif scheme == "non-persistent":
            raise UnsupportedTopic(
                f"{text} is a non-persistent topic",
                hint="its messages are kept nowhere, so there is nothing to offload; name a persistent topic",
            )
        elif scheme != "persistent":
            raise BadValue(f"{text!r} is not a topic name", hint="write persistent://tenant/namespace/topic")
        return cls._from_parts(rest, given=text)

    @classmethod
    def from_managed_ledger_name(cls, name: str) -> Self:
        """Read `tenant/namespace/persistent/<encoded topic>`, as objects and ledger metadata carry it."""
        parts = name.split("/")
        if len(parts) != 4 or parts[2] != "persistent" or not all(parts):
            raise BadValue(f"{name!r} is not the managed-ledger name of a topic")
        local_name = unquote_plus(parts[3])
        if not all(map(_is_sendable, (parts[0], parts[1], local_name))):
            raise BadValue(f"{name!r} holds a name that cannot stand in a URL")
        return cls(parts[0], parts[1], local_name)

    @classmethod
    def _from_parts(cls, rest: str, *, given: str) -> Self:
        parts = rest.split("/", 2)
        if len(parts) != 3 or not parts[2] or not all(_ENTITY.fullmatch(part) for part in parts[:2]):
            raise BadValue(
                f"{given!r} is not a topic name",
                hint="write persistent://tenant/namespace/topic, tenant/namespace/topic, or a topic of public/default",
            )
        if "/" in parts[2]:
            raise UnsupportedTopic(
                f"{given} has more than three parts",
                hint="names with a cluster in them (tenant/cluster/namespace/topic) belong to Pulsar 1, "
                "which is not supported; write tenant/namespace/topic",
            )
        if not all(map(_is_sendable, parts)):
            raise BadValue(f"{given!r} cannot stand in a URL", hint="no part of a name may be . or ..")
        return cls(*parts)

    @property
    def namespace_name(self) -> NamespaceName:
        """The namespace that the topic is in."""
        return NamespaceName(self.tenant, self.namespace)

    @property
    def partition(self) -> int | None:
        """The partition's number, or None for a topic that is no partition."""
        match = _partition_suffix(self.local_name)
        return int(match["number"]) if match else None

    @property
    def parent(self) -> Self:
        """The partitioned topic that this partition belongs to; the topic itself if it is no partition."""
        match = _partition_suffix(self.local_name)
        return replace(self, local_name=match["parent"]) if match else self

    def with_partition(self, number: int) -> Self:
        """Partition `number` of this topic."""
        return replace(self, local_name=f"{self.local_name}-partition-{number}")

    @property
    def is_system(self) -> bool:
        """Whether the broker keeps this topic for itself, where its offloader is read-only; or we do."""
        name = self.parent.local_name
        return (
            self.namespace_name.is_system
            or name in _SYSTEM_LOCAL_NAMES
            or name.startswith(_SYSTEM_LOCAL_PREFIXES)
            or name.endswith(_SYSTEM_LOCAL_SUFFIXES)
        )

    @property
    def rest_path(self) -> str:
        """`tenant/namespace/<encoded topic>`, the tail of a REST path."""
        return f"{self.tenant}/{self.namespace}/{_encode(self.local_name)}"

    @property
    def managed_ledger_name(self) -> str:
        """`tenant/namespace/persistent/<encoded topic>`, as offloaded objects carry it."""
        return f"{self.tenant}/{self.namespace}/persistent/{_encode(self.local_name)}"

    def __str__(self) -> str:
        return f"persistent://{self.tenant}/{self.namespace}/{self.local_name}"


def _partition_suffix(local_name: str) -> re.Match[str] | None:
    match = _PARTITION_SUFFIX.fullmatch(local_name)
    # TopicName.java parses the number as an int; a larger one is part of the name.
    return match if match and len(match["number"]) <= 10 and int(match["number"]) <= _MAX_INT else None


def _is_sendable(name: str) -> bool:
    """Whether the name survives a URL: `.` and `..` are steps in a path, and lone surrogates have no encoding."""
    return name not in (".", "..") and not any("\ud800" <= character <= "\udfff" for character in name)


def _encode(local_name: str) -> str:
    # Java's URLEncoder leaves `*` alone and encodes `~`; Python's quote_plus does it the other way round.
    return quote_plus(local_name, safe="*").replace("~", "%7E")
