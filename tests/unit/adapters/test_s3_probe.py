"""How a bucket is configured, over real sockets: each answer of a store, and each refusal, is told as it is."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from socket import socket

from offloadctl.adapters.memory import ManualClock
from offloadctl.adapters.s3_probe import S3Probe
from offloadctl.model.bucket_facts import BucketFacts, LifecycleRule
from offloadctl.model.settings import BucketSettings
from tests.sockets import Listener

KEYS = ("AKIDGIVEN", "secret-of-given")

LIFECYCLE = b"""<LifecycleConfiguration>
<Rule><ID>a</ID><Status>Enabled</Status><Filter><And><Prefix>0a</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>
<Expiration><Date>2027-01-02T00:00:00Z</Date></Expiration></Rule>
<Rule><ID>b</ID><Status>Disabled</Status><Filter><Prefix></Prefix></Filter><Expiration><Days>1</Days></Expiration></Rule>
<Rule><ID>c</ID><Status>Enabled</Status><Prefix>x/</Prefix><Transition><Days>3</Days><StorageClass>GLACIER</StorageClass></Transition>
<NoncurrentVersionExpiration><NoncurrentDays>5</NoncurrentDays></NoncurrentVersionExpiration>
<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>
</LifecycleConfiguration>"""
LOCK = b"""<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>
<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>3</Days></DefaultRetention></Rule></ObjectLockConfiguration>"""
ENCRYPTION = b"""<ServerSideEncryptionConfiguration><Rule>
<ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"""
TELLS: Mapping[str, bytes] = {
    "location": b"<LocationConstraint>eu-west-1</LocationConstraint>",
    "versioning": b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
    "object-lock": LOCK,
    "encryption": ENCRYPTION,
    "lifecycle": LIFECYCLE,
    "list-type": b"<ListBucketResult></ListBucketResult>",
}


def error(code: str, status: int) -> tuple[int, bytes]:
    return status, f"<Error><Code>{code}</Code><Message>words</Message></Error>".encode()


def facts_of(
    answers: Mapping[str, tuple[int, bytes]], clock: ManualClock, *, date: datetime | None = None
) -> BucketFacts:
    """What is told by a store that answers so to what stands in a query; 404 to the rest."""

    def talk(listener: Listener, connection: socket) -> None:
        with suppress(OSError):
            while (heard := listener.hear(connection)) is not None:
                query = heard.line.split()[1].partition("?")[2]
                word = next((word for word in answers if query.startswith(word)), None)
                status, body = answers[word] if word is not None else error("NoSuchKey", 404)
                head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nContent-Type: application/xml\r\n"
                when = f"Date: {format_datetime(date, usegmt=True)}\r\n" if date is not None else ""
                connection.sendall(f"{head}{when}\r\n".encode() + body)

    with Listener(talk) as listener:
        settings = BucketSettings("ledgers", endpoint=listener.url, region="us-west-2")
        return S3Probe(settings, clock, credentials=KEYS).facts()


def test_everything_that_a_store_tells_is_understood() -> None:
    clock = ManualClock()
    date = clock.now().replace(microsecond=0) + timedelta(minutes=4)

    facts = facts_of({word: (200, body) for word, body in TELLS.items()}, clock, date=date.astimezone(UTC))

    assert facts.region.value == "eu-west-1"
    assert facts.wanted_region == "us-west-2"
    assert facts.versioning.value == "Enabled"
    assert facts.object_lock.value == "on, by default GOVERNANCE for 3 days"
    assert facts.encryption.value == "aws:kms"
    assert facts.clock_skew.value == timedelta(minutes=4)
    assert (facts.path_style, facts.credentials) == (True, "explicit")
    assert facts.lifecycle.value == (
        LifecycleRule("a", "0a", is_narrowed=True, expires="on 2027-01-02"),
        LifecycleRule("c", "x/", archives_to=("GLACIER",), old_versions_expire=True, aborts_uploads_after_days=7),
    )


def test_what_is_not_configured_is_nothing_and_no_refusal() -> None:
    facts = facts_of(
        {
            "location": (200, b"<LocationConstraint/>"),
            "versioning": (200, b"<VersioningConfiguration/>"),
            "object-lock": error("ObjectLockConfigurationNotFoundError", 404),
            "encryption": error("ServerSideEncryptionConfigurationNotFoundError", 404),
            "lifecycle": error("NoSuchLifecycleConfiguration", 404),
            "list-type": (200, b"<ListBucketResult></ListBucketResult>"),
        },
        ManualClock(),
    )

    assert facts.region.value == "us-east-1"
    for told in (facts.versioning, facts.object_lock, facts.encryption, facts.lifecycle, facts.clock_skew):
        assert (told.value, told.refusal) == (None, "")


def test_each_refusal_stands_in_its_place() -> None:
    answers = {word: (200, body) for word, body in TELLS.items()} | {
        "lifecycle": error("AccessDenied", 403),
        "object-lock": error("NotImplemented", 501),
    }

    facts = facts_of(answers, ManualClock())

    assert "AccessDenied" in facts.lifecycle.refusal
    assert "NotImplemented" in facts.object_lock.refusal
    assert facts.versioning.value == "Enabled"
    assert KEYS[1] not in repr(facts)
