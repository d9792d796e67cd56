"""Whether a text configures a broker at all: any text is a properties file, a README too."""

import re
from typing import Final

from offloadctl.brokerconf.entries import BrokerConf, Layout
from offloadctl.brokerconf.settings import BY_KEY, nearest
from offloadctl.errors import BadValue

# Of Pulsar's own broker.conf, whoever made it shorter; the families are written as they begin there.
_COMMON: Final = frozenset(
    {
        "clusterName",
        "zookeeperServers",
        "configurationStoreServers",
        "metadataStoreUrl",
        "configurationMetadataStoreUrl",
        "brokerServicePort",
        "brokerServicePortTls",
        "webServicePort",
        "webServicePortTls",
        "bindAddress",
        "advertisedAddress",
        "advertisedListeners",
        "authenticationEnabled",
        "authenticationProviders",
        "authorizationEnabled",
        "superUserRoles",
        "tokenSecretKey",
        "tokenPublicKey",
        "tlsEnabled",
        "functionsWorkerEnabled",
        "loadManagerClassName",
        "allowAutoTopicCreation",
        "defaultNumPartitions",
        "defaultRetentionTimeInMinutes",
        "defaultRetentionSizeInMB",
        "ttlDurationDefaultInSeconds",
        "maxMessageSize",
        "systemTopicEnabled",
        "topicLevelPoliciesEnabled",
        "transactionCoordinatorEnabled",
        "statusFilePath",
    }
)
_FAMILIES: Final = re.compile(
    r"(?:managedLedger|bookkeeper|loadBalancer|backlogQuota|brokerClient|brokerDelete)[A-Z]\w*"
)


def require_broker(conf: BrokerConf) -> BrokerConf:
    """The same settings; BadValue if not one of a file's keys is Pulsar's, or looks as if it was meant to be."""
    written = [one for one in conf.entries if one.line is not None]
    # Of variables only those that are meant for a broker became entries.
    if conf.layout is not Layout.CONF and written:
        return conf
    if any(_is_pulsars(key) for key in {one.key for one in written}):
        return conf
    # Neither keys nor values are shown: in a file of another sort either may be a secret.
    others = f"keys: {len(written)}" if conf.layout is Layout.CONF else f"variables: {len(conf.variables)}"
    raise BadValue(
        "this is no broker.conf: expected keys such as clusterName or managedLedgerOffloadDriver, found none of "
        f"Pulsar's (other {others})",
        hint="is it the right file? `offloadctl broker-conf settings` lists the keys that offload depends on",
    )


def _is_pulsars(key: str) -> bool:
    return key in _COMMON or key in BY_KEY or _FAMILIES.fullmatch(key) is not None or bool(nearest(key))
