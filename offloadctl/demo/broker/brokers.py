"""Clusters, brokers, their configuration, and what brokers say of the topics that they serve."""

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final

from offloadctl.demo.broker.access import ANYBODY, SUPER_USER, Right, broker_operation, cluster_operation
from offloadctl.demo.broker.metrics import backlogs
from offloadctl.demo.broker.routes import Call, Route
from offloadctl.demo.broker.values import NO_CONTENT, NULL, Response, as_json, as_text, refusal
from offloadctl.demo.policies import DELETION_LAG, THRESHOLD, THRESHOLD_IN_SECONDS

# -- clusters


def list_clusters(call: Call) -> Response:
    """The only one."""
    return as_json([call.cluster.name])


def cluster(call: Call) -> Response:
    """Its addresses."""
    if call.names["cluster"] != call.cluster.name:
        raise refusal(404, "Cluster does not exist")
    leader = call.cluster.brokers[0]
    return as_json(
        {
            "serviceUrl": f"http://{leader}",
            "brokerServiceUrl": f"pulsar://{leader.rpartition(':')[0]}:6650",
            "brokerClientTlsEnabled": False,
            "tlsAllowInsecureConnection": False,
            "brokerClientTlsEnabledWithKeyStore": False,
            "brokerClientTlsTrustStoreType": "JKS",
            "brokerClientTlsKeyStoreType": "JKS",
            "brokerClientSslFactoryPlugin": "org.apache.pulsar.common.util.DefaultPulsarSslFactory",
        }
    )


# -- brokers


def list_brokers(call: Call) -> Response:
    """All of them; the cluster's name in the path makes no difference to a broker of 4.0.7."""
    return as_json(sorted(call.cluster.brokers))


def leader(call: Call) -> Response:
    """The first one."""
    broker = call.cluster.brokers[0]
    return as_json({"serviceUrl": f"http://{broker}", "brokerId": broker})


def is_fine(_: Call) -> Response:
    """Always."""
    return as_text("ok")


def version(call: Call) -> Response:
    """Bare, and called JSON."""
    return as_text(call.cluster.version)


# -- configuration


def dynamic_names(_: Call) -> Response:
    """The keys that can be changed while a broker runs; none about offload is among them."""
    return as_json(_recorded()["dynamic"])


def dynamic_values(call: Call) -> Response:
    """What was changed."""
    return as_json(call.cluster.dynamic_configuration)


def set_dynamic(call: Call) -> Response:
    """Values are hardly checked."""
    if call.names["key"] not in _recorded()["dynamic"]:
        raise refusal(412, "Can't update non-dynamic configuration")
    call.cluster.dynamic_configuration[call.names["key"]] = call.names["value"]
    return NULL


def unset_dynamic(call: Call) -> Response:
    """Back to broker.conf."""
    if call.names["key"] not in _recorded()["dynamic"]:
        raise refusal(412, "Can't delete non-dynamic configuration")
    call.cluster.dynamic_configuration.pop(call.names["key"], None)
    return NULL


def runtime_configuration(call: Call) -> Response:
    """Every typed key as text; the S3 keys are raw properties and not among them."""
    tuned, properties = call.cluster.tuning, call.cluster.properties
    host, _, port = call.broker.rpartition(":")
    own = {
        "advertisedAddress": host,
        "clusterName": call.cluster.name,
        "defaultRetentionSizeInMB": tuned.retention_mebibytes,
        "defaultRetentionTimeInMinutes": tuned.retention_minutes,
        "managedLedgerMaxEntriesPerLedger": tuned.max_entries_per_ledger,
        "managedLedgerOffloadAutoTriggerSizeThresholdBytes": properties.get(THRESHOLD, -1),
        "managedLedgerOffloadDeletionLagMs": properties.get(DELETION_LAG, 4 * 3600 * 1000),
        "managedLedgerOffloadDriver": properties.get("managedLedgerOffloadDriver", ""),
        "managedLedgerOffloadMaxThreads": tuned.offload_threads,
        "managedLedgerOffloadThresholdInSeconds": properties.get(THRESHOLD_IN_SECONDS, -1),
        "offloadersDirectory": properties.get("offloadersDirectory", "./offloaders"),
        "retentionCheckIntervalInSeconds": int(tuned.trim_interval.total_seconds()),
        "statsUpdateFrequencyInSecs": int(tuned.stats_interval.total_seconds()),
        "triggerOffloadOnTopicLoad": str(tuned.offload_on_topic_load).lower(),
        "webServicePort": f"Optional[{port}]",
    }
    texts = {name: str(value) for name, value in own.items()}
    return as_json(_recorded()["runtime"] | texts | call.cluster.dynamic_configuration)


def internal_configuration(_: Call) -> Response:
    """Where a real broker would keep its metadata."""
    names = ("zookeeperServers", "configurationStoreServers", "metadataStoreUrl", "configurationMetadataStoreUrl")
    return as_json(dict.fromkeys(names, "rocksdb:///pulsar/data/metadata") | {"ledgersRootPath": "/ledgers"})


def list_bookies(_: Call) -> Response:
    """None: what is simulated stores nothing."""
    return as_json({"bookies": []})


# -- what they serve


