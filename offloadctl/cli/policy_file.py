"""`kind: OffloadPolicies`: files of policies, read into wishes."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml

from offloadctl.errors import BadValue, UsageError
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.policies import PolicyScope
from offloadctl.plan.yaml_documents import require_kind, told_as_yaml
from offloadctl.redaction import remember

KIND: Final = "OffloadPolicies"

_OTHERS: Final = {
    "EffectiveOffloadPolicies": "it shows what is in force; write a file with `offloadctl offload-policies export`",
    "OffloadPoliciesChange": "it is the result of a change; write a file with `offloadctl offload-policies export`",
    "Context": "contexts are set by `offloadctl context set` and `offloadctl context import`",
    "ConfigMap": "this is for brokers: `offloadctl broker-conf lint`",
}


@dataclass(frozen=True, slots=True)
class FilePolicy:
    """What a file wants of one scope. `fields` is None if the policy is to go."""

    scope: PolicyScope
    fields: Mapping[str, str] | None
    where: str
    is_global: bool = False


def read_policy_file(source: str, *, is_global: bool = False) -> tuple[FilePolicy, ...]:
    """All policies of a file, or of stdin for `-`; each scope once. `is_global`: its topics' are global ones."""
    name = "standard input" if source == "-" else source
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise UsageError(f"{name}: it cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"{name}: it is not UTF-8: byte {exc.start}") from exc
    with told_as_yaml(name):
        documents = [one for one in yaml.safe_load_all(text) if one is not None]
    found = tuple(one for number, document in enumerate(documents, 1) for one in _policies(document, name, number))
    if not found:
        raise UsageError(
            f"{name} has no policies", hint=f"write one with `offloadctl offload-policies export > {name}`"
        )
    if is_global:
        found = tuple(replace(one, is_global=isinstance(one.scope, TopicName)) for one in found)
    seen: dict[tuple[PolicyScope, bool], str] = {}
    for one in found:
        key = (one.scope, one.is_global)
        if key in seen:
            raise BadValue(f"{one.where}: {one.scope} is there twice, first as {seen[key]}")
        seen[key] = one.where
    return found


def _policies(document: Any, source: str, number: int) -> Iterator[FilePolicy]:
    where = f"{source}, document {number}"
    require_kind(document, where, KIND, others=_OTHERS, taker="offloadctl offload-policies")
    policies = document.get("policies")
    if not isinstance(policies, list):
        raise BadValue(f"{where} has no list of policies", hint="write `policies:`, and below it `- namespace: t/ns`")
    if unknown := sorted(map(str, set(document) - _KNOWN)):
        raise BadValue(f"{where} has unknown keys: {', '.join(unknown)}")
    for place, one in enumerate(policies, 1):
        yield _policy(one, f"{where}, policy {place}")


_KNOWN: Final = {"apiVersion", "kind", "context", "adminUrlsFrom", "cluster", "policies"}


def _policy(item: Any, where: str) -> FilePolicy:
    if not isinstance(item, dict):
        raise BadValue(f"{where} is no mapping")
    if unknown := sorted(map(str, set(item) - {"namespace", "topic", "global", "fields"})):
        raise BadValue(f"{where} has unknown keys: {', '.join(unknown)}", hint="it has namespace or topic, and fields")
    namespace, topic = item.get("namespace"), item.get("topic")
    if (namespace is None) == (topic is None):
        raise BadValue(f"{where} must name a namespace or a topic, and not both")
    try:
        scope = policy_topic(str(topic)) if topic is not None else NamespaceName.parse(str(namespace))
    except UsageError as error:
        raise BadValue(f"{where}: {error.message}", hint=error.hint) from error
    if "fields" not in item:
        raise BadValue(f"{where} has no fields", hint="`fields: null` says that the policy is to go")
    fields = item["fields"]
    if fields is not None and not isinstance(fields, dict):
        raise BadValue(f"{where}: fields is no mapping")
    is_global = item.get("global", False)
    if not isinstance(is_global, bool) or (is_global and isinstance(scope, NamespaceName)):
        raise BadValue(f"{where}: global is true or false, and of topics only")
    return FilePolicy(scope, None if fields is None else dict(_fields(fields, where)), where, is_global)


def _fields(fields: Mapping[Any, Any], where: str) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise BadValue(f"{where}: {str(name)[:80]} is neither a text nor a whole number")
        if "credential" in str(name).lower() and value != "keep":
            remember(str(value))
        yield str(name), str(value)


def policy_topic(text: str) -> TopicName:
    """A topic that can have a policy: a partition has that of its parent."""
    topic = TopicName.parse(text)
    if topic.partition is not None:
        raise UsageError(f"{topic} is a partition, which has no policy of its own", hint=f"name {topic.parent}")
    if topic.is_system:
        raise UsageError(f"{topic} is a system topic, which brokers never offload")
    return topic
