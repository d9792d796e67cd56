"""S3Store on the wire: what it sends, and what it makes of answers that a well-behaved store never gives."""

import random
import re
import socket
import ssl
import struct
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offloadctl.adapters import traffic
from offloadctl.adapters.s3 import S3Store
from offloadctl.adapters.traffic import StoreTraffic
from offloadctl.errors import (
    BucketNotFound,
    ObjectArchived,
    OffloadctlError,
    SettingsError,
    StoreBusy,
    StoreDenied,
    StoreError,
    StoreFailed,
    StoreUnreachable,
)
from offloadctl.model.settings import BucketSettings
from offloadctl.ports import MultipartUpload, UploadPart
from tests.certificates import Authority
from tests.sockets import Listener, answering, closed_port, http

KEYS = ("AKIDGIVEN", "secret-of-given")


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]

    @property
    def access_key(self) -> str:
        """The access key that the request is signed with."""
        return self.headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    announced: int | None = None
    """A Content-Length that is not the body's."""


def error(status: int, code: str, message: str = "", **more: str) -> Answer:
    """S3's error document."""
    fields = "".join(f"<{name}>{text}</{name}>" for name, text in {"Code": code, "Message": message, **more}.items())
    return Answer(status, f"<Error>{fields}</Error>".encode(), {"Content-Type": "application/xml"})


@dataclass
class FakeWire:
    """An HTTP server that records what it is asked and answers what `script` says; its last answer goes on for ever."""

    endpoint: str = ""
    asked: list[Asked] = field(default_factory=list, repr=False)
    script: list[Answer | Callable[[Asked], Answer]] = field(default_factory=list)

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        following = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return following if isinstance(following, Answer) else following(asked)


def serve(wire: FakeWire, context: ssl.SSLContext | None = None) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        # Or an `Expect: 100-continue` would be waited for.
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.command, self.path, {name.lower(): text for name, text in self.headers.items()})
            answer = wire.answer(asked)
            body = b"" if self.command == "HEAD" else answer.body
            self.send_response(answer.status)
            length = len(body) if answer.announced is None else answer.announced
            for name, text in {"Content-Length": str(length), "Connection": "close", **answer.headers}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Quiet, too: clients that hang up are what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    wire.endpoint = f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
    return server


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWire]:
    # boto3's own retries are boto3's business; waiting for them is not what these tests are about.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    wire = FakeWire()
    server = serve(wire)
    yield wire
    server.shutdown()
    server.server_close()


def store_on(wire: FakeWire, **more: object) -> S3Store:
    return S3Store(BucketSettings("ledgers", endpoint=wire.endpoint, **more), credentials=KEYS)  # type: ignore[arg-type]


def page(text: str, **headers: str) -> Answer:
    """A document of S3's."""
    return Answer(200, text.encode(), {"Content-Type": "application/xml", **headers})


@st.composite
def s3_documents(draw: st.DrawFn) -> bytes:
    """XML that looks like an answer of S3's, with any of its elements anywhere."""
    names = st.sampled_from(
        ["Error", "Code", "Message", "Contents", "Key", "Size", "LastModified", "Upload", "UploadId", "Initiated"]
    ) | st.sampled_from(["IsTruncated", "NextContinuationToken", "NextKeyMarker", "CommonPrefixes"])
    words = st.sampled_from(
        [
            "",
            "a",
            "1",
            "-1",
            "true",
            "NoSuchKey",
            "2026-11-24T02:12:18Z",
            "0001-01-01T00:00:00+14:00",
            "%zz",
            "1e400",
            "tomorrow",
        ]
    )
    tree = st.recursive(words, lambda inner: st.lists(st.tuples(names, inner), max_size=4))
    root = draw(st.sampled_from(["ListBucketResult", "ListMultipartUploadsResult", "Error", "Nonsense"]))

    def written(node: object) -> str:
        return node if isinstance(node, str) else "".join(f"<{name}>{written(inner)}</{name}>" for name, inner in node)  # type: ignore[attr-defined]

    return f"<{root}>{written(draw(tree))}</{root}>".encode()


def refusal(of: Callable[[], object]) -> OffloadctlError:
    with pytest.raises(OffloadctlError) as caught:
        of()
    return caught.value


# -- what is sent


