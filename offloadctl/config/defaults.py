"""The weakest source: what holds when nobody says anything."""

from collections.abc import Mapping
from typing import Final

from offloadctl.config.given import BY_DEFAULT, Given, Layer
from offloadctl.config.keys import Value
from offloadctl.model.settings import BrokerSettings, Context

_BROKER: Final = BrokerSettings()
_DEFAULTS: Final[Mapping[str, Value]] = {
    "admin_urls": _BROKER.admin_urls,
    "read_only": _BROKER.read_only,
    "protected": Context("").protected,
    "trusted_broker_hosts": _BROKER.trusted_broker_hosts,
    "connect_timeout": _BROKER.connect_timeout,
    "read_timeout": _BROKER.read_timeout,
    "tls.verify": _BROKER.tls.verify,
    "tls.verify_hostname": _BROKER.tls.verify_hostname,
    "rates.light": _BROKER.rates.light,
    "rates.loading": _BROKER.rates.loading,
}

DEFAULTS: Final = Layer(tuple(Given(path, value, BY_DEFAULT) for path, value in _DEFAULTS.items()))
