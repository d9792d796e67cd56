"""Each promise of `ports.ObjectStore` and `ports.WritableObjectStore`, held against every store there is."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.s3.models import s3_backends
from mypy_boto3_s3 import S3Client

from offloadctl.adapters.memory import MemoryObjectStore
from offloadctl.adapters.s3 import S3Store
from offloadctl.errors import BucketNotFound, StoreError
from offloadctl.model.settings import BucketSettings
from offloadctl.ports import MultipartUpload, UploadPart, WritableObjectStore

CREDENTIALS = ("contract", "contract-secret")
# The smallest part that S3 accepts before the last one.
MIN_PART = 5 * 1024 * 1024
DATA = bytes(range(256)) * 4


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def client(endpoint: str) -> S3Client:
    """The same server by another way, to make buckets and to see what the port does not show."""
    key, secret = CREDENTIALS
    return boto3.Session(key, secret, region_name="us-east-1").client("s3", endpoint_url=endpoint)


@pytest.fixture(scope="module")
def s3_store(endpoint: str, client: S3Client) -> S3Store:
    client.create_bucket(Bucket="ledgers")
    return S3Store(BucketSettings("ledgers", endpoint=endpoint), credentials=CREDENTIALS)


@pytest.fixture(params=["memory", "s3"])
def store(request: pytest.FixtureRequest) -> WritableObjectStore:
    """An empty bucket called `ledgers`."""
    if request.param == "memory":
        return MemoryObjectStore("ledgers")
    s3_store: S3Store = request.getfixturevalue("s3_store")
    for info in list(s3_store.list()):
        s3_store.delete(info.key)
    client: S3Client = request.getfixturevalue("client")
    for upload in list(s3_store.uploads()):
        client.abort_multipart_upload(Bucket="ledgers", Key=upload.key, UploadId=upload.upload_id)
    return s3_store


@pytest.fixture
def leave_upload(store: WritableObjectStore, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Begins an upload of a key as a broker does that dies then, and tells its id."""
    if isinstance(store, MemoryObjectStore):
        return lambda key: store.begin_upload(key).upload_id
    client: S3Client = request.getfixturevalue("client")
    return lambda key: client.create_multipart_upload(Bucket="ledgers", Key=key)["UploadId"]


def put(store: WritableObjectStore, key: str, data: bytes = DATA, **metadata: str) -> None:
    store.put(key, data, user_metadata=metadata, content_type="application/octet-stream")


def put_parts(store: WritableObjectStore, key: str, parts: Iterator[bytes]) -> None:
    store.put_multipart(key, parts, user_metadata={"role": "data"}, content_type="application/octet-stream")


# -- who it is


def test_a_store_knows_its_bucket_and_names_it_in_its_location(store: WritableObjectStore) -> None:
    assert store.bucket == "ledgers"
    assert store.location.startswith("s3://ledgers ")


# -- head


def test_head_tells_size_etag_and_time_of_what_was_put(store: WritableObjectStore) -> None:
    put(store, "a")

    info = store.head("a")

    assert info is not None
    assert (info.key, info.size, info.storage_class) == ("a", len(DATA), "STANDARD")
    assert info.etag == hashlib.md5(DATA).hexdigest()
    assert info.last_modified is not None
    assert info.last_modified.tzinfo is UTC
    assert abs(datetime.now(UTC) - info.last_modified) < timedelta(minutes=1)


def test_head_tells_user_metadata_with_lower_case_keys(store: WritableObjectStore) -> None:
    put(store, "a", S3ManagedLedgerOffloadFormatVersion="1", role="data")

    info = store.head("a")

    assert info is not None
    assert dict(info.user_metadata) == {"s3managedledgeroffloadformatversion": "1", "role": "data"}


def test_head_of_a_missing_object_is_none(store: WritableObjectStore) -> None:
    put(store, "a")

    assert store.head("a-index") is None


def test_head_of_an_empty_object_is_not_none(store: WritableObjectStore) -> None:
    put(store, "empty", b"")

    info = store.head("empty")

    assert info is not None
    assert info.size == 0


# -- read


def test_read_gives_the_whole_object_by_default(store: WritableObjectStore) -> None:
    put(store, "a")

    assert store.read("a") == DATA


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, len(DATA) + 3), length=st.none() | st.integers(0, len(DATA) + 3))
def test_read_gives_exactly_the_range_asked_for(store: WritableObjectStore, start: int, length: int | None) -> None:
    put(store, "a")

    assert store.read("a", start=start, length=length) == DATA[start : None if length is None else start + length]


