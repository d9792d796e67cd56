"""Messages by Pulsar's binary protocol, with Pulsar's own client: the optional library pulsar-client.

Its exceptions are the results of pulsar-client-cpp (Result.h); what they mean for us is decided in `_error`.
"""

import os
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from offloadctl.adapters.broker_auth import credentials_for
from offloadctl.adapters.rest_http import Route
from offloadctl.errors import (
    BrokerError,
    BrokerUnreachable,
    MissingExtra,
    NotAuthenticated,
    NotAuthorised,
    NotFound,
    ServerError,
)
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.model.settings import BasicAuth, BrokerSettings
from offloadctl.ports import Clock

_BEARER: Final = "Bearer "
_TRIES: Final = 3
"""So many connections may fail before a lookup does; 30 s by default, as the client has it."""


class PulsarMessages:
    """A `MessageReader` of one cluster; the library is loaded and the broker asked when the first message is."""

    def __init__(self, service_url: str, settings: BrokerSettings, clock: Clock) -> None:
        self._service_url = service_url
        self._settings = settings
        self._clock = clock
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
            reader = self._connected(pulsar).create_reader(
                str(topic),
                pulsar.MessageId(-1, position.ledger_id, position.entry_id, -1),
                start_message_id_inclusive=True,
                # One message is wanted, and the broker shall not read a thousand for it.
                receiver_queue_size=1,
                # Who has no key may still learn that the bytes come.
                crypto_failure_action=pulsar.ConsumerCryptoFailureAction.CONSUME,
            )
        except pulsar.PulsarException as exc:
            raise self._error(pulsar, exc, topic) from exc
        try:
            given = reader.read_next(timeout_millis=max(1, int(timeout * 1000))).message_id()
            return Position(given.ledger_id(), given.entry_id())
        except pulsar.Timeout:
            return None
        except pulsar.PulsarException as exc:
            raise self._error(pulsar, exc, topic) from exc
        finally:
            with suppress(pulsar.PulsarException):
                reader.close()

    def _connected(self, pulsar: Any) -> Any:
        if self._client is None:
            tls = self._settings.tls
            self._client = pulsar.Client(
                self._service_url,
                authentication=self._authentication(pulsar),
                # Standard output is ours, and what the client's log says comes as exceptions too.
                logger=pulsar.FileLogger(pulsar.LoggerLevel.Error, os.devnull),
                operation_timeout_seconds=max(1, round(self._settings.connect_timeout * _TRIES)),
                connection_timeout_ms=int(self._settings.connect_timeout * 1000),
                tls_trust_certs_file_path=str(tls.ca_file) if tls.ca_file is not None else None,
                tls_allow_insecure_connection=not tls.verify,
                tls_validate_hostname=tls.verify_hostname,
            )
        return self._client

    def _authentication(self, pulsar: Any) -> Any:
        auth, tls = self._settings.auth, self._settings.tls
        match auth:
            case BasicAuth(user=user, password=password):
                return pulsar.AuthenticationBasic(user, password.reveal())
            case None if tls.certificate_file is not None:
                return pulsar.AuthenticationTLS(str(tls.certificate_file), str(tls.key_file or tls.certificate_file))
            case None:
                return None
            case _:
                # A token that was fetched by OAuth2 is one token among others for the broker.
                credentials = credentials_for(auth, self._clock, Route.of(self._settings))
                return pulsar.AuthenticationToken(lambda: credentials.headers()["Authorization"].removeprefix(_BEARER))

    def _error(self, pulsar: Any, exc: Exception, topic: TopicName) -> BrokerError:
        """What the client says, in our words."""
        hint = f"is {self._service_url} the broker or the Pulsar proxy? broker_url names it"
        match exc:
            case pulsar.AuthenticationError() | pulsar.ErrorGettingAuthenticationData():
                return NotAuthenticated(f"{self._service_url} does not know who we are: {exc}")
            case pulsar.AuthorizationError():
                return NotAuthorised(f"no right to read messages of {topic}: {exc}", hint="it takes the right consume")
            case pulsar.TopicNotFound():
                return NotFound(f"there is no topic {topic}")
            case (
                pulsar.ConnectError()
                | pulsar.Timeout()
                | pulsar.NotConnected()
                | pulsar.LookupError()
                | pulsar.InvalidUrl()
            ):
                return BrokerUnreachable(f"{self._service_url}: {exc}", hint=hint)
            case _:
                return ServerError(f"{self._service_url}: reading {topic}: {exc}")


def require_library() -> Any:
    """The library, or MissingExtra that names how to get it."""
    try:
        import pulsar  # noqa: PLC0415 - optional, and it loads a large library
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"reading back needs the optional part [readback], and {error.name} is not installed",
            hint="pip install 'offloadctl[readback]'",
        ) from error
    return pulsar
