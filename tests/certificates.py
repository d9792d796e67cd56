"""Certificates of an authority of our own, for tests that speak TLS over real sockets."""

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Identity:
    """A certificate and its key, each in a file of its own."""

    certificate: Path
    key: Path


class Authority:
    """An authority that nobody knows; its certificate is in `ca_file`."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test {name}")])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.ca_file = folder / f"{name}.pem"
        self.ca_file.write_bytes(_pem(self._certificate(self._name, self._key.public_key(), ca=True)))

    @cached_property
    def server(self) -> Identity:
        """A server at 127.0.0.1."""
        return self.issue("server", x509.IPAddress(ipaddress.ip_address("127.0.0.1")))

    def issue(self, name: str, *hosts: x509.GeneralName) -> Identity:
        """A certificate for these hosts."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        identity = Identity(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        identity.certificate.write_bytes(_pem(self._certificate(subject, key.public_key(), *hosts)))
        identity.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return identity

    def context(self, identity: Identity | None = None, *, asks_clients: bool = False) -> ssl.SSLContext:
        """How a server with that certificate speaks TLS."""
        identity = identity or self.server
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.certificate, identity.key)
        if asks_clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca_file)
        return context

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *hosts: x509.GeneralName, ca: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder(self._name, subject, key, x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
