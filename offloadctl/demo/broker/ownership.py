"""Which broker answers for a topic, and whether there is such a topic (PulsarWebResource, PersistentTopicsBase)."""

from typing import NamedTuple
from urllib.parse import urlencode

from offloadctl.demo.broker.routes import Call
from offloadctl.demo.broker.values import Refused, Response, refusal
from offloadctl.demo.faults import Fault
from offloadctl.demo.ledgers import ManagedLedgerMetadata
from offloadctl.demo.offloading import LoadedTopic
from offloadctl.model.names import TopicName


class Served(NamedTuple):
    """A topic that the asked broker serves."""

    topic: TopicName
    metadata: ManagedLedgerMetadata
    loaded: LoadedTopic


def owned(call: Call) -> TopicName:
    """The topic of the path, if the asked broker owns it; else 307 to the owner, whether it exists or not."""
    topic = call.topic
    if call.cluster.faults.take(Fault.BUNDLE_UNLOADING, topic):
        raise refusal(412, f"Can't find owner for topic {topic}")
    owner = call.cluster.owner_of(topic)
    if owner != call.broker and topic.namespace_name in call.cluster.namespaces:
        # The leader knows for sure who the owner is; the others only believe it.
        sure = call.broker == call.cluster.brokers[0]
        kept = {name: value for name, value in call.request.params.items() if name != "authoritative"}
        query = urlencode({"authoritative": str(sure).lower()} | kept)
        raise Refused(Response(307, location=f"http://{owner}{call.request.path}?{query}"))
    return topic


def existing(call: Call, topic: TopicName) -> ManagedLedgerMetadata:
    """The topic's ledgers; 404 in the words that fit: a partition depends on its parent."""
    metadata = call.cluster.metadata.get(topic)
    if metadata is not None:
        return metadata
    if topic.partition is None:
        raise refusal(404, f"Topic {topic} not found")
    if topic.parent not in call.cluster.partitioned:
        raise refusal(404, f"Partitioned Topic not found: {topic} has zero partitions")
    raise refusal(404, "Topic partitions were not yet created")


def served(call: Call) -> Served:
    """The topic of the path, loaded if need be."""
    topic = owned(call)
    metadata = existing(call, topic)
    return Served(topic, metadata, call.cluster.serve(topic))


def partitions_of(call: Call, topic: TopicName) -> tuple[TopicName, ...]:
    """The partitions that exist; none for a topic without."""
    count = call.cluster.partitioned.get(topic, 0)
    names = (topic.with_partition(number) for number in range(count))
    return tuple(name for name in names if name in call.cluster.metadata)


def partition_of(call: Call, topic: TopicName) -> Served:
    """A partition for an answer about its parent: any broker collects those, and each owner loads its own."""
    return Served(topic, call.cluster.existing(topic), call.cluster.serve(topic))


def about_policies(call: Call) -> TopicName:
    """The topic that a policy is about: never a partition, and looked for before its owner is (preValidation)."""
    topic = call.topic
    if topic.partition is not None:
        raise refusal(412, "Not allowed to set/get topic policy for a partition")
    if topic in call.cluster.partitioned:
        return topic
    existing(call, topic)
    return owned(call)
