"""What pages and metrics tell beside the numbers that schedules compare: made after each evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from offloadctl.errors import Interrupted, OffloadctlError
from offloadctl.model.measures import Measure
from offloadctl.model.names import TopicName
from offloadctl.operations import collect_bulk as bulk
from offloadctl.operations.schedule import Tick
from offloadctl.operations.survey import Survey, Surveyed
from offloadctl.ports.schedule import Scrape
from offloadctl.service.checks_seen import Checks, ChecksSeen
from offloadctl.service.remembering import RememberedNumbers
from offloadctl.service.telling import LogLevel, Teller


@dataclass(frozen=True, slots=True)
class Beside:
    """Of single topics, and of checks."""

    local: Mapping[TopicName, float] = field(default_factory=dict)
    """Bytes in BookKeeper and not offloaded, as far as anybody tells."""
    offloaded: Mapping[TopicName, int] = field(default_factory=dict)
    surveyed: Surveyed = field(default_factory=Surveyed)
    checks: Checks = field(default_factory=Checks)
    brokers_told: bool = False
    """Whether any broker has told its sizes, though it were of no topic."""


@dataclass(slots=True)
class Surveying:
    """Reads it, from what the evaluation has read already as far as that goes."""

    numbers: RememberedNumbers
    survey: Survey
    checks: ChecksSeen
    tell: Teller
    _problem: str = ""

    def __call__(self, tick: Tick) -> Beside:
        """What is known now; raises Interrupted only."""
        scrapes = self._scrapes()
        # System topics are never offloaded; status leaves them out, too.
        offloaded = {topic: size for topic, size in bulk.sizes(scrapes, bulk.OFFLOADED).items() if not topic.is_system}
        local: dict[TopicName, float] = {
            topic: max(0, size - offloaded[topic])
            for topic, size in bulk.sizes(scrapes, bulk.TOTAL).items()
            if topic in offloaded
        }
        for topic, number in tick.collected.snapshot.topics.get(Measure.LOCAL_BYTES, {}).items():
            if number.value is not None and (topic in local or not topic.is_system):
                local[topic] = number.value
        return Beside(
            local,
            offloaded,
            brokers_told=any(not one.why for one in scrapes),
            surveyed=self.survey.look(local, offloaded, tick.at),
            checks=self.checks.look(),
        )

    def _scrapes(self) -> tuple[Scrape, ...]:
        """The brokers' metrics, if need be asked for now; that they cannot be had is told once."""
        scrapes = self.numbers.take()
        if scrapes is not None:
            return scrapes
        try:
            self.numbers.broker_metrics()
            self._problem = ""
        except Interrupted:
            raise
        except OffloadctlError as error:
            if error.message != self._problem:
                self._problem = error.message
                self.tell("survey-failed", level=LogLevel.WARNING, error=error.message, hint=error.hint)
        return self.numbers.take() or ()
