"""The brokers' own settings as one side of a comparison: what REST tells of them, and what it does not."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from offloadctl.brokerconf.diff import Side, Unseen
from offloadctl.brokerconf.entries import BrokerConf, Entry
from offloadctl.brokerconf.kinds import EXTRA_PREFIX
from offloadctl.brokerconf.policy_fields import CREDENTIALS, FIELDS
from offloadctl.brokerconf.settings import BY_KEY, SETTINGS
from offloadctl.errors import NotAuthorised, NotFound
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.policies import PolicyLevels
from offloadctl.operations.policy_levels import PolicyReader
from offloadctl.plan.policy_dangers import conf_of
from offloadctl.ports import BrokerAdmin

_TENANTS: Final = 10
"""In so many tenants it is looked for a topic that shows all that the brokers' file says."""

_FREE_KEYS: Final = f"{EXTRA_PREFIX}*"


def live_side(admin: BrokerAdmin, name: str, topic: TopicName | None = None) -> Side:
    """What the brokers have, asked of a topic or of the first namespaces; no topic is loaded.

    NotAuthorised if nothing at all can be seen.
    """
    levels = _levels(admin, topic)
    keys = frozenset(_seen(levels))
    if not keys:
        raise NotAuthorised(
            "nothing of the brokers' own settings can be seen: it takes super-user rights, or a topic to ask about",
            hint="name a topic that you may see: --topic TOPIC",
        )
    conf = conf_of(levels, levels.broker)
    entries = tuple(Entry(one.key, one.value, None) for one in conf.entries if one.key in keys)
    return Side(name, BrokerConf(conf.layout, entries), keys, unseen=tuple(_unseen(keys, topic)))


def _levels(admin: BrokerAdmin, topic: TopicName | None) -> PolicyLevels:
    """The first answer that shows all of the brokers' settings; of some that do not, the one that shows most."""
    reader = PolicyReader(admin)
    if topic is not None:
        return reader.read(topic.parent)
    found = [reader.read_broker()]
    for namespace in _namespaces(admin):
        with suppress(NotFound):
            found.append(reader.read(namespace))
        if found[-1].broker_is_known:
            return found[-1]
    return max(found, key=lambda one: len(one.broker.fields))


def _namespaces(admin: BrokerAdmin) -> Iterator[NamespaceName]:
    """One of each tenant: for topics to ask, all of a tenant's namespaces are looked into."""
    try:
        tenants = admin.tenants()
    except NotAuthorised:
        return
    for tenant in tenants[:_TENANTS]:
        yield from [one for one in admin.namespaces(tenant).names if not one.is_system][:1]


def _seen(levels: PolicyLevels) -> Iterator[str]:
    """The keys of which it is known what they are, be it that they are not there."""
    credentials = {one.setting.key for one in FIELDS if one.is_credential}
    known = {one.setting.key for one in FIELDS if levels.broker_is_known or one.name in levels.broker}
    if levels.settings:
        known |= {one.key for one in SETTINGS if one.in_runtime}
    for setting in SETTINGS:
        if (setting.alias_of or setting.key) in known - credentials:
            yield setting.key


def _unseen(keys: frozenset[str], topic: TopicName | None) -> Iterator[Unseen]:
    left = [one for one in SETTINGS if one.key not in keys and one.key not in CREDENTIALS]
    hidden = tuple(one.key for one in left if BY_KEY[one.alias_of or one.key].in_policy)
    typed = tuple(one.key for one in left if one.key not in hidden)
    if hidden:
        where = f"{topic} or its namespace" if topic is not None else "every namespace that was looked at"
        yield Unseen(
            hidden,
            f"a policy of {where} hides them, or there is no topic to ask about",
            "name a topic that has no policy, nor its namespace: --topic TOPIC",
        )
    if typed:
        yield Unseen(typed, "brokers show them to super-users only", "use credentials with super-user rights")
    yield Unseen((*CREDENTIALS, _FREE_KEYS), "credentials are never read, and free keys are not shown by every release")
