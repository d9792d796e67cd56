"""Offload everything that one command asked for: each topic's partitions side by side, one topic's failure its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from offloadctl.errors import BrokerError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.names import TopicName
from offloadctl.model.offload import OffloadResult, OffloadRun, Outcome, Reason, TopicResults
from offloadctl.operations.facts import LedgerReader
from offloadctl.operations.offload import Offload
from offloadctl.operations.topics import Target, find_target, refuse_system_topics
from offloadctl.operations.workers import Finished, StoppableClock, work_through

AT_ONCE: Final = 2
"""managedLedgerOffloadMaxThreads is 2 on each broker: more runs would only queue there, without a word about it."""

_Act = Callable[[Offload, TopicName], OffloadResult]


@dataclass(frozen=True, slots=True)
class OffloadTopics:
    """One command's offloads: the topics that it names, by the ways of `offload`."""

    offload: Offload
    may_load: bool = False
    """Whether a dry run may load topics that nobody serves; a real run loads what it acts on."""

    def dry_run(self, topics: Sequence[TopicName]) -> OffloadRun:
        """What would be sent for each topic; nothing is."""
        ports = self.offload.ports
        reader = LedgerReader(ports.admin, ports.clock, may_load=self.may_load)
        return self._for_each(topics, lambda one, topic: one.dry_run(topic, reader), dry_run=True)

    def run(self, topics: Sequence[TopicName], *, wait: bool = True) -> OffloadRun:
        """Plan, trigger, wait and confirm; Ctrl-C ends the waits and keeps what is finished."""
        return self._for_each(topics, lambda one, topic: one.run(topic, wait=wait), dry_run=False)

    def _for_each(self, topics: Sequence[TopicName], act: _Act, *, dry_run: bool) -> OffloadRun:
        asked = tuple(dict.fromkeys(topics))
        refuse_system_topics(asked)
        ports = self.offload.ports
        started_at = ports.clock.now()
        found = {topic: self._find(topic) for topic in asked}
        parts = [part for target in found.values() if isinstance(target, Target) for part in target.parts]
        clock = StoppableClock(ports.clock)
        offload = replace(self.offload, ports=replace(ports, clock=clock))
        finished = work_through(
            parts,
            lambda part: act(offload, part),
            at_once=AT_ONCE,
            stop=clock.stop,
            done=self.offload.watcher.finished,
        )
        results = _by_part(parts, finished)
        return OffloadRun(
            wish=self.offload.wish,
            topics=tuple(_topic_results(topic, target, results) for topic, target in found.items()),
            started_at=started_at,
            finished_at=ports.clock.now(),
            dry_run=dry_run,
            interrupted=ExitCode.INTERRUPTED if finished.interrupted else None,
        )

    def _find(self, topic: TopicName) -> Target | BrokerError:
        try:
            return find_target(self.offload.ports.admin, topic)
        except BrokerError as error:
            return error


def _by_part(parts: Sequence[TopicName], finished: Finished[OffloadResult]) -> dict[TopicName, OffloadResult]:
    results = {parts[index]: result for index, result in finished.results.items()}
    for index, part in enumerate(parts):
        outcome = Outcome.INTERRUPTED if index in finished.begun else Outcome.NOT_STARTED
        results.setdefault(part, OffloadResult(part, outcome))
    return results


def _topic_results(
    topic: TopicName, target: Target | BrokerError, results: dict[TopicName, OffloadResult]
) -> TopicResults:
    if isinstance(target, BrokerError):
        reasons = (Reason(target.code, target.message),)
        return TopicResults(topic, 0, (OffloadResult(topic, Outcome.FAILED, reasons=reasons, hint=target.hint),))
    return TopicResults(topic, target.partitions, tuple(results[part] for part in target.parts))
