"""What is set for a topic: its offload policy and its retention; a partition has those of its parent."""

from typing import Final

from offloadctl.demo.broker.access import topic_policy
from offloadctl.demo.broker.bodies import read_object
from offloadctl.demo.broker.namespace_policies import checked_policy
from offloadctl.demo.broker.ownership import about_policies
from offloadctl.demo.broker.routes import Call, Route
from offloadctl.demo.broker.settings_json import retention_from
from offloadctl.demo.broker.values import NO_CONTENT, Response, as_json
from offloadctl.demo.policies import PolicyJson, merged, new_policy, shown
from offloadctl.model.names import TopicName


def offload_policies(call: Call) -> Response:
    """The topic's own; with `applied` merged with the levels below, where 4.0.7 forgets the older thresholds."""
    topic, cluster = about_policies(call), call.cluster
    own = _policies(call).get(topic)
    if call.flag("applied"):
        return as_json(shown(merged(own, cluster.namespaces[topic.namespace_name].offload, cluster.properties)))
    return as_json(None if own is None else shown(own))


def set_offload_policies(call: Call) -> Response:
    """Replaces the policy as a whole; in force at once, where a real broker takes a moment."""
    topic = about_policies(call)
    _policies(call)[topic] = new_policy(checked_policy(call))
    return NO_CONTENT


def remove_offload_policies(call: Call) -> Response:
    """The topic's own."""
    _policies(call).pop(about_policies(call), None)
    return NO_CONTENT


def _policies(call: Call) -> dict[TopicName, PolicyJson]:
    """Those of this cluster, or those of every cluster."""
    of_topics = call.cluster.topic_policies
    return of_topics.everywhere if call.flag("isGlobal") else of_topics


def retention(call: Call) -> Response:
    """The topic's own; with `applied` the one in force."""
    topic = about_policies(call)
    if call.flag("applied"):
        minutes, mebibytes = call.cluster.retention_of(topic)
        return as_json({"retentionTimeInMinutes": minutes, "retentionSizeInMB": mebibytes})
    return as_json(_retention(call).get(topic))


def set_retention(call: Call) -> Response:
    """An empty body is null, which changes nothing that anybody would see."""
    topic = about_policies(call)
    body = read_object(call.request, "org.apache.pulsar.common.policies.data.RetentionPolicies")
    if body is None:
        _retention(call).pop(topic, None)
    else:
        _retention(call)[topic] = retention_from(body)
    return NO_CONTENT


def remove_retention(call: Call) -> Response:
    """Back to the namespace's."""
    _retention(call).pop(about_policies(call), None)
    return NO_CONTENT


def _retention(call: Call) -> dict[TopicName, dict[str, int]]:
    """Those of this cluster, or those of every cluster."""
    cluster = call.cluster
    return cluster.topic_policies.retention_everywhere if call.flag("isGlobal") else cluster.topic_retention


_TOPIC: Final = "/admin/v2/persistent/{tenant}/{namespace}/{topic}"

ROUTES: Final = (
    Route("GET", f"{_TOPIC}/offloadPolicies", offload_policies, (topic_policy("OFFLOAD", "READ"),)),
    Route("POST", f"{_TOPIC}/offloadPolicies", set_offload_policies, (topic_policy("OFFLOAD", "WRITE"),)),
    Route("DELETE", f"{_TOPIC}/offloadPolicies", remove_offload_policies, (topic_policy("OFFLOAD", "WRITE"),)),
    Route("GET", f"{_TOPIC}/retention", retention, (topic_policy("RETENTION", "READ"),)),
    Route("POST", f"{_TOPIC}/retention", set_retention, (topic_policy("RETENTION", "WRITE"),)),
    Route("DELETE", f"{_TOPIC}/retention", remove_retention, (topic_policy("RETENTION", "WRITE"),)),
)
