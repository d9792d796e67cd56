"""Settings of other tools from a file, whichever of the tools it belongs to."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from offloadctl.config.client_conf import load_client_conf
from offloadctl.config.imported import Imported
from offloadctl.config.pulsarctl import load_pulsarctl
from offloadctl.errors import SettingsError


class Tool(StrEnum):
    """Whose file it is."""

    CLIENT_CONF = "Pulsar's client.conf"
    PULSARCTL = "pulsarctl's contexts"


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """Everything that a file of another tool holds."""

    tool: Tool
    contexts: tuple[Imported, ...]
    current: str | None = None


def load_any(path: Path, *, only: Sequence[str] = ()) -> ImportedFile:
    """The settings of a client.conf or of a pulsarctl file, of the latter perhaps `only` some contexts."""
    try:
        text = path.read_text(encoding="latin-1")
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    if _OF_PULSARCTL.search(text):
        found = load_pulsarctl(path, only=only)
        return ImportedFile(Tool.PULSARCTL, found.contexts, found.current)
    if _OF_CLIENT_CONF.search(text):
        if only:
            raise SettingsError(f"{path} is {Tool.CLIENT_CONF.value}, which holds no contexts to choose from")
        return ImportedFile(Tool.CLIENT_CONF, (load_client_conf(path),))
    raise SettingsError(
        f"{path} is neither a client.conf nor a file of pulsarctl's contexts",
        hint="Pulsar's is conf/client.conf, pulsarctl's is ~/.config/pulsar/config",
    )


_OF_PULSARCTL: Final = re.compile(r"^(?:auth-info|contexts|current-context)\s*:", re.MULTILINE)
_OF_CLIENT_CONF: Final = re.compile(
    r"^\s*(?:\w*[sS]erviceUrl|authPlugin|authParams|tls[A-Z]\w*|useKeyStoreTls)\s*[=:\s]", re.MULTILINE
)
