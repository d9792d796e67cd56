"""All sources laid over each other: one Context, and where each of its values came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from offloadctl.config.auth import auth_from, strongest_auth
from offloadctl.config.client_conf import load_client_conf
from offloadctl.config.contexts import ContextFile, NamedContext, config_path, load_contexts
from offloadctl.config.keys import KEYS, Kind
from offloadctl.config.layers import (
    CONTEXT_VARIABLE,
    ConnectionFlags,
    Given,
    GivenBucket,
    Layer,
    completed,
    layer_from_environment,
    layer_from_flags,
    overridden,
)
from offloadctl.errors import SettingsError
from offloadctl.model.settings import BrokerSettings, Context, RateLimits, TlsSettings

CLIENT_CONF_VARIABLE: Final = "PULSAR_CLIENT_CONF"
DEFAULT_ORIGIN: Final = "default"
NO_CONTEXT: Final = "default"
"""The name of the context when none is named: flags, environment and defaults."""

T = TypeVar("T", str, bool, float, Path, tuple[str, ...])


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings to work with, and what `context show` tells about them."""

    context: Context
    explicit_context: bool
    """Whether the context was named by --context: the environment and `context use` do not count."""
    given: tuple[Given, ...] = ()
    bucket_origins: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def origin(self, path: str) -> str:
        """Where the value of a key came from."""
        return next((given.origin for given in self.given if given.path == path), DEFAULT_ORIGIN)


def resolve(flags: ConnectionFlags, environment: Mapping[str, str]) -> Resolved:
    """The settings from flags, environment, context file, client.conf and defaults, in that order."""
    upper = (layer_from_flags(flags), layer_from_environment(environment))
    file = load_contexts(config_path(environment))
    named = _named_context(file, flags, environment)
    client_conf, remarks = _client_conf_layer(flags, environment, (*upper, *((named.layer,) if named else ())))
    layers = [layer for layer in (*upper, named.layer if named else None, client_conf) if layer is not None]
    name = named.name if named else "client.conf" if client_conf is not None else NO_CONTEXT
    return resolve_layers(
        name,
        layers,
        environment,
        explicit_context=flags.context is not None,
        warnings=(*file.warnings, *remarks),
    )


def resolve_layers(
    name: str,
    layers: Sequence[Layer],
    environment: Mapping[str, str],
    *,
    explicit_context: bool = False,
    warnings: tuple[str, ...] = (),
) -> Resolved:
    """The settings from these sources, the strongest first."""
    given = _merged(layers)
    buckets = _buckets(layers)
    values = _Values({one.path: one for one in given})
    context = Context(
        name=name,
        broker=_broker(values, environment),
        buckets=tuple(bucket.settings for bucket in buckets),
        cluster=values.get("cluster", str),
        protected=values.get("protected", bool) or False,
    )
    return Resolved(
        context=context,
        explicit_context=explicit_context,
        given=given,
        bucket_origins=tuple(bucket.origin for bucket in buckets),
        warnings=warnings,
    )


def require_files(resolved: Resolved) -> None:
    """Every file that the settings name must be there, or the error says who named it."""
    files = {key.path for key in KEYS if key.kind is Kind.FILE}
    named = [(one.path, one.value, one.origin) for one in resolved.given if one.path in files]
    for bucket, origin in zip(resolved.context.buckets, resolved.bucket_origins, strict=True):
        if bucket.ca_file is not None:
            named.append((f"ca_file of bucket {bucket.name}", bucket.ca_file, origin))
    for path, value, origin in named:
        if isinstance(value, Path) and not value.is_file():
            raise SettingsError(f"{path} ({origin}): there is no file {value}")


