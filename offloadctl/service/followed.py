"""Runs whose topics can be seen at work, and after which it is looked what checks have found."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from offloadctl.model.decision import Intent, RunResult
from offloadctl.model.schedule import Schedule
from offloadctl.operations.offload_run import OffloadTopics
from offloadctl.operations.schedule_actions import ScheduleActions
from offloadctl.service.board import Board
from offloadctl.service.checks_seen import ChecksSeen
from offloadctl.service.progress import RunProgress


@dataclass(frozen=True, slots=True)
class Followed:
    """Does what the actions do."""

    actions: ScheduleActions
    board: Board
    checks: ChecksSeen

    def __call__(self, schedule: Schedule, intent: Intent) -> RunResult:
        """The same outcome, or the same error."""
        progress, recorded = RunProgress(), self.actions.recorded

        def watched(work: OffloadTopics) -> AbstractContextManager[OffloadTopics]:
            return recorded(replace(work, offload=replace(work.offload, watcher=progress)))

        self.board.run_watched(intent, progress)
        try:
            return replace(self.actions, recorded=watched)(schedule, intent)
        finally:
            self.board.checked(self.checks.look())
