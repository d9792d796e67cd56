"""Read samples of checked ledgers through the broker, as a consumer would, and tell where nothing comes.

Reading loads the topic. Damaged ledgers are not asked for: they are known, and each of them would cost a deadline.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from offloadctl.check.readback import (
    control_of,
    passed_over,
    readback_finding,
    samples_of,
    silent,
    unproven,
)
from offloadctl.check.subject import Subject
from offloadctl.errors import BrokerError
from offloadctl.model.check import CheckedGroup, CheckReport, LedgerCheck, Level, TopicCheck
from offloadctl.model.ledger import Cursor, OffloadPolicies, Position
from offloadctl.model.names import TopicName
from offloadctl.model.readback import Probe, ReadBack
from offloadctl.model.status import UnreadTopic
from offloadctl.operations.check_ledger import with_readers
from offloadctl.operations.facts import LedgerReader, read_policies
from offloadctl.operations.workers import code_of
from offloadctl.ports import BrokerAdmin, MessageReader

DEADLINE_S: Final = 15.0
"""A broker that has to fetch a block from S3 answers in a second or two; readers of damaged objects wait for ever."""

_BOOKKEEPER_FIRST: Final = "bookkeeper-first"


@dataclass(frozen=True, slots=True)
class Sampler:
    """Reads back what a check has looked at."""

    admin: BrokerAdmin
    messages: MessageReader
    ledgers: LedgerReader
    may_load: bool
    deadline: float = DEADLINE_S

    def read_back(self, report: CheckReport) -> CheckReport:
        """The same check with what the broker gave: the deepest level."""
        if report.interrupted is not None:
            return replace(report, level=Level.READBACK)
        groups: list[CheckedGroup] = []
        for group in report.groups:
            try:
                parts = tuple(map(self._part, group.parts))
            except KeyboardInterrupt as signal:
                rest = report.groups[len(groups) :]
                return replace(report, groups=(*groups, *rest), level=Level.READBACK, interrupted=code_of(signal))
            groups.append(CheckedGroup(group.topic, group.partitions, parts))
        return replace(report, groups=tuple(groups), level=Level.READBACK)

    def _part(self, part: TopicCheck | UnreadTopic) -> TopicCheck | UnreadTopic:
        if not isinstance(part, TopicCheck):
            return part
        sampled = [one for one in part.ledgers if not one.trimmed and not one.inspection.is_damaged]
        if not sampled:
            return replace(part, readback=ReadBack())
        policies = read_policies(self.admin, part.topic)
        if why := self._reason_against(part, policies):
            return replace(part, readback=ReadBack(not_covered=(f"{part.topic}: {why}",)))
        try:
            return self._sampled(part, sampled)
        except BrokerError as error:
            why = f"{part.topic}: not read through the broker: {error.message}"
            return replace(part, readback=ReadBack(not_covered=(why,)))

    def _reason_against(self, part: TopicCheck, policies: OffloadPolicies | None) -> str:
        if not part.served and not self.may_load:
            return "no broker serves it, and reading would load it (--load-topics)"
        if policies is not None and policies.read_priority == _BOOKKEEPER_FIRST:
            return "its brokers read from BookKeeper as long as that has a copy, so that reading proves nothing of S3"
        return ""

    def _sampled(self, part: TopicCheck, sampled: Sequence[LedgerCheck]) -> TopicCheck:
        managed = self.ledgers.read(part.topic)
        ledgers = {one.ledger.ledger_id: one.ledger for one in sampled}
        asked = [position for ledger in ledgers.values() for position in samples_of(ledger)]
        control = control_of(managed, tuple(ledgers.values()))
        probes = [self._probe(part.topic, position) for position in (*asked, *((control,) if control else ()))]
        # Nothing is told that was not seen twice: a broker may just have been busy.
        probes = [probe if probe.given is not None else self._probe(part.topic, probe.asked) for probe in probes]
        at = {position.ledger_id: position for position in reversed(silent(probes))}
        wrong = [f"nothing came from {position} on, nor from any later place" for position in unproven(probes)]
        wrong += [
            f"{probe.asked} was not given, and of its ledger nothing behind it: {probe.given} came first "
            "(later chunks, markers and aborted transactions are never given by themselves)"
            for probe in passed_over(probes, ledgers)
        ]
        return replace(
            part,
            ledgers=tuple(self._told(one, at.get(one.ledger.ledger_id), managed.cursors) for one in part.ledgers),
            readback=ReadBack(
                samples=len(asked),
                given=sum(probe.given is not None for probe in probes if probe.asked != control),
                not_covered=tuple(f"{part.topic}: {why}" for why in wrong),
            ),
        )

    def _probe(self, topic: TopicName, position: Position) -> Probe:
        return Probe(position, self.messages.first_from(topic, position, timeout=self.deadline))

    def _told(self, one: LedgerCheck, at: Position | None, cursors: Sequence[Cursor]) -> LedgerCheck:
        if at is None:
            return one
        assert one.ledger.context_uuid is not None  # noqa: S101 - what is in S3 has one
        subject = Subject.of(one.topic, one.ledger, one.ledger.context_uuid)
        finding = with_readers(readback_finding(subject, at, self.deadline), one.ledger, cursors)
        inspection = replace(one.inspection, findings=(*one.inspection.findings, finding))
        return replace(one, inspection=inspection)
