"""What can be made to go wrong in the embedded cluster, for one topic or for all, a number of times or always."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from offloadctl.model.names import TopicName


class Fault(StrEnum):
    """One way to fail; each happens to real clusters."""

    SLOW = "slow"
    """Every answer of the admin service takes long."""
    UNAVAILABLE = "unavailable"
    """The admin service answers 503."""
    RESET = "reset"
    """The admin service closes the connection instead of answering."""
    BUNDLE_UNLOADING = "bundle-unloading"
    """The topic's bundle is being unloaded: for a moment nobody owns it, and whoever asks is refused."""
    STUCK_RUNNING = "stuck-running"
    """The offload task dies of an exception and its status stays RUNNING until the topic is unloaded."""
    STALLED_UPLOAD = "stalled-upload"
    """The store stops answering in the middle of an upload, which holds one of the broker's threads from then on."""
    CRASH_BEFORE_INDEX = "crash-before-index"
    """The broker dies after the data object and before the index object."""
    LOST_OBJECT = "lost-object"
    """The data object disappears after the offload is complete."""
    LOST_INDEX = "lost-index"
    """The index object disappears after the offload is complete; readers hang although BookKeeper has the ledger."""
    TRUNCATED_LEDGER = "truncated-ledger"
    """An entry does not fit into a block: the object ends in front of it, and the broker reports success."""


FAULTS: Final = {
    Fault.SLOW: "Every answer of the broker takes its time. Nothing is wrong; it only takes longer.",
    Fault.UNAVAILABLE: "The broker answers 503 twice. Reads are asked again, after a pause; a trigger is sent once.",
    Fault.RESET: "The broker closes connections instead of answering. Reads are asked again; a trigger is sent once.",
    Fault.BUNDLE_UNLOADING: (
        "The topic's bundle is being unloaded, as the load balancer does it: for a moment no broker owns the topic, "
        "and requests for it are refused with 412. It is left alone for a while, then asked for again."
    ),
    Fault.STUCK_RUNNING: (
        "The offload dies of an exception in the broker, as with a driver that lacks its credentials. "
        "Its status says RUNNING, and will for ever."
    ),
    Fault.STALLED_UPLOAD: (
        "The store stops answering in the middle of an upload. The status says RUNNING, no part arrives any more, and "
        "other topics wait for the thread."
    ),
    Fault.CRASH_BEFORE_INDEX: (
        "The broker is killed after the upload of the data object and before that of the index. "
        "After its restart nobody knows of the run, and the status says NOT_RUN."
    ),
    Fault.LOST_OBJECT: "Somebody deletes a data object right after the offload. The broker says SUCCESS.",
    Fault.LOST_INDEX: (
        "Somebody deletes an index object right after the offload. The broker says SUCCESS, and readers hang, "
        "even while BookKeeper still has the ledger."
    ),
    Fault.TRUNCATED_LEDGER: (
        "An entry is too large for a block. Pulsar stops there, uploads what it has, and says SUCCESS: "
        "a real 4.0.7 did just this, and every reader of the topic hung."
    ),
}
"""What each fault is, in words for somebody who has never met it."""

REQUEST_FAULTS: Final = (Fault.SLOW, Fault.UNAVAILABLE, Fault.RESET)
"""Those that meet requests; the others meet offloads."""


@dataclass(slots=True)
class _Planted:
    fault: Fault
    topic: TopicName | None
    left: int | None


class Faults:
    """The faults that are switched on."""

    def __init__(self) -> None:
        self._planted: list[_Planted] = []
        self.slow_seconds = 0.7
        """How long a slow answer takes."""

    def plant(self, fault: Fault, *, topic: TopicName | None = None, count: int | None = None) -> None:
        """Switch a fault on: for one topic or for everything, `count` times or until `clear`."""
        if count is not None and count < 1:
            raise ValueError(f"a fault happens at least once, not {count} times")
        self._planted.append(_Planted(fault, topic, count))

    def clear(self, fault: Fault | None = None) -> None:
        """Switch one fault off, or all of them."""
        self._planted = [planted for planted in self._planted if fault is not None and planted.fault is not fault]

    def take(self, fault: Fault, topic: TopicName | None) -> bool:
        """Whether the fault happens now; one that is planted for a number of times is used up by it."""
        for planted in self._planted:
            if planted.fault is fault and planted.topic in (None, topic):
                if planted.left is not None:
                    planted.left -= 1
                    if planted.left == 0:
                        self._planted.remove(planted)
                return True
        return False
