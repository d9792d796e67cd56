"""Rules about the service that the driver talks to: its address, its region, the bucket's name."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import SplitResult, urlsplit

from offloadctl.brokerconf.entries import Entry
from offloadctl.brokerconf.facts import Facts, found
from offloadctl.brokerconf.findings import LintFinding, LintSeverity, Rule
from offloadctl.brokerconf.kinds import Driver, Place
from offloadctl.brokerconf.rules_location import STUCK
from offloadctl.brokerconf.rules_text import spoilt_by
from offloadctl.brokerconf.settings import BY_KEY

PRIVATE_ENDPOINT: Final = Rule(
    "private-endpoint",
    LintSeverity.WARNING,
    "The driver aws-s3 is pointed at a service other than Amazon's public one.",
    "It asks Amazon's public service where the bucket is before each offload; without a way out to the internet it"
    " retries up to 100 times, and the status says RUNNING meanwhile.",
    "Use the driver S3 with managedLedgerOffload* keys, and ACCESS_KEY_ID and ACCESS_KEY_SECRET in the environment.",
    versions="seen on 4.0.7",
)
REGION_WITHOUT_ENDPOINT: Final = Rule(
    "region-without-endpoint",
    LintSeverity.NOTE,
    "A region other than us-east-1 has no endpoint.",
    "It asks us-east-1 where the bucket is: its identity needs s3:GetBucketLocation, or offloads fail.",
    "To be sure, set the endpoint to https://s3.<region>.amazonaws.com.",
    issues=(9084, 3833),
)
REGION_UNKNOWN: Final = Rule(
    "region-unknown",
    LintSeverity.ERROR,
    "The driver aws-s3 does not know this region by name, and there is no endpoint.",
    "Every offload fails: requested location ..., which is not in the configured locations.",
    "Set the endpoint to https://s3.<region>.amazonaws.com.",
    versions="jclouds 2.6.0, so 4.0 and 4.1",
    issues=(25183,),
)
BAD_ENDPOINT: Final = Rule(
    "bad-endpoint",
    LintSeverity.ERROR,
    "The endpoint is no address with http:// or https://.",
    f"It cannot make its client. {STUCK}",
    "Write scheme, host and port, as in http://minio:9000.",
)
BUCKET_IN_ENDPOINT: Final = Rule(
    "bucket-in-endpoint",
    LintSeverity.WARNING,
    "The endpoint has a path, or the bucket in its host name.",
    "It puts the bucket behind the endpoint once more.",
    "Write only the service's address.",
)
ENDPOINT_OF_OTHER_REGION: Final = Rule(
    "endpoint-of-other-region",
    LintSeverity.WARNING,
    "The endpoint is that of another region.",
    "It talks to the endpoint, and records a region with each ledger that the bucket is not in.",
    "Let region and endpoint name the same region.",
)
BAD_BUCKET_NAME: Final = Rule(
    "bad-bucket-name",
    LintSeverity.ERROR,
    "This cannot be a bucket's name.",
    "Every offload fails. There is no key for a prefix: objects stand at the top of their bucket.",
    "Write the bare name: 3 to 63 small letters, digits, dots and hyphens.",
)

RULES: Final = (
    PRIVATE_ENDPOINT,
    REGION_WITHOUT_ENDPOINT,
    REGION_UNKNOWN,
    BAD_ENDPOINT,
    BUCKET_IN_ENDPOINT,
    ENDPOINT_OF_OTHER_REGION,
    BAD_BUCKET_NAME,
)

KNOWN_REGIONS: Final = frozenset(
    {
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "cn-north-1",
        "cn-northwest-1",
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
    }
)
"""org.jclouds.aws.domain.Region, DEFAULT_REGIONS: what the message of apache/pulsar#25183 lists."""

_AWS_HOST: Final = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:dualstack\.|fips[.-])?(?P<region>[a-z]{2}(?:-[a-z]+)+-\d))?\.amazonaws\.com(?:\.cn)?"
)
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_LENIENT_BUCKET: Final = re.compile(r"[A-Za-z0-9$][A-Za-z0-9._$-]{1,254}")
_WITH_ENDPOINT: Final = (Driver.AWS_S3, Driver.S3, Driver.ALIYUN)


def endpoint(facts: Facts) -> Iterator[LintFinding]:
    """Whether the address is one, and whose."""
    entry = _usable(facts, Place.ENDPOINT)
    if entry is None or facts.driver not in _WITH_ENDPOINT:
        return
    address = _address(entry.value.strip())
    if address is None:
        yield found(BAD_ENDPOINT, f"{entry.value.strip()!r} is no address.", entry)
        return
    bucket, host = facts.place_text(Place.BUCKET), address.hostname or ""
    if address.path not in ("", "/") or (bucket and host.startswith(f"{bucket}.")):
        yield found(BUCKET_IN_ENDPOINT, "It holds more than the service's address.", entry)
        return
    aws = _AWS_HOST.fullmatch(host)
    if facts.driver is Driver.AWS_S3 and aws is None:
        yield found(PRIVATE_ENDPOINT, f"{host} is no public address of Amazon's.", entry)
    region = facts.place_text(Place.REGION)
    if aws is not None and region and (aws["region"] or "us-east-1") != region:
        yield found(ENDPOINT_OF_OTHER_REGION, f"The region is {region}, the endpoint {host}.", entry)


def region(facts: Facts) -> Iterator[LintFinding]:
    """Whether the driver can go by the region's name alone."""
    entry = _usable(facts, Place.REGION)
    if entry is None or facts.driver is not Driver.AWS_S3 or facts.place_text(Place.ENDPOINT):
        return
    name = entry.value.strip()
    fix = f"Set s3ManagedLedgerOffloadServiceEndpoint=https://s3.{name}.amazonaws.com"
    if name not in KNOWN_REGIONS:
        yield found(REGION_UNKNOWN, f"The driver has no region {name!r}.", entry, fix=fix)
    elif name != "us-east-1":
        yield found(REGION_WITHOUT_ENDPOINT, f"{name} is found by asking for the bucket's location.", entry, fix=fix)


def bucket(facts: Facts) -> Iterator[LintFinding]:
    """Whether a bucket can have that name."""
    entry = _usable(facts, Place.BUCKET)
    if entry is not None and facts.driver is not None:
        name = entry.value.strip()
        shape = _BUCKET if facts.driver is Driver.AWS_S3 else _LENIENT_BUCKET
        if shape.fullmatch(name) is None:
            yield found(BAD_BUCKET_NAME, f"No bucket can be named {name!r}.", entry)


CHECKS: Final = (endpoint, region, bucket)


def _usable(facts: Facts, place: Place) -> Entry | None:
    """The entry that the driver takes, if it has a value that nothing else is wrong with."""
    entry = facts.place(place)
    is_sound = entry is not None and entry.value.strip() and spoilt_by(entry, BY_KEY[entry.key]) is None
    return entry if is_sound else None


def _address(text: str) -> SplitResult | None:
    try:
        address = urlsplit(text)
        address.port  # noqa: B018 - it raises if the port is none
    except ValueError:
        return None
    return address if address.scheme in ("http", "https") and address.hostname else None