def test_each_attempt_counts_with_its_answer_and_each_byte_of_an_object_once(
    wire: FakeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    counted = StoreTraffic()
    monkeypatch.setattr(traffic, "S3", counted)
    wire.script = [error(503, "SlowDown"), Answer(200, b"d" * 1000), error(404, "NoSuchKey")]
    store = store_on(wire)

    store.read("a")
    store.read("b")
    store.close()

    told = counted.told()
    assert told.requests == {("GetObject", "5xx"): 1, ("GetObject", "2xx"): 1, ("GetObject", "4xx"): 1}
    assert (told.throttled, told.bytes_read) == (1, 1000)


def test_a_store_that_does_not_answer_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    counted = StoreTraffic()
    monkeypatch.setattr(traffic, "S3", counted)

    with closed_port() as address, pytest.raises(StoreUnreachable):
        S3Store(BucketSettings("ledgers", endpoint=f"http://{address}"), credentials=KEYS).read("a")

    assert counted.told().requests == {("GetObject", "none"): 1}


def test_a_custom_endpoint_gets_path_style_requests_that_name_this_tool(wire: FakeWire) -> None:
    wire.script = [Answer(200, b"data")]

    store_on(wire).read("a/b")

    assert wire.asked[0].path == "/ledgers/a/b"
    assert "offloadctl/" in wire.asked[0].headers["user-agent"]
    assert "/us-east-1/s3/" in wire.asked[0].headers["authorization"]


def test_a_custom_endpoint_gets_none_of_the_checksums_that_older_stores_reject(wire: FakeWire) -> None:
    wire.script = [Answer(200)]

    store_on(wire).put("a", b"data", user_metadata={}, content_type="text/plain")

    sent = wire.asked[0].headers
    assert not [name for name in sent if "checksum" in name or name in ("x-amz-trailer", "content-encoding")]


def test_without_path_style_the_bucket_is_in_the_host_name_and_a_proxy_is_used(
    wire: FakeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", wire.endpoint)
    wire.script = [Answer(200, b"data")]
    store = S3Store(BucketSettings("ledgers", endpoint="http://s3.invalid", path_style=False), credentials=KEYS)

    assert store.read("a") == b"data"

    assert wire.asked[0].path == "http://ledgers.s3.invalid/a"


def test_the_region_of_the_settings_is_signed_with(wire: FakeWire) -> None:
    wire.script = [Answer(200, b"data")]

    store_on(wire, region="eu-central-1").read("a")

    assert "/eu-central-1/s3/" in wire.asked[0].headers["authorization"]


def test_an_endpoint_from_the_environment_is_a_custom_one(wire: FakeWire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", wire.endpoint)
    wire.script = [Answer(200, b"data")]

    store = S3Store(BucketSettings("ledgers"), credentials=KEYS)
    store.read("a")

    assert store.location == f"s3://ledgers at {wire.endpoint}"
    assert wire.asked[0].path == "/ledgers/a"


# -- credentials


def write_profile(name: str, access_key: str) -> None:
    path = Path.home() / ".aws/credentials"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"[{name}]\naws_access_key_id = {access_key}\naws_secret_access_key = secret-of-profile\n")


def test_the_named_profile_is_used(wire: FakeWire) -> None:
    write_profile("archive", "AKIDPROFILE")
    wire.script = [Answer(200, b"data")]

    S3Store(BucketSettings("ledgers", endpoint=wire.endpoint, profile="archive")).read("a")

    assert wire.asked[0].access_key == "AKIDPROFILE"


def test_the_environment_is_used_without_a_profile(wire: FakeWire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-environment")
    wire.script = [Answer(200, b"data")]

    S3Store(BucketSettings("ledgers", endpoint=wire.endpoint)).read("a")

    assert wire.asked[0].access_key == "AKIDENVIRONMENT"


def test_expired_credentials_are_looked_up_anew(wire: FakeWire) -> None:
    write_profile("default", "AKIDOLD")

    def expire(_: Asked) -> Answer:
        write_profile("default", "AKIDNEW")
        return error(400, "ExpiredToken", "The provided token has expired.")

    wire.script = [expire, Answer(200, b"data")]
    store = S3Store(BucketSettings("ledgers", endpoint=wire.endpoint))

    assert store.read("a") == b"data"

    assert [asked.access_key for asked in wire.asked] == ["AKIDOLD", "AKIDNEW"]


def test_credentials_that_stay_expired_are_denied(wire: FakeWire) -> None:
    write_profile("default", "AKIDOLD")
    wire.script = [error(400, "ExpiredToken", "The provided token has expired.")]

    found = refusal(lambda: S3Store(BucketSettings("ledgers", endpoint=wire.endpoint)).read("a"))

    assert isinstance(found, StoreDenied)
    assert "renew" in found.hint
    assert len(wire.asked) == 2


def test_no_credentials_is_denied_and_names_where_they_were_looked_for(wire: FakeWire) -> None:
    store = S3Store(BucketSettings("ledgers", endpoint=wire.endpoint))

    found = refusal(lambda: store.read("a"))

    assert isinstance(found, StoreDenied)
    for source in ("AWS_ACCESS_KEY_ID", "web identity", "~/.aws/credentials", "AWS_PROFILE", "metadata"):
        assert source in found.hint
    assert wire.asked == []


# -- settings that cannot be used are found before anything is asked


@pytest.mark.parametrize(
    ("unusable", "said"),
    [
        (BucketSettings("ledgers", profile="nobody"), "nobody"),
        (BucketSettings("ledgers", endpoint="minio:9000"), "minio:9000"),
        (BucketSettings("ledgers", endpoint="ftp://minio:9000"), "ftp://minio:9000"),
        (BucketSettings("ledgers", endpoint="http://minio:ninethousand"), "ninethousand"),
        (BucketSettings("ledgers", endpoint="http://mi nio:9000"), "mi nio"),
        (BucketSettings("ledgers", endpoint="https://minio:9000", ca_file=Path("/no/ca.pem")), "/no/ca.pem"),
        (BucketSettings("ledgers", region="eu central 1"), "eu central 1"),
    ],
    ids=["profile", "no scheme", "another scheme", "port", "blank", "ca_file", "region"],
)
def test_unusable_settings_are_a_settings_error(unusable: BucketSettings, said: str) -> None:
    found = refusal(lambda: S3Store(unusable))

    assert isinstance(found, SettingsError)
    assert said in found.message


def test_an_endpoint_with_a_password_in_it_is_refused_without_showing_it() -> None:
    found = refusal(lambda: S3Store(BucketSettings("ledgers", endpoint="http://user:endpoint-password@minio:9000")))

    assert isinstance(found, SettingsError)
    assert "minio:9000" in found.message
    assert "endpoint-password" not in found.message + found.hint


def test_a_profile_that_cannot_be_read_is_a_settings_error() -> None:
    path = Path.home() / ".aws/config"
    path.parent.mkdir()
    path.write_text("not a configuration")

    assert isinstance(refusal(lambda: S3Store(BucketSettings("ledgers", profile="archive"))), SettingsError)


def test_nobody_is_asked_for_credentials_before_the_first_use(wire: FakeWire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", wire.endpoint)
    monkeypatch.setenv("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1")
    wire.script = [Answer(404)]

    store = S3Store(BucketSettings("ledgers", endpoint=wire.endpoint))

    assert wire.asked == []
    assert isinstance(refusal(lambda: store.head("a")), StoreDenied)
    assert {asked.path.partition("/meta-data")[0] for asked in wire.asked} == {"/latest/api/token", "/latest"}


# -- answers that are not success


@pytest.mark.parametrize(
    ("answer", "kind", "hint"),
    [
        (error(403, "AccessDenied", "Access Denied"), StoreDenied, "s3:ListBucket"),
        (error(403, "SignatureDoesNotMatch", "no match"), StoreDenied, "secret key"),
        (error(403, "InvalidAccessKeyId", "unknown"), StoreDenied, "does not know this access key"),
        (error(403, "RequestTimeTooSkewed", "skewed"), StoreDenied, "clock"),
        (error(400, "InvalidToken", "malformed"), StoreDenied, "session token"),
        (error(403, "AccessDenied", "not authorized to perform: kms:Decrypt on ..."), StoreDenied, "kms:Decrypt"),
        (error(400, "KMS.DisabledException", "disabled"), StoreDenied, "kms:Decrypt"),
        (error(403, "SomethingNew", "no"), StoreDenied, "s3:GetObject"),
        (error(404, "NoSuchBucket", "no bucket"), BucketNotFound, "name"),
        (error(301, "PermanentRedirect", "use the endpoint"), StoreFailed, "another region"),
        (error(403, "InvalidObjectState", "archived", StorageClass="GLACIER"), ObjectArchived, "restore"),
        (error(503, "SlowDown", "Reduce your request rate."), StoreBusy, "later"),
        (error(503, "ServiceUnavailable", "down"), StoreBusy, "later"),
        (error(429, "TooManyRequests", "down"), StoreBusy, "later"),
        (error(500, "InternalError", "sorry"), StoreFailed, ""),
        (error(404, "NoSuchThing", "what"), StoreFailed, ""),
        (error(400, "InvalidArgument", "S3 API Requests must be made to API port."), StoreFailed, "S3 API"),
        (Answer(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"}), StoreUnreachable, "later"),
    ],
    ids=lambda value: value.body.decode()[:40] if isinstance(value, Answer) else "",
)
def test_an_answer_becomes_the_error_that_it_means(
    wire: FakeWire, answer: Answer, kind: type[StoreError], hint: str
) -> None:
    wire.script = [answer]
    store = store_on(wire)

    for use in (lambda: store.read("a"), lambda: store.head("a"), lambda: list(store.list("a"))):
        found = refusal(use)

        assert type(found) is kind
        assert hint in found.hint
        assert f"s3://ledgers/a at {wire.endpoint}" in found.message
        assert found.__cause__ is not None


def test_an_archived_object_names_its_class(wire: FakeWire) -> None:
    wire.script = [error(403, "InvalidObjectState", "archived", StorageClass="DEEP_ARCHIVE")]

    assert "DEEP_ARCHIVE" in refusal(lambda: store_on(wire).read("a")).message


def test_a_wrong_region_names_the_right_one(wire: FakeWire) -> None:
    answer = error(400, "IllegalLocationConstraintException", "wrong")
    wire.script = [Answer(400, answer.body, {"x-amz-bucket-region": "eu-west-3"})]

    found = refusal(lambda: store_on(wire, region="us-east-1").read("a"))

    assert "in eu-west-3, the request named us-east-1" in found.hint


def test_a_redirect_that_names_the_region_is_followed_once(wire: FakeWire) -> None:
    elsewhere = error(301, "PermanentRedirect", "use the endpoint")
    wire.script = [Answer(301, elsewhere.body, {"x-amz-bucket-region": "eu-west-3"}), Answer(200, b"data")]
    store = store_on(wire, region="us-east-1")

    assert store.read("a") == b"data"

    assert ["/eu-west-3/s3/" in asked.headers["authorization"] for asked in wire.asked] == [False, True]


def test_a_store_that_sends_everything_elsewhere_is_an_error_with_the_region_in_its_hint(wire: FakeWire) -> None:
    elsewhere = error(301, "PermanentRedirect", "use the endpoint", Endpoint="ledgers.s3.amazonaws.com")
    wire.script = [Answer(301, elsewhere.body, {"x-amz-bucket-region": "eu-west-3"})]
    store = store_on(wire, region="us-east-1")

    for use in (
        lambda: store.read("a"),
        lambda: store.head("a"),
        lambda: list(store.list()),
        lambda: list(store.uploads()),
    ):
        found = refusal(use)

        assert type(found) is StoreFailed
        assert "eu-west-3" in found.hint


def test_a_redirect_to_a_region_that_cannot_be_one_is_an_error(wire: FakeWire) -> None:
    wire.script = [Answer(301, error(301, "PermanentRedirect").body, {"x-amz-bucket-region": "evil.example.com/"})]

    assert isinstance(refusal(lambda: store_on(wire).read("a")), StoreFailed)


@pytest.mark.parametrize("status", [200, 403, 500])
def test_a_web_page_is_not_taken_for_a_store(wire: FakeWire, status: int) -> None:
    wire.script = [Answer(status, b"<!doctype html><br>Welcome", {"Content-Type": "text/html; charset=utf-8"})]

    found = refusal(lambda: list(store_on(wire).list()))

    assert isinstance(found, StoreFailed)
    assert "S3 API" in found.hint


def test_a_name_that_no_bucket_can_have_is_a_missing_bucket(wire: FakeWire) -> None:
    store = S3Store(BucketSettings("s3://ledgers", endpoint=wire.endpoint), credentials=KEYS)

    found = refusal(lambda: store.head("a"))

    assert isinstance(found, BucketNotFound)
    assert "s3://" in found.hint
    assert wire.asked == []


# -- no answer


def test_a_closed_port_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    with closed_port() as port:
        found = refusal(lambda: S3Store(BucketSettings("b", endpoint=f"http://{port}"), credentials=KEYS).head("a"))

    assert isinstance(found, StoreUnreachable)
    assert port in found.message
    assert found.hint


def test_a_proxy_that_is_not_there_is_unreachable_and_its_password_is_not_shown(
    wire: FakeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://user:proxy-password@127.0.0.1:1")

    found = refusal(lambda: store_on(wire).read("a"))

    assert isinstance(found, StoreUnreachable)
    assert "HTTP_PROXY" in found.hint
    assert "proxy-password" not in found.message + found.hint


def test_https_asked_of_a_plain_server_gets_a_hint_about_certificates(wire: FakeWire) -> None:
    wire.script = [Answer(200)]
    store = S3Store(BucketSettings("b", endpoint=wire.endpoint.replace("http:", "https:")), credentials=KEYS)

    found = refusal(lambda: store.head("a"))

    assert isinstance(found, StoreUnreachable)
    assert "ca_file" in found.hint


# -- head: why, when HEAD itself cannot say


def test_head_asks_again_with_get_whether_the_object_or_the_bucket_is_missing(wire: FakeWire) -> None:
    wire.script = [Answer(404), error(404, "NoSuchKey", "no such key")]

    assert store_on(wire).head("a") is None

    assert [asked.method for asked in wire.asked] == ["HEAD", "GET"]


def test_an_object_that_appears_between_head_and_get_is_found(wire: FakeWire) -> None:
    there = Answer(200, headers={"ETag": '"e"'}, announced=5)
    wire.script = [Answer(404), Answer(206, b"x", {"Content-Range": "bytes 0-0/5"}), there]

    info = store_on(wire).head("a")

    assert info is not None
    assert (info.size, info.etag) == (5, "e")


def test_a_store_that_forbids_head_but_not_get_is_denied_and_never_missing(wire: FakeWire) -> None:
    wire.script = [Answer(403), Answer(206, b"x", {"Content-Range": "bytes 0-0/5"}), Answer(403)]

    assert isinstance(refusal(lambda: store_on(wire).head("a")), StoreDenied)


# -- read: bodies


BIG = random.Random(7).randbytes(3 * 1024 * 1024)


def ranged(asked: Asked, data: bytes = BIG, *, at_most: int | None = None) -> Answer:
    """What S3 answers for `data`; with `at_most` the body breaks off after so many bytes."""
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("range", "bytes=0-"))
    assert match is not None
    start, end = int(match[1]), int(match[2] or len(data) - 1)
    part = data[start : end + 1]
    headers = {"ETag": '"e"', "Content-Range": f"bytes {start}-{start + len(part) - 1}/{len(data)}"}
    return Answer(206, part[:at_most], headers, announced=len(part))


def test_a_body_that_breaks_off_goes_on_where_it_broke_off_and_with_the_same_object(wire: FakeWire) -> None:
    wire.script = [lambda asked: ranged(asked, at_most=2_000_000), lambda asked: ranged(asked, at_most=1_000), ranged]

    assert store_on(wire).read("a") == BIG

    assert [asked.headers.get("range") for asked in wire.asked] == [None, "bytes=2000000-", "bytes=2001000-"]
    assert [asked.headers.get("if-match") for asked in wire.asked] == [None, '"e"', '"e"']


def test_a_range_that_breaks_off_goes_on_to_its_end_and_no_further(wire: FakeWire) -> None:
    wire.script = [lambda asked: ranged(asked, at_most=500), ranged]

    assert store_on(wire).read("a", start=100, length=2_000) == BIG[100:2_100]

    assert [asked.headers.get("range") for asked in wire.asked] == ["bytes=100-2099", "bytes=600-2099"]


def test_a_body_that_brings_a_little_each_time_arrives_in_the_end(wire: FakeWire) -> None:
    wire.script = [lambda asked: ranged(asked, at_most=200_000)]

    assert store_on(wire).read("a") == BIG

    assert len(wire.asked) == 16


def test_a_body_that_breaks_off_without_a_byte_every_time_is_an_error_and_never_short_data(wire: FakeWire) -> None:
    wire.script = [Answer(200, b"", announced=4)]

    assert isinstance(refusal(lambda: store_on(wire).read("a")), StoreUnreachable)

    assert len(wire.asked) == 3


def test_a_body_that_is_reset_goes_on_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    def talk(listener: Listener, connection: socket.socket) -> None:
        heard = listener.hear(connection)
        assert heard is not None
        answer = ranged(Asked("GET", "/", dict(heard.headers)))
        head = http(b"", "206 Partial Content", length=answer.announced, **answer.headers)
        connection.sendall(head + (answer.body[:1_200_000] if len(listener.heard) == 1 else answer.body))
        if len(listener.heard) == 1:
            # Let the client read some of it, and wait for more.
            time.sleep(0.1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with Listener(talk) as listener, S3Store(BucketSettings("b", endpoint=listener.url), credentials=KEYS) as store:
        assert store.read("a") == BIG

    assert len(listener.heard) == 2


def test_a_body_without_a_length_must_be_as_long_as_its_range_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    chunked = (
        b"HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\nContent-Range: bytes %s/8\r\n\r\n%s0\r\n\r\n"
    )

    with (
        answering(chunked % (b"0-7", b"4\r\nhalf\r\n"), chunked % (b"4-7", b"4\r\nmore\r\n")) as server,
        S3Store(BucketSettings("b", endpoint=server.url), credentials=KEYS) as store,
    ):
        assert store.read("a", length=8) == b"halfmore"

    assert [heard.headers["range"] for heard in server.heard] == ["bytes=0-7", "bytes=4-7"]


def test_chunks_are_of_the_size_asked_for_and_make_up_the_object_across_a_break(wire: FakeWire) -> None:
    wire.script = [lambda asked: ranged(asked, at_most=1_500_001), ranged]

    chunks = list(store_on(wire).read_chunks("a", chunk_size=700_000) or ())

    assert [len(chunk) for chunk in chunks] == [700_000] * 4 + [len(BIG) - 4 * 700_000]
    assert b"".join(chunks) == BIG


def test_chunks_take_no_more_memory_than_a_few_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    block = bytes(1024 * 1024)

    def talk(listener: Listener, connection: socket.socket) -> None:
        if listener.hear(connection) is not None:
            connection.sendall(http(b"", length=48 * len(block)))
            for _ in range(48):
                connection.sendall(block)

    with Listener(talk) as listener, S3Store(BucketSettings("b", endpoint=listener.url), credentials=KEYS) as store:
        chunks = store.read_chunks("a", chunk_size=len(block))
        tracemalloc.start()
        read = sum(len(chunk) for chunk in chunks or ())
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert read == 48 * len(block)
    assert peak < 4 * len(block)


def test_an_object_that_is_replaced_between_two_chunks_is_not_mixed_with_the_old_one(wire: FakeWire) -> None:
    wire.script = [lambda asked: ranged(asked, at_most=1_000_000), error(412, "PreconditionFailed", "etag differs")]
    chunks = store_on(wire).read_chunks("a", chunk_size=1_000_000)

    assert chunks is not None
    assert next(chunks) == BIG[:1_000_000]
    found = refusal(lambda: next(chunks))
    assert isinstance(found, StoreFailed)
    assert "replaced while it was read" in found.message


def test_an_object_that_is_deleted_between_two_chunks_is_not_taken_for_shorter(wire: FakeWire) -> None:
    wire.script = [lambda asked: ranged(asked, at_most=1_000_000), error(404, "NoSuchKey")]
    chunks = store_on(wire).read_chunks("a", chunk_size=1_000_000)

    assert chunks is not None
    assert next(chunks) == BIG[:1_000_000]
    assert "vanished while it was read" in refusal(lambda: next(chunks)).message


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"whole object"),
        Answer(206, b"whol", {"Content-Range": "bytes 0-3/12"}),
        Answer(206, b"e object", {"Content-Range": "bytes 4-11/12"}),
        Answer(206, b"e ", {"Content-Range": "bytes 4-5/12"}),
        Answer(206, b"e ob", {"Content-Range": "bytes 4-8/12"}),
        Answer(206, b"e ob", {"Content-Range": "from four on"}),
    ],
    ids=["no range", "another start", "too much", "too little", "a range of another length", "no words"],
)
def test_bytes_of_another_range_are_refused(wire: FakeWire, answer: Answer) -> None:
    wire.script = [answer]

    found = refusal(lambda: store_on(wire).read("a", start=4, length=4))

    assert isinstance(found, StoreFailed)
    assert "bytes=4-7" in found.message


def test_the_whole_object_is_right_when_no_more_was_asked_for(wire: FakeWire) -> None:
    wire.script = [Answer(200, b"data")]

    assert store_on(wire).read("a", length=100) == b"data"


def test_a_range_is_right_that_ends_with_the_object_or_behind_an_unknown_end(wire: FakeWire) -> None:
    wire.script = [
        Answer(206, b"ct", {"Content-Range": "bytes 10-11/12"}),
        Answer(206, b"ct", {"Content-Range": "bytes 10-11/*"}),
    ]
    store = store_on(wire)

    assert store.read("a", start=10, length=100) == b"ct"
    assert store.read("a", start=10, length=100) == b"ct"


def test_an_object_that_vanishes_is_missing_then(wire: FakeWire) -> None:
    wire.script = [Answer(206, b"da", {"Content-Range": "bytes 0-1/4"}), error(404, "NoSuchKey")]
    store = store_on(wire)

    assert store.read("a", length=2) == b"da"
    assert store.read("a", start=2, length=2) is None


# -- list


def test_a_listing_without_end_is_an_error(wire: FakeWire) -> None:
    page = (
        b"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
        b"<Contents><Key>a</Key><Size>1</Size></Contents></ListBucketResult>"
    )
    wire.script = [Answer(200, page, {"Content-Type": "application/xml"})]

    found = refusal(lambda: list(store_on(wire).list()))

    assert isinstance(found, StoreFailed)
    assert "continuation token" in found.hint


@pytest.mark.parametrize("lost", ["Key", "Size"])
def test_a_listing_that_does_not_tell_what_it_must_is_an_error(wire: FakeWire, lost: str) -> None:
    item = {"Key": "<Key>a</Key>", "Size": "<Size>1</Size>"} | {lost: ""}
    wire.script = [page(f"<ListBucketResult><Contents>{''.join(item.values())}</Contents></ListBucketResult>")]

    found = refusal(lambda: list(store_on(wire).list()))

    assert isinstance(found, StoreFailed)
    assert "each key and its size" in found.message


@pytest.mark.parametrize("moment", ["1e400", "tomorrow", "9e30", "Z", "2026-11-24T99:00:00Z"])
def test_a_listing_whose_times_are_none_is_an_error(wire: FakeWire, moment: str) -> None:
    item = f"<Contents><Key>a</Key><Size>1</Size><LastModified>{moment}</LastModified></Contents>"
    wire.script = [page(f"<ListBucketResult>{item}</ListBucketResult>")]

    assert isinstance(refusal(lambda: list(store_on(wire).list())), StoreFailed)


@pytest.mark.parametrize(
    "moment",
    ["2026-11-24T02:12:18.695Z", "2026-11-24T02:12:18Z", "2026-11-24T03:12:18+01:00", "Tue, 24 Nov 2026 02:12:18 GMT"],
)
def test_a_listing_tells_times_as_any_store_writes_them(wire: FakeWire, moment: str) -> None:
    item = f"<Contents><Key>a</Key><Size>1</Size><LastModified>{moment}</LastModified></Contents>"
    wire.script = [page(f"<ListBucketResult>{item}</ListBucketResult>")]

    (info,) = store_on(wire).list()

    assert info.last_modified is not None
    assert info.last_modified.tzinfo is UTC
    assert info.last_modified.replace(microsecond=0) == datetime(2026, 11, 24, 2, 12, 18, tzinfo=UTC)


# -- uploads


def uploads_page(*uploads: tuple[str, str], then: tuple[str, str] | None = None, **headers: str) -> Answer:
    listed = "".join(
        f"<Upload><Key>{key}</Key><UploadId>{upload_id}</UploadId><Initiated>2026-11-24T02:12:18.695Z</Initiated></Upload>"
        for key, upload_id in uploads
    )
    more = (
        f"<IsTruncated>true</IsTruncated><NextKeyMarker>{then[0]}</NextKeyMarker>"
        f"<NextUploadIdMarker>{then[1]}</NextUploadIdMarker>"
        if then
        else "<IsTruncated>false</IsTruncated>"
    )
    return page(f"<ListMultipartUploadsResult>{more}{listed}</ListMultipartUploadsResult>", **headers)


def test_uploads_go_on_behind_the_first_page(wire: FakeWire) -> None:
    wire.script = [uploads_page(("b", "3"), ("c", "1"), then=("c", "1")), uploads_page(("a", "2"), ("c", "2"))]

    found = list(store_on(wire).uploads("p"))

    begun = datetime(2026, 11, 24, 2, 12, 18, 695000, UTC)
    assert found == [MultipartUpload(key, upload, begun) for key, upload in ("a2", "b3", "c1", "c2")]
    assert "prefix=p" in wire.asked[0].path
    assert "key-marker=c" in wire.asked[1].path
    assert "upload-id-marker=1" in wire.asked[1].path


def test_uploads_without_end_are_an_error(wire: FakeWire) -> None:
    wire.script = [uploads_page(("a", "1"), then=("a", "1"))]

    assert "without end" in refusal(lambda: list(store_on(wire).uploads())).message


def parts_page(*numbers: int, more: bool = False) -> Answer:
    listed = "".join(
        f"<Part><PartNumber>{number}</PartNumber><Size>7</Size><LastModified>2026-11-24T02:12:18.695Z</LastModified></Part>"
        for number in numbers
    )
    return page(f"<ListPartsResult><IsTruncated>{str(more).lower()}</IsTruncated>{listed}</ListPartsResult>")


def test_the_parts_of_an_upload_go_on_behind_the_first_page(wire: FakeWire) -> None:
    wire.script = [parts_page(3, 4, more=True), parts_page(5)]

    found = store_on(wire).upload_parts(MultipartUpload("k", "u"), after=2)

    arrived = datetime(2026, 11, 24, 2, 12, 18, 695000, UTC)
    assert found == tuple(UploadPart(number, 7, arrived) for number in (3, 4, 5))
    assert "part-number-marker=2" in wire.asked[0].path
    assert "part-number-marker=4" in wire.asked[1].path


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<ListPartsResult><IsTruncated>true</IsTruncated></ListPartsResult>", "without end"),
        ("<ListPartsResult><Part><Size>7</Size></Part></ListPartsResult>", "each number and its size"),
    ],
)
def test_a_listing_of_parts_that_makes_no_sense_is_an_error(wire: FakeWire, body: str, words: str) -> None:
    wire.script = [page(body)]

    assert words in refusal(lambda: store_on(wire).upload_parts(MultipartUpload("k", "u"))).message


def versions_page(*found: str, then: tuple[str, str] | None = None) -> Answer:
    """Each is `KEY NUMBER`, or `KEY NUMBER gone` for a delete marker; all of one second, and number 9 is the latest."""
    listed = "".join(
        f"<{name}><Key>{key}</Key><VersionId>{number}</VersionId><IsLatest>{str(number == '9').lower()}</IsLatest>"
        f"<LastModified>2026-11-24T02:12:18.695Z</LastModified><Size>7</Size></{name}>"
        for key, number, *gone in map(str.split, found)
        for name in ["DeleteMarker" if gone else "Version"]
    )
    more = (
        f"<IsTruncated>true</IsTruncated><NextKeyMarker>{then[0]}</NextKeyMarker>"
        f"<NextVersionIdMarker>{then[1]}</NextVersionIdMarker>"
        if then
        else "<IsTruncated>false</IsTruncated>"
    )
    return page(f"<ListVersionsResult>{more}{listed}</ListVersionsResult>")


def test_versions_go_on_within_a_key_and_the_latest_one_comes_first(wire: FakeWire) -> None:
    wire.script = [versions_page("a 3", "a 9 gone", "b 9", "b 5", then=("b", "5")), versions_page("b 4", "c 9")]

    found = list(store_on(wire).versions("p"))

    assert [(one.key, one.version_id) for one in found] == [
        ("a", "9"),
        ("a", "3"),
        ("b", "9"),
        ("b", "5"),
        ("b", "4"),
        ("c", "9"),
    ]
    assert [one.key for one in found if one.is_delete_marker] == ["a"]
    assert "prefix=p" in wire.asked[0].path
    assert "key-marker=b" in wire.asked[1].path
    assert "version-id-marker=5" in wire.asked[1].path


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (versions_page("a 9", then=("", "")), "without end"),
        (page("<ListVersionsResult><Version><Key>a</Key></Version></ListVersionsResult>"), "each key and its version"),
    ],
)
def test_a_listing_of_versions_that_makes_no_sense_is_an_error(wire: FakeWire, answer: Answer, words: str) -> None:
    wire.script = [answer]

    assert words in refusal(lambda: list(store_on(wire).versions())).message


