"""The buckets that policies name, for whoever has none of them configured: to be pasted, and never used by itself."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import islice
from typing import Final

from offloadctl.errors import BrokerError
from offloadctl.model.ledger import OffloadPolicies
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.scope import Scope
from offloadctl.plan.bucket_in_force import offered
from offloadctl.ports import BrokerAdmin

_ASKED: Final = 5
"""Of so many topics the policies are read: of a wide scope one of each namespace."""
_LISTED: Final = 20
"""So many namespaces at most are listed for them."""


def offer_of(admin: BrokerAdmin, scope: Scope, *, known: Collection[str] = ()) -> str:
    """`; in force is --bucket ...` for a sample of the scope's topics; empty without one that is not known here."""
    found: list[OffloadPolicies] = []
    with suppress(BrokerError):
        found += (admin.offload_policies(topic) for topic in islice(_sample(admin, scope), _ASKED))
    return offered(found, known=known)


def _sample(admin: BrokerAdmin, scope: Scope) -> Iterator[TopicName]:
    yield from (topic for topic in scope.topics if scope.takes(topic))
    for namespace in islice(_namespaces(admin, scope), _LISTED):
        with suppress(BrokerError):
            names = admin.topics(namespace).names
            yield from islice((one for one in names if not one.is_system and scope.takes(one)), 1)


def _namespaces(admin: BrokerAdmin, scope: Scope) -> Iterator[NamespaceName]:
    yield from scope.namespaces
    for tenant in admin.tenants() if scope.everything else scope.tenants:
        with suppress(BrokerError):
            yield from (one for one in admin.namespaces(tenant).names if not one.is_system)
