"""Pulsar's admin REST service on requests: the BrokerAdmin of a real cluster, and the only code that asks it."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

import msgspec
import requests

from offloadctl.adapters import rest_replies
from offloadctl.adapters.closing import Closing
from offloadctl.adapters.rest_calls import ADMIN, Call, Reply
from offloadctl.adapters.rest_errors import error_for, is_failed_request_page
from offloadctl.adapters.rest_policies import offload_policies_of
from offloadctl.adapters.rest_policy_calls import PolicyCalls
from offloadctl.adapters.rest_topic_calls import TopicCalls
from offloadctl.adapters.rest_transport import Transport
from offloadctl.errors import BrokerError, BrokerUnreachable, NotAuthorised, NotFound, ReadOnlyContext, ServerError
from offloadctl.model.ledger import OffloadPolicies, OffloadStatus, Position, ServedLedgers, StoredLedgers
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.scope import Listed
from offloadctl.model.settings import BrokerSettings
from offloadctl.ports import Clock


class PulsarRest(Closing, PolicyCalls, TopicCalls):
    """Keeps the promises of `ports.BrokerAdmin`. Safe to share between threads; close it, or use it with `with`."""

    def __init__(
        self,
        settings: BrokerSettings,
        clock: Clock,
        *,
        context_name: str = "",
        session: requests.Session | None = None,
    ) -> None:
        self._read_only = settings.read_only
        self._context_name = context_name
        self._transport = Transport(settings, clock, session)
        # Where redirects led for a topic: other brokers may fail to answer even what needs no owner.
        self._owners: dict[TopicName, str] = {}
        self._answered_by: dict[TopicName, str] = {}

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()

    # -- loads nothing

    def clusters(self) -> tuple[str, ...]:
        """The clusters that the broker knows."""
        return rest_replies.clusters_of(self._get("/clusters"))

    def own_cluster(self) -> str | None:
        """The cluster that the broker belongs to; None if it knows several and we lack the right to ask which."""
        known = self.clusters()
        if len(known) == 1:
            return known[0]
        # A broker's settings hold its own credentials.
        call = Call("GET", f"{ADMIN}/brokers/configuration/runtime", confidential=True)
        try:
            return rest_replies.cluster_name_of(self._transport.read(call))
        except NotAuthorised:
            return None

    def broker_version(self) -> str:
        """The answering broker's version, as it says it."""
        return rest_replies.version_of(self._get("/brokers/version"))

    def tenants(self) -> tuple[str, ...]:
        """All tenants, ascending."""
        return rest_replies.tenants_of(self._get("/tenants"))

    def namespaces(self, tenant: str) -> Listed[NamespaceName]:
        """The tenant's namespaces. NotFound if there is no such tenant."""
        return rest_replies.namespaces_of(self._get(f"/namespaces/{tenant}"))

    def topics(self, namespace: NamespaceName) -> Listed[TopicName]:
        """The persistent topics that have a managed ledger, partitions one by one, system topics too."""
        return rest_replies.topics_of(self._transport.read(_listing(namespace)))

    def partition_count(self, topic: TopicName) -> int:
        """The number of partitions; 0 for a topic that is not partitioned. NotFound if there is no such topic."""
        return rest_replies.partition_count_of(self._get(_of(topic, "partitions")))

    def stored_ledgers(self, topic: TopicName) -> StoredLedgers:
        """`internal-info` of a topic or partition. NotFound if it has no managed ledger."""
        return rest_replies.stored_ledgers_of(self._internal_info(topic))

    def stored_ledgers_by_partition(self, topic: TopicName) -> Mapping[TopicName, StoredLedgers]:
        """`internal-info` of a partitioned topic: one entry for each partition that has a managed ledger."""
        try:
            reply = self._internal_info(topic)
        except (NotFound, ServerError):
            # One partition without a managed ledger spoils the answer for all of them.
            count = self.partition_count(topic)
            if not count:
                raise
            return self._one_by_one(topic.with_partition(number) for number in range(count))
        return rest_replies.stored_ledgers_by_partition_of(reply)

    def served_topics(self) -> frozenset[TopicName]:
        """The topics and partitions that brokers have loaded. NotAuthorised without super-user rights."""
        call = Call("GET", f"{ADMIN}/broker-stats/topics")
        brokers = self._transport.list_brokers()
        if len(brokers) <= 1:
            # The only broker is the one that answers; its own name may mean nothing from where we are.
            return rest_replies.served_topics_of(self._transport.read(call))
        topics: frozenset[TopicName] = frozenset()
        for broker in brokers:
            reply = self._transport.read(call, at=self._transport.url_of(broker))
            topics |= rest_replies.served_topics_of(reply)
        return topics

    def offload_policies(self, topic: TopicName) -> OffloadPolicies:
        """The offload policies in force; of a partition, those of its parent: a partition has none (412)."""
        path = ADMIN + _of(topic.parent, "offloadPolicies")
        return offload_policies_of(
            self._transport.read(Call("GET", path, params=(("applied", "true"),), confidential=True))
        )

    # -- loads the topic

    def owner_of(self, topic: TopicName) -> str:
        """The host that answered the last loading call for the topic; empty if there was none."""
        return self._answered_by.get(topic, "")

    def served_ledgers(self, topic: TopicName) -> ServedLedgers:
        """`internalStats` of a topic or partition."""
        return rest_replies.served_ledgers_of(self._ask_owner(topic, "internalStats"))

    def offload_status(self, topic: TopicName) -> OffloadStatus:
        """What the broker says of the last manual offload."""
        return rest_replies.offload_status_of(self._ask_owner(topic, "offload"))

    # -- changes something

    def trigger_offload(self, topic: TopicName, before: Position) -> None:
        """Ask the broker to offload every closed ledger before `before`; returning means accepted."""
        if self._read_only:
            name = f"context {self._context_name!r}" if self._context_name else "this context"
            raise ReadOnlyContext(
                f"{name} is read-only: no offload of {topic} was asked for", hint="choose another --context"
            )
        # MessageIdImpl.java; the id means a place in this topic's ledgers, so no partition is named.
        body = {"ledgerId": before.ledger_id, "entryId": before.entry_id, "partitionIndex": -1}
        path = ADMIN + _of(topic, "offload")
        self._transport.trigger(Call("PUT", path, body=msgspec.json.encode(body), loads_topic=True))

    def _get(self, path: str) -> Reply:
        return self._transport.read(Call("GET", ADMIN + path))

    def _ask_owner(self, topic: TopicName, what: str) -> Reply:
        call, owner = Call("GET", ADMIN + _of(topic, what), loads_topic=True), self._owners.get(topic, "")
        reply = self._known_owner_answer(call, owner)
        if reply is None:
            reply, owner = self._transport.read(call), ""
        self._owners[topic], self._answered_by[topic] = reply.redirected_to or owner, reply.host
        return reply

    def _known_owner_answer(self, call: Call, owner: str) -> Reply | None:
        """What whoever answered last time says; None unless it succeeds: then all are asked, and a redirect tells.

        Any other broker would only answer with a redirect, so this halves the requests of a run.
        """
        if not owner:
            return None
        try:
            reply = self._transport.ask(call, at=owner, attempts=1)
        except BrokerUnreachable:
            return None
        return reply if reply.is_success else None

    def _ask_internal_info(self, topic: TopicName) -> Reply:
        """Of the owner, if it is known: any broker should answer, and 4.0.7 times out or says 500 where it was owner.

        It reads the topic's policies first, from a system topic of the namespace that is somebody else's by now.
        """
        call = Call("GET", ADMIN + _of(topic, "internal-info"))
        if owner := self._owners.get(topic):
            with suppress(BrokerUnreachable):
                return self._transport.ask(call, at=owner, attempts=1)
        return self._transport.ask(call)

    def _internal_info(self, topic: TopicName) -> Reply:
        reply = self._ask_internal_info(topic)
        if reply.is_success:
            return reply
        if is_failed_request_page(reply) and not self._has_managed_ledger(topic):
            raise NotFound(f"{reply.call} at {reply.host}: {topic} has no managed ledger", status=reply.status)
        raise error_for(reply)

    def _has_managed_ledger(self, topic: TopicName) -> bool:
        """Asked when `internal-info` failed without a reason, as it does for a missing topic and for real trouble."""
        try:
            self.partition_count(topic)
            # A partition can exist by the number of its parent alone. The list is that of the managed ledgers.
            return str(topic) in rest_replies.topic_names_of(self._transport.read(_listing(topic.namespace_name)))
        except NotFound:
            return False
        except BrokerError:
            # Nobody confirms that it is missing, so the broker's failure stays a failure.
            return True

    def _one_by_one(self, partitions: Iterable[TopicName]) -> Mapping[TopicName, StoredLedgers]:
        found: dict[TopicName, StoredLedgers] = {}
        for partition in partitions:
            with suppress(NotFound):
                found[partition] = self.stored_ledgers(partition)
        return found


def _listing(namespace: NamespaceName) -> Call:
    return Call("GET", f"{ADMIN}/persistent/{namespace}", params=(("includeSystemTopic", "true"),))


def _of(topic: TopicName, what: str) -> str:
    return f"/persistent/{topic.rest_path}/{what}"
