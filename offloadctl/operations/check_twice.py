"""Look at a topic's ledgers, and at what there is to tell a second time, beside fresh metadata."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from offloadctl.errors import Interrupted, NotFound, StoreError
from offloadctl.model.check import Inspection, LedgerCheck, Level
from offloadctl.model.names import TopicName
from offloadctl.model.status import UnreadTopic
from offloadctl.operations.check_ledger import Asked, Known, LedgerChecker, Looked
from offloadctl.operations.check_order import out_of_time, with_findings, with_times
from offloadctl.operations.check_topics import TopicRead, TopicReader
from offloadctl.operations.workers import StoppableClock

_ROUNDS: Final = 3
"""So often is a ledger looked at whose objects or metadata change under the look."""

_PAUSE_S: Final = 0.5
"""Before what is missing is looked for again: an object store may be behind, a topic may be going away."""


@dataclass(frozen=True, slots=True)
class SecondLooks:
    """Tells nothing of a ledger that was not seen twice."""

    checker: LedgerChecker
    topics: TopicReader
    clock: StoppableClock
    looked_at: Callable[[LedgerCheck], None]
    """Is told of each first look."""
    known: Known
    keep: Callable[[Sequence[LedgerCheck]], None]
    """Is told of each ledger as soon as it is known what to tell of it."""

    def look_at_some(self, asked: tuple[Asked, ...]) -> list[LedgerCheck]:
        """Ledgers of one topic, whose metadata is then read once to confirm what was found."""
        settled: list[LedgerCheck] = []
        unsettled: list[Looked] = []
        try:
            for one in asked:
                looked = self.checker.look(one, unless=self.known)
                self.looked_at(looked.check)
                if looked.is_unsettled:
                    unsettled.append(looked)
                else:
                    settled.append(looked.check)
                    self.keep([looked.check])
            confirmed = self._confirm(asked[0].topic, unsettled) if unsettled else []
            self.keep(confirmed)
            return settled + confirmed
        except Interrupted:
            # A finding that could not be looked at twice is none yet.
            return settled

    def check_order(self, read: TopicRead, checks: Sequence[LedgerCheck]) -> list[LedgerCheck]:
        """Tell whose objects are of another ledger's time, if a second look agrees with the first one."""
        topic, seen = read.ledgers.topic, out_of_time(read.asked(), checks)
        now = self.topics.read(topic, read.policies)
        if isinstance(now, UnreadTopic):
            return [_unconfirmed_time(one, now.reason.text) if one.ledger.ledger_id in seen else one for one in checks]
        # Only beginnings matter here: whole objects were read already.
        checker = replace(self.checker, level=min(self.checker.level, Level.BLOCKS, key=list(Level).index))
        asked = now.asked()
        again = [checker.look(one).check for one in asked if one.ledger.ledger_id in seen]
        times = {one.ledger.ledger_id: one.inspection.times for one in again}
        agreed = out_of_time(asked, with_times(checks, times))
        return with_findings(
            checks, {ledger: agreed[ledger] for ledger in seen if ledger in agreed and ledger in times}
        )

    def _confirm(self, topic: TopicName, looks: Sequence[Looked]) -> list[LedgerCheck]:
        """The same ledgers, each looked at until two looks agree, or gone."""
        settled: list[LedgerCheck] = []
        waiting = list(looks)
        for _ in range(_ROUNDS):
            if any(one.is_missing for one in waiting):
                self.clock.sleep(_PAUSE_S)
            again = [(one, self._is_unchanged(one)) for one in waiting]
            now = self.topics.read(topic, looks[0].asked.policies)
            waiting = []
            for one, unchanged in again:
                outcome = self._settle(one, now, unchanged=unchanged)
                if isinstance(outcome, Looked):
                    waiting.append(outcome)
                else:
                    settled.append(outcome)
            if not waiting:
                return settled
        return settled + [_unconfirmed(one, "they changed with each look") for one in waiting]

    def _is_unchanged(self, one: Looked) -> bool | StoreError:
        try:
            return self.checker.is_unchanged(one)
        except StoreError as error:
            return error

    def _settle(
        self, one: Looked, now: TopicRead | UnreadTopic, *, unchanged: bool | StoreError
    ) -> LedgerCheck | Looked:
        """What to tell of a ledger, or the next look at it."""
        if isinstance(now, UnreadTopic):
            gone = now.reason.code == NotFound.code
            return _trimmed(one) if gone else _unconfirmed(one, now.reason.text)
        fresh = next((each for each in now.asked() if each.ledger.ledger_id == one.asked.ledger.ledger_id), None)
        if fresh is None:
            return _trimmed(one)
        if isinstance(unchanged, StoreError):
            return _unconfirmed(one, unchanged.message)
        if unchanged and fresh.ledger == one.asked.ledger:
            return one.check
        again = self.checker.look(fresh)
        return again if again.is_unsettled else again.check


def _trimmed(one: Looked) -> LedgerCheck:
    return replace(one.check, inspection=Inspection(one.check.inspection.level), trimmed=True)


def _unconfirmed(one: Looked, why: str) -> LedgerCheck:
    """Without a second look nothing is told but that there is something to look at."""
    inspection, ledger = one.check.inspection, one.asked.ledger.ledger_id
    if not inspection.findings:
        return one.check
    codes = ", ".join(dict.fromkeys(finding.code for finding in inspection.findings))
    reason = f"ledger {ledger} of {one.asked.topic}: {codes} seen, but not confirmed by a second look: {why}"
    return replace(one.check, inspection=replace(inspection, findings=(), not_covered=(reason,)))


def _unconfirmed_time(one: LedgerCheck, why: str) -> LedgerCheck:
    reason = (
        f"ledger {one.ledger.ledger_id} of {one.topic}: ledger-time seen, but not confirmed by a second look: {why}"
    )
    return replace(one, inspection=replace(one.inspection, not_covered=(*one.inspection.not_covered, reason)))
