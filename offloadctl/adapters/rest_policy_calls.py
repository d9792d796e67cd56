"""Offload policies over REST: read without credentials, written without losing those that are there.

A policy is replaced as a whole. Where a written one says STORED, the credential that the level has at that moment is
sent back as it came, without being looked at by anybody.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from offloadctl.adapters.rest_calls import ADMIN, Call, Reply
from offloadctl.adapters.rest_errors import bad_reply
from offloadctl.adapters.rest_replies import understood
from offloadctl.adapters.rest_transport import Transport
from offloadctl.brokerconf.policy_fields import (
    AGE_THRESHOLD,
    CREDENTIALS,
    DELETION_LAG,
    SIZE_THRESHOLD,
)
from offloadctl.brokerconf.settings import BY_KEY
from offloadctl.errors import Busy, ReadOnlyContext
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.policies import (
    EXTRA,
    STORED,
    NamespaceFacts,
    PolicyObject,
    PolicyScope,
    PolicyValue,
    Retention,
)
from offloadctl.redaction import Secret, remember

_PRIORITY: Final = "managedLedgerOffloadedReadPriority"
_NOT_FIELDS: Final = frozenset({"s3Driver", "gcsDriver", "fileSystemDriver"})
"""OffloadPoliciesImpl.java: said by GET, and no part of a policy."""

_SWITCHES: Final = ("topicLevelPoliciesEnabled", "systemTopicEnabled")
"""ServiceConfiguration.java:1561,1599: without both, topics have no policies."""

_ENDPOINTS: Final = {
    SIZE_THRESHOLD: "offloadThreshold",
    AGE_THRESHOLD: "offloadThresholdInSeconds",
    DELETION_LAG: "offloadDeletionLagMs",
}


class PolicyCalls:
    """The part of the admin client that is about policies."""

    _transport: Transport
    _read_only: bool
    _context_name: str

    def own_offload_policy(self, scope: PolicyScope, *, is_global: bool = False) -> PolicyObject | None:
        """What this level itself has; None for nothing."""
        return policy_of(self._own(scope, is_global=is_global))

    def applied_offload_policy(self, topic: TopicName) -> PolicyObject:
        """Topic, namespace and broker merged by the broker; 4.0.7 forgets the namespace's older fields."""
        call = Call("GET", _path(topic), params=(("applied", "true"),), confidential=True)
        return policy_of(self._transport.read(call)) or PolicyObject()

    def namespace_facts(self, namespace: NamespaceName) -> NamespaceFacts:
        """The older fields and the retention."""
        # The whole answer has the policy in it, and that its credentials.
        call = Call("GET", f"{ADMIN}/namespaces/{namespace}", confidential=True)
        return understood(self._transport.read(call), _Namespace, _facts)

    def topic_retention(self, topic: TopicName, *, is_global: bool = False) -> Retention | None:
        """The topic's own."""
        params = _global(is_global=is_global)
        reply = self._transport.read(Call("GET", _retention_path(topic), params=params))
        return understood(reply, _Retention | None, _retention)  # type: ignore[arg-type]  # a union is a form

    def broker_settings(self) -> Mapping[str, str]:
        """The answering broker's typed settings that offload depends on. NotAuthorised without super-user rights."""
        call = Call("GET", f"{ADMIN}/brokers/configuration/runtime", confidential=True)
        return understood(self._transport.read(call), dict[str, Any], _known_settings)

    # -- changes something

    def replace_offload_policy(
        self, scope: PolicyScope, policy: PolicyObject, *, expected: PolicyObject | None, is_global: bool = False
    ) -> None:
        """Set all of it at once; Busy if the level has no longer what is `expected`."""
        self._refuse_change(scope)
        reply = self._own(scope, is_global=is_global)
        if policy_of(reply) != expected:
            raise Busy(f"the policy of {scope} was changed by somebody else meanwhile")
        body = _encoded(policy, reply)
        params = _global(is_global=is_global)
        self._transport.trigger(Call("POST", _path(scope), params=params, body=body, confidential=True))

    def set_offload_field(self, namespace: NamespaceName, name: str, value: int | None) -> None:
        """One threshold or the deletion lag, which alone can be removed (None)."""
        self._refuse_change(namespace)
        path = f"{ADMIN}/namespaces/{namespace}/{_ENDPOINTS[name]}"
        body = None if value is None else msgspec.json.encode(value)
        self._transport.trigger(Call("DELETE" if value is None else "PUT", path, body=body))

    def remove_offload_policy(self, scope: PolicyScope, *, is_global: bool = False) -> None:
        """The whole policy; a namespace's older fields stay."""
        self._refuse_change(scope)
        path = f"{ADMIN}/namespaces/{scope}/removeOffloadPolicies" if isinstance(scope, NamespaceName) else _path(scope)
        self._transport.trigger(Call("DELETE", path, params=_global(is_global=is_global)))

    def set_retention(self, scope: PolicyScope, retention: Retention | None) -> None:
        """How much is kept of what is consumed; None: the level below counts again."""
        self._refuse_change(scope)
        if retention is None:
            self._transport.trigger(Call("DELETE", _retention_path(scope)))
            return
        body = msgspec.json.encode(_Retention(retention.minutes, retention.mebibytes))
        self._transport.trigger(Call("POST", _retention_path(scope), body=body))

    def _own(self, scope: PolicyScope, *, is_global: bool = False) -> Reply:
        params = _global(is_global=is_global)
        return self._transport.read(Call("GET", _path(scope), params=params, confidential=True))

    def _refuse_change(self, what: object) -> None:
        if self._read_only:
            name = f"context {self._context_name!r}" if self._context_name else "this context"
            raise ReadOnlyContext(f"{name} is read-only: nothing was asked for {what}", hint="choose another --context")