@pytest.mark.parametrize(
    ("use", "right"),
    [
        (lambda store: list(store.versions()), "s3:ListBucketVersions"),
        (lambda store: store.is_versioned, "s3:GetBucketVersioning"),
    ],
)
def test_versions_that_are_refused_name_the_right_that_they_need(
    wire: FakeWire, use: Callable[[S3Store], object], right: str
) -> None:
    wire.script = [error(403, "AccessDenied", "Access Denied")]

    found = refusal(lambda: use(store_on(wire)))

    assert isinstance(found, StoreDenied)
    assert right in found.hint


@pytest.mark.parametrize(
    ("answer", "versioned"),
    [
        (page("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"), True),
        (page("<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"), True),
        (page("<VersioningConfiguration></VersioningConfiguration>"), False),
        (error(501, "NotImplemented", "GetBucketVersioning not implemented"), False),
        (error(405, "MethodNotAllowed"), False),
    ],
)
def test_a_bucket_is_versioned_if_it_is_or_once_was(wire: FakeWire, answer: Answer, versioned: bool) -> None:
    wire.script = [answer]

    assert store_on(wire).is_versioned is versioned


def test_an_upload_without_an_id_is_an_error(wire: FakeWire) -> None:
    wire.script = [page("<ListMultipartUploadsResult><Upload><Key>a</Key></Upload></ListMultipartUploadsResult>")]

    assert "each key and its id" in refusal(lambda: list(store_on(wire).uploads())).message