@pytest.mark.parametrize(
    ("start", "length"), [(len(DATA), None), (len(DATA), 10), (len(DATA) + 1000, 1), (0, 0), (len(DATA), 0)]
)
def test_a_range_without_bytes_in_it_gives_none_of_them(
    store: WritableObjectStore, start: int, length: int | None
) -> None:
    put(store, "a")

    assert store.read("a", start=start, length=length) == b""


@pytest.mark.parametrize(("start", "length"), [(0, None), (0, 1), (1, None), (0, 0)])
def test_any_range_of_an_empty_object_is_empty(store: WritableObjectStore, start: int, length: int | None) -> None:
    put(store, "empty", b"")

    assert store.read("empty", start=start, length=length) == b""


@pytest.mark.parametrize(("start", "length"), [(0, None), (0, 10), (5, None), (0, 0)])
def test_read_of_a_missing_object_is_none(store: WritableObjectStore, start: int, length: int | None) -> None:
    assert store.read("nothing", start=start, length=length) is None


def test_read_refuses_a_negative_range(store: WritableObjectStore) -> None:
    put(store, "a")

    with pytest.raises(ValueError, match="negative"):
        store.read("a", start=-1)
    with pytest.raises(ValueError, match="negative"):
        store.read("a", length=-1)


# -- read_chunks


def chunks_of(store: WritableObjectStore, **how: int | None) -> list[bytes]:
    found = store.read_chunks("a", **how)  # type: ignore[arg-type]
    assert found is not None
    return list(found)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(0, len(DATA) + 3),
    length=st.none() | st.integers(0, len(DATA) + 3),
    chunk_size=st.integers(1, len(DATA) + 3),
)
def test_chunks_are_the_bytes_of_read_each_of_the_size_asked_for_and_none_empty(
    store: WritableObjectStore, start: int, length: int | None, chunk_size: int
) -> None:
    put(store, "a")

    chunks = chunks_of(store, start=start, length=length, chunk_size=chunk_size)

    assert b"".join(chunks) == store.read("a", start=start, length=length)
    assert all(len(chunk) == chunk_size for chunk in chunks[:-1])
    assert all(0 < len(chunk) <= chunk_size for chunk in chunks)


def test_chunks_are_of_8_mib_by_default(store: WritableObjectStore) -> None:
    put(store, "a", bytes(9 * 1024 * 1024))

    assert [len(chunk) for chunk in chunks_of(store)] == [8 * 1024 * 1024, 1024 * 1024]


@pytest.mark.parametrize(("start", "length"), [(0, None), (0, 0), (5, 10)])
def test_an_empty_object_has_no_chunks(store: WritableObjectStore, start: int, length: int | None) -> None:
    put(store, "a", b"")

    assert chunks_of(store, start=start, length=length) == []


@pytest.mark.parametrize(("start", "length"), [(0, None), (0, 10), (5, None), (0, 0)])
def test_a_missing_object_is_none_at_once_and_not_an_iterator(
    store: WritableObjectStore, start: int, length: int | None
) -> None:
    assert store.read_chunks("nothing", start=start, length=length) is None


@pytest.mark.parametrize("how", [{"start": -1}, {"length": -1}, {"chunk_size": 0}])
def test_chunks_that_nothing_can_have_are_refused_at_once(store: WritableObjectStore, how: dict[str, int]) -> None:
    put(store, "a")

    with pytest.raises(ValueError, match=r"negative|at least one byte"):
        store.read_chunks("a", **how)


def test_chunks_are_never_of_two_objects(store: WritableObjectStore) -> None:
    put(store, "a", b"1" * 3_000_000)
    chunks = store.read_chunks("a", chunk_size=1_000_000)
    assert chunks is not None
    first = next(chunks)

    put(store, "a", b"2" * 3_000_000)
    try:
        rest = b"".join(chunks)
    except StoreError:
        rest = b""

    assert set(first + rest) == {ord("1")}


# -- list


def test_list_of_an_empty_bucket_is_empty(store: WritableObjectStore) -> None:
    assert list(store.list()) == []


