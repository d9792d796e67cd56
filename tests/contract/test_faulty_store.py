"""Checks through a store that fails in the ways in which stores fail: no sound verdict, and no finding, comes of it."""

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from offloadctl.adapters.s3 import S3Store
from offloadctl.exitcodes import ExitCode
from offloadctl.model.check import CheckReport, CheckStatus, Level, Verdict
from offloadctl.model.scope import Scope
from offloadctl.model.settings import BucketSettings
from offloadctl.operations import listing
from offloadctl.operations.check import Check
from offloadctl.ports import Ports
from tests.faulty_s3 import Answered, Asked, FaultyS3, before, cut_at, refusal
from tests.unit.operations.test_check_buckets import EVERYTHING, ORDERS, World, bucket, codes, new_world

CREDENTIALS = ("faulty", "faulty-secret")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@dataclass
class Faulty:
    """A cluster whose bucket is behind a proxy."""

    world: World
    proxy: FaultyS3
    direct: S3Store
    store: S3Store

    def check(self, scope: Scope | None = None, level: Level = Level.ENTRIES) -> CheckReport:
        ports = Ports(self.world.memory.admin(), self.world.memory.clock, (self.store,))
        return Check(ports, level, may_load=True).report_scope(scope or Scope.of(topics=[ORDERS]))


@pytest.fixture
def faulty(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faulty]:
    world = new_world("faulty")
    # botocore waits between its tries, up to a second.
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    name = world.memory.bucket
    with before(endpoint) as proxy:
        direct = S3Store(BucketSettings(name, endpoint=endpoint), credentials=CREDENTIALS)
        direct._client().create_bucket(Bucket=name)
        # Each world is like the other: the same uuids, the same bytes.
        there = {info.key for info in direct.list()}
        for info in world.memory.store.list():
            found, body = world.memory.store.head(info.key), world.memory.store.read(info.key)
            assert found is not None
            assert body is not None
            if info.key not in there:
                direct.put_multipart(info.key, iter([body]), user_metadata=found.user_metadata, content_type="")
        yield Faulty(world, proxy, direct, S3Store(BucketSettings(name, endpoint=proxy.url), credentials=CREDENTIALS))


def is_data(asked: Asked) -> bool:
    return asked.method == "GET" and re.search(r"-ledger-\d+$", asked.path) is not None


def test_a_store_that_is_asked_to_slow_down_for_is_asked_again(faulty: Faulty) -> None:
    faulty.proxy.spoil = lambda asked, answered: (
        refusal("SlowDown", 503) if is_data(asked) and asked.count == 1 else answered
    )

    report = faulty.check()

    assert (report.exit_code, report.status) == (ExitCode.OK, CheckStatus.FULL)
    assert sum(is_data(asked) for asked in faulty.proxy.asked) == 2 * 3


def test_a_store_that_never_catches_up_is_not_covered(faulty: Faulty) -> None:
    faulty.proxy.spoil = lambda asked, answered: refusal("SlowDown", 503) if is_data(asked) else answered

    report = faulty.check()

    assert (report.exit_code, codes(report)) == (ExitCode.NOT_COVERED, [])
    assert [one.verdict for one in report.ledgers] == [Verdict.NOT_COVERED] * 3


@pytest.mark.parametrize("reset", [pytest.param(True, id="reset"), pytest.param(False, id="short")])
def test_a_body_that_ends_in_its_midst_is_fetched_to_its_end(faulty: Faulty, *, reset: bool) -> None:
    def spoil(asked: Asked, answered: Answered) -> Answered:
        return cut_at(answered, 1000, reset=reset) if is_data(asked) and asked.count == 1 else answered

    faulty.proxy.spoil = spoil

    report = faulty.check()

    assert (report.exit_code, report.status, codes(report)) == (ExitCode.OK, CheckStatus.FULL, [])
    assert report.coverage.counts is not None
    assert report.coverage.counts.checksums_ok == 30


def test_a_body_that_ends_in_its_midst_each_time_is_no_truncated_object(faulty: Faulty) -> None:
    faulty.proxy.spoil = lambda asked, answered: cut_at(answered, 0) if is_data(asked) else answered

    report = faulty.check()

    assert (report.exit_code, codes(report)) == (ExitCode.NOT_COVERED, [])


def test_a_key_that_may_not_be_used_is_not_covered_and_the_others_are(faulty: Faulty) -> None:
    (key, _) = faulty.world.keys(ORDERS)
    denied = refusal("AccessDenied", 403, "not authorized to perform: kms:Decrypt on this key")
    faulty.proxy.spoil = lambda asked, answered: denied if is_data(asked) and asked.path.endswith(key) else answered

    report = faulty.check()

    verdicts = [one.verdict for one in report.ledgers]
    assert (report.exit_code, codes(report)) == (ExitCode.NOT_COVERED, [])
    assert verdicts == [Verdict.NOT_COVERED, Verdict.SOUND, Verdict.SOUND]


