"""Metrics in Prometheus' text form, as brokers and bookies tell them, read by prometheus-client's parser.

A broker of ten thousand topics tells a million lines; those of other metrics are left out before anybody parses them.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final, TextIO, cast

from prometheus_client.parser import text_fd_to_metric_families

from offloadctl.ports.schedule import Sample, Scrape

Wanted = Callable[[str], bool]
"""Whether a metric of that name is wanted."""

_TYPE: Final = "# TYPE "
_PART: Final = 64 * 1024
_ENDINGS: Final = ("_total", "_sum", "_count", "_created", "_bucket")


def parse_metrics(text: str, instance: str, at: datetime, wanted: Wanted) -> Scrape:
    """The wanted ones; ValueError if the text is something else."""
    samples: list[Sample] = []
    families: set[str] = set()
    # It only goes through the lines.
    for family in text_fd_to_metric_families(cast("TextIO", _lines(text, wanted))):
        families.add(family.name)
        samples += (Sample(one.name, one.labels, one.value) for one in family.samples)
    return Scrape(instance, at, tuple(samples), frozenset(families))


def _lines(text: str, wanted: Wanted) -> Iterator[str]:
    known: dict[str, bool] = {}
    for line in _told(text):
        is_type = line.startswith(_TYPE)
        if line.startswith("#") and not is_type:
            continue
        name = line[len(_TYPE) :].split(" ", 1)[0] if is_type else line.split("{", 1)[0].split(" ", 1)[0]
        if name not in known:
            known[name] = wanted(name) or any(wanted(name.removesuffix(end)) for end in _ENDINGS if name.endswith(end))
        if known[name]:
            yield line


def _told(text: str) -> Iterator[str]:
    """A part after the other: a million lines at once take 100 MB, and no other thread runs while they are made."""
    at = 0
    while at < len(text):
        # Not splitlines: other characters than \n are no end of a line here.
        end = text.find("\n", at + _PART)
        end = len(text) if end < 0 else end
        yield from (line for line in text[at:end].split("\n") if line and not line.isspace())
        at = end + 1
