"""Topics: which there are, making and deleting them, and what can be done to one: offload, unload, trim and so on."""

from collections.abc import Callable
from typing import Final

from offloadctl.demo.broker import views
from offloadctl.demo.broker.access import TENANT_ADMIN, Level, namespace_operation, topic_operation, topic_policy
from offloadctl.demo.broker.bodies import long_field, read_json, read_number, read_object
from offloadctl.demo.broker.ownership import existing, owned, partitions_of, served
from offloadctl.demo.broker.routes import Call, Route
from offloadctl.demo.broker.values import NO_CONTENT, NULL, Response, as_json, refusal, unexpected
from offloadctl.demo.offloading import OffloadInProgress
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName

# -- which there are


def list_topics(call: Call) -> Response:
    """Full names, partitions one by one; with `bundle`, those in that bundle."""
    _ = call.policies
    bundle, namespace = call.request.params.get("bundle"), call.namespace
    names = (topic for topic in call.cluster.metadata if topic.namespace_name == namespace)
    return as_json(sorted(str(topic) for topic in names if bundle in (None, call.cluster.bundle_of(topic))))


def list_partitioned(call: Call) -> Response:
    """The parents."""
    _ = call.policies
    namespace = call.namespace
    return as_json(sorted(str(topic) for topic in call.cluster.partitioned if topic.namespace_name == namespace))


def partitions(call: Call) -> Response:
    """The number of partitions; 0 for a topic without."""
    topic, cluster = call.topic, call.cluster
    _require_namespace(call)
    if topic not in cluster.partitioned and topic not in cluster.metadata:
        raise refusal(404, f"Topic {topic} not found")
    return as_json({"partitions": cluster.partitioned.get(topic, 0), "deleted": False})


def lookup(call: Call) -> Response:
    """Who serves the topic; nothing is loaded, and whether it exists makes no difference."""
    _require_namespace(call)
    owner = call.cluster.owner_of(call.topic)
    broker_url = f"pulsar://{owner.rpartition(':')[0]}:6650"
    return as_json({"brokerUrl": broker_url, "httpUrl": f"http://{owner}", "nativeUrl": broker_url, "brokerUrlSsl": ""})


# -- making and deleting


def create(call: Call) -> Response:
    """A topic without partitions, which its owner loads at once."""
    _require_namespace(call)
    topic = owned(call)
    if topic.partition is not None and topic.parent not in call.cluster.partitioned:
        name, parent = topic.local_name, topic.parent.local_name
        raise refusal(
            412,
            f"Can't create topic {name} with \"-partition-\" followed by numeric value if there isn't a partitioned"
            f" topic {parent} created.",
        )
    _require_new(call, topic)
    call.cluster.create_topic(topic)
    call.cluster.serve(topic)
    return NO_CONTENT


def create_partitioned(call: Call) -> Response:
    """A partitioned topic with its partitions, none of which is loaded."""
    topic, count = call.topic, read_number(call.request, "int")
    if count is None:
        exception = "java.lang.NullPointerException"
        raise unexpected('Cannot read field "partitions" because "metadata" is null', exception)
    _require_namespace(call)
    if count <= 0:
        raise refusal(406, "Number of partitions should be more than 0")
    _require_new(call, topic)
    call.cluster.create_partitioned_topic(topic, count)
    return NO_CONTENT


def add_partitions(call: Call) -> Response:
    """More partitions; never fewer."""
    topic, wanted = call.topic, read_number(call.request, "int") or 0
    current = call.cluster.partitioned.get(topic)
    if current is None:
        raise refusal(409, f"Topic {topic} is not the partitioned topic.")
    if wanted < current:
        raise refusal(422, f"Desired partitions {wanted} can't be less than the current partitions {current}.")
    call.cluster.create_partitioned_topic(topic, wanted)
    return NO_CONTENT


def delete(call: Call) -> Response:
    """A topic or a partition; nobody is connected in here, so `force` makes no difference."""
    topic = call.topic
    if topic in call.cluster.partitioned:
        advice = "instead of calling delete topic, please call delete-partitioned-topic."
        raise refusal(409, f"{topic} is a partitioned topic, {advice}")
    owned(call)
    existing(call, topic)
    call.cluster.delete_topic(topic)
    return NO_CONTENT


def delete_partitioned(call: Call) -> Response:
    """A partitioned topic with its partitions."""
    topic = call.topic
    if topic in call.cluster.partitioned:
        call.cluster.delete_partitioned_topic(topic)
        return NO_CONTENT
    if topic in call.cluster.metadata:
        advice = "Instead of calling delete-partitioned-topic please call delete."
        raise refusal(409, f"{topic} is a non-partitioned topic. {advice}")
    raise refusal(404, f"Topic {topic} not found.")