def test_a_token_that_expires_half_way_costs_what_comes_after_it_and_no_more(faulty: Faulty) -> None:
    first, _ = faulty.world.keys(ORDERS)
    expired = refusal("ExpiredToken", 400, "The provided token has expired.")

    def spoil(asked: Asked, answered: Answered) -> Answered:
        return answered if first in asked.path or not is_data(asked) else expired

    faulty.proxy.spoil = spoil

    report = faulty.check()

    verdicts = [one.verdict for one in report.ledgers]
    assert (report.exit_code, codes(report)) == (ExitCode.NOT_COVERED, [])
    assert verdicts == [Verdict.SOUND, Verdict.NOT_COVERED, Verdict.NOT_COVERED]
    assert "expired" in " ".join(report.coverage.reasons)


def test_keys_that_come_twice_across_pages_are_counted_once(faulty: Faulty) -> None:
    faulty.proxy.page_size = 5
    last: list[bytes] = []

    def spoil(asked: Asked, answered: Answered) -> Answered:
        if not asked.is_listing:
            return answered
        items = re.findall(rb"<Contents>.*?</Contents>", answered.body, re.DOTALL)
        body = answered.body.replace(b"<Contents>", b"".join(last) + b"<Contents>", 1) if last else answered.body
        last[:] = items[-1:]
        return replace(answered, body=body)

    faulty.proxy.spoil = spoil

    report = faulty.check(EVERYTHING, Level.LISTING)

    assert (report.exit_code, codes(report)) == (ExitCode.OK, [])
    assert sum(asked.is_listing for asked in faulty.proxy.asked) > 2
    assert bucket(report).ledger_objects.objects == 12


def test_a_listing_slows_down_for_a_store_that_bears_only_two_requests_at_once(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    faulty.proxy.page_size = 2
    at_once, lock, refused = 0, threading.Lock(), 0

    def spoil(asked: Asked, answered: Answered) -> Answered:
        nonlocal at_once, refused
        if not asked.is_listing:
            return answered
        with lock:
            at_once += 1
            too_many = at_once > 2
            refused += too_many
        time.sleep(0.01)
        with lock:
            at_once -= 1
        return refusal("SlowDown", 503, "Please reduce your request rate.") if too_many else answered

    faulty.proxy.spoil = spoil

    report = faulty.check(EVERYTHING, Level.LISTING)

    assert (report.exit_code, report.status, codes(report)) == (ExitCode.OK, CheckStatus.FULL, [])
    assert bucket(report).ledger_objects.objects == 12
    assert refused


def test_a_listing_that_is_refused_for_ever_is_not_covered(faulty: Faulty) -> None:
    faulty.proxy.spoil = lambda asked, answered: refusal("SlowDown", 503) if asked.is_listing else answered

    report = faulty.check(EVERYTHING, Level.LISTING)

    assert (report.exit_code, codes(report)) == (ExitCode.NOT_COVERED, [])
    assert "SlowDown" in " ".join(report.coverage.reasons)


def test_a_page_from_before_an_upload_is_no_missing_object(faulty: Faulty) -> None:
    data, index = faulty.world.keys(ORDERS)

    def spoil(asked: Asked, answered: Answered) -> Answered:
        if not asked.is_listing:
            return answered
        gone = rb"<Contents>\s*<Key>(?:%s|%s)</Key>.*?</Contents>" % (data.encode(), index.encode())
        body, removed = re.subn(gone, b"", answered.body, flags=re.DOTALL)
        assert removed == 2
        return replace(answered, body=body)

    faulty.proxy.spoil = spoil

    report = faulty.check(EVERYTHING, Level.LISTING)

    assert (report.exit_code, report.status, codes(report)) == (ExitCode.OK, CheckStatus.FULL, [])
    assert any(asked.method == "HEAD" and asked.path.endswith(data) for asked in faulty.proxy.asked)


def test_a_page_from_before_a_deletion_is_no_sound_ledger(faulty: Faulty) -> None:
    """A listing alone cannot tell; every level that reads does."""
    data, _ = faulty.world.keys(ORDERS)
    faulty.direct.delete(data)

    report = faulty.check(EVERYTHING, Level.INDEX)

    assert codes(report) == ["data-missing"]


def test_versions_are_asked_for_again_and_what_is_refused_is_not_covered(faulty: Faulty) -> None:
    client, name = faulty.direct._client(), faulty.world.memory.bucket
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    denied = refusal("AccessDenied", 403, "not authorized to perform: s3:ListBucketVersions")
    refused = [refusal("SlowDown", 503)]

    def spoil(asked: Asked, answered: Answered) -> Answered:
        return refused.pop() if "versions" in asked.query and refused else answered

    faulty.proxy.spoil = spoil
    again = faulty.check(EVERYTHING, Level.LISTING)
    refused += [denied]
    without = faulty.check(EVERYTHING, Level.LISTING)

    assert (again.exit_code, bucket(again).versions.is_versioned) == (ExitCode.OK, True)
    assert (without.exit_code, codes(without)) == (ExitCode.NOT_COVERED, [])
    assert "older versions" in " ".join(without.coverage.reasons)
