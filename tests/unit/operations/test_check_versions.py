"""Buckets with versions: what they keep is counted, and what was deleted can be brought back as a finding says."""

import shlex
from collections.abc import Iterator

import pytest

from offloadctl.adapters.memory import ManualClock, MemoryObjectStore
from offloadctl.errors import Interrupted, StoreDenied
from offloadctl.exitcodes import ExitCode
from offloadctl.model.bucket import ObjectSum, OldVersions
from offloadctl.model.check import CheckReport, Level
from offloadctl.model.scope import Scope
from offloadctl.operations.check_versions import count_versions
from offloadctl.operations.restore import how_to_restore
from offloadctl.operations.workers import StoppableClock
from offloadctl.ports import ObjectVersion
from tests.unit.operations.test_check_buckets import EVERYTHING, ORDERS, World, bucket, codes, new_world


@pytest.fixture
def world() -> World:
    """Its bucket keeps versions, from now on."""
    world = new_world("versioned")
    store = world.store
    store._versioned = True
    for key, stored in store._objects.items():
        store._add_version(key, stored)
    return world


def paste(store: MemoryObjectStore, text: str) -> None:
    """What an operator does: run the commands that were given."""
    for command in (command for line in text.splitlines() for command in line.split(" && ") if "aws s3api" in line):
        words = shlex.split(command)
        assert words[:5] == ["aws", "s3api", "delete-object", "--bucket", store.bucket]
        store.delete_version(words[words.index("--key") + 1], words[words.index("--version-id") + 1])


def of_orders(world: World) -> CheckReport:
    return world.check(Scope.of(topics=[ORDERS]), Level.BLOCKS)


def test_old_versions_and_delete_markers_are_counted_with_their_bytes(world: World) -> None:
    data, index = world.keys(ORDERS)
    sizes = {info.key: info.size for info in world.store.list()}
    world.put_again(data, data)
    world.store.delete(index)
    world.store.put("backup/readme", b"not a ledger's", user_metadata={}, content_type="")
    world.store.delete("backup/readme")

    report = world.check(EVERYTHING)

    assert bucket(report).versions == OldVersions(True, ObjectSum(2, sizes[data] + sizes[index]), 1)


def test_a_bucket_without_versions_is_asked_for_none(world: World) -> None:
    world.store._versioned = False

    report = world.check(EVERYTHING)

    assert (bucket(report).versions, report.exit_code) == (OldVersions(), ExitCode.OK)


def test_versions_that_may_not_be_listed_are_not_covered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(prefix: str = "") -> Iterator[ObjectVersion]:
        raise StoreDenied("no right to list versions")

    monkeypatch.setattr(world.store, "versions", refuse)

    report = world.check(EVERYTHING)

    assert (report.exit_code, codes(report)) == (ExitCode.NOT_COVERED, [])
    assert "no right to list versions" in " ".join(report.coverage.reasons)


def test_what_a_delete_marker_hides_is_damage_until_the_command_is_pasted(world: World) -> None:
    data, index = world.keys(ORDERS)
    world.store.delete(data)
    world.store.delete(index)
    world.store.delete(index)

    (finding,) = of_orders(world).findings

    assert finding.code == "data-missing"
    assert data in finding.restore
    assert "is still there" in finding.restore
    paste(world.store, finding.restore)
    assert (codes(of_orders(world)), of_orders(world).exit_code) == ([], ExitCode.OK)


def test_what_is_gone_for_good_is_not_said_to_be_restorable(world: World) -> None:
    data, _ = world.keys(ORDERS)
    world.store.delete(data)
    for version in list(world.store.versions(data)):
        if not version.is_delete_marker and version.key == data:
            world.store.delete_version(data, version.version_id)

    (finding,) = of_orders(world).findings

    assert (finding.code, finding.restore) == ("data-missing", "")


def test_a_store_that_refuses_to_list_versions_leaves_it_open_whether_there_are_any(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(prefix: str = "") -> Iterator[ObjectVersion]:
        raise StoreDenied("it needs s3:ListBucketVersions")

    world.store.delete(world.keys(ORDERS)[0])
    monkeypatch.setattr(world.store, "versions", refuse)

    (finding,) = of_orders(world).findings

    assert (finding.code, "is not known: it needs s3:ListBucketVersions" in finding.restore) == ("data-missing", True)


def test_commands_survive_a_shell_and_name_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryObjectStore("b", versioned=True)
    monkeypatch.setattr(MemoryObjectStore, "endpoint", "http://minio:9000")
    store.put("a b'c", b"1", user_metadata={}, content_type="")
    store.delete("a b'c")

    words = shlex.split(how_to_restore([store], ["a b'c", "nothing"]).partition("back:")[2])

    assert words[words.index("--key") + 1] == "a b'c"
    assert words[-2:] == ["--endpoint-url", "http://minio:9000"]


@pytest.mark.parametrize("others", [0, 40])
def test_large_buckets_are_counted_from_several_places(others: int) -> None:
    store = MemoryObjectStore("large", versioned=True)
    keys = [f"{number:032x}"[::-1] for number in range(600)]
    names = [f"{one[:8]}-{one[8:12]}-{one[12:16]}-{one[16:20]}-{one[20:]}-ledger-7" for one in keys]
    for name in (*names, *names[:500], *(f"~{number}" for number in range(others))):
        store.put(name, b"12345", user_metadata={}, content_type="")
    for name in names[:30]:
        store.delete(name)

    found = count_versions(store, StoppableClock(ManualClock()))

    assert found == OldVersions(True, ObjectSum(530, 5 * 530), 30)


def test_an_interrupted_count_is_none() -> None:
    store, clock = MemoryObjectStore("large", versioned=True), StoppableClock(ManualClock())
    for number in range(1001):
        store.put(f"{number}", b"", user_metadata={}, content_type="")
    clock.stop.set()

    with pytest.raises(Interrupted):
        count_versions(store, clock)
