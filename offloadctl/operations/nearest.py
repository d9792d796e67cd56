"""What there is that looks most like a name which is not there: for a hint, of those who may list names."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Final

from offloadctl.errors import BrokerError, NotFound
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.ports import BrokerAdmin

_LIKE: Final = 0.7

_OF_BARE_NAMES: Final = "public/default"
"""TopicName.java: PUBLIC_TENANT and DEFAULT_NAMESPACE."""


@contextmanager
def hinting(admin: BrokerAdmin, name: TopicName | NamespaceName) -> Iterator[None]:
    """NotFound says what there is that looks most like the name, or where a name alone was looked for."""
    try:
        yield
    except NotFound as error:
        hint = error.hint or _hint(admin, name)
        if hint == error.hint:
            raise
        raise NotFound(error.message, hint=hint, status=error.status) from error


def with_nearest(admin: BrokerAdmin, name: str, error: NotFound) -> BrokerError:
    """The same error about a tenant or a namespace, with such a hint."""
    if error.hint:
        return error
    try:
        near = _nearest(admin, name)
    except BrokerError:
        # Who may not list names is told no less than before.
        return error
    return NotFound(error.message, hint=f"did you mean {near}?", status=error.status) if near is not None else error


def _hint(admin: BrokerAdmin, name: TopicName | NamespaceName) -> str:
    try:
        near = _nearest_topic(admin, name) if isinstance(name, TopicName) else _nearest(admin, str(name))
    except BrokerError:
        near = None
    hints = [f"did you mean {near}?"] if near is not None else []
    if isinstance(name, TopicName) and str(name.namespace_name) == _OF_BARE_NAMES:
        # Whoever wrote only the last part of the name may not know where that is looked for.
        where = f"a name alone means {_OF_BARE_NAMES}; of another namespace write tenant/namespace/{name.local_name}"
        hints.append(where)
    return " ".join(hints)


def _nearest_topic(admin: BrokerAdmin, topic: TopicName) -> str | None:
    """Of its namespace, or of the nearest one: the same name, or the one that looks most like it."""
    namespace = topic.namespace_name
    try:
        found = admin.topics(namespace).names
    except NotFound:
        near = _nearest(admin, str(namespace))
        if near is None:
            return None
        namespace = NamespaceName.parse(near)
        found = admin.topics(namespace).names
    names = [one.parent.local_name for one in found if not one.is_system]
    wanted = topic.parent.local_name
    local = wanted if wanted in names else _most_like(wanted, list(dict.fromkeys(names)))
    return (
        f"{namespace}/{local}" if local is not None and (namespace, local) != (topic.namespace_name, wanted) else None
    )


def _nearest(admin: BrokerAdmin, name: str) -> str | None:
    """Of a tenant the nearest tenant; of a namespace the nearest one of its tenant, or of the nearest tenant."""
    tenant, slash, _ = name.partition("/")
    tenants = admin.tenants()
    near = tenant if tenant in tenants else _most_like(tenant, tenants)
    if near is None or not slash:
        return near
    known = [str(one) for one in admin.namespaces(near).names]
    wanted = name.replace(tenant, near, 1)
    return wanted if wanted in known else _most_like(wanted, known)


def _most_like(name: str, known: Sequence[str]) -> str | None:
    return next(iter(get_close_matches(name, known, n=1, cutoff=_LIKE)), None)
