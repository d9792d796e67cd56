"""Building the ports: what is loaded and when, what is refused before anything is done."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from offloadctl.adapters.memory import ManualClock
from offloadctl.adapters.pulsar_rest import PulsarRest
from offloadctl.adapters.s3 import S3Store
from offloadctl.adapters.system import SystemClock
from offloadctl.config.given import Origin, by_context, by_flag, by_variable
from offloadctl.errors import (
    ClusterMismatch,
    NotAuthenticated,
    OffloadctlError,
    ProtectedContext,
    ReadOnlyContext,
    Refused,
    SettingsError,
)
from offloadctl.exitcodes import ExitCode
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.model.settings import BrokerSettings, BucketSettings, Context, TlsSettings
from offloadctl.wiring import check_cluster, guard_mutation, open_ports
from tests.fake_broker import FakeBroker
from tests.sockets import answering, http

TOPIC = TopicName.parse("acme/shop/orders")


def context(**more: object) -> Context:
    return Context("prod", **more)  # type: ignore[arg-type]


def refused(of: Callable[[], object]) -> OffloadctlError:
    with pytest.raises(OffloadctlError) as caught:
        of()
    return caught.value


# -- open_ports


def test_a_context_becomes_a_broker_its_buckets_in_order_and_a_real_clock() -> None:
    buckets = (BucketSettings("new", endpoint="http://s3:9000"), BucketSettings("old", endpoint="http://s3:9000"))

    with open_ports(context(buckets=buckets)) as ports:
        assert isinstance(ports.admin, PulsarRest)
        assert [store.bucket for store in ports.stores] == ["new", "old"]
        assert all(isinstance(store, S3Store) for store in ports.stores)
        assert isinstance(ports.clock, SystemClock)


def test_a_clock_that_is_given_is_used_by_all() -> None:
    clock = ManualClock()
    settings = BrokerSettings(admin_urls=("http://broker.invalid:8080", "http://127.0.0.1:1"))

    with open_ports(context(broker=settings), clock=clock) as ports:
        assert ports.clock is clock
        refused(ports.admin.clusters)

    # The pauses between attempts were taken on it.
    assert clock.monotonic() > 0


def test_nothing_is_sent_before_an_operation_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    with answering(http(b"", "404 Not Found")) as everything:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", everything.url)
        settings = BrokerSettings(admin_urls=(everything.url,))

        with open_ports(context(broker=settings, buckets=(BucketSettings("new", endpoint=everything.url),))):
            pass

    assert everything.connections == 0


@pytest.mark.parametrize(
    "unusable",
    [
        context(broker=BrokerSettings(admin_urls=("broker",))),
        context(broker=BrokerSettings(tls=TlsSettings(ca_file=Path("/no/ca.pem")))),
        context(buckets=(BucketSettings("new", profile="nobody"),)),
        context(buckets=(BucketSettings("new", endpoint="minio:9000"),)),
    ],
    ids=["admin URL", "TLS file", "profile", "endpoint"],
)
def test_settings_that_cannot_be_used_are_found_before_anything_is_asked(unusable: Context) -> None:
    def use() -> None:
        with open_ports(unusable):
            pytest.fail("it was opened")

    assert isinstance(refused(use), SettingsError)


def test_connections_are_given_back_at_the_end_even_after_a_failure() -> None:
    with answering(http(b'["eu"]')) as broker:
        settings = BrokerSettings(admin_urls=(broker.url,))

        def fail() -> None:
            with open_ports(context(broker=settings)) as ports:
                ports.admin.clusters()
                raise NotAuthenticated("no")

        refused(fail)

        assert broker.connections == 1
        assert broker.all_hung_up()


def test_the_context_is_named_when_its_adapter_refuses() -> None:
    with open_ports(context(broker=BrokerSettings(read_only=True))) as ports:
        found = refused(lambda: ports.admin.trigger_offload(TOPIC, Position(1, 0)))

    assert "'prod'" in found.message


@pytest.mark.parametrize(
    ("build", "loaded", "unloaded"),
    [
        ("import offloadctl.wiring", set(), {"requests", "boto3", "botocore", "msgspec", "urllib3"}),
        ("with open_ports(Context('c')): pass", {"requests"}, {"boto3", "botocore"}),
        (
            "with open_ports(Context('c', buckets=(BucketSettings('b', endpoint='http://s3:9000'),))): pass",
            {"requests", "boto3"},
            set(),
        ),
    ],
    ids=["nothing", "no bucket", "a bucket"],
)
def test_only_what_is_needed_is_loaded(build: str, loaded: set[str], unloaded: set[str]) -> None:
    code = f"""
