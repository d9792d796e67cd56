"""From a topic and a ledger's id to its two objects."""

from dataclasses import dataclass

from offloadctl.errors import NotFound, StoreFailed
from offloadctl.model.inspection import MessagePlace
from offloadctl.model.ledger import ManagedLedger, Position
from offloadctl.model.names import TopicName
from offloadctl.operations.check_ledger import Asked, ledgers_in_s3
from offloadctl.operations.facts import LedgerReader, read_policies
from offloadctl.operations.inspect import Inspector
from offloadctl.operations.ledger_objects import LedgerObjects
from offloadctl.operations.locate import find_objects
from offloadctl.operations.topics import find_target
from offloadctl.ports import Ports


@dataclass(frozen=True, slots=True)
class LedgerFinder:
    """Finds the ledgers of topics in the buckets that are known."""

    ports: Ports
    may_load: bool = False

    def ledger(self, topic: TopicName, ledger_id: int) -> Asked:
        """The ledger as its topic's metadata has it; NotFound if there is no such ledger, or it is not in S3."""
        reader = LedgerReader(self.ports.admin, self.ports.clock, may_load=self.may_load)
        for part in find_target(self.ports.admin, topic).parts:
            managed = _read(reader, part, required=part == topic)
            if managed is not None and managed.ledger(ledger_id) is not None:
                return self._in_s3(managed, ledger_id)
        raise NotFound(
            f"{topic} has no ledger {ledger_id}",
            hint="it was trimmed, or it is another topic's; offloadctl check TOPIC -o wide lists those in S3",
        )

    def objects(self, asked: Asked) -> LedgerObjects:
        """Both objects of a ledger; StoreFailed if they are not both in one bucket."""
        found = find_objects(self.ports.stores, asked.subject)
        if found.objects is None:
            ledger = f"ledger {asked.ledger.ledger_id} of {asked.topic}"
            if not self.ports.stores:
                raise StoreFailed(
                    f"the objects of {ledger} cannot be looked for: no bucket is known",
                    hint="name it: --bucket NAME, or in the context",
                )
            there = "only the data object" if found.has_data else "only the index object"
            raise StoreFailed(
                f"of {ledger} {there if found.is_anywhere else 'neither object'} is in {found.looked_in}",
                hint=f"keys {asked.subject.data_key} and {asked.subject.index_key}; other buckets: --bucket",
            )
        return found.objects

    def message(self, topic: TopicName, position: Position) -> MessagePlace:
        """Where a message lies; NotFound if it is not in S3, StoreFailed if its object does not hold it."""
        asked = self.ledger(topic, position.ledger_id)
        if not 0 <= position.entry_id < asked.ledger.entries:
            raise NotFound(f"ledger {position.ledger_id} of {asked.topic} has entries 0 to {asked.ledger.entries - 1}")
        objects = self.objects(asked)
        listing = Inspector(objects, asked.subject).entries(first=position.entry_id, limit=1)
        if not listing.entries or listing.entries[0].entry_id != position.entry_id:
            why = listing.finding.what if listing.finding is not None else listing.stopped or "another entry is there"
            raise StoreFailed(
                f"entry {position.entry_id} is not in {asked.subject.data_key}: {why}",
                hint=f"offloadctl object verify {asked.topic} {position.ledger_id} --level entries",
            )
        entry = listing.entries[0]
        return MessagePlace(
            topic=asked.topic,
            position=position,
            bucket=objects.store.bucket,
            data_key=asked.subject.data_key,
            block=entry.block,
            block_offset=entry.block_offset,
            entry_offset=entry.offset,
            entry_length=entry.length,
        )

    def _in_s3(self, managed: ManagedLedger, ledger_id: int) -> Asked:
        policies = read_policies(self.ports.admin, managed.topic)
        found = [one for one in ledgers_in_s3(managed, policies) if one.ledger.ledger_id == ledger_id]
        if not found:
            ledger = managed.ledger(ledger_id)
            progress = ledger.progress.value if ledger is not None else "gone"
            raise NotFound(
                f"ledger {ledger_id} of {managed.topic} is not in S3 (offload: {progress})",
                hint="BookKeeper has it; offloadctl offload topic moves closed ledgers",
            )
        return found[0]


def _read(reader: LedgerReader, topic: TopicName, *, required: bool) -> ManagedLedger | None:
    """The topic's ledgers; None for a partition that has none yet."""
    try:
        return reader.read(topic)
    except NotFound:
        if required:
            raise
        return None