def served_topics(call: Call) -> Response:
    """Namespace, bundle, "persistent", topic, numbers: as of the last time that this broker looked."""
    namespaces: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
    for topic, broker in call.cluster.served_at_last_stats.items():
        if broker == call.broker:
            bundle_map = namespaces.setdefault(str(topic.namespace_name), {})
            topics = bundle_map.setdefault(call.cluster.bundle_of(topic), {"persistent": {}})["persistent"]
            metadata, loaded = call.cluster.metadata.get(topic), call.cluster.loaded.get(topic)
            behind = backlogs(metadata) if metadata else {}
            topics[str(topic)] = {
                "publishers": [],
                "replication": {},
                "subscriptions": {name: {"consumers": [], "msgBacklog": one.entries} for name, one in behind.items()},
                "producerCount": 0,
                "averageMsgSize": 0.0,
                "msgRateIn": 0.0,
                "msgRateOut": 0.0,
                "msgInCount": loaded.messages_in if loaded else 0,
                "bytesInCount": loaded.bytes_in if loaded else 0,
                "msgOutCount": 0,
                "bytesOutCount": loaded.bytes_out if loaded else 0,
                "msgThroughputIn": 0.0,
                "msgThroughputOut": 0.0,
                "storageSize": metadata.total_length if metadata else 0,
                "backlogSize": max((one.size for one in behind.values()), default=0),
                "pendingAddEntriesCount": 0,
                "filteredEntriesCount": 0,
            }
    return as_json(namespaces)


def load_report(call: Call) -> Response:
    """Only a broker with a load manager has one; a broker that is alone has none."""
    if len(call.cluster.brokers) == 1:
        return NO_CONTENT
    served = [topic for topic, loaded in call.cluster.loaded.items() if loaded.broker == call.broker]
    bundles = sorted({f"{topic.namespace_name}/{call.cluster.bundle_of(topic)}" for topic in served})
    idle, endless = {"usage": 0.0, "limit": 200.0}, {"usage": 0.0, "limit": -1000.0}
    nothing = dict.fromkeys(("msgThroughputIn", "msgThroughputOut", "msgRateIn", "msgRateOut"), 0.0)
    return as_json(
        {
            "webServiceUrl": f"http://{call.broker}",
            "pulsarServiceUrl": f"pulsar://{call.broker.rpartition(':')[0]}:6650",
            "persistentTopicsEnabled": True,
            "nonPersistentTopicsEnabled": True,
            "cpu": idle,
            "memory": idle,
            "directMemory": idle,
            "bandwidthIn": endless,
            "bandwidthOut": endless,
            **nothing,
            "lastUpdate": int(call.cluster.clock.now().timestamp() * 1000),
            "lastStats": {},
            "numTopics": len(served),
            "numBundles": len(bundles),
            "numConsumers": 0,
            "numProducers": 0,
            "bundles": bundles,
            "lastBundleGains": [],
            "lastBundleLosses": [],
            "brokerVersionString": call.cluster.version,
            "protocols": {},
            "advertisedListeners": {},
            "loadManagerClassName": "org.apache.pulsar.broker.loadbalance.impl.ModularLoadManagerImpl",
            "startTimestamp": int(call.cluster.started_at.timestamp() * 1000),
            "maxResourceUsage": 0.0,
            "loadReportType": "LocalBrokerData",
        }
    )


@cache
def _recorded() -> dict[str, Any]:
    """The configuration of a real 4.0.7 as it told it."""
    loaded: dict[str, Any] = json.loads(files(__package__).joinpath("configuration.json").read_text())
    return loaded


_BROKERS: Final = "/admin/v2/brokers"
_KEY: Final = f"{_BROKERS}/configuration/{{key}}"


def _for(operation: str) -> tuple[Right, ...]:
    return (broker_operation(operation),)


ROUTES: Final = (
    Route("GET", "/admin/v2/clusters", list_clusters, (ANYBODY,)),
    Route("GET", "/admin/v2/clusters/{cluster}", cluster, (cluster_operation("GET_CLUSTER"),)),
    Route("GET", _BROKERS, list_brokers, _for("LIST_BROKERS")),
    Route("GET", f"{_BROKERS}/{{cluster}}", list_brokers, _for("LIST_BROKERS")),
    Route("GET", f"{_BROKERS}/leaderBroker", leader, _for("GET_LEADER_BROKER")),
    Route("GET", f"{_BROKERS}/ready", is_fine, (ANYBODY,)),
    Route("GET", f"{_BROKERS}/health", is_fine, _for("HEALTH_CHECK")),
    Route("GET", f"{_BROKERS}/version", version, (ANYBODY,)),
    Route("GET", f"{_BROKERS}/configuration", dynamic_names, _for("LIST_DYNAMIC_CONFIGURATIONS")),
    Route("GET", f"{_BROKERS}/configuration/values", dynamic_values, _for("LIST_DYNAMIC_CONFIGURATIONS")),
    Route("GET", f"{_BROKERS}/configuration/runtime", runtime_configuration, _for("LIST_RUNTIME_CONFIGURATIONS")),
    Route("POST", f"{_KEY}/{{value}}", set_dynamic, _for("UPDATE_DYNAMIC_CONFIGURATION")),
    Route("DELETE", _KEY, unset_dynamic, _for("DELETE_DYNAMIC_CONFIGURATION")),
    Route(
        "GET",
        f"{_BROKERS}/internal-configuration",
        internal_configuration,
        _for("GET_INTERNAL_CONFIGURATION_DATA"),
    ),
    Route("GET", "/admin/v2/broker-stats/topics", served_topics, (SUPER_USER,)),
    Route("GET", "/admin/v2/broker-stats/load-report", load_report, (SUPER_USER,)),
    Route("GET", "/admin/v2/bookies/all", list_bookies, (SUPER_USER,)),
)
