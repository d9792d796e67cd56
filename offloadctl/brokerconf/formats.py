"""Settings as the files that bring them to a broker: broker.conf itself, or the environment of Pulsar's images.

The images' start script (apply-config-from-env.py) writes variables into broker.conf: one that is named like a key of
the file, even commented out, replaces it; one with the prefix replaces its key or adds it, so that the prefix is right
for every key.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from offloadctl.brokerconf.properties import escaped_value, printed, setting_line

PREFIX: Final = "PULSAR_PREFIX_"


class Format(StrEnum):
    """How settings are written."""

    CONF = "conf"
    ENV = "env"
    CONFIGMAP = "configmap"
    HELM_VALUES = "helm-values"
    COMPOSE = "compose"


def written(values: Mapping[str, str], wanted: Format, *, name: str = "") -> str:
    """The text; `name` is the ConfigMap's or the compose service's."""
    if wanted is Format.CONF:
        return printed(setting_line(key, value) for key, value in values.items())
    # The script puts values into a properties file as they are, so that they need its escapes.
    variables = {PREFIX + key: escaped_value(value) for key, value in values.items()}
    match wanted:
        case Format.ENV:
            return "".join(f"{variable}={value}\n" for variable, value in variables.items())
        case Format.CONFIGMAP:
            head = (
                f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {json.dumps(name or 'pulsar-broker-offload')}\n"
            )
            return head + "data:\n" + _mapping(variables, indent=2)
        case Format.HELM_VALUES:
            return "broker:\n  configData:\n" + _mapping(variables, indent=4)
        case Format.COMPOSE:
            service = json.dumps(name) if name else "broker"
            # A single $ would be taken for a variable of compose.
            dollars = {variable: value.replace("$", "$$") for variable, value in variables.items()}
            return f"services:\n  {service}:\n    environment:\n" + _mapping(dollars, indent=6)


def _mapping(values: Mapping[str, str], *, indent: int) -> str:
    # JSON's strings are YAML's, and quoted: true and 0 stay texts, which ConfigMaps and variables must be.
    return "".join(f"{' ' * indent}{key}: {json.dumps(value)}\n" for key, value in values.items())
