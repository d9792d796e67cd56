"""What a topic holds: internal-info, internalStats, stats, alone and by partition, and single messages."""

from collections.abc import Callable
from typing import Final

from offloadctl.demo.broker import views
from offloadctl.demo.broker.access import Level, topic_operation
from offloadctl.demo.broker.ownership import Served, partition_of, partitions_of, served
from offloadctl.demo.broker.routes import Call, Route
from offloadctl.demo.broker.values import Refused, Response, as_json, jetty_page, refusal, unexpected
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName


def internal_info(call: Call) -> Response:
    """Any broker answers and none loads the topic; what is missing is a 500 without words (PersistentTopicsBase)."""
    topic, cluster, now = call.topic, call.cluster, call.cluster.clock.now()
    if topic not in cluster.partitioned:
        metadata = cluster.metadata.get(topic)
        if metadata is None:
            raise Refused(jetty_page(call.request, 500, "Request failed."))
        return as_json(views.internal_info(metadata, now))
    partitions = {}
    for number in range(cluster.partitioned[topic]):
        partition = topic.with_partition(number)
        metadata = cluster.metadata.get(partition)
        if metadata is None:
            # One that is gone spoils the answer for all of them.
            page = jetty_page(call.request, 500, "Request failed.").body.decode()
            exception = "org.apache.pulsar.client.admin.PulsarAdminException$ServerSideErrorException"
            raise unexpected(f"HTTP 500 {page.replace(topic.rest_path, partition.rest_path)}", exception)
        partitions[str(partition)] = views.internal_info(metadata, now)
    return as_json({"version": 0, "partitions": partitions})


def internal_stats(call: Call) -> Response:
    """Loads the topic."""
    return as_json(views.internal_stats(served(call), with_metadata=call.flag("metadata")))


def stats(call: Call) -> Response:
    """Loads the topic."""
    return as_json(_stats(call, served(call)))


def last_message_id(call: Call) -> Response:
    """Loads the topic."""
    return as_json(views.message_id(served(call).loaded.last_confirmed))


def message(call: Call) -> Response:
    """One entry by its place: when it was written as headers, the payload as the body. Loads the topic."""
    _, metadata, _ = served(call)
    try:
        ledger_id, entry_id = int(call.names["ledger"]), int(call.names["entry"])
    except ValueError:
        raise Refused(jetty_page(call.request, 404, "Not Found")) from None
    ledger = metadata.ledgers.get(ledger_id)
    if ledger is None or not 0 <= entry_id < ledger.entry_count:
        last = metadata.last_position
        raise refusal(500, f"LastConfirmedEntry is {last} when reading entry {entry_id}")
    return views.message(ledger.entry(entry_id), Position(ledger_id, entry_id))


def partitioned_internal_stats(call: Call) -> Response:
    """Loads each partition that exists; those that do not are left out."""
    partitions = _by_partition(call, views.internal_stats)
    if not partitions:
        raise refusal(404, "Internal topics have not been generated yet")
    return as_json({"metadata": _partitioned(call, call.topic), "partitions": partitions})


def partitioned_stats(call: Call) -> Response:
    """Loads each partition that exists."""
    partitions = _by_partition(call, lambda one: _stats(call, one))
    total = views.partitioned_stats(partitions.values(), _partitioned(call, call.topic))
    return as_json(total | {"partitions": partitions if call.flag("perPartition", default=True) else {}})


def non_persistent(call: Call) -> Response:
    """No topic is non-persistent in here."""
    if call.request.path.endswith("/offload"):
        raise refusal(404, "Topic non-persistent://{tenant}/{namespace}/{topic} not found".format_map(call.names))
    raise refusal(404, "Topic not found")


def _stats(call: Call, one: Served) -> views.JsonObject:
    return views.topic_stats(one, call.policies, default_quota=call.cluster.tuning.backlog_quota_bytes)


def _by_partition(call: Call, view: Callable[[Served], views.JsonObject]) -> dict[str, views.JsonObject]:
    topic = call.topic
    if topic.partition is not None:
        raise refusal(412, "Partitioned Topic Name should not contain '-partition-'")
    if topic not in call.cluster.partitioned:
        raise refusal(404, f"Partitioned Topic {topic} not found")
    return {str(name): view(partition_of(call, name)) for name in partitions_of(call, topic)}


def _partitioned(call: Call, topic: TopicName) -> views.JsonObject:
    return {"partitions": call.cluster.partitioned[topic], "deleted": False}


_TOPIC: Final = "/admin/v2/persistent/{tenant}/{namespace}/{topic}"
_STATS: Final = (topic_operation("GET_STATS", Level.READER),)
_PEEK: Final = (topic_operation("PEEK_MESSAGES", Level.READER),)
_NON_PERSISTENT: Final = "/admin/v2/non-persistent/{tenant}/{namespace}"

ROUTES: Final = (
    Route("GET", f"{_TOPIC}/internal-info", internal_info, _STATS),
    Route("GET", f"{_TOPIC}/internalStats", internal_stats, _STATS),
    Route("GET", f"{_TOPIC}/stats", stats, _STATS),
    Route("GET", f"{_TOPIC}/partitioned-internalStats", partitioned_internal_stats, _STATS),
    Route("GET", f"{_TOPIC}/partitioned-stats", partitioned_stats, _STATS),
    Route("GET", f"{_TOPIC}/lastMessageId", last_message_id, _PEEK),
    Route("GET", f"{_TOPIC}/ledger/{{ledger}}/entry/{{entry}}", message, _PEEK),
    Route("GET", _NON_PERSISTENT, lambda _: as_json([]), ()),
    Route("GET", f"{_NON_PERSISTENT}/{{topic}}/internalStats", non_persistent, _STATS),
    Route("GET", f"{_NON_PERSISTENT}/{{topic}}/offload", non_persistent, ()),
)
