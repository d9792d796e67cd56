"""Tokens as brokers with token authentication take them: JWTs signed with HS256."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Self

ADMIN_ROLE = "admin"
_BROKER_ROLE = "broker"
"""The broker's own role towards itself: it writes that token into its log when it starts."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """The secret that a broker and the one who gives out its tokens share."""

    secret: bytes = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """A key nobody else has."""
        return cls(secrets.token_bytes(32))

    def token(self, role: str, *, expires_in: float | None = None) -> str:
        """A token for a role; without an expiry it holds for ever."""
        claims = {"sub": role} | ({} if expires_in is None else {"exp": int(time.time() + expires_in)})
        signed = ".".join(_encode(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims))
        signature = hmac.new(self.secret, signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{_encode(signature)}"

    def broker_settings(self) -> dict[str, str]:
        """What broker.conf needs so that only tokens of this key count, and `admin` may do everything."""
        return {
            "authenticationEnabled": "true",
            "authorizationEnabled": "true",
            "authenticationProviders": "org.apache.pulsar.broker.authentication.AuthenticationProviderToken",
            "tokenSecretKey": f"data:;base64,{base64.b64encode(self.secret).decode()}",
            "superUserRoles": f"{ADMIN_ROLE},{_BROKER_ROLE}",
            "brokerClientAuthenticationPlugin": "org.apache.pulsar.client.impl.auth.AuthenticationToken",
            "brokerClientAuthenticationParameters": f"token:{self.token(_BROKER_ROLE)}",
        }


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
