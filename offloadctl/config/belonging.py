"""Credentials belong to the addresses that they were given with: no stronger source sends them to another host.

A context or a client.conf is for the hosts that it names, and for those that weaker sources give it. Credentials of the
environment are for its own addresses if it names any; alone they are for wherever the person goes. Buckets need no such
rule: S3's requests are signed, and the secret key never leaves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from offloadctl.config.given import Given, Layer, Origin, OriginKind
from offloadctl.errors import SettingsError

if TYPE_CHECKING:
    from offloadctl.config.resolve import InForce


@dataclass(frozen=True, slots=True)
class Stray:
    """Credentials that would go to a host which was never named together with them."""

    credentials: Given
    address: Given
    url: str

    @property
    def error(self) -> SettingsError:
        """What is wrong, and the ways to allow it."""
        key, source = self.credentials.path, self.credentials.origin
        where = "in OFFLOADCTL_* variables, too" if self.address.origin.kind is OriginKind.VARIABLE else _BESIDE_FLAG
        trusted = "" if self.address.path == _ISSUER else ", or its host into trusted_broker_hosts"
        return SettingsError(
            f"{self.address.origin}: {self.url} is none of the addresses that {source} names, and so it does not get "
            f"{source}'s {key}",
            hint=f"give credentials for it {where}; or put the address into {self.address.path} of {source}{trusted}",
        )


def strays(layers: Sequence[Layer], in_force: "InForce") -> tuple[Stray, ...]:
    """Every address in force that credentials of a weaker source would be sent to without being meant for it."""
    return tuple(_strays(layers, in_force))


def refuse_strays(layers: Sequence[Layer], in_force: "InForce") -> None:
    """SettingsError if credentials would go to a host that they were not given for."""
    for one in strays(layers, in_force):
        raise one.error


_ISSUER: Final = "auth.issuer_url"
_BESIDE_FLAG: Final = "on the command line, too (--token-file; --tls-cert-file)"
_OAUTH2_SECRETS: Final = ("auth.client_secret", "auth.client_secret_file", "auth.client_secret_env", "auth.key_file")
_BROKER_SECRETS: Final = (
    "auth.token",
    "auth.token_file",
    "auth.token_env",
    "auth.password",
    "auth.password_file",
    "auth.password_env",
    *_OAUTH2_SECRETS,
    "tls.certificate_file",
)
# Where each secret is sent to, or what was gained with it.
_TARGETS: Final[Mapping[str, tuple[str, ...]]] = {
    "admin_urls": _BROKER_SECRETS,
    "broker_url": _BROKER_SECRETS,
    _ISSUER: _OAUTH2_SECRETS,
}
_BROKER_ADDRESSES: Final = ("admin_urls", "broker_url")
_TLS: Final = ("https", "pulsar+ssl")


def _strays(layers: Sequence[Layer], in_force: "InForce") -> Iterator[Stray]:
    patterns = _texts(in_force.get("trusted_broker_hosts"))
    for target, secrets in _TARGETS.items():
        address = in_force.get(target)
        for credentials in (one for one in in_force.given if one.path in secrets):
            if address is None or not _is_stronger(address.origin, credentials.origin):
                continue
            beside = (target,) if target == _ISSUER else _BROKER_ADDRESSES
            ours = _addresses_of(credentials.origin, beside, layers)
            if ours is None:
                continue
            for url in _texts(address):
                if not _is_named(url, ours) and (target == _ISSUER or not _is_trusted(url, patterns)):
                    yield Stray(credentials, address, url)


def _addresses_of(origin: Origin, paths: Sequence[str], layers: Sequence[Layer]) -> tuple[str, ...] | None:
    """The addresses that a source's credentials are for; None if they are for no certain ones."""
    own = [one for layer in layers for one in layer.given if one.path in paths and one.origin.kind is origin.kind]
    if not own and origin.kind is OriginKind.VARIABLE:
        return None
    behind = (
        next((one for layer in layers if (one := layer.get(path)) and not _is_stronger(one.origin, origin)), None)
        for path in paths
    )
    return tuple(url for one in behind for url in _texts(one)) or None


def _is_stronger(one: Origin, other: Origin) -> bool:
    order = list(OriginKind)
    return order.index(one.kind) < order.index(other.kind)


def _is_named(url: str, ours: Sequence[str]) -> bool:
    """Whether it is a host of ours, on any port; without TLS only if that is how we name it."""
    parts = urlsplit(url)
    same = [one for one in map(urlsplit, ours) if one.hostname == parts.hostname]
    return any(parts.scheme in _TLS or one.scheme not in _TLS for one in same)


def _is_trusted(url: str, patterns: Sequence[str]) -> bool:
    parts = urlsplit(url)
    names = (parts.hostname or "", parts.netloc.lower())
    return any(fnmatchcase(name, pattern.lower()) for pattern in patterns for name in names)


def _texts(one: Given | None) -> tuple[str, ...]:
    match one:
        case Given(value=tuple() as texts):
            return texts
        case Given(value=str() as text):
            return (text,)
        case _:
            return ()
