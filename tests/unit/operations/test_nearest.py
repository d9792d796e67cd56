"""Names that are not there: what there is that looks most like them, for those who may list names."""

from collections.abc import Callable

import pytest

from offloadctl.demo.in_memory import InMemoryCluster
from offloadctl.errors import NotAuthorised, NotFound
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.scope import Listed
from offloadctl.operations.nearest import hinting
from offloadctl.ports import BrokerAdmin
from tests.fake_broker import FakeBroker


@pytest.fixture
def cluster() -> InMemoryCluster:
    made = InMemoryCluster()
    made.cluster.create_topic(TopicName("acme", "shop", "orders"))
    made.cluster.create_topic(TopicName("public", "default", "clicks"))
    return made


def hint_for(admin: BrokerAdmin, name: TopicName | NamespaceName) -> str:
    with pytest.raises(NotFound) as caught, hinting(admin, name):
        raise NotFound("it is not there")
    return caught.value.hint


@pytest.mark.parametrize(
    ("name", "parse", "hint"),
    [
        ("acme/shop/order", TopicName.parse, "did you mean acme/shop/orders?"),
        ("acme/shop/orders-partition-1", TopicName.parse, ""),
        ("acme/shpo/orders", TopicName.parse, "did you mean acme/shop/orders?"),
        ("acme/shpo/odrers", TopicName.parse, "did you mean acme/shop/orders?"),
        ("acne/shop/orders", TopicName.parse, "did you mean acme/shop/orders?"),
        ("acme/shop/else", TopicName.parse, ""),
        ("nothing/like/it", TopicName.parse, ""),
        ("acme/shpo", NamespaceName.parse, "did you mean acme/shop?"),
        ("nothing/like", NamespaceName.parse, ""),
    ],
)
def test_the_nearest_name_is_told(
    cluster: InMemoryCluster, name: str, parse: Callable[[str], TopicName | NamespaceName], hint: str
) -> None:
    assert hint_for(cluster.admin(), parse(name)) == hint


def test_of_a_bare_name_it_is_told_where_it_was_looked_for(cluster: InMemoryCluster) -> None:
    hint = hint_for(cluster.admin(), TopicName.parse("click"))

    assert hint.startswith("did you mean public/default/clicks? a name alone means public/default")


def test_who_may_list_nothing_is_told_no_less() -> None:
    class Closed(FakeBroker):
        def topics(self, namespace: NamespaceName) -> Listed[TopicName]:
            raise NotAuthorised("no")

    assert hint_for(Closed(), TopicName.parse("acme/shop/order")) == ""
    assert "a name alone means" in hint_for(Closed(), TopicName.parse("click"))


def test_an_error_that_has_a_hint_keeps_it(cluster: InMemoryCluster) -> None:
    with pytest.raises(NotFound) as caught, hinting(cluster.admin(), TopicName.parse("acme/shop/order")):
        raise NotFound("it is not there", hint="look elsewhere")

    assert caught.value.hint == "look elsewhere"
