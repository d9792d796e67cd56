#!/usr/bin/env python3
"""Write settings from the environment into configuration files, by the rule of Pulsar's images.

A variable named like a key that is in the file, even commented out, replaces it; one that begins with
PULSAR_PREFIX_ replaces its key or adds it.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

PREFIX = "PULSAR_PREFIX_"
SECRET_PARTS = ("password", "secret", "authenticationparameters")


def applied(lines: Iterable[str], environment: Mapping[str, str]) -> list[str]:
    """The lines with the environment's settings in them."""
    changed = list(lines)
    places: dict[str, int] = {}
    for number, line in enumerate(changed):
        key, separator, _ = line.strip().partition("=")
        if separator:
            places[key.removeprefix("#").strip()] = number
    for name, value in sorted(environment.items()):
        key = name.removeprefix(PREFIX)
        setting = f"{key}={value.strip()}"
        if key in places:
            changed[places[key]] = setting
        elif name.startswith(PREFIX):
            changed.append(setting)
        else:
            continue
        shown = "********" if any(part in key.lower() for part in SECRET_PARTS) else value
        print(f"Applying config {key} = {shown}")
    return changed


for name in sys.argv[1:]:
    file = Path(name)
    lines = applied(file.read_text(encoding="utf-8").splitlines(), os.environ)
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
