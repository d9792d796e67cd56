"""What the decision log tells of runs before this process."""

from offloadctl.errors import StateDamaged
from offloadctl.model.decision import EntryKind
from offloadctl.operations.schedule_codec import decode
from offloadctl.ports.schedule import DecisionLog
from offloadctl.service.board import SUCCESSES, Board


def remember_successes(log: DecisionLog, board: Board) -> None:
    """Put the last success of each schedule on the board, as far back as the log goes."""
    wanted = set(board.facts().schedules)
    for entry in log.entries():
        if not wanted:
            return
        if entry.kind is not EntryKind.RESULT or entry.schedule not in wanted:
            continue
        try:
            result = decode(entry).result
        except StateDamaged:
            # An old entry that nobody can read is no reason not to begin; the newest ones are read by whoever needs it.
            continue
        if result is not None and result.exit_code in SUCCESSES:
            board.succeeded(entry.schedule, result.ended_at)
            wanted.discard(entry.schedule)
