"""Rolling over and trimming the topics of a schedule: look at each, decide, write down, act, look again.

One topic's failure is its own. What was decided is told of each, and the same look without acting is a dry run.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from offloadctl.errors import BrokerError, Interrupted, NotFound, Refused, StateError, StoreError
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Reason
from offloadctl.model.scope import Scope
from offloadctl.model.topic_action import TopicActionRun, TopicResult, TopicState, TopicVerb
from offloadctl.operations.scope import expand, named_topics
from offloadctl.operations.topics import find_target
from offloadctl.operations.workers import Stop, StoppableClock, work_through
from offloadctl.ports import BrokerAdmin, Ports

_LIMIT: Final = Reason("limit", "the run has acted on as many topics as it may (topicsARun)")


@dataclass(frozen=True, slots=True)
class Planned:
    """What was decided about a topic; only what is PLANNED can be sent."""

    result: TopicResult
    send: Callable[[Callable[[], None]], TopicResult] | None = None
    """Does it, and tells what came of it; what it is handed is called right before the request."""


class TopicWork(Protocol):
    """One way to act on topics."""

    @property
    def verb(self) -> TopicVerb:
        """Its word."""
        ...

    @property
    def needs_whole_view(self) -> bool:
        """Whether nothing may be done where a part of the scope could not be listed."""
        ...

    def plan(self, topic: TopicName) -> Planned:
        """Look at one topic and decide; nothing is changed. May raise a BrokerError or StoreError."""
        ...


Note = Callable[[TopicVerb, TopicResult], None]
"""Writes down what is about to be sent, what came of it, what was refused; StateError if it cannot."""


def not_noted(_verb: TopicVerb, _result: TopicResult) -> None:
    """Nothing is written down."""


@dataclass(slots=True)
class TopicActions:
    """One run over the topics of a scope."""

    ports: Ports
    work: TopicWork
    most: int
    """So many topics at most are acted on."""
    turn: int = 0
    """The how-manieth run it is, from 0: each begins behind so many more topics, so that all have their turn."""
    at_once: int = 1
    stop: Stop = field(default_factory=Stop)
    note: Note = not_noted
    _left: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, scope: Scope) -> TopicActionRun:
        """What a run would do now; nothing is sent, and nothing written down."""
        self._left = self.most
        return self._each(scope, lambda topic: self._told(topic, lambda: self._planned(topic).result))

    def run(self, scope: Scope) -> TopicActionRun:
        """Do it, topic by topic. StateError, before that topic is touched, where it cannot be written down."""
        self._left = self.most
        return self._each(scope, lambda topic: self._told(topic, lambda: self._act(topic)))

    def _act(self, topic: TopicName) -> TopicResult:
        planned = self._planned(topic)
        if planned.send is None or planned.result.state is not TopicState.PLANNED:
            if planned.result.state is TopicState.REFUSED:
                self.note(self.work.verb, planned.result)
            return planned.result
        # Whoever stops us stops us before the request, too.
        if self.stop.is_set():
            raise Interrupted("interrupted")
        send = planned.send
        return self._noted(self._told(topic, lambda: send(lambda: self.note(self.work.verb, planned.result))))

    def _planned(self, topic: TopicName) -> Planned:
        """Once the run has acted on as many as it may, nothing more is looked at: a look may be a check."""
        left = Planned(TopicResult(topic, TopicState.LEFT, _LIMIT))
        if self._left <= 0:
            return left
        planned = self.work.plan(topic)
        if planned.result.state is TopicState.PLANNED:
            with self._lock:
                may, self._left = self._left > 0, self._left - 1
            return planned if may else left
        return planned

    def _noted(self, result: TopicResult) -> TopicResult:
        """What came of a request is told even where it cannot be written down any more."""
        try:
            self.note(self.work.verb, result)
        except StateError as error:
            text = f"{result.reason.text}; and this is not in the journal: {error.message}"
            return replace(result, reason=Reason(result.reason.code, text))
        return result

    def _told(self, topic: TopicName, act: Callable[[], TopicResult]) -> TopicResult:
        """A failure as a result."""
        try:
            return act()
        except NotFound:
            return TopicResult(topic, TopicState.LEFT, Reason("gone", "it is not there any more"))
        except (BrokerError, StoreError, Refused) as error:
            return TopicResult(topic, TopicState.FAILED, Reason(error.code, error.message))

    def _each(self, scope: Scope, act: Callable[[TopicName], TopicResult]) -> TopicActionRun:
        clock = StoppableClock(self.ports.clock, self.stop)
        topics, unlisted = _topics_in(self.ports.admin, scope, clock)
        if unlisted and self.work.needs_whole_view:
            refused = f"a part of the scope could not be listed, so nothing was done: {unlisted}"
            return TopicActionRun(self.work.verb, refused=refused, unlisted=unlisted)
        first = self.turn * self.most % len(topics) if topics else 0
        topics = (*topics[first:], *topics[:first])
        finished = work_through(topics, act, at_once=self.at_once, stop=self.stop, done=lambda _: None)
        results = tuple(sorted(finished.results.values(), key=lambda one: one.topic))
        return TopicActionRun(self.work.verb, results, unlisted=unlisted, interrupted=finished.code)


def _topics_in(admin: BrokerAdmin, scope: Scope, clock: StoppableClock) -> tuple[Sequence[TopicName], str]:
    """Topics and partitions one by one; and what could not be listed, in words."""
    if scope.is_wide:
        expanded = expand(admin, scope, clock)
        unread = "; ".join(f"{one.name} ({one.reason.text})" for one in expanded.read.unread)
        return expanded.parts, unread
    _, topics = named_topics(scope)
    parts, unread_topics = list[TopicName](), list[str]()
    for topic in topics:
        clock.sleep(0)
        try:
            parts += find_target(admin, topic).parts
        except NotFound:
            parts.append(topic)
        except BrokerError as error:
            unread_topics.append(f"{topic} ({error.message})")
    return tuple(dict.fromkeys(parts)), "; ".join(unread_topics)