# -- what can be done to one


def offload(call: Call) -> Response:
    """Accepted, whatever comes of it; only a manual run that goes on already is a reason to say no."""
    body = read_object(call.request, "org.apache.pulsar.client.impl.MessageIdImpl")
    if body is None:
        raise refusal(400, "messageId is null")
    position = Position(long_field(body, "ledgerId", -1), long_field(body, "entryId", -1))
    topic, _, loaded = served(call)
    try:
        call.cluster.offloading.start_manual(topic, loaded, position, call.cluster.clock.now())
    except OffloadInProgress:
        raise refusal(409, "Offload already in progress") from None
    return NO_CONTENT


def offload_status(call: Call) -> Response:
    """What became of the last manual run since the topic was loaded."""
    return as_json(views.offload_status(served(call).loaded.status))


def unload(call: Call) -> Response:
    """The broker looks the topic up first, which loads an idle one."""
    return _each(call, call.cluster.unload, NO_CONTENT)


def trim(call: Call) -> Response:
    """Run the trimmer now."""
    return _each(call, call.cluster.trim, NULL)


def truncate(call: Call) -> Response:
    """Delete what is closed."""
    return _each(call, call.cluster.truncate, NO_CONTENT)


def terminate(call: Call) -> Response:
    """Close a topic for good, and tell its last message."""
    read_json(call.request)
    if call.topic in call.cluster.partitioned:
        raise refusal(405, "Termination of a partitioned topic is not allowed")
    return as_json(views.message_id(call.cluster.terminate(served(call).topic)))


def _each(call: Call, act: Callable[[TopicName], None], answer: Response) -> Response:
    """Do something to the topic, or to each partition of it; the owners load them for that."""
    topic = call.topic
    if topic in call.cluster.partitioned:
        for partition in partitions_of(call, topic):
            call.cluster.serve(partition)
            act(partition)
    else:
        act(served(call).topic)
    return answer


def _require_namespace(call: Call) -> None:
    if call.topic.namespace_name not in call.cluster.namespaces:
        raise refusal(404, "Namespace not found")


def _require_new(call: Call, topic: TopicName) -> None:
    if topic in call.cluster.partitioned or topic in call.cluster.metadata:
        raise refusal(409, "This topic already exists")


_NAMESPACE: Final = "/admin/v2/persistent/{tenant}/{namespace}"
_TOPIC: Final = f"{_NAMESPACE}/{{topic}}"
_LOOKUP: Final = topic_operation("LOOKUP", Level.READER)
_LIST: Final = (namespace_operation("GET_TOPICS", Level.READER),)
_CREATE: Final = (namespace_operation("CREATE_TOPIC", Level.TENANT_ADMIN),)
_DELETE: Final = (namespace_operation("DELETE_TOPIC", Level.TENANT_ADMIN),)
_PARTITION: Final = (topic_policy("PARTITION", "WRITE"),)
_OFFLOAD: Final = (topic_operation("OFFLOAD", Level.TENANT_ADMIN),)

ROUTES: Final = (
    Route("GET", _NAMESPACE, list_topics, _LIST),
    Route("GET", f"{_NAMESPACE}/partitioned", list_partitioned, _LIST),
    Route("GET", "/admin/v2/namespaces/{tenant}/{namespace}/topics", list_topics, _LIST),
    Route("GET", "/lookup/v2/topic/persistent/{tenant}/{namespace}/{topic}", lookup, (_LOOKUP,)),
    Route("GET", f"{_TOPIC}/partitions", partitions, (_LOOKUP,)),
    Route("PUT", _TOPIC, create, _CREATE),
    Route("DELETE", _TOPIC, delete, _DELETE),
    Route("PUT", f"{_TOPIC}/partitions", create_partitioned, _PARTITION),
    Route("POST", f"{_TOPIC}/partitions", add_partitions, _PARTITION),
    Route("DELETE", f"{_TOPIC}/partitions", delete_partitioned, _DELETE),
    Route("PUT", f"{_TOPIC}/offload", offload, _OFFLOAD),
    Route("GET", f"{_TOPIC}/offload", offload_status, _OFFLOAD),
    Route("PUT", f"{_TOPIC}/unload", unload, (topic_operation("UNLOAD", Level.TENANT_ADMIN),)),
    Route("POST", f"{_TOPIC}/trim", trim, (topic_operation("TRIM_TOPIC", Level.TENANT_ADMIN),)),
    Route("DELETE", f"{_TOPIC}/truncate", truncate, (_LOOKUP, TENANT_ADMIN)),
    Route("POST", f"{_TOPIC}/terminate", terminate, (topic_operation("TERMINATE", Level.TENANT_ADMIN),)),
)
