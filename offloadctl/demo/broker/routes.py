"""Endpoints by method and path, and one request as the endpoint sees it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from offloadctl.demo.broker.access import Right
from offloadctl.demo.broker.values import Request, Response, refusal
from offloadctl.demo.cluster_state import SimulatedCluster
from offloadctl.demo.policies import NamespacePolicies
from offloadctl.errors import UsageError
from offloadctl.model.names import NamespaceName, TopicName


@dataclass(frozen=True, slots=True)
class Call:
    """One request to one broker; `names` are the path's variables, decoded."""

    cluster: SimulatedCluster
    broker: str
    request: Request
    names: Mapping[str, str]

    @property
    def namespace(self) -> NamespaceName:
        """The namespace that the path names."""
        try:
            return NamespaceName.parse(f"{self.names['tenant']}/{self.names['namespace']}")
        except UsageError:
            raise refusal(412, "Namespace name is not valid") from None

    @property
    def topic(self) -> TopicName:
        """The topic that the path names."""
        try:
            return TopicName.parse("persistent://{tenant}/{namespace}/{topic}".format_map(self.names))
        except UsageError:
            raise refusal(412, "Topic name is not valid") from None

    @property
    def policies(self) -> NamespacePolicies:
        """What the namespace has; 404 if there is none."""
        policies = self.cluster.namespaces.get(self.namespace)
        if policies is None:
            raise refusal(404, "Namespace does not exist")
        return policies

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A query parameter that says true or false."""
        return self.request.params.get(name, str(default)).lower() == "true"


Answer = Callable[[Call], Response]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint: `{name}` in its path stands for one part of it; all its rights are asked for, in order."""

    method: str
    path: str
    answer: Answer
    rights: tuple[Right, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """The path taken apart."""
        return tuple(self.path.removeprefix("/").split("/"))


class RouteTable:
    """Finds the endpoint of a request; words in a path win over variables, as in JAX-RS."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_length: dict[int, list[tuple[tuple[str, ...], Route]]] = {}
        for route in routes:
            self._by_length.setdefault(len(route.parts), []).append((route.parts, route))
        for same_length in self._by_length.values():
            same_length.sort(key=lambda pair: sum(_is_variable(part) for part in pair[0]))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | int:
        """The endpoint and its variables; 404 if nothing has this path, 405 if it has no such method."""
        given = path.split("/")
        known = False
        for parts, route in self._by_length.get(len(given), ()):
            if all(_is_variable(part) or part == word for part, word in zip(parts, given, strict=True)):
                known = True
                if route.method == method:
                    variables = zip(parts, given, strict=True)
                    return route, {part[1:-1]: unquote_plus(word) for part, word in variables if _is_variable(part)}
        return 405 if known else 404


def _is_variable(part: str) -> bool:
    return part.startswith("{")
