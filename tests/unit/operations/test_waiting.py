"""A wait ends when the broker is done, forgets, or loses the topic; never because of a passing failure."""

import pytest

from offloadctl.errors import BrokerError, BrokerUnreachable, NotAuthorised, NotFound
from offloadctl.model.ledger import OffloadState, OffloadStatus
from offloadctl.model.names import TopicName
from offloadctl.operations.waiting import Wait, Waited, WaitEnd
from tests.fake_broker import RUNNING, SUCCESS, VirtualClock

ERROR = OffloadStatus(OffloadState.ERROR, "Invalid position for offload: 999999:0")
NOT_RUN = OffloadStatus(OffloadState.NOT_RUN)
DOWN = BrokerUnreachable("no answer")


class Broker:
    """Says one prepared thing after the other, and repeats the last."""

    def __init__(self, *answers: OffloadStatus | BrokerError) -> None:
        self.answers = list(answers)
        self.polls = 0

    def offload_status(self, topic: TopicName) -> OffloadStatus:
        self.polls += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BrokerError):
            raise answer
        return answer


def wait(broker: Broker, *, timeout_s: float | None = 3600, clock: VirtualClock | None = None) -> Waited:
    topic = TopicName("public", "default", "t")
    return Wait(broker, clock or VirtualClock(), topic, timeout_s, lambda _: None).until_done()  # type: ignore[arg-type]


@pytest.mark.parametrize("claim", [SUCCESS, ERROR])
def test_the_brokers_last_word_ends_the_wait(claim: OffloadStatus) -> None:
    assert wait(Broker(RUNNING, RUNNING, claim)) == Waited(WaitEnd.FINISHED, claim)


def test_not_run_during_a_wait_means_that_the_run_was_forgotten() -> None:
    assert wait(Broker(RUNNING, NOT_RUN)).end is WaitEnd.FORGOTTEN


def test_a_deleted_topic_ends_the_wait() -> None:
    assert wait(Broker(RUNNING, NotFound("gone"))).end is WaitEnd.DELETED


def test_a_passing_failure_is_ridden_out_and_leaves_no_error_behind() -> None:
    assert wait(Broker(RUNNING, DOWN, DOWN, SUCCESS)) == Waited(WaitEnd.FINISHED, SUCCESS)


def test_a_failure_that_a_retry_cannot_help_ends_the_wait_at_once() -> None:
    broker = Broker(RUNNING, NotAuthorised("no"))

    assert wait(broker).end is WaitEnd.UNREACHABLE
    assert broker.polls == 2


def test_a_broker_that_stays_away_ends_the_wait_after_two_minutes() -> None:
    clock = VirtualClock()

    waited = wait(Broker(RUNNING, DOWN), timeout_s=None, clock=clock)

    assert (waited.end, waited.status, waited.error) == (WaitEnd.UNREACHABLE, RUNNING, DOWN)
    assert 120 < clock.elapsed < 150


def test_running_for_ever_times_out_at_the_deadline_with_few_polls() -> None:
    clock, broker = VirtualClock(), Broker(RUNNING)

    waited = wait(broker, timeout_s=600, clock=clock)

    assert waited == Waited(WaitEnd.TIMED_OUT, RUNNING)
    assert clock.elapsed == pytest.approx(600)
    assert broker.polls < 90