def test_list_is_ascending_by_key_and_tells_what_head_tells_but_for_user_metadata(store: WritableObjectStore) -> None:
    for key in ("b", "a-index", "a"):
        put(store, key, key.encode(), role="data")

    listed = list(store.list())

    assert [info.key for info in listed] == ["a", "a-index", "b"]
    for info in listed:
        head = store.head(info.key)
        assert head is not None
        assert (info.size, info.etag, info.storage_class) == (head.size, head.etag, head.storage_class)
        assert info.user_metadata == {}


def test_list_begins_behind_the_key_that_it_is_given(store: WritableObjectStore) -> None:
    for key in ("1f-ledger-1", "2f-ledger-1", "2f-ledger-1-index", "3f-ledger-1"):
        put(store, key)

    assert [info.key for info in store.list(after="2f-ledger-1")] == ["2f-ledger-1-index", "3f-ledger-1"]
    assert [info.key for info in store.list(after="2")] == ["2f-ledger-1", "2f-ledger-1-index", "3f-ledger-1"]
    assert [info.key for info in store.list("2f", after="2f-ledger-1")] == ["2f-ledger-1-index"]
    assert list(store.list(after="3f-ledger-1")) == []


def test_list_keeps_to_its_prefix(store: WritableObjectStore) -> None:
    for key in ("2f-ledger-1", "2f-ledger-1-index", "2f-ledger-2", "30-ledger-1"):
        put(store, key, b"")

    assert [info.key for info in store.list("2f-ledger-1")] == ["2f-ledger-1", "2f-ledger-1-index"]
    assert list(store.list("zz")) == []


AWKWARD_KEYS = ["a b", "a%20b", "a+b", "a/b/c", "a&b=c", "é", "表", "😀", 'quo"te', "a<b>"]


@pytest.mark.parametrize("key", AWKWARD_KEYS)
def test_a_key_is_taken_and_given_back_as_it_is(store: WritableObjectStore, key: str) -> None:
    put(store, key)

    assert [info.key for info in store.list()] == [key]
    assert store.head(key) is not None
    assert store.read(key, start=1, length=2) == DATA[1:3]


# -- put, delete


def test_put_replaces_what_was_there(store: WritableObjectStore) -> None:
    put(store, "a", b"old", role="old")

    put(store, "a", b"newer")

    info = store.head("a")
    assert info is not None
    assert (info.size, dict(info.user_metadata)) == (5, {})
    assert store.read("a") == b"newer"


def test_delete_removes_one_object_and_minds_no_missing_one(store: WritableObjectStore) -> None:
    put(store, "a")
    put(store, "a-index")

    store.delete("a")
    store.delete("a")

    assert [info.key for info in store.list()] == ["a-index"]


# -- multipart


def test_a_multipart_object_has_the_bytes_of_its_parts_and_an_etag_that_counts_them(store: WritableObjectStore) -> None:
    parts = [b"a" * MIN_PART, b"tail"]

    put_parts(store, "big", iter(parts))

    info = store.head("big")
    digest = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest()
    assert info is not None
    assert (info.size, info.etag, dict(info.user_metadata)) == (MIN_PART + 4, f"{digest}-2", {"role": "data"})
    assert store.read("big", start=MIN_PART - 1) == b"atail"


def test_one_part_makes_a_multipart_object_too(store: WritableObjectStore) -> None:
    put_parts(store, "one", iter([b"only"]))

    info = store.head("one")
    assert info is not None
    assert info.etag.endswith("-1")


def test_a_multipart_object_appears_only_when_all_parts_are_there(store: WritableObjectStore) -> None:
    seen: list[object] = []

    def parts() -> Iterator[bytes]:
        yield b"a" * MIN_PART
        seen.extend([store.head("big"), list(store.list())])
        yield b"tail"

    put_parts(store, "big", parts())

    assert seen == [None, []]
    assert store.head("big") is not None


def test_a_multipart_upload_that_fails_leaves_nothing(store: WritableObjectStore) -> None:
    def parts() -> Iterator[bytes]:
        yield b"a" * MIN_PART
        raise ConnectionResetError("the bookie went away")

    with pytest.raises(ConnectionResetError, match="bookie"):
        put_parts(store, "big", parts())

    assert store.head("big") is None


def test_a_multipart_upload_without_parts_is_refused(store: WritableObjectStore) -> None:
    with pytest.raises(ValueError, match="at least one part"):
        put_parts(store, "big", iter([]))

    assert store.head("big") is None


# -- uploads


