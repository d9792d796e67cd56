"""What a topic's doctor must know: policies, ledgers, the broker's claim, the objects, uploads that are open."""

from dataclasses import dataclass

from offloadctl.errors import StoreError
from offloadctl.exitcodes import ExitCode
from offloadctl.format.keys import data_key
from offloadctl.model.check import Level
from offloadctl.model.doctor import DoctorReport
from offloadctl.model.finding import Finding
from offloadctl.model.names import TopicName
from offloadctl.model.status import TopicStatus, UnreadTopic
from offloadctl.operations.check import Check
from offloadctl.operations.policy_levels import PolicyReader
from offloadctl.operations.status import Status
from offloadctl.plan.diagnosis import TopicFacts, diagnose
from offloadctl.ports import Ports


@dataclass(frozen=True, slots=True)
class TopicDoctor:
    """How to look at a topic; nothing is changed, and nothing loaded without `may_load`."""

    ports: Ports
    may_load: bool = False

    def visit(self, topic: TopicName) -> DoctorReport:
        """The topic, or all partitions of it. NotFound if there is no such topic."""
        levels = PolicyReader(self.ports.admin).read(topic.parent)
        parts = Status(self.ports, may_load=self.may_load).report((topic,)).parts
        statuses = tuple(one for one in parts if isinstance(one, TopicStatus))
        findings, not_checked = self._checked(topic, statuses)
        uploading, uploads_known = self._uploading(statuses)
        facts = TopicFacts(
            topic=topic,
            levels=levels,
            statuses=statuses,
            now=self.ports.clock.now(),
            unread=tuple(one for one in parts if isinstance(one, UnreadTopic)),
            findings=findings,
            not_checked=not_checked,
            uploading=uploading,
            uploads_known=uploads_known,
        )
        return DoctorReport(f"topic {topic}", diagnose(facts))

    def _checked(
        self, topic: TopicName, statuses: tuple[TopicStatus, ...]
    ) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
        if not any(status.offloaded or status.begun for status in statuses):
            return (), ()
        if not self.ports.stores:
            return (), ("no bucket is configured: --bucket NAME",)
        report = Check(self.ports, Level.INDEX, may_load=self.may_load).report((topic,))
        is_unknown = report.exit_code is ExitCode.NOT_COVERED and not report.coverage.reasons
        reasons = ("not all ledgers could be covered",) if is_unknown else report.coverage.reasons
        return report.findings, reasons

    def _uploading(self, statuses: tuple[TopicStatus, ...]) -> tuple[frozenset[int], bool]:
        """Ledgers in flight whose upload is open: uploads of a whole key are told by every store."""
        found: set[int] = set()
        for ledger in (ledger for status in statuses for ledger in status.in_flight):
            if ledger.context_uuid is None:
                continue
            key = data_key(ledger.context_uuid, ledger.ledger_id)
            try:
                for store in self.ports.stores:
                    if any(upload.key == key for upload in store.uploads(key)):
                        found.add(ledger.ledger_id)
            except StoreError:
                return frozenset(found), False
        return frozenset(found), bool(self.ports.stores)
