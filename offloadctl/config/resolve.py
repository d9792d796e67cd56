"""All sources laid over each other: one Context, and where each of its values came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar, cast

from offloadctl.config.auth import auth_from, strongest_auth
from offloadctl.config.belonging import refuse_strays
from offloadctl.config.client_conf import load_client_conf
from offloadctl.config.contexts import ContextFile, NamedContext, config_path, load_contexts
from offloadctl.config.defaults import DEFAULTS
from offloadctl.config.given import Given, GivenBucket, Layer, OriginKind
from offloadctl.config.keys import KEYS, Kind
from offloadctl.config.layers import (
    CONTEXT_VARIABLE,
    ConnectionFlags,
    layer_from_environment,
    layer_from_flags,
)
from offloadctl.errors import SettingsError, UsageError
from offloadctl.model.names import OWN_TOPIC_PREFIX, TopicName
from offloadctl.model.settings import BrokerSettings, Context, RateLimits, TlsSettings

CLIENT_CONF_VARIABLE: Final = "PULSAR_CLIENT_CONF"
NO_CONTEXT: Final = "default"
"""The name of the context when none is named: flags, environment and defaults."""

T = TypeVar("T", str, bool, float, Path, tuple[str, ...])


@dataclass(frozen=True, slots=True)
class Sources:
    """All that was said, the strongest source first; not yet judged."""

    name: str
    layers: tuple[Layer, ...]
    explicit_context: bool = False
    """Whether the context was named by --context: the environment and `context use` do not count."""
    is_named: bool = False
    """Whether the name is that of a context in the file."""
    warnings: tuple[str, ...] = ()
    unused_client_conf: Path | None = None
    """The file of PULSAR_CLIENT_CONF when it does not count, as a stronger source names the addresses."""


@dataclass(frozen=True, slots=True)
class InForce:
    """For each key the value of the strongest source, and the buckets; in the order of the table of keys."""

    given: tuple[Given, ...]
    buckets: tuple[GivenBucket, ...] = ()

    def get(self, path: str) -> Given | None:
        """The value of one key, if it has one."""
        return next((given for given in self.given if given.path == path), None)


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings to work with, and where they came from."""

    context: Context
    explicit_context: bool
    in_force: InForce
    warnings: tuple[str, ...] = ()
    addresses_from: str | None = None
    """Who named the addresses, where it is not the context whose name the settings have."""


def resolve(flags: ConnectionFlags, environment: Mapping[str, str]) -> Resolved:
    """The settings from flags, environment, context file, client.conf and defaults, in that order."""
    sources = gather(flags, environment)
    in_force = merged(sources.layers)
    refuse_strays(sources.layers, in_force)
    _refuse_loosening(sources.layers, in_force)
    return Resolved(
        context=context_from(sources.name, in_force, environment),
        explicit_context=sources.explicit_context,
        in_force=in_force,
        warnings=sources.warnings,
        addresses_from=_addresses_from(sources, in_force),
    )


def _refuse_loosening(layers: Sequence[Layer], in_force: "InForce") -> None:
    """A guard may be set by any source, and taken away only where it was set: a stray variable is no decision."""
    for path in ("read_only", "protected"):
        winner = in_force.get(path)
        guard = next((one for layer in layers if (one := layer.get(path)) is not None and one.value is True), None)
        if guard is not None and winner is not None and winner.value is False:
            raise SettingsError(
                f"{winner.origin} sets {path} to false, and {guard.origin} to true",
                hint=f"a guard is lifted only where it was set; take {winner.origin} away, or change that",
            )


def gather(flags: ConnectionFlags, environment: Mapping[str, str]) -> Sources:
    """What each source says, the strongest first."""
    upper = [layer_from_flags(flags), layer_from_environment(environment)]
    file = load_contexts(config_path(environment))
    named = _named_context(file, flags, environment)
    if named is not None:
        upper.append(named.layer)
    variable = environment.get(CLIENT_CONF_VARIABLE)
    client_conf = flags.client_conf or (Path(variable) if variable else None)
    unused = None
    # Its credentials belong to its addresses: a stray variable must not send them to the cluster that a context names.
    if flags.client_conf is None and any(layer.get("admin_urls") is not None for layer in upper):
        client_conf, unused = None, client_conf
    imported = load_client_conf(client_conf) if client_conf is not None else None
    return Sources(
        name=named.name if named else "client.conf" if imported else NO_CONTEXT,
        layers=(*upper, *((imported.layer,) if imported else ()), DEFAULTS),
        explicit_context=flags.context is not None,
        is_named=named is not None,
        warnings=(*file.warnings, *(imported.remarks if imported else ())),
        unused_client_conf=unused,
    )


