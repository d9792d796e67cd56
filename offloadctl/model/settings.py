"""Settings of one context as values: parsed and checked in config, handed to adapters by wiring."""

from dataclasses import dataclass, field
from pathlib import Path

from offloadctl.model.names import TopicName
from offloadctl.redaction import Secret


@dataclass(frozen=True, slots=True)
class TokenAuth:
    """A bearer token, from exactly one of its sources; a file is read anew whenever it changes."""

    text: Secret | None = None
    file: Path | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """User and password."""

    user: str
    password: Secret


@dataclass(frozen=True, slots=True)
class OAuth2Auth:
    """OAuth2 client credentials (RFC 6749, 4.4); tokens are fetched and renewed before they expire."""

    issuer_url: str
    client_id: str
    client_secret: Secret
    audience: str | None = None
    scope: str | None = None


BrokerAuth = TokenAuth | BasicAuth | OAuth2Auth


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How the broker's certificate is checked, and our own if it asks for one."""

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    verify: bool = True
    verify_hostname: bool = True


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Requests a second, for each cluster."""

    light: float = 50.0
    """Calls that load nothing."""
    loading: float = 10.0
    """Calls that may load a topic."""


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """One cluster's admin REST service."""

    admin_urls: tuple[str, ...] = ("http://localhost:8080",)
    auth: BrokerAuth | None = None
    tls: TlsSettings = field(default_factory=TlsSettings)
    trusted_broker_hosts: tuple[str, ...] = ()
    """Patterns (fnmatch) of hosts that may get our credentials after a redirect, beside those of `admin_urls`."""
    read_only: bool = False
    rates: RateLimits = field(default_factory=RateLimits)
    connect_timeout: float = 10.0
    """Seconds."""
    read_timeout: float = 60.0
    """Seconds; pulsar-admin waits 300, which is long for a person."""
    proxy: str | None = None
    broker_url: str | None = None
    """The binary protocol's address, for who reads messages back."""


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """One bucket where ledgers may have gone. Credentials come from AWS's own chain or the named profile."""

    name: str
    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    path_style: bool | None = None
    """None: path style for custom endpoints, as the broker does."""
    ca_file: Path | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """Everything needed to work on one cluster."""

    name: str
    broker: BrokerSettings = field(default_factory=BrokerSettings)
    buckets: tuple[BucketSettings, ...] = ()
    cluster: str | None = None
    """The cluster that the broker must say it belongs to."""
    protected: bool = False
    """Mutations need this context to be named with --context."""
    state: Path | None = None
    """The directory where runs and checks are remembered; None remembers nothing."""
    prometheus_url: str | None = None
    """Whoever answers PromQL, for schedules."""
    bookie_urls: tuple[str, ...] = ()
    lease_topic: TopicName | None = None
    """Where several instances agree on who acts, and write down what is decided; None: a file of `state`."""
    """Where bookies tell their metrics; none: at the usual port of those that the brokers know."""
