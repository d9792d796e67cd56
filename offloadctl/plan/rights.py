"""What each command may ask of a broker, and which right that takes (PulsarAuthorizationProvider.java:640-708)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from offloadctl.model.doctor import Symptom, Weight


class Right(StrEnum):
    """A right at the admin REST service."""

    ANYBODY = "none"
    LOOKUP = "lookup of the topic (produce, consume or more)"
    TENANT_ADMIN = "admin of the tenant"
    SUPER_USER = "super user"


@dataclass(frozen=True, slots=True)
class Need:
    """What a command needs, what it uses besides, and what it does not tell or do without that."""

    command: str
    needs: Right
    uses: Right | None = None
    without: str = ""


NEEDS: Final = (
    Need("offload topic", Right.TENANT_ADMIN),
    Need("offload status", Right.TENANT_ADMIN, Right.SUPER_USER, "which topics are loaded: --load-topics instead"),
    Need("check TOPIC", Right.LOOKUP, Right.SUPER_USER, "which topics are loaded: --load-topics instead"),
    Need("check -n, --tenant", Right.TENANT_ADMIN, Right.SUPER_USER, "which topics are loaded: --load-topics instead"),
    Need("check --all", Right.SUPER_USER),
    Need("object", Right.LOOKUP),
    Need("broker-conf diff live", Right.TENANT_ADMIN, Right.SUPER_USER, "the brokers' typed settings"),
    Need("offload-policies", Right.TENANT_ADMIN, Right.SUPER_USER, "the brokers' own settings beside policies"),
    Need("retention", Right.TENANT_ADMIN, Right.SUPER_USER, "the brokers' own default"),
    Need("doctor topic", Right.TENANT_ADMIN, Right.SUPER_USER, "the brokers' own settings beside policies"),
    Need("doctor cluster", Right.SUPER_USER),
)


def rights_symptoms(found: Mapping[Right, str | None]) -> Iterator[Symptom]:
    """For each right that was tried: whether it is there, and what cannot be done without; the value is the refusal."""
    for right in (Right.SUPER_USER, Right.TENANT_ADMIN, Right.LOOKUP):
        if right not in found:
            what = f"Whether we have the right ({right.value}) is not known: there was nothing to try it on."
            yield Symptom(_id(right), Weight.UNKNOWN, what)
            continue
        refusal = found[right]
        if refusal is None:
            yield Symptom(_id(right), Weight.FINE, f"We have the right: {right.value}.")
            continue
        lost = ", ".join(one.command for one in NEEDS if one.needs is right)
        less = "; ".join(f"{one.command} does not know {one.without}" for one in NEEDS if one.uses is right)
        means = ". ".join(part for part in (f"Not possible: {lost}" if lost else "", less) if part)
        yield Symptom(_id(right), Weight.WARNING, f"We lack the right: {right.value}.", refusal, f"{means}.")


def _id(right: Right) -> str:
    return f"right-{right.name.lower().replace('_', '-')}"