def _global(*, is_global: bool) -> tuple[tuple[str, str], ...]:
    return (("isGlobal", "true"),) if is_global else ()


def policy_of(reply: Reply) -> PolicyObject | None:
    """A policy without its credentials; None for an empty answer."""
    return understood(reply, dict[str, msgspec.Raw] | None, _policy)  # type: ignore[arg-type]  # a union is a form


def _policy(fields: dict[str, msgspec.Raw] | None) -> PolicyObject | None:
    if fields is None:
        return None
    found: dict[str, PolicyValue] = {}
    for name, raw in fields.items():
        if name in _NOT_FIELDS or bytes(raw) == b"null":
            continue
        if name in CREDENTIALS:
            found[name] = STORED
        elif name == EXTRA:
            extra = msgspec.json.decode(raw, type=dict[str, str])
            found |= {f"{EXTRA}.{key}": text for key, text in extra.items()}
        else:
            value = msgspec.json.decode(raw, type=str | int)
            found[name] = _as_in_broker_conf(value) if name == _PRIORITY else value
    return PolicyObject(found)


def _encoded(policy: PolicyObject, now: Reply) -> bytes:
    body: dict[str, Any] = {}
    extra: dict[str, str] = {}
    for name, value in policy.fields.items():
        if name.startswith(f"{EXTRA}."):
            extra[name.removeprefix(f"{EXTRA}.")] = str(value)
        elif value is STORED:
            body[name] = _stored(now, name)
        elif isinstance(value, Secret):
            body[name] = value.reveal()
        else:
            # JSON has the enum's name, broker.conf and pulsar-admin its text (OffloadedReadPriority.java).
            body[name] = str(value).upper().replace("-", "_") if name == _PRIORITY else value
    return msgspec.json.encode(body | ({EXTRA: extra} if extra else {}))


def _stored(now: Reply, name: str) -> str:
    text = understood(now, dict[str, Any], lambda fields: fields.get(name))
    if not isinstance(text, str):
        raise bad_reply(now, f"expected a text for {name}")
    remember(text)
    return text


def _as_in_broker_conf(value: str | int) -> str:
    return str(value).lower().replace("_", "-")


class _Retention(msgspec.Struct, frozen=True):
    minutes: int = msgspec.field(name="retentionTimeInMinutes", default=0)
    mebibytes: int = msgspec.field(name="retentionSizeInMB", default=0)


class _Namespace(msgspec.Struct, frozen=True):
    """Policies.java:97-101: -1 is what the two thresholds are when they are not set."""

    threshold: int = msgspec.field(name="offload_threshold", default=-1)
    threshold_in_seconds: int = msgspec.field(name="offload_threshold_in_seconds", default=-1)
    deletion_lag: int | None = msgspec.field(name="offload_deletion_lag_ms", default=None)
    retention: _Retention | None = msgspec.field(name="retention_policies", default=None)


def _facts(namespace: _Namespace) -> NamespaceFacts:
    older: dict[str, PolicyValue] = {}
    if namespace.threshold != -1:
        older[SIZE_THRESHOLD] = namespace.threshold
    if namespace.threshold_in_seconds != -1:
        older[AGE_THRESHOLD] = namespace.threshold_in_seconds
    if namespace.deletion_lag is not None:
        older[DELETION_LAG] = namespace.deletion_lag
    return NamespaceFacts(PolicyObject(older), _retention(namespace.retention))


def _retention(retention: _Retention | None) -> Retention | None:
    return None if retention is None else Retention(retention.minutes, retention.mebibytes)


def _known_settings(settings: dict[str, Any]) -> dict[str, str]:
    return {
        key: str(value) for key, value in settings.items() if (key in BY_KEY or key in _SWITCHES) and value is not None
    }


def _path(scope: PolicyScope) -> str:
    if isinstance(scope, NamespaceName):
        return f"{ADMIN}/namespaces/{scope}/offloadPolicies"
    return f"{ADMIN}/persistent/{scope.rest_path}/offloadPolicies"


def _retention_path(scope: PolicyScope) -> str:
    if isinstance(scope, NamespaceName):
        return f"{ADMIN}/namespaces/{scope}/retention"
    return f"{ADMIN}/persistent/{scope.rest_path}/retention"
