"""The admin REST service of one simulated broker: requests and answers are values, and nothing here knows HTTP."""

from collections.abc import Mapping
from typing import Final

from offloadctl.demo.broker import brokers, ledgers, metrics, namespace_policies, namespaces, topic_policies, topics
from offloadctl.demo.broker.access import Access
from offloadctl.demo.broker.routes import Call, Route, RouteTable
from offloadctl.demo.broker.values import Refused, Request, Response, jetty_page, refusal
from offloadctl.demo.cluster_state import SimulatedCluster
from offloadctl.demo.faults import Fault
from offloadctl.errors import UsageError
from offloadctl.model.names import NamespaceName, TopicName

__all__ = ["Access", "Broker", "Request", "Response"]

_ROUTES: Final = RouteTable(
    (
        *brokers.ROUTES,
        *metrics.ROUTES,
        *namespaces.ROUTES,
        *namespace_policies.ROUTES,
        *topics.ROUTES,
        *ledgers.ROUTES,
        *topic_policies.ROUTES,
    )
)
_WORDS: Final = {404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


class Broker:
    """One broker of a cluster. `access` says who may ask; without it everybody may do everything."""

    def __init__(self, cluster: SimulatedCluster, name: str, access: Access | None = None) -> None:
        self.cluster = cluster
        self.name = name
        self._access = access

    def answer(self, request: Request) -> Response:
        """Let the cluster catch up with its clock, then answer."""
        with self.cluster.lock:
            self.cluster.advance()
            try:
                return self._answer(request)
            except Refused as refused:
                return refused.response

    def meets(self, fault: Fault, request: Request) -> bool:
        """Whether this request is to meet that fault."""
        with self.cluster.lock:
            return self.cluster.faults.take(fault, _topic_in(request))

    def _answer(self, request: Request) -> Response:
        if self.cluster.faults.take(Fault.UNAVAILABLE, _topic_in(request)):
            return jetty_page(request, 503, _WORDS[503])
        role = self._role(request)
        found = _ROUTES.find(request.method, request.path.removeprefix("/"))
        if isinstance(found, int):
            return jetty_page(request, found, _WORDS[found])
        route, names = found
        if role is not None and self._access is not None:
            self._require(route, role, names)
        return route.answer(Call(self.cluster, self.name, request, names))

    def _role(self, request: Request) -> str | None:
        """Who is asking; None if nobody has to say so. Metrics are for all."""
        if self._access is None or request.path.startswith("/metrics"):
            return None
        role = self._access.role_of(request, self.cluster.clock.now())
        if role is None:
            raise Refused(jetty_page(request, 401, "Authentication required"))
        return role

    def _require(self, route: Route, role: str, names: Mapping[str, str]) -> None:
        assert self._access is not None  # noqa: S101 - the caller has looked
        tenant, namespace = names.get("tenant", ""), names.get("namespace", "")
        policies = self.cluster.namespaces.get(NamespaceName(tenant, namespace))
        readers = policies.readers if policies is not None else {}
        level = self._access.level_of(role, self.cluster.tenants.get(tenant, ()), readers)
        for right in route.rights:
            if level < right.level:
                raise refusal(right.status, right.words.format_map(self._who_and_where(role, names)))

    def _who_and_where(self, role: str, names: Mapping[str, str]) -> dict[str, str]:
        tenant, namespace, topic = (names.get(name, "") for name in ("tenant", "namespace", "topic"))
        return {
            "role": role,
            "broker": self.name,
            "cluster": names.get("cluster", ""),
            "tenant": tenant,
            "namespace": f"{tenant}/{namespace}",
            "topic": f"persistent://{tenant}/{namespace}/{topic}",
        }


def _topic_in(request: Request) -> TopicName | None:
    """The topic that a request is about, for faults that are meant for one topic only."""
    found = _ROUTES.find(request.method, request.path.removeprefix("/"))
    if isinstance(found, int) or "topic" not in found[1]:
        return None
    try:
        return TopicName.parse("persistent://{tenant}/{namespace}/{topic}".format_map(found[1]))
    except UsageError:
        return None