def merged(layers: Sequence[Layer]) -> InForce:
    """For each key the value of the strongest of these sources."""
    found: dict[str, Given] = {}
    for layer in layers:
        for one in layer.given:
            if not one.path.startswith("auth."):
                found.setdefault(one.path, one)
    found |= {one.path: one for one in strongest_auth(layers)}
    return InForce(tuple(found[key.path] for key in KEYS if key.path in found), _buckets(layers))


def context_from(name: str, in_force: InForce, environment: Mapping[str, str]) -> Context:
    """The context that these values make; secrets are read from the files and variables that they name."""
    values = _Values({one.path: one for one in in_force.given})
    return Context(
        name=name,
        broker=_broker(values, environment),
        buckets=tuple(bucket.settings for bucket in in_force.buckets),
        cluster=values.get("cluster", str),
        protected=values.need("protected", bool),
        state=values.get("state", Path) or _default_state(environment),
        prometheus_url=values.get("prometheus_url", str),
        bookie_urls=values.get("bookie_urls", tuple) or (),
        lease_topic=_lease_topic(values),
    )


def _default_state(environment: Mapping[str, str]) -> Path:
    # The specification says to ignore a relative path: https://specifications.freedesktop.org/basedir-spec/latest/
    given = Path(environment.get("XDG_STATE_HOME") or "")
    return (given if given.is_absolute() else Path.home() / ".local" / "state") / "offloadctl"


def require_files(in_force: InForce) -> None:
    """Every file that the settings name must be there, or the error says who named it."""
    for missing in _missing_files(in_force):
        raise SettingsError(missing)


