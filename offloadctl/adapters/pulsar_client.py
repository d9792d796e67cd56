"""Messages by Pulsar's binary protocol, with Pulsar's own client: the optional library pulsar-client."""

from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from offloadctl.adapters import pulsar_connection
from offloadctl.adapters.pulsar_connection import PulsarConnection
from offloadctl.errors import BrokerError
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.model.settings import BrokerSettings
from offloadctl.ports import Clock

_EXTRA, _PURPOSE = "readback", "reading back"


class PulsarMessages:
    """A `MessageReader` of one cluster; the library is loaded and the broker asked when the first message is."""

    def __init__(self, service_url: str, settings: BrokerSettings, clock: Clock) -> None:
        self._connection = PulsarConnection(service_url, settings, clock, _EXTRA, _PURPOSE)
        self._client: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._client is not None:
            with suppress(Exception):
                self._client.close()

    def first_from(self, topic: TopicName, position: Position, *, timeout: float) -> Position | None:
        """See `MessageReader`."""
        pulsar = require_library()
        try:
            reader = self._connected().create_reader(
                str(topic),
                pulsar.MessageId(-1, position.ledger_id, position.entry_id, -1),
                start_message_id_inclusive=True,
                # One message is wanted, and the broker shall not read a thousand for it.
                receiver_queue_size=1,
                # Who has no key may still learn that the bytes come.
                crypto_failure_action=pulsar.ConsumerCryptoFailureAction.CONSUME,
            )
        except pulsar.PulsarException as exc:
            raise self._error(exc, topic) from exc
        try:
            given = reader.read_next(timeout_millis=max(1, int(timeout * 1000))).message_id()
            return Position(given.ledger_id(), given.entry_id())
        except pulsar.Timeout:
            return None
        except pulsar.PulsarException as exc:
            raise self._error(exc, topic) from exc
        finally:
            with suppress(pulsar.PulsarException):
                reader.close()

    def _connected(self) -> Any:
        if self._client is None:
            self._client = self._connection.open()
        return self._client

    def _error(self, exc: Exception, topic: TopicName) -> BrokerError:
        return self._connection.explained(exc, topic, doing="read messages of", right="consume")


def require_library() -> Any:
    """The library, or MissingExtra that names how to get it."""
    return pulsar_connection.require_library(_EXTRA, _PURPOSE)
