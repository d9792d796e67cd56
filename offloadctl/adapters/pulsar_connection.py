"""Pulsar's own client, the optional library pulsar-client: opened by a context's settings, its errors in our words.

Its exceptions are the results of pulsar-client-cpp (Result.h); what they mean for us is decided in `explained`.
"""

import os
from dataclasses import dataclass
from typing import Any, Final

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
from offloadctl.model.names import TopicName
from offloadctl.model.settings import BasicAuth, BrokerSettings
from offloadctl.ports import Clock

_BEARER: Final = "Bearer "
_TRIES: Final = 3
"""So many connections may fail before a lookup does; 30 s by default, as the client has it."""


@dataclass(frozen=True, slots=True)
class PulsarConnection:
    """How one cluster is reached by the binary protocol; nothing is loaded or asked before a client is opened."""

    service_url: str
    settings: BrokerSettings
    clock: Clock
    extra: str
    """The optional part of the installation that brings the library."""
    purpose: str
    """What it is for, as the beginning of a sentence."""

    def library(self) -> Any:
        """The library, or MissingExtra that names how to get it."""
        return require_library(self.extra, self.purpose)

    def open(self, *, operation_timeout: int | None = None) -> Any:
        """A client of its own; whoever opens it closes it. Operations give up after so many seconds."""
        pulsar, tls = self.library(), self.settings.tls
        by_default = max(1, round(self.settings.connect_timeout * _TRIES))
        return pulsar.Client(
            self.service_url,
            authentication=self._authentication(pulsar),
            # Standard output is ours, and what the client's log says comes as exceptions too.
            logger=pulsar.FileLogger(pulsar.LoggerLevel.Error, os.devnull),
            operation_timeout_seconds=operation_timeout or by_default,
            connection_timeout_ms=int(self.settings.connect_timeout * 1000),
            tls_trust_certs_file_path=str(tls.ca_file) if tls.ca_file is not None else None,
            tls_allow_insecure_connection=not tls.verify,
            tls_validate_hostname=tls.verify_hostname,
        )

    def explained(self, exc: Exception, topic: TopicName, *, doing: str, right: str) -> BrokerError:
        """What the client says, in our words."""
        pulsar = self.library()
        # Of credentials that are wrong the library says no more than of a broker that is not there.
        hint = f"is {self.service_url} the broker or the Pulsar proxy (broker_url), and does it know our credentials?"
        match exc:
            case pulsar.AuthenticationError() | pulsar.ErrorGettingAuthenticationData():
                return NotAuthenticated(f"{self.service_url} does not know who we are: {exc}")
            case pulsar.AuthorizationError():
                return NotAuthorised(f"no right to {doing} {topic}: {exc}", hint=f"it takes the right {right}")
            case pulsar.TopicNotFound():
                return NotFound(f"there is no topic {topic}")
            case (
                pulsar.ConnectError()
                | pulsar.Timeout()
                | pulsar.NotConnected()
                | pulsar.LookupError()
                | pulsar.InvalidUrl()
            ):
                return BrokerUnreachable(f"{self.service_url}: {exc}", hint=hint)
            case _:
                return ServerError(f"{self.service_url}: {topic}: {exc}")

    def _authentication(self, pulsar: Any) -> Any:
        auth, tls = self.settings.auth, self.settings.tls
        match auth:
            case BasicAuth(user=user, password=password):
                return pulsar.AuthenticationBasic(user, password.reveal())
            case None if tls.certificate_file is not None:
                return pulsar.AuthenticationTLS(str(tls.certificate_file), str(tls.key_file or tls.certificate_file))
            case None:
                return None
            case _:
                # A token that was fetched by OAuth2 is one token among others for the broker.
                credentials = credentials_for(auth, self.clock, Route.of(self.settings))
                return pulsar.AuthenticationToken(lambda: credentials.headers()["Authorization"].removeprefix(_BEARER))


def require_library(extra: str, purpose: str) -> Any:
    """The library, or MissingExtra that names how to get it."""
    try:
        import pulsar  # noqa: PLC0415 - optional, and it loads a large library
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{purpose} needs the optional part [{extra}], and {error.name} is not installed",
            hint=f"pip install 'offloadctl[{extra}]'",
        ) from error
    return pulsar