def problems_of(name: str, in_force: InForce, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Why these settings cannot be used as they are: every reason that can be told without asking anybody."""
    missing = _missing_files(in_force)
    try:
        context_from(name, in_force, environment)
    except SettingsError as error:
        # A secret's file that is not there is told of already.
        return missing or (error.message,)
    return missing


def _addresses_from(sources: Sources, in_force: InForce) -> str | None:
    addresses = in_force.get("admin_urls")
    own = OriginKind.CONTEXT if sources.is_named else OriginKind.CLIENT_CONF
    # Without any context there is no name that claims them.
    if addresses is None or addresses.origin.kind is own or (not sources.is_named and sources.name == NO_CONTEXT):
        return None
    return addresses.origin.name


def _missing_files(in_force: InForce) -> tuple[str, ...]:
    files = {key.path for key in KEYS if key.kind is Kind.FILE}
    named = [(one.path, one) for one in in_force.given if one.path in files]
    for bucket in in_force.buckets:
        of_bucket = f"of bucket {bucket.settings.name}"
        named += [(f"{one.path} {of_bucket}", one) for one in bucket.given if one.path == "ca_file"]
    return tuple(
        f"{path} ({one.origin}): there is no file {one.value}"
        for path, one in named
        if isinstance(one.value, Path) and not one.value.is_file()
    )


def _named_context(file: ContextFile, flags: ConnectionFlags, environment: Mapping[str, str]) -> NamedContext | None:
    if flags.context is not None:
        return file.require(flags.context, "option --context")
    if flags.client_conf is not None:
        # Somebody who hands in a client.conf means it, not the context that happens to be current.
        return None
    if variable := environment.get(CONTEXT_VARIABLE):
        return file.require(variable, CONTEXT_VARIABLE)
    return file.require(file.current, f"{file.path}: current") if file.current is not None else None


def _buckets(layers: Sequence[Layer]) -> tuple[GivenBucket, ...]:
    found: tuple[GivenBucket, ...] = ()
    for layer in reversed(layers):
        defaults = layer.bucket_defaults
        if layer.buckets:
            weaker = found
            own = (bucket.over(defaults) if defaults is not None else bucket for bucket in layer.buckets)
            found = tuple(_completed(bucket, weaker) for bucket in own)
        elif defaults is not None:
            if len(found) != 1:
                raise SettingsError(
                    f"{defaults.origin}: there are {len(found) or 'no'} buckets, and this is meant for one",
                    hint="name the bucket: --bucket NAME, or OFFLOADCTL_BUCKET",
                )
            found = (defaults.over(found[0]),)
    _refuse_same_bucket(found)
    return found


def _completed(bucket: GivenBucket, weaker: Sequence[GivenBucket]) -> GivenBucket:
    """`--bucket NAME` chooses one of the context's buckets, unless it names another endpoint."""
    name, endpoint = bucket.settings.name, bucket.settings.endpoint
    same = [one for one in weaker if one.settings.name == name and endpoint in (None, one.settings.endpoint)]
    return bucket.over(same[0]) if len(same) == 1 else bucket


def _refuse_same_bucket(buckets: tuple[GivenBucket, ...]) -> None:
    seen: set[tuple[str, str | None]] = set()
    for bucket in buckets:
        identity = (bucket.settings.name, bucket.settings.endpoint)
        if identity in seen:
            raise SettingsError(f"{bucket.origin}: bucket {bucket.settings.name} is there twice")
        seen.add(identity)


@dataclass(frozen=True, slots=True)
class _Values:
    given: Mapping[str, Given]

    def get(self, path: str, kind: type[T]) -> T | None:
        one = self.given.get(path)
        return one.value if one is not None and isinstance(one.value, kind) else None

    def need(self, path: str, kind: type[T]) -> T:
        """The value of a key that has a default."""
        value = self.given[path].value
        assert isinstance(value, kind), path  # noqa: S101 - each value was checked against its key
        return value

    def names(self, path: str) -> tuple[str, ...]:
        return cast("tuple[str, ...]", self.given[path].value)


def _broker(values: _Values, environment: Mapping[str, str]) -> BrokerSettings:
    return BrokerSettings(
        admin_urls=values.names("admin_urls"),
        auth=auth_from(tuple(values.given.values()), environment),
        tls=_tls(values),
        trusted_broker_hosts=values.names("trusted_broker_hosts"),
        read_only=values.need("read_only", bool),
        rates=RateLimits(light=values.need("rates.light", float), loading=values.need("rates.loading", float)),
        connect_timeout=values.need("connect_timeout", float),
        read_timeout=values.need("read_timeout", float),
        proxy=values.get("proxy", str),
        broker_url=values.get("broker_url", str),
    )


def _lease_topic(values: _Values) -> TopicName | None:
    text = values.get("lease_topic", str)
    if text is None:
        return None
    where = f"lease_topic ({values.given['lease_topic'].origin})"
    try:
        topic = TopicName.parse(text)
    except UsageError as error:
        raise SettingsError(f"{where}: {error.message}", hint=error.hint) from error
    if not topic.local_name.startswith(OWN_TOPIC_PREFIX):
        raise SettingsError(
            f"{where}: {topic} might be anybody's topic: the name of ours begins with {OWN_TOPIC_PREFIX}",
            hint=f"write {topic.namespace_name}/{OWN_TOPIC_PREFIX}_lease: such topics are never offloaded or checked",
        )
    if topic.partition is not None:
        raise SettingsError(f"{where}: {topic} is a partition", hint="give a topic that is not partitioned")
    return topic


def _tls(values: _Values) -> TlsSettings:
    certificate, key = values.get("tls.certificate_file", Path), values.get("tls.key_file", Path)
    if key is not None and certificate is None:
        raise SettingsError(
            f"tls.key_file ({values.given['tls.key_file'].origin}) is given without tls.certificate_file",
            hint="mutual TLS needs both; a certificate file may hold the key as well",
        )
    return TlsSettings(
        ca_file=values.get("tls.ca_file", Path),
        certificate_file=certificate,
        key_file=key,
        verify=values.need("tls.verify", bool),
        verify_hostname=values.need("tls.verify_hostname", bool),
    )
