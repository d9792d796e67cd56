"""What a broker's last error of an offload means, and what helps. The texts are Pulsar's, jclouds' and the stores'."""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class KnownError:
    """One sort of error."""

    pattern: str
    means: str
    do: str


_KNOWN: Final = (
    KnownError(
        r"No offloader found for driver",
        "The broker has no offloader for the driver. A topic whose own policy names it cannot be loaded: its producers"
        " and consumers fail as well.",
        "offloadctl offload-policies unset TOPIC; or install the offloader, and restart the brokers",
    ),
    KnownError(
        r"does not support offload|NullLedgerOffloader",
        "The broker has no offloader for this topic: no driver is in force, or it could not be created.",
        "offloadctl offload-policies effective TOPIC; then the broker's log, for why it could not be created",
    ),
    KnownError(
        r"Offload operation already running|OffloadInProgress",
        "Another run was going on, perhaps the automatic one.",
        "try again when it is over: offloadctl offload status TOPIC -w",
    ),
    KnownError(
        r"Invalid position for offload",
        "The ledgers changed between the plan and the request.",
        "try again: offloadctl offload topic TOPIC",
    ),
    KnownError(
        r"EntityTooSmall",
        "The block size is under 5 MiB, which S3 takes for the last part only.",
        "set a block size of at least 5242880, and more than the largest message",
    ),
    KnownError(
        r"not in the configured locations",
        "The broker's S3 client does not know the bucket's region.",
        "set the endpoint of the region, too: https://s3.<region>.amazonaws.com",
    ),
    KnownError(
        r"NoSuchBucket|bucket does not exist|specified bucket|ContainerNotFound",
        "The bucket is not there, or not where the broker looks for it.",
        "offloadctl doctor s3; bucket, region and endpoint in offloadctl offload-policies effective TOPIC",
    ),
    KnownError(
        r"AccessDenied|Access Denied|Forbidden|AuthorizationException|InvalidAccessKeyId|SignatureDoesNotMatch|\b403\b",
        "The store refuses the broker's credentials, which are not ours.",
        "offloadctl doctor iam prints the rights that the broker needs",
    ),
    KnownError(
        r"timed? ?out|Connection (?:refused|reset)|UnknownHost|No route to host|HttpResponseException: null",
        "The broker cannot reach the store, or it is too slow.",
        "check the way from the broker to the endpoint: DNS, firewall, proxy, TLS",
    ),
    KnownError(
        r"PKIX|SSLHandshake|certificate",
        "The broker does not trust the store's certificate.",
        "put the store's authority into the broker's Java trust store",
    ),
    KnownError(
        r"NoSuchLedger|No such ledger",
        "BookKeeper has not got the ledger any more.",
        "offloadctl check TOPIC: is it in the store? If not, its data is gone",
    ),
    KnownError(
        r"empty or open ledger",
        "The ledger has no entries by its metadata, or is not closed.",
        "unload the topic, and try again",
    ),
    KnownError(
        r"BadVersion|ManagedLedgerFenced|ledger has already been closed|TopicFenced",
        "The topic moved to another broker meanwhile.",
        "try again: offloadctl offload topic TOPIC",
    ),
)


def known_error(text: str) -> KnownError | None:
    """What the text means, if it is one of those that are known."""
    return next((one for one in _KNOWN if re.search(one.pattern, text, re.IGNORECASE)), None)
