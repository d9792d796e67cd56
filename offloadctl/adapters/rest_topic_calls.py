"""One topic over REST: who is connected, when an entry was written; unloading and trimming it."""

from datetime import UTC, datetime

import msgspec

from offloadctl.adapters.rest_calls import ADMIN, Call
from offloadctl.adapters.rest_errors import bad_reply
from offloadctl.adapters.rest_replies import understood
from offloadctl.adapters.rest_transport import Transport
from offloadctl.errors import ReadOnlyContext
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.ports.topics import Clients

_Anything = list[msgspec.Raw]


class TopicCalls:
    """The part of the admin client that is about one topic."""

    _transport: Transport
    _read_only: bool
    _context_name: str

    def written_at(self, topic: TopicName, position: Position) -> datetime | None:
        """By the headers of the entry (PersistentTopicsBase.java, generateResponseWithEntry)."""
        path = f"{_of(topic)}/ledger/{position.ledger_id}/entry/{position.entry_id}"
        reply = self._transport.read(Call("GET", path, loads_topic=True, confidential=True))
        try:
            return max(map(_moment, reply.written_at), default=None)
        except ValueError as error:
            raise bad_reply(reply, "expected the time of the message as in 2026-11-24T01:02:03.456Z") from error

    def clients_of(self, topic: TopicName) -> Clients:
        """By `stats`."""
        call = Call("GET", f"{_of(topic)}/stats", params=(("getPreciseBacklog", "false"),), loads_topic=True)
        return understood(self._transport.read(call), _Stats, _clients)

    # -- changes something

    def unload(self, topic: TopicName) -> None:
        """Its owner closes it."""
        self._refuse_acting(topic, "unload")
        self._transport.trigger(Call("PUT", f"{_of(topic)}/unload", loads_topic=True))

    def trim(self, topic: TopicName) -> None:
        """Its owner runs the trimmer."""
        self._refuse_acting(topic, "trim")
        self._transport.trigger(Call("POST", f"{_of(topic)}/trim", loads_topic=True))

    def _refuse_acting(self, topic: TopicName, what: str) -> None:
        if self._read_only:
            name = f"context {self._context_name!r}" if self._context_name else "this context"
            raise ReadOnlyContext(
                f"{name} is read-only: no {what} of {topic} was asked for", hint="choose another --context"
            )


class _Subscription(msgspec.Struct, frozen=True):
    consumers: _Anything = []


class _Replicator(msgspec.Struct, frozen=True):
    connected: bool = True


class _Stats(msgspec.Struct, frozen=True):
    publishers: _Anything
    subscriptions: dict[str, _Subscription]
    replication: dict[str, _Replicator] = {}


def _clients(stats: _Stats) -> Clients:
    consumers = sum(len(one.consumers) for one in stats.subscriptions.values())
    return Clients(len(stats.publishers), consumers, sum(one.connected for one in stats.replication.values()))


def _moment(text: str) -> datetime:
    # DateFormatter.java writes the broker's own time zone.
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def _of(topic: TopicName) -> str:
    return f"{ADMIN}/persistent/{topic.rest_path}"
