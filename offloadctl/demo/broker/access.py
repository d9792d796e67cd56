"""Who may ask for what: tokens as the simulated brokers know them, and the rights of Pulsar's endpoints.

Pulsar asks who it is first (401 with Jetty's page), then whether they may (401 or 403 with words, depending on the
endpoint: PulsarWebResource.java), and only then whether the thing is there and whose it is.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

from offloadctl.demo.broker.values import Request


class Level(IntEnum):
    """How much a role may do; each level includes the ones below."""

    ANYBODY = 0
    """Whoever is known at all."""
    READER = 1
    """May produce or consume in the namespace, and so look its topics up."""
    TENANT_ADMIN = 2
    SUPER_USER = 3


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token stands for."""

    role: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """The tokens that a cluster accepts; tenants know their admins, and namespaces who may read, themselves."""

    tokens: Mapping[str, Grant]
    super_users: frozenset[str] = frozenset()

    def role_of(self, request: Request, now: datetime) -> str | None:
        """Who is asking; None without a token, and for one that is unknown or has expired."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        grant = self.tokens.get(token.strip()) if scheme == "Bearer" else None
        if grant is None or (grant.expires_at is not None and grant.expires_at <= now):
            return None
        return grant.role

    def level_of(self, role: str, admins: Collection[str], readers: Collection[str]) -> Level:
        """How much the role may do in the tenant and namespace that a request is about."""
        if role in self.super_users:
            return Level.SUPER_USER
        if role in admins:
            return Level.TENANT_ADMIN
        return Level.READER if role in readers else Level.ANYBODY


@dataclass(frozen=True, slots=True)
class Right:
    """What an endpoint asks for, and how it says no; the words may name {role}, {broker}, {tenant} and so on."""

    level: Level
    status: int = 401
    words: str = ""


def broker_operation(operation: str) -> Right:
    """For super-users."""
    return _named(Level.SUPER_USER, "BothSuperuserAndBrokerOperation", operation, " on broker [{broker}]")


def cluster_operation(operation: str) -> Right:
    """For super-users."""
    return _named(Level.SUPER_USER, "BothSuperuserAndClusterOperation", operation, " on cluster [{cluster}]")


def any_tenant_operation(operation: str, level: Level = Level.SUPER_USER) -> Right:
    """About tenants themselves."""
    return _named(level, "BothTenantOperationAndSuperUser", operation, " ")


def tenant_operation(operation: str) -> Right:
    """About a tenant's namespaces."""
    return _named(Level.TENANT_ADMIN, "TenantOperation", operation, " on tenant [{tenant}]")


def namespace_operation(operation: str, level: Level) -> Right:
    """About a namespace's topics and bundles."""
    words = f"Unauthorized to validateNamespaceOperation for operation [{operation}] on namespace [{{namespace}}]"
    return Right(level, 403, words)


def namespace_policy(policy: str, operation: str) -> Right:
    """READ or WRITE a policy of a namespace."""
    where = "namespace [{namespace}]"
    words = f"validateNamespacePolicyOperation for operation [{operation}] on {where} on policy [{policy}]"
    return Right(Level.TENANT_ADMIN, 403, f"Unauthorized to {words}")


def topic_policy(policy: str, operation: str) -> Right:
    """READ or WRITE a policy of a topic."""
    words = f"validateTopicPolicyOperation for operation [{operation}] on topic [{{topic}}] on policy [{policy}]"
    return Right(Level.TENANT_ADMIN, 403, f"Unauthorized to {words}")


def topic_operation(operation: str, level: Level) -> Right:
    """About one topic."""
    words = f"Unauthorized to validateTopicOperation for operation [{operation}] on topic [{{topic}}]"
    return Right(level, 401, words)


ANYBODY: Final = Right(Level.ANYBODY)
SUPER_USER: Final = Right(Level.SUPER_USER, 401, "This operation requires super-user access")
TENANT_ADMIN: Final = Right(Level.TENANT_ADMIN, 401, "Don't have permission to administrate resources on this tenant")


def _named(level: Level, check: str, operation: str, where: str) -> Right:
    who = "originalPrincipal [null] and clientAppId [{role}]"
    return Right(level, 401, f"Unauthorized to validate{check} for {who} about operation [{operation}]{where}")
