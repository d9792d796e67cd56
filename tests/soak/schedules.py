"""The schedules of the soak: one on a number, and cron times of each rule for what is missed."""

from typing import Final

_GROWS: Final = """\
apiVersion: offloadctl/v1
kind: Schedule
name: grows
scope: {{namespaces: [acme/shop]}}
when: {{localBytes: {{above: {above}K, until: 1K}}}}
limits: {{topicsAtOnce: 1, perBroker: 1, bytesAnHour: 200K}}
action: {{offload: {{sizeThreshold: 0, timeout: 50m}}}}
"""
_NIGHTLY: Final = """\
apiVersion: offloadctl/v1
kind: Schedule
name: nightly
scope: {tenants: [acme]}
when: {cron: {at: "30 2 * * *", timeZone: Europe/Berlin, jitter: 20m}}
limits: {topicsAtOnce: 1, perBroker: 1}
action: {offload: {olderThan: 1h, timeout: 50m}}
missed: once
"""
_LISTING: Final = """\
apiVersion: offloadctl/v1
kind: Schedule
name: listing
scope: {all: true}
when: {cron: "10 */6 * * *"}
action: {check: {level: listing}}
missed: catch-up
"""
_INDEX: Final = """\
apiVersion: offloadctl/v1
kind: Schedule
name: index
scope: {{namespaces: [acme/shop, acme/auto]}}
when: {{cron: {{at: "{index_at}", timeZone: America/New_York}}}}
gates: [{{blackout: {{from: "11:00", to: "14:00"}}}}]
action: {{check: {{level: index, sample: 1/3, budget: {{requests: 80}}}}}}
startWithin: 40m
"""
_WHOLE: Final = """\
apiVersion: offloadctl/v1
kind: Schedule
name: whole
scope: {all: true}
when: {all: [{cron: "0 5 * * wed,sun"}, {localBytes: {of: scope, above: 1}}]}
action: {check: {level: entries}}
missed: once
"""
_TEXTS: Final = {"grows": _GROWS, "nightly": _NIGHTLY, "listing": _LISTING, "index": _INDEX, "whole": _WHOLE}

NAMES: Final = tuple(_TEXTS)
BROKEN: Final = "apiVersion: offloadctl/v1\nkind: Schedule\nname: half-written\nscope: {na"


INDEX_AT: Final = "20 1-23/4 * * *"


def text_of(*, above: int = 4, index_at: str = INDEX_AT, without: str = "") -> str:
    """The file, as people change it."""
    texts = _TEXTS | {"grows": _GROWS.format(above=above), "index": _INDEX.format(index_at=index_at)}
    return "---\n".join(text for name, text in texts.items() if name != without)
