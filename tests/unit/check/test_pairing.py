"""The two objects of a ledger found together in a listing, in any order, and what metadata says of them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.check.pairing import ListedPair, Pairing
from offloadctl.format.keys import ObjectKey, ObjectRole, data_key, index_key, split_key
from offloadctl.model.bucket import ObjectSum
from offloadctl.model.verified import Mark, Marks
from offloadctl.ports import ObjectInfo

AT = datetime(2026, 11, 24, tzinfo=UTC)
UUID_1, UUID_2 = UUID("0b44a5cb-c717-401e-84fe-2e572f2782bb"), UUID("fb44a5cb-c717-401e-84fe-2e572f2782bb")
ENTRIES, SIZE = 10, 1000
WHOLE = 128 + 12 * ENTRIES + SIZE
ETAG = "0" * 32 + "-1"


def data(
    uuid: UUID = UUID_1, ledger: int = 7, *, size: int = WHOLE, etag: str = ETAG, how: str = "STANDARD"
) -> ObjectInfo:
    return ObjectInfo(data_key(uuid, ledger), size, etag, AT, how)


def index(uuid: UUID = UUID_1, ledger: int = 7, *, size: int = 200, how: str = "STANDARD") -> ObjectInfo:
    return ObjectInfo(index_key(uuid, ledger), size, "0" * 32, AT + timedelta(seconds=5), how)


def paired(*objects: ObjectInfo) -> Pairing:
    pairing = Pairing()
    pairing.add(objects)
    return pairing


def size_of(pairing: Pairing, uuid: UUID = UUID_1, ledger: int = 7) -> int | None:
    row = pairing.claim(uuid, ledger)
    assert row is not None
    return pairing.sound_size(row, ENTRIES, SIZE)


def test_both_objects_of_the_right_sizes_are_sound() -> None:
    assert size_of(paired(data(), index())) == WHOLE + 200


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param((data(),), id="no index"),
        pytest.param((index(),), id="no data"),
        pytest.param((data(size=WHOLE - 1), index()), id="too short"),
        pytest.param((data(size=WHOLE + 1), index()), id="too long for one part"),
        pytest.param((data(etag="0" * 32 + "-2"), index()), id="too short for two parts"),
        pytest.param((data(), index(size=51)), id="an index without a line"),
        pytest.param((data(how="GLACIER"), index()), id="archived data"),
        pytest.param((data(), index(how="DEEP_ARCHIVE")), id="archived index"),
    ],
)
def test_anything_else_is_suspicious(objects: tuple[ObjectInfo, ...]) -> None:
    assert size_of(paired(*objects)) is None


@pytest.mark.parametrize("etag", ["0" * 32 + "-2", "0" * 32, "", "0" * 32 + "-x", "0" * 32 + "-123456"])
def test_several_blocks_or_an_unknown_number_of_them_leave_room_for_padding(etag: str) -> None:
    assert size_of(paired(data(size=WHOLE + 5000, etag=etag), index())) == WHOLE + 5200


MARKS = Marks(Mark(ETAG, WHOLE), Mark("0" * 32, 200))
LATER = AT + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("objects", "since", "is_unchanged"),
    [
        pytest.param((index(), data()), LATER, True, id="the same"),
        pytest.param((data(), index()), AT + timedelta(seconds=4), False, id="an index written since"),
        pytest.param((data(),), LATER, False, id="no index"),
        pytest.param((index(),), LATER, False, id="no data"),
        pytest.param((), LATER, False, id="neither"),
        pytest.param((data(size=WHOLE - 1), index()), LATER, False, id="another size"),
        pytest.param((data(etag="1" * 32 + "-1"), index()), LATER, False, id="another ETag"),
        pytest.param((data(), index(how="GLACIER")), LATER, False, id="archived"),
    ],
)
def test_what_is_unchanged_is_known_by_both_etags_sizes_and_times(
    objects: tuple[ObjectInfo, ...], since: datetime, is_unchanged: bool
) -> None:
    pairing = Pairing(keeps_etags=True)
    # Others before and behind, so that it matters where a ledger's place is.
    pairing.add([data(UUID_2), index(UUID_2), *objects, data(ledger=8, etag="2" * 32)])

    assert pairing.is_unchanged(UUID_1, 7, MARKS, since) is is_unchanged
    assert not pairing.is_unchanged(UUID_1, 8, MARKS, since)


def test_without_etags_nothing_is_known_to_be_unchanged() -> None:
    assert not paired(data(), index()).is_unchanged(UUID_1, 7, MARKS, LATER)


def test_what_metadata_names_is_claimed_and_the_rest_is_not() -> None:
    pairing = paired(data(), index(), data(UUID_2), index(UUID_1, 8))

    assert pairing.claim(UUID_1, 7) is not None
    assert pairing.claim(UUID_1, 9) is None
    assert list(pairing.unclaimed()) == [
        ListedPair(UUID_2, 7, WHOLE, None, AT),
        ListedPair(UUID_1, 8, None, 200, AT + timedelta(seconds=5)),
    ]
    assert [(pair.objects, pair.size) for pair in pairing.unclaimed()] == [(1, WHOLE), (1, 200)]


def test_a_key_that_comes_twice_is_one_object() -> None:
    pairing = paired(data(), data(), index(), index())

    assert len(pairing) == 1
    assert pairing.classes == {"STANDARD": ObjectSum(2, WHOLE + 200)}


def test_other_keys_are_counted_as_unknown_and_bytes_by_storage_class() -> None:
    pairing = paired(data(how="STANDARD_IA"), index(), ObjectInfo("readme.txt", 11))

    assert pairing.unknown == ObjectSum(1, 11)
    assert pairing.classes == {"STANDARD": ObjectSum(1, 200), "STANDARD_IA": ObjectSum(1, WHOLE)}


@given(
    st.lists(
        st.tuples(st.sampled_from([UUID_1, UUID_2]), st.sampled_from([1, 7, 70, 2**63 - 1]), st.booleans()),
        unique=True,
    ).flatmap(lambda objects: st.tuples(st.just(objects), st.permutations(objects)))
)
def test_the_order_of_a_listing_changes_nothing(both: tuple[list[tuple[UUID, int, bool]], ...]) -> None:
    def of(objects: list[tuple[UUID, int, bool]]) -> set[ListedPair]:
        made = (index(uuid, ledger) if is_index else data(uuid, ledger) for uuid, ledger, is_index in objects)
        return set(paired(*made).unclaimed())

    one, other = map(of, both)

    assert one == other
    assert {(pair.uuid, pair.ledger_id) for pair in one} == {(uuid, ledger) for uuid, ledger, _ in both[0]}


@given(st.uuids(), st.integers(0, 2**63 - 1), st.sampled_from(ObjectRole), st.sampled_from(["", "x", "-index", "0"]))
def test_a_key_is_split_as_it_is_parsed(uuid: UUID, ledger: int, role: ObjectRole, tail: str) -> None:
    text = f"{ObjectKey(uuid, ledger, role)}{tail}"

    parsed, parts = ObjectKey.parse(text), split_key(text)

    expected = None if parsed is None else (parsed.uuid.int, parsed.ledger_id, parsed.role is ObjectRole.INDEX)
    assert parts == expected