def test_a_refused_listing_of_uploads_names_the_right_that_it_needs(wire: FakeWire) -> None:
    wire.script = [error(403, "AccessDenied", "Access Denied")]

    found = refusal(lambda: list(store_on(wire).uploads()))

    assert isinstance(found, StoreDenied)
    assert "s3:ListBucketMultipartUploads" in found.hint


@pytest.mark.parametrize(
    ("server", "listable"), [("AmazonS3", True), ("MinIO", False), ("nginx", False), ("", False)], ids=str
)
def test_only_a_store_that_is_known_to_list_uploads_by_prefix_is_believed(
    wire: FakeWire, server: str, listable: bool
) -> None:
    wire.script = [uploads_page(Server=server)]
    store = store_on(wire)

    assert store.uploads_listable is listable
    assert store.uploads_listable is listable

    assert len(wire.asked) == 1


# -- any answer whatsoever


@pytest.fixture
def asked_store(wire: FakeWire) -> Iterator[S3Store]:
    """One store for all examples: making a client takes longer than asking with it."""
    with store_on(wire) as store:
        yield store


# botocore leaves the connection of an answer that it cannot parse to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    status=st.sampled_from([200, 204, 206, 301, 307, 400, 403, 404, 412, 416, 500, 503]),
    body=st.binary(max_size=200) | s3_documents(),
    headers=st.dictionaries(
        st.sampled_from(["Content-Range", "ETag", "Last-Modified", "Content-Type", "Content-Encoding", "Location"]),
        st.text('abc /-0123456789"*:', max_size=20),
    ),
)
def test_no_answer_makes_anything_but_a_store_error(
    wire: FakeWire, asked_store: S3Store, status: int, body: bytes, headers: dict[str, str]
) -> None:
    wire.script = [Answer(status, body, headers)]
    wire.asked.clear()

    for use in (
        lambda: asked_store.read("a"),
        lambda: asked_store.read("a", start=3, length=7),
        lambda: asked_store.head("a"),
        lambda: list(asked_store.list()),
        lambda: list(asked_store.uploads()),
    ):
        with suppress(StoreError):
            use()


# -- put


def test_an_upload_that_cannot_be_aborted_says_that_it_stays_open(wire: FakeWire) -> None:
    created = b"<InitiateMultipartUploadResult><UploadId>upload-7</UploadId></InitiateMultipartUploadResult>"
    wire.script = [Answer(200, created, {"Content-Type": "application/xml"}), error(403, "AccessDenied")]

    found = refusal(
        lambda: store_on(wire).put_multipart("a", iter([b"p"]), user_metadata={}, content_type="text/plain")
    )

    assert isinstance(found, StoreDenied)
    assert [asked.method for asked in wire.asked] == ["POST", "PUT", "DELETE"]
    assert "upload-7 stays open" in found.__notes__[0]


# -- TLS


def test_the_ca_file_and_nothing_less_makes_a_private_authority_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    authority = Authority(tmp_path)
    wire = FakeWire(script=[Answer(200, b"data")])
    server = serve(wire, authority.context())

    trusted, doubted = store_on(wire, ca_file=authority.ca_file), store_on(wire)

    assert trusted.read("a") == b"data"
    assert isinstance(refusal(lambda: doubted.read("a")), StoreUnreachable)
    server.shutdown()
    server.server_close()
