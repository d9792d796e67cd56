"""Schedules, numbers and collectors for tests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from offloadctl.exitcodes import ExitCode
from offloadctl.model.decision import Intent, RunResult
from offloadctl.model.measures import Measure, Number, Snapshot
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.offload import OffloadWish
from offloadctl.model.schedule import (
    Comparison,
    Condition,
    Cron,
    Direction,
    Extent,
    OffloadAction,
    Schedule,
    ScheduleScope,
)
from offloadctl.model.scope import Scope
from offloadctl.ports import Clock
from offloadctl.ports.schedule import Collected
from offloadctl.units import ByteSize

START = datetime(2026, 1, 1, tzinfo=UTC)
SHOP = NamespaceName("acme", "shop")
ORDERS, BILLS, AUDIT = (TopicName("acme", "shop", name) for name in ("orders", "bills", "audit"))
TOPICS = (AUDIT, BILLS, ORDERS)
GIB = 1024**3

FULL_DISK = """\
apiVersion: offloadctl/v1
kind: Schedule
name: {name}
scope: {{namespaces: [acme/shop]}}
when: {{bookieDisk: {{above: 80%}}}}
action: {{offload: {{sizeThreshold: 0}}}}
"""
"""A file of one schedule, which offloads when a disk is full."""

NIGHTLY = Cron("30 2 * * *", "Europe/Berlin")


def schedule(when: Condition, **changes: object) -> Schedule:
    """A schedule of acme/shop that offloads all that is closed."""
    scope = ScheduleScope(Scope.of(namespaces=[SHOP]))
    made = Schedule("nightly", scope, when, OffloadAction(OffloadWish(ByteSize(0))))
    return replace(made, **changes)  # type: ignore[arg-type] # whoever misspells a field is told at once


def above(measure: Measure, threshold: float, **changes: object) -> Comparison:
    """A comparison without hysteresis."""
    made = Comparison(measure, Direction.ABOVE, threshold, threshold)
    return replace(made, **changes)  # type: ignore[arg-type]


def below(measure: Measure, threshold: float, **changes: object) -> Comparison:
    """The same for the other side."""
    made = Comparison(measure, Direction.BELOW, threshold, threshold)
    return replace(made, **changes)  # type: ignore[arg-type]


def local_bytes(sizes: Mapping[TopicName, float | None]) -> dict[Measure, dict[TopicName, Number]]:
    """Local bytes by topic; None: unknown."""
    numbers = {
        topic: Number("test", size, why="" if size is not None else "no answer") for topic, size in sizes.items()
    }
    return {Measure.LOCAL_BYTES: numbers}


def disks(*shares: float) -> dict[Measure, dict[str, Number]]:
    """How full the disks of bookies are."""
    return {Measure.BOOKIE_DISK: {f"bookie-{index}": Number("test", share) for index, share in enumerate(shares)}}


def snapshot(at: datetime = START, **changes: object) -> Snapshot:
    """Numbers of a moment."""
    return replace(Snapshot(at), **changes)  # type: ignore[arg-type]


@dataclass
class Told:
    """A collector that tells what it is told to."""

    tell: Callable[[datetime], Snapshot] = Snapshot
    topics: tuple[TopicName, ...] = TOPICS
    asked: int = 0

    def collect(self, schedules: Sequence[Schedule], now: datetime) -> Collected:
        self.asked += 1
        return Collected(self.tell(now), {one.name: self.topics for one in schedules})


@dataclass
class Acts:
    """Does nothing, for so long, and remembers that it did."""

    clock: Clock
    takes: timedelta = timedelta()
    moves: int = 0
    done: list[Intent] = field(default_factory=list)
    error: Exception | None = None
    exit_code: ExitCode = ExitCode.OK

    def __call__(self, one: Schedule, intent: Intent) -> RunResult:
        began_at = self.clock.now()
        self.done.append(intent)
        self.clock.sleep(self.takes.total_seconds())
        if self.error is not None:
            raise self.error
        return RunResult(
            intent.run_id, one.name, began_at, self.clock.now(), self.exit_code, self.moves, summary="done"
        )


OF_NAMESPACE = Extent.NAMESPACE
