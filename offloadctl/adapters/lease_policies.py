"""The settings in force for a lease topic, by the admin REST service; nothing is loaded."""

from datetime import timedelta
from typing import Final

import msgspec

from offloadctl.adapters.closing import Closing
from offloadctl.adapters.rest_calls import ADMIN, Call
from offloadctl.adapters.rest_replies import understood
from offloadctl.adapters.rest_transport import Transport
from offloadctl.model.names import TopicName
from offloadctl.model.settings import BrokerSettings
from offloadctl.plan.lease_dangers import LeaseTopicSettings, Quota
from offloadctl.ports import Clock
from offloadctl.units import ByteSize


class LeasePolicies(Closing):
    """Reads them; every method may raise a BrokerError."""

    def __init__(self, settings: BrokerSettings, clock: Clock) -> None:
        self._transport = Transport(settings, clock, None)

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()

    def of(self, topic: TopicName) -> LeaseTopicSettings:
        """What is in force, whoever has set it."""
        ttl = self._number(f"/persistent/{topic.rest_path}/messageTTL", applied=True)
        expiration = self._number(f"/namespaces/{topic.namespace_name}/subscriptionExpirationTime")
        path = f"{ADMIN}/persistent/{topic.rest_path}/backlogQuotaMap"
        reply = self._transport.read(Call("GET", path, params=_APPLIED))
        return LeaseTopicSettings(
            topic,
            timedelta(seconds=ttl) if ttl else None,
            timedelta(minutes=expiration) if expiration else None,
            understood(reply, dict[str, _Quota], _quotas),
        )

    def _number(self, path: str, *, applied: bool = False) -> int:
        """0 if nothing is set: an empty answer, or a number that is not above 0."""
        reply = self._transport.read(Call("GET", f"{ADMIN}{path}", params=_APPLIED if applied else ()))
        return understood(reply, int | None, lambda number: max(0, number or 0))  # type: ignore[arg-type]  # a union


_APPLIED: Final = (("applied", "true"),)


class _Quota(msgspec.Struct, frozen=True):
    policy: str
    limitSize: int = -1  # noqa: N815 - Pulsar's name
    limitTime: int = -1  # noqa: N815


def _quotas(found: dict[str, _Quota]) -> tuple[Quota, ...]:
    """Limits above 0; Pulsar writes 0 and -1 for none."""
    sizes = [Quota(one.policy, bytes=ByteSize(one.limitSize)) for one in found.values() if one.limitSize > 0]
    ages = [Quota(one.policy, age=timedelta(seconds=one.limitTime)) for one in found.values() if one.limitTime > 0]
    return (*sizes, *ages)