import sys
from offloadctl.model.settings import BucketSettings, Context
from offloadctl.wiring import open_ports
{build}
print(*sys.modules)
"""

    modules = set(
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    )

    assert loaded <= modules
    assert not unloaded & modules


# -- check_cluster


@dataclass
class Clusters(FakeBroker):
    """A broker that belongs to one of the clusters that it knows, and perhaps does not say to which."""

    own: str | None = None
    known: tuple[str, ...] = ("eu", "us")
    asked: int = 0

    def own_cluster(self) -> str | None:
        self.asked += 1
        return self.own

    def clusters(self) -> tuple[str, ...]:
        self.asked += 1
        return self.known


def test_without_a_name_nothing_is_asked() -> None:
    admin = Clusters()

    check_cluster(admin, context())

    assert admin.asked == 0


@pytest.mark.parametrize(
    ("admin", "proven"), [(Clusters(own="eu"), True), (Clusters(own=None), False)], ids=["its own", "one that it knows"]
)
def test_the_cluster_of_the_context_is_accepted_and_whether_that_is_proven_is_told(
    admin: Clusters, *, proven: bool
) -> None:
    assert check_cluster(admin, context(cluster="eu")) is proven


def test_a_broker_of_a_sister_cluster_is_refused_although_it_knows_the_one_that_is_meant() -> None:
    broker = BrokerSettings(admin_urls=("http://us-broker:8080",))

    found = refused(lambda: check_cluster(Clusters(own="us"), context(cluster="eu", broker=broker)))

    assert isinstance(found, ClusterMismatch)
    assert found.exit_code is ExitCode.REFUSED
    assert found.message == "context prod is for cluster 'eu', but the broker at http://us-broker:8080 belongs to 'us'"
    assert "offloadctl context show" in found.hint


@pytest.mark.parametrize(("known", "told"), [(("us", "asia"), "knows only asia, us"), ((), "knows only none")])
def test_a_broker_that_does_not_know_the_cluster_is_refused(known: tuple[str, ...], told: str) -> None:
    found = refused(lambda: check_cluster(Clusters(own=None, known=known), context(cluster="eu")))

    assert isinstance(found, ClusterMismatch)
    assert found.message.endswith(told)


def test_a_broker_that_cannot_be_asked_is_not_taken_for_the_right_one() -> None:
    class Silent(Clusters):
        def own_cluster(self) -> str | None:
            raise NotAuthenticated("who are you?")

    assert isinstance(refused(lambda: check_cluster(Silent(), context(cluster="eu"))), NotAuthenticated)


# -- guard_mutation


@pytest.mark.parametrize("explicit", [True, False])
def test_an_ordinary_context_may_be_changed(*, explicit: bool) -> None:
    guard_mutation(context(), explicit=explicit)


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("protected", [True, False])
def test_a_read_only_context_is_never_changed(*, explicit: bool, protected: bool) -> None:
    read_only = context(broker=BrokerSettings(read_only=True), protected=protected)

    found = refused(lambda: guard_mutation(read_only, explicit=explicit))

    assert isinstance(found, ReadOnlyContext)
    assert isinstance(found, Refused)
    assert found.exit_code is ExitCode.REFUSED
    assert "context prod is read-only" in found.message
    assert "offloadctl context show" in found.hint


@pytest.mark.parametrize(
    ("origin", "told", "hint"),
    [
        (by_flag("--read-only"), "is read-only by --read-only,", "leave --read-only out"),
        (by_variable("OFFLOADCTL_READ_ONLY"), "by the variable OFFLOADCTL_READ_ONLY,", "unset OFFLOADCTL_READ_ONLY"),
        (by_context("prod"), "is read-only by the context file,", "offloadctl context set prod read_only=false"),
    ],
)
def test_the_refusal_says_who_made_it_read_only(origin: Origin, told: str, hint: str) -> None:
    read_only = context(broker=BrokerSettings(read_only=True))

    found = refused(lambda: guard_mutation(read_only, explicit=True, read_only_from=origin))

    assert told in found.message
    assert hint in found.hint


def test_a_protected_context_is_changed_only_when_it_is_named() -> None:
    guard_mutation(context(protected=True), explicit=True)

    found = refused(lambda: guard_mutation(context(protected=True), explicit=False))

    assert isinstance(found, ProtectedContext)
    assert found.exit_code is ExitCode.REFUSED
    assert "context prod is protected" in found.message
    assert "--context prod" in found.hint


def test_a_protected_context_is_not_changed_while_its_cluster_is_a_guess() -> None:
    guard_mutation(context(cluster="eu"), explicit=True, cluster_proven=False)

    guarded = context(cluster="eu", protected=True)
    found = refused(lambda: guard_mutation(guarded, explicit=True, cluster_proven=False))

    assert isinstance(found, ProtectedContext)
    assert "does not say that it belongs to 'eu'" in found.message
