"""Another cluster that keeps its ledgers in the same buckets: its metadata names objects that ours does not."""

from collections.abc import Sequence
from typing import Final

from offloadctl.errors import BrokerError, Interrupted, NotFound
from offloadctl.model.ledger import ManagedLedger
from offloadctl.model.names import TopicName
from offloadctl.model.scope import Scope
from offloadctl.operations.bucket_lists import BucketLists
from offloadctl.operations.facts import LedgerReader
from offloadctl.operations.scope import expand
from offloadctl.operations.workers import StoppableClock, work_through
from offloadctl.ports import BrokerAdmin

_AT_ONCE: Final = 8
_PORTION: Final = 64


def claim_for(admin: BrokerAdmin, lists: BucketLists, clock: StoppableClock) -> bool:
    """Claim what that cluster's metadata names, without loading a topic; tells whether all of it could be read.

    Raises Interrupted.
    """
    if clock.stop.is_set():
        raise Interrupted("interrupted before the other cluster's metadata was read")
    expanded = expand(admin, Scope.of(everything=True), clock)
    reader = LedgerReader(admin, clock, may_load=False)
    parts = expanded.parts
    is_whole = expanded.read.is_every_topic
    for start in range(0, len(parts), _PORTION):
        for managed in _read(reader, parts[start : start + _PORTION], clock):
            if managed is None:
                is_whole = False
            else:
                lists.claim(managed, is_ours=False)
    return is_whole


def _read(reader: LedgerReader, topics: Sequence[TopicName], clock: StoppableClock) -> list[ManagedLedger | None]:
    """None for what could not be read; without what is gone meanwhile."""

    def attempt(topic: TopicName) -> ManagedLedger | BrokerError:
        try:
            return reader.read_stored(topic)
        except BrokerError as error:
            return error

    finished = work_through(topics, attempt, at_once=_AT_ONCE, stop=clock.stop, done=lambda _result: None)
    if finished.interrupted or len(finished.results) < len(topics):
        raise Interrupted("interrupted while the other cluster's metadata was read")
    answers = [one for one in finished.results.values() if not isinstance(one, NotFound)]
    return [None if isinstance(one, BrokerError) else one for one in answers]
