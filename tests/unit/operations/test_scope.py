"""Scopes as brokers list them: which topics, and what of them could not be listed."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.errors import BadValue, NotAuthorised, NotFound, UnsupportedTopic, UsageError
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.scope import Listed, Scope
from offloadctl.operations.scope import Expanded, expand, named_topics
from offloadctl.operations.topics import Target
from offloadctl.operations.workers import StoppableClock
from tests.fake_broker import FakeBroker, VirtualClock

SHOP, LAB = NamespaceName("acme", "shop"), NamespaceName("acme", "lab")
SYSTEM = NamespaceName("pulsar", "system")


def topic(namespace: NamespaceName, local_name: str) -> TopicName:
    return TopicName(namespace.tenant, namespace.local_name, local_name)


@dataclass
class Broker(FakeBroker):
    """Lists what it is given; names in `denied` are refused, and those in `gone` are not there any more."""

    lists: dict[NamespaceName, Listed[TopicName]] = field(
        default_factory=lambda: {
            SHOP: Listed(
                (topic(SHOP, "orders"), topic(SHOP, "clicks-partition-0"), topic(SHOP, "clicks-partition-10"))
            ),
            LAB: Listed((topic(LAB, "x"), topic(LAB, "__change_events-partition-0"))),
            SYSTEM: Listed((topic(SYSTEM, "assign"),)),
        }
    )
    denied: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)

    def tenants(self) -> tuple[str, ...]:
        self._meet("tenants")
        return tuple(sorted({namespace.tenant for namespace in self.lists}))

    def namespaces(self, tenant: str) -> Listed[NamespaceName]:
        self._meet(tenant)
        old = ("pulsar/standalone/host:8080",) if tenant == "pulsar" else ()
        return Listed(tuple(sorted(one for one in self.lists if one.tenant == tenant)), old)

    def topics(self, namespace: NamespaceName) -> Listed[TopicName]:
        self._meet(str(namespace))
        if namespace not in self.lists:
            raise NotFound("no such namespace", status=404)
        return self.lists[namespace]

    def _meet(self, name: str) -> None:
        self.asked.append(name)
        if name in self.denied:
            raise NotAuthorised("not for you", status=401)
        if name in self.gone:
            raise NotFound("no more", status=404)


def expanded(scope: Scope, broker: Broker | None = None) -> Expanded:
    return expand(broker or Broker(), scope, StoppableClock(VirtualClock()))


def test_a_namespace_is_its_topics_with_their_partitions_in_order() -> None:
    found = expanded(Scope.of(namespaces=[SHOP]))

    clicks = topic(SHOP, "clicks")
    assert found.targets == (
        Target(clicks, 2, (clicks.with_partition(0), clicks.with_partition(10))),
        Target(topic(SHOP, "orders"), 0, (topic(SHOP, "orders"),)),
    )
    assert found.read.namespaces == 1


def test_a_tenant_is_its_namespaces_without_system_topics_which_are_counted() -> None:
    found = expanded(Scope.of(tenants=["acme"]))

    assert [str(target.topic.namespace_name) for target in found.targets] == ["acme/lab", "acme/shop", "acme/shop"]
    assert (found.read.system_topics, found.read.system_namespaces) == (1, 0)
    assert not found.read.is_every_topic


def test_everything_leaves_out_the_namespaces_that_brokers_keep_for_themselves() -> None:
    broker = Broker()

    found = expanded(Scope.of(everything=True), broker)

    assert {str(target.topic.namespace_name) for target in found.targets} == {"acme/lab", "acme/shop"}
    assert (found.read.system_topics, found.read.system_namespaces) == (1, 2)
    assert "pulsar/system" not in broker.asked
    assert found.read.is_every_topic


def test_what_does_not_match_is_counted_and_partitions_go_with_their_parent() -> None:
    found = expanded(Scope.of(everything=True, match="^acme/shop/cl"))

    assert [target.topic.local_name for target in found.targets] == ["clicks"]
    assert len(found.targets[0].parts) == 2
    assert found.read.not_matched == 2
    assert not found.read.is_every_topic


@pytest.mark.parametrize(
    ("denied", "scope"),
    [
        pytest.param("tenants", Scope.of(everything=True), id="tenants"),
        pytest.param("acme", Scope.of(everything=True), id="one tenant"),
        pytest.param("acme/lab", Scope.of(everything=True), id="one namespace"),
        pytest.param("acme/lab", Scope.of(namespaces=[SHOP, LAB]), id="a named namespace"),
    ],
)
def test_what_cannot_be_listed_is_told_and_stops_nothing_else(denied: str, scope: Scope) -> None:
    found = expanded(scope, Broker(denied=frozenset({denied})))

    assert [one.reason.code for one in found.read.unread] == ["not-authorised"]
    assert not found.read.is_every_topic
    if denied == "acme/lab":
        assert {target.topic.namespace_name for target in found.targets} == {SHOP}


def test_a_namespace_that_was_named_must_be_there_and_one_that_was_listed_may_be_gone_since() -> None:
    missing = expanded(Scope.of(namespaces=[NamespaceName("acme", "none")]))
    gone = expanded(Scope.of(everything=True), Broker(gone=frozenset({"acme/lab"})))

    assert [one.name for one in missing.read.unread] == ["acme/none"]
    assert gone.read.is_every_topic


@pytest.mark.parametrize(
    ("scope", "hint"),
    [
        (Scope.of(namespaces=[NamespaceName("acme", "shpo")]), "did you mean acme/shop?"),
        (Scope.of(namespaces=[NamespaceName("acmee", "shop")]), "did you mean acme/shop?"),
        (Scope.of(namespaces=[NamespaceName("acme", "warehouse")]), ""),
        (Scope.of(tenants=["acmee"]), "did you mean acme?"),
        (Scope.of(tenants=["globex"]), ""),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest_one_that_is_there(scope: Scope, hint: str) -> None:
    found = expanded(scope, Broker(gone=frozenset({"acmee", "globex"})))

    (unread,) = found.read.unread
    assert (unread.reason.code, unread.hint) == ("not-found", hint)


def test_who_may_not_list_the_tenants_is_still_told_that_a_name_is_not_there() -> None:
    found = expanded(Scope.of(namespaces=[NamespaceName("acme", "shpo")]), Broker(denied=frozenset({"tenants"})))

    (unread,) = found.read.unread
    assert (unread.reason.text, unread.hint) == ("no such namespace", "")


def test_a_name_that_nothing_here_can_ask_for_is_not_covered() -> None:
    broker = Broker()
    broker.lists[LAB] = Listed((), ("persistent://acme/lab/a/b",))

    found = expanded(Scope.of(everything=True), broker)

    assert [(one.name, one.reason.code) for one in found.read.unread] == [
        ("persistent://acme/lab/a/b", "unsupported-topic")
    ]


def test_listing_a_cluster_loads_nothing() -> None:
    cluster = InMemoryCluster()
    name = topic(SHOP, "orders")
    cluster.cluster.tenants["acme"] = ()
    cluster.cluster.create_topic(name)
    cluster.cluster.unload(name)
    before = dict(cluster.cluster.topics_loaded)

    found = expand(cluster.admin(), Scope.of(everything=True), StoppableClock(cluster.clock))

    assert name in [target.topic for target in found.targets]
    assert dict(cluster.cluster.topics_loaded) == before


def test_named_topics_are_taken_as_they_are_but_for_what_does_not_match() -> None:
    orders, clicks = topic(SHOP, "orders"), topic(SHOP, "clicks")

    read, topics = named_topics(Scope.of(topics=[orders, clicks, orders], match="ord"))

    assert topics == (orders,)
    assert read.not_matched == 1


def test_a_system_topic_that_is_named_is_refused() -> None:
    with pytest.raises(UnsupportedTopic):
        named_topics(Scope.of(topics=[topic(LAB, "__change_events")]))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(Scope.of, id="nothing"),
        pytest.param(lambda: Scope.of(everything=True, tenants=["acme"]), id="two kinds"),
        pytest.param(lambda: Scope.of(topics=[topic(SHOP, "a")], namespaces=[SHOP]), id="topics and namespaces"),
    ],
)
def test_a_scope_is_of_one_kind(make: Callable[[], Scope]) -> None:
    with pytest.raises(UsageError):
        make()


@pytest.mark.parametrize("how", [{"everything": True, "match": "("}, {"tenants": ["a/b"]}, {"tenants": [".."]}])
def test_a_scope_that_nobody_could_ask_for_is_refused(how: dict[str, object]) -> None:
    with pytest.raises(BadValue):
        Scope.of(**how)  # type: ignore[arg-type]


def test_a_scope_is_spelt_as_on_the_command_line() -> None:
    assert str(Scope.of(namespaces=[SHOP, LAB], match="x")) == "-n acme/shop -n acme/lab --match x"
    assert str(Scope.of(everything=True)) == "--all"
    assert str(Scope.of(tenants=["acme"])) == "--tenant acme"