def test_an_upload_is_told_from_its_beginning_to_its_end(store: WritableObjectStore) -> None:
    seen: list[MultipartUpload] = []

    def parts() -> Iterator[bytes]:
        yield b"a" * MIN_PART
        seen.extend(store.uploads())
        yield b"tail"

    assert list(store.uploads()) == []
    put_parts(store, "big", parts())

    assert [upload.key for upload in seen] == ["big"]
    assert seen[0].upload_id
    # Of a time, moto tells one and the same for all uploads.
    assert seen[0].initiated is not None
    assert seen[0].initiated.tzinfo is UTC
    assert list(store.uploads()) == []


def test_a_failed_upload_is_not_told_any_more(store: WritableObjectStore) -> None:
    def parts() -> Iterator[bytes]:
        yield b"a" * MIN_PART
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        put_parts(store, "big", parts())

    assert list(store.uploads()) == []


def test_uploads_left_open_are_ascending_by_key_and_keep_to_their_prefix(
    store: WritableObjectStore, leave_upload: Callable[[str], str]
) -> None:
    ids = {key: leave_upload(key) for key in ("b-ledger-2", "a-ledger-1-index", "a-ledger-1")}

    told = [(upload.key, upload.upload_id) for upload in store.uploads()]

    assert told == sorted(ids.items())
    assert [upload.key for upload in store.uploads("a-ledger-1")] == ["a-ledger-1", "a-ledger-1-index"]
    assert list(store.uploads("c")) == []
    assert list(store.list()) == []


def test_each_upload_of_a_key_is_told(store: WritableObjectStore, leave_upload: Callable[[str], str]) -> None:
    ids = {leave_upload("a"), leave_upload("a")}

    assert {upload.upload_id for upload in store.uploads("a")} == ids
    assert len(ids) == 2


def test_the_parts_of_an_open_upload_are_told_as_they_arrive_and_not_once_it_has_ended(
    store: WritableObjectStore,
) -> None:
    seen: list[tuple[UploadPart, ...] | None] = []

    def look(after: int) -> None:
        (upload,) = store.uploads("big")
        seen.append(store.upload_parts(upload, after=after))

    def parts() -> Iterator[bytes]:
        look(0)
        yield b"a" * MIN_PART
        yield b"b" * MIN_PART
        look(0)
        look(1)
        look(2)
        ended.extend(store.uploads("big"))

    ended: list[MultipartUpload] = []
    put_parts(store, "big", parts())

    told = [[(part.number, part.size) for part in look or ()] for look in seen]
    assert told == [[], [(1, MIN_PART), (2, MIN_PART)], [(2, MIN_PART)], []]
    assert seen[1] is not None
    assert seen[1][0].arrived_at is not None
    assert seen[1][0].arrived_at.tzinfo is UTC
    assert store.upload_parts(ended[0]) is None


def test_uploads_of_these_stores_are_listable_by_prefix(store: WritableObjectStore) -> None:
    assert store.uploads_listable


# -- versions


@pytest.fixture(params=["memory", "s3"])
def versioned(request: pytest.FixtureRequest) -> WritableObjectStore:
    """An empty bucket that keeps what is deleted or replaced."""
    if request.param == "memory":
        return MemoryObjectStore("versioned", versioned=True)
    client, endpoint = request.getfixturevalue("client"), request.getfixturevalue("endpoint")
    name = "versioned-" + hashlib.md5(request.node.name.encode()).hexdigest()
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return S3Store(BucketSettings(name, endpoint=endpoint), credentials=CREDENTIALS)


def test_what_is_replaced_or_deleted_is_a_version_of_the_past(versioned: WritableObjectStore) -> None:
    put(versioned, "a", b"old")
    put(versioned, "a", b"newer")
    put(versioned, "a-index", b"index")
    versioned.delete("a")

    found = list(versioned.versions())

    assert versioned.is_versioned
    assert [(one.key, one.size, one.is_latest, one.is_delete_marker) for one in found] == [
        ("a", 0, True, True),
        ("a", 5, False, False),
        ("a", 3, False, False),
        ("a-index", 5, True, False),
    ]
    assert len({one.version_id for one in found}) == 4
    assert all(one.last_modified is not None and one.last_modified.tzinfo is UTC for one in found)
    assert [one.key for one in versioned.versions("a-")] == ["a-index"]
    assert list(versioned.versions("b")) == []
    assert [info.key for info in versioned.list()] == ["a-index"]