def _named_context(file: ContextFile, flags: ConnectionFlags, environment: Mapping[str, str]) -> NamedContext | None:
    if flags.context is not None:
        return file.require(flags.context, "option --context")
    if flags.client_conf is not None:
        # Somebody who hands in a client.conf means it, not the context that happens to be current.
        return None
    if variable := environment.get(CONTEXT_VARIABLE):
        return file.require(variable, CONTEXT_VARIABLE)
    return file.require(file.current, str(file.path)) if file.current is not None else None


def _client_conf_layer(
    flags: ConnectionFlags, environment: Mapping[str, str], upper: tuple[Layer, ...]
) -> tuple[Layer | None, tuple[str, ...]]:
    if flags.client_conf is not None:
        imported = load_client_conf(flags.client_conf)
        return imported.layer, imported.remarks
    variable = environment.get(CLIENT_CONF_VARIABLE)
    if not variable:
        return None, ()
    # Its credentials belong to its addresses: a stray variable must not send them to the cluster that a context names.
    if any(layer.get("admin_urls") is not None for layer in upper):
        return None, ()
    imported = load_client_conf(Path(variable))
    return imported.layer, imported.remarks


def _merged(layers: Sequence[Layer]) -> tuple[Given, ...]:
    found: dict[str, Given] = {}
    for layer in layers:
        for one in layer.given:
            if not one.path.startswith("auth."):
                found.setdefault(one.path, one)
    found |= {one.path: one for one in strongest_auth(layers)}
    return tuple(found[key.path] for key in KEYS if key.path in found)


def _buckets(layers: Sequence[Layer]) -> tuple[GivenBucket, ...]:
    found: tuple[GivenBucket, ...] = ()
    for layer in reversed(layers):
        defaults = layer.bucket_defaults
        if layer.buckets:
            found = layer.buckets
            if defaults is not None:
                found = tuple(GivenBucket(completed(one.settings, defaults.settings), one.origin) for one in found)
        elif defaults is not None:
            if len(found) != 1:
                raise SettingsError(
                    f"{defaults.origin}: there are {len(found)} buckets, and this fits only one",
                    hint="name the bucket: --bucket NAME, or OFFLOADCTL_BUCKET",
                )
            only = found[0]
            origin = f"{only.origin} and {defaults.origin}"
            found = (GivenBucket(overridden(only.settings, defaults.settings), origin),)
    _refuse_same_bucket(found)
    return found


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

    def names(self, path: str) -> tuple[str, ...] | None:
        one = self.given.get(path)
        return one.value if one is not None and isinstance(one.value, tuple) else None


def _broker(values: _Values, environment: Mapping[str, str]) -> BrokerSettings:
    known = BrokerSettings()
    return BrokerSettings(
        admin_urls=values.names("admin_urls") or known.admin_urls,
        auth=auth_from(tuple(values.given.values()), environment),
        tls=_tls(values),
        trusted_broker_hosts=values.names("trusted_broker_hosts") or (),
        read_only=values.get("read_only", bool) or False,
        rates=RateLimits(
            light=values.get("rates.light", float) or known.rates.light,
            loading=values.get("rates.loading", float) or known.rates.loading,
        ),
        connect_timeout=values.get("connect_timeout", float) or known.connect_timeout,
        read_timeout=values.get("read_timeout", float) or known.read_timeout,
        proxy=values.get("proxy", str),
    )


def _tls(values: _Values) -> TlsSettings:
    certificate, key = values.get("tls.certificate_file", Path), values.get("tls.key_file", Path)
    if key is not None and certificate is None:
        raise SettingsError(
            f"tls.key_file ({values.given['tls.key_file'].origin}) is given without tls.certificate_file",
            hint="mutual TLS needs both; a certificate file may hold the key as well",
        )
    verify = values.get("tls.verify", bool)
    verify_hostname = values.get("tls.verify_hostname", bool)
    return TlsSettings(
        ca_file=values.get("tls.ca_file", Path),
        certificate_file=certificate,
        key_file=key,
        verify=verify if verify is not None else True,
        verify_hostname=verify_hostname if verify_hostname is not None else True,
    )
