"""`/metrics`: of all that a broker tells in Prometheus' text, what is about storage, offload and its own memory."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from offloadctl.demo.broker.access import ANYBODY
from offloadctl.demo.broker.routes import Call, Route
from offloadctl.demo.broker.values import Refused, Response, as_text
from offloadctl.demo.ledgers import ManagedLedgerMetadata, SimulatedCursor
from offloadctl.model.ledger import Position


class Backlog(NamedTuple):
    """What a subscription has not acknowledged."""

    entries: int
    size: int


def backlogs(metadata: ManagedLedgerMetadata) -> dict[str, Backlog]:
    """By subscription."""
    return {name: _behind(metadata, cursor) for name, cursor in metadata.cursors.items()}


def metrics(call: Call) -> Response:
    """Of the topics that are loaded, and of the broker's memory, which is always the same."""
    return as_text("\n".join(_lines(call)) + "\n", "text/plain; version=0.0.4; charset=utf-8")


def metrics_elsewhere(call: Call) -> Response:
    """The servlet wants its slash."""
    raise Refused(Response(302, location=f"http://{call.broker}/metrics/"))


# With one bookie a write, what is stored is what was published (ManagedLedgerMBeanImpl.java, getStoredMessagesSize).
_OF_TOPICS: Final = {
    "pulsar_storage_size": "gauge",
    "pulsar_storage_logical_size": "gauge",
    "pulsar_storage_offloaded_size": "gauge",
    "brk_ledgeroffloader_offload_error_total": "counter",
    "brk_ledgeroffloader_write_storage_error_total": "counter",
}
# As recorded, where nobody reads from the bucket: the name is told, and there is no sample.
_SILENT: Final = {"brk_ledgeroffloader_read_offload_rate": "gauge"}
_MEMORY: Final = {
    "jvm_memory_bytes_used": ((',area="heap"', 164_652_104), (',area="nonheap"', 135_609_280)),
    "jvm_memory_bytes_max": ((',area="heap"', 2_147_483_648), (',area="nonheap"', -1)),
    "jvm_memory_direct_bytes_used": (("", 562_233_351),),
    "jvm_memory_direct_bytes_max": (("", 2_147_483_648),),
}
"""As a stand-alone broker told them."""


def _lines(call: Call) -> Iterator[str]:
    served = [(topic, loaded) for topic, loaded in call.cluster.loaded.items() if loaded.broker == call.broker]
    for name, kind in _OF_TOPICS.items():
        yield f"# TYPE {name.removesuffix('_total')} {kind}"
        for topic, loaded in served:
            metadata = call.cluster.metadata[topic]
            total, errors = metadata.total_length, loaded.upload_errors
            values = (total, total, metadata.offloaded_bytes, errors, errors)
            value = dict(zip(_OF_TOPICS, values, strict=True))[name]
            labels = f'cluster="{call.cluster.name}",namespace="{topic.namespace_name}",topic="{topic}"'
            yield f"{name}{{{labels}}} {value}"
    for name, kind in _SILENT.items():
        yield f"# TYPE {name} {kind}"
    for name, samples in _MEMORY.items():
        yield f"# TYPE {name} gauge"
        for labels, value in samples:
            yield f'{name}{{cluster="{call.cluster.name}"{labels}}} {value}'


def _behind(metadata: ManagedLedgerMetadata, cursor: SimulatedCursor) -> Backlog:
    entries = size = 0
    for ledger in metadata.ascending:
        first = _first_left(ledger.ledger_id, cursor.mark_delete)
        left = max(0, ledger.entry_count - first)
        entries += left
        # As the broker does, by the ledger's mean (ManagedLedgerImpl.java, getEstimatedBacklogSize).
        size += ledger.length * left // ledger.entry_count if ledger.entry_count else 0
    return Backlog(entries, size)


def _first_left(ledger_id: int, mark_delete: Position) -> int:
    if ledger_id < mark_delete.ledger_id:
        return 1 << 62
    return mark_delete.entry_id + 1 if ledger_id == mark_delete.ledger_id else 0


ROUTES: Final = (
    Route("GET", "/metrics/", metrics, (ANYBODY,)),
    Route("GET", "/metrics", metrics_elsewhere, (ANYBODY,)),
)