def test_without_versioning_each_object_is_its_only_version(store: WritableObjectStore) -> None:
    put(store, "a", b"old")
    put(store, "a", b"newer")
    put(store, "b")
    store.delete("b")

    found = list(store.versions())

    assert not store.is_versioned
    assert [(one.key, one.size, one.is_latest, one.is_delete_marker) for one in found] == [("a", 5, True, False)]


def test_without_its_delete_marker_an_object_is_there_again(versioned: WritableObjectStore, client: S3Client) -> None:
    put(versioned, "a", b"bytes", role="data")
    versioned.delete("a")
    marker = next(versioned.versions("a"))

    if isinstance(versioned, MemoryObjectStore):
        versioned.delete_version("a", marker.version_id)
    else:
        client.delete_object(Bucket=versioned.bucket, Key="a", VersionId=marker.version_id)

    info = versioned.head("a")
    assert info is not None
    assert (info.size, dict(info.user_metadata)) == (5, {"role": "data"})
    assert [(one.is_latest, one.is_delete_marker) for one in versioned.versions("a")] == [(True, False)]


# -- what only a real S3 can show


def test_versions_go_on_behind_the_first_page(endpoint: str, client: S3Client) -> None:
    client.create_bucket(Bucket="many-versions")
    client.put_bucket_versioning(Bucket="many-versions", VersioningConfiguration={"Status": "Enabled"})
    bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for number in range(3 * 367):
        bucket.put_object("many-versions", f"key-{number % 367:03}", b"x" * (number // 367))
    store = S3Store(BucketSettings("many-versions", endpoint=endpoint), credentials=CREDENTIALS)

    found = list(store.versions())

    assert len({(one.key, one.version_id) for one in found}) == len(found) == 3 * 367
    assert [one.key for one in found] == sorted(one.key for one in found)
    assert sum(one.is_latest for one in found) == 367
    assert all(one.size == 2 for one in found if one.is_latest)


def test_list_goes_on_behind_the_first_page(endpoint: str, client: S3Client) -> None:
    client.create_bucket(Bucket="many")
    # Past the HTTP server, which would take seconds for so many requests.
    bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    keys = [f"key-{number:04}" for number in range(2001)]
    for key in keys:
        bucket.put_object("many", key, b"")
    store = S3Store(BucketSettings("many", endpoint=endpoint), credentials=CREDENTIALS)

    assert [info.key for info in store.list("key-")] == keys
    assert [info.key for info in store.list(after=keys[7])] == keys[8:]


def test_a_failed_upload_is_aborted_so_that_nobody_pays_for_its_parts(s3_store: S3Store, client: S3Client) -> None:
    def parts() -> Iterator[bytes]:
        yield b"a" * MIN_PART
        assert "Uploads" in client.list_multipart_uploads(Bucket="ledgers")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put_parts(s3_store, "big", parts())

    assert "Uploads" not in client.list_multipart_uploads(Bucket="ledgers")


@pytest.fixture(scope="module")
def homeless(endpoint: str) -> S3Store:
    return S3Store(BucketSettings("no-such-bucket", endpoint=endpoint), credentials=CREDENTIALS)


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda store: store.head("a"), id="head"),
        pytest.param(lambda store: store.read("a"), id="read"),
        pytest.param(lambda store: store.read("a", length=0), id="read nothing"),
        pytest.param(lambda store: store.read("a", start=5, length=5), id="read a range"),
        pytest.param(lambda store: store.read_chunks("a"), id="read_chunks"),
        pytest.param(lambda store: list(store.list()), id="list"),
        pytest.param(lambda store: list(store.uploads()), id="uploads"),
        pytest.param(lambda store: store.uploads_listable, id="uploads_listable"),
        pytest.param(lambda store: store.is_versioned, id="is_versioned"),
        pytest.param(lambda store: list(store.versions()), id="versions"),
        pytest.param(lambda store: put(store, "a"), id="put"),
        pytest.param(lambda store: put_parts(store, "a", iter([b"part"])), id="put_multipart"),
        pytest.param(lambda store: store.delete("a"), id="delete"),
    ],
)
def test_a_missing_bucket_is_an_error_and_never_a_missing_object(
    homeless: S3Store, use: Callable[[WritableObjectStore], object]
) -> None:
    with pytest.raises(BucketNotFound, match="s3://no-such-bucket"):
        use(homeless)
