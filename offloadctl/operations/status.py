"""The status of topics: what brokers claim, what the ledgers show, and what the bucket holds of them."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from offloadctl.errors import BrokerError, Interrupted
from offloadctl.exitcodes import ExitCode, combine
from offloadctl.model.ledger import OffloadPolicies, OffloadState
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Reason
from offloadctl.model.scope import Scope, ScopeRead
from offloadctl.model.status import StatusGroup, StatusReport, TopicStatus, UnreadTopic
from offloadctl.operations.facts import LedgerReader, read_policies
from offloadctl.operations.reading import Reading
from offloadctl.operations.scope import expand, named_topics
from offloadctl.operations.topics import Target, find_target
from offloadctl.operations.waiting import Wait, Waited, WaitEnd
from offloadctl.operations.workers import StoppableClock, work_through
from offloadctl.ports import Ports

AT_ONCE: Final = 8
"""Reads wait for the network most of the time; the adapter's rate limit spares the broker."""


@dataclass(frozen=True, slots=True)
class Status:
    """How to look at topics."""

    ports: Ports
    may_load: bool = False
    look_at_objects: bool = True
    """Whether to ask the buckets, if there are any, for each offloaded ledger's data object."""
    reading: Reading = field(default_factory=Reading)

    def report(self, topics: Sequence[TopicName]) -> StatusReport:
        """The status of each topic; one that cannot be read does not stop the others."""
        return self.report_scope(Scope.of(topics=topics))

    def report_scope(self, scope: Scope) -> StatusReport:
        """The status of each topic of a scope; of a wide one also what of it could not be listed."""
        read, asked = self._asked(scope)
        reader = LedgerReader(self.ports.admin, self.ports.clock, may_load=self.may_load)
        observed_at = self.ports.clock.now()
        self.reading.begins(len(asked))
        finished = work_through(
            asked,
            lambda topic: self._group(topic, reader),
            at_once=AT_ONCE,
            stop=threading.Event(),
            done=lambda _group: self.reading.read(),
        )
        groups = tuple(finished.results.get(index) or _not_read(one) for index, one in enumerate(asked))
        if finished.code is None:
            groups = self._with_standings(groups)
        return StatusReport(groups, observed_at, finished.code, read)

    def report_when_done(self, topics: Sequence[TopicName], timeout_s: float | None) -> StatusReport:
        """The same, once the runs that went on are over or `timeout_s` has passed; tells how the wait ended."""
        return self.report_scope_when_done(Scope.of(topics=topics), timeout_s)

    def report_scope_when_done(self, scope: Scope, timeout_s: float | None) -> StatusReport:
        """The same of a scope."""
        before = self.report_scope(scope)
        if before.interrupted is not None:
            return before
        running = [
            part
            for part in before.parts
            if isinstance(part, TopicStatus) and part.claim is not None and part.claim.state is OffloadState.RUNNING
        ]
        clock = StoppableClock(self.ports.clock)
        waits = [Wait(self.ports.admin, clock, part.topic, timeout_s, lambda _status: None) for part in running]
        finished = work_through(
            waits, Wait.until_done, at_once=max(1, len(waits)), stop=clock.stop, done=lambda _waited: None
        )
        report = self.report_scope(scope)
        met = [_code_of(waited) for waited in finished.results.values()]
        if finished.code is not None:
            met.append(finished.code)
        return replace(report, waited=combine(met))

    def _with_standings(self, groups: tuple[StatusGroup, ...]) -> tuple[StatusGroup, ...]:
        """What runs is looked at once more, at all of them together."""
        parts = [part for group in groups for part in group.parts if isinstance(part, TopicStatus)]
        if not any(part.claim is not None and part.claim.state is OffloadState.RUNNING for part in parts):
            return groups
        from offloadctl.operations.status_standing import with_standings  # noqa: PLC0415 - where nothing runs not needed

        if self.look_at_objects:
            return with_standings(self.ports, groups)
        return with_standings(replace(self.ports, stores=()), groups, without_stores="no object was to be looked at")

    def _asked(self, scope: Scope) -> tuple[ScopeRead, tuple[TopicName | Target, ...]]:
        if not scope.is_wide:
            return named_topics(scope)
        expanded = expand(self.ports.admin, scope, StoppableClock(self.ports.clock))
        return expanded.read, expanded.targets

    def _group(self, asked: TopicName | Target, reader: LedgerReader) -> StatusGroup:
        try:
            target = asked if isinstance(asked, Target) else find_target(self.ports.admin, asked)
        except BrokerError as error:
            topic = asked.topic if isinstance(asked, Target) else asked
            return StatusGroup(topic, 0, (_unread(topic, error),))
        policies = read_policies(self.ports.admin, target.topic)
        return StatusGroup(
            target.topic, target.partitions, tuple(self._part(part, reader, policies) for part in target.parts)
        )

    def _part(
        self, topic: TopicName, reader: LedgerReader, policies: OffloadPolicies | None
    ) -> TopicStatus | UnreadTopic:
        try:
            ledgers = reader.read_or_empty(topic)
            claim = self.ports.admin.offload_status(topic) if ledgers.served else None
        except BrokerError as error:
            return _unread(topic, error)
        status = TopicStatus(ledgers, claim, policies)
        if not self.look_at_objects or not self.ports.stores:
            return status
        from offloadctl.operations.status_objects import with_objects  # noqa: PLC0415 - without a bucket not needed

        return with_objects(status, self.ports.stores)


def _code_of(waited: Waited) -> ExitCode:
    if waited.end is WaitEnd.TIMED_OUT:
        return ExitCode.TIMED_OUT
    failed = waited.end is not WaitEnd.FINISHED or waited.status.state is OffloadState.ERROR
    return ExitCode.FAILED if failed else ExitCode.OK


def _not_read(asked: TopicName | Target) -> StatusGroup:
    topic = asked.topic if isinstance(asked, Target) else asked
    reason = Reason(Interrupted.code, f"{topic} was not read: the command was interrupted before")
    return StatusGroup(topic, 0, (UnreadTopic(topic, reason),))


def _unread(topic: TopicName, error: BrokerError) -> UnreadTopic:
    return UnreadTopic(topic, Reason(error.code, error.message), error.hint)
