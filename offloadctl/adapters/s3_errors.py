"""What botocore's exceptions mean: one function maps them all, by the most specific thing they tell."""

from dataclasses import dataclass
from typing import Final

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from offloadctl.errors import (
    BucketNotFound,
    ObjectArchived,
    StoreBusy,
    StoreDenied,
    StoreError,
    StoreFailed,
    StoreUnreachable,
)
from offloadctl.model.settings import BucketSettings

# What botocore's parsers let through for answers that no S3 gives, such as a date that is none or an empty Error.
_NO_ANSWER_OF_S3: Final = (
    ResponseParserError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)

FOREIGN: Final = (ClientError, BotoCoreError, HTTPError, *_NO_ANSWER_OF_S3)
"""Everything that botocore raises for what may go wrong at run time, and urllib3 while a body comes."""

LIST_UPLOADS: Final = "list the uploads of"
LIST_PARTS: Final = "list the parts of the upload of"
LIST_VERSIONS: Final = "list the versions of"
LOOK_AT_VERSIONING: Final = "look at the versioning of"
"""What is being done, where it needs a right of its own."""


@dataclass(frozen=True, slots=True)
class Where:
    """An object or a bucket, and how it is reached; prints as `s3://bucket/key at https://endpoint`."""

    bucket: str
    endpoint: str
    key: str
    settings: BucketSettings

    def __str__(self) -> str:
        return f"s3://{self.bucket}{'/' if self.key else ''}{self.key} at {self.endpoint}"


def translate(exc: Exception, doing: str, where: Where) -> StoreError:
    """The StoreError that says what botocore meant, with a hint where one can help."""
    said = f"cannot {doing} {where}: "
    if isinstance(exc, ClientError):
        return _translate_answer(exc, said, where, _HINTS.get(doing, _RIGHTS_HINT))
    if isinstance(exc, _NO_CREDENTIALS):
        return StoreDenied(said + _words(exc), hint=_credentials_hint(exc, where.settings))
    if isinstance(exc, _NO_ANSWER):
        return StoreUnreachable(said + _words(exc), hint=_connection_hint(exc, where.settings))
    if isinstance(exc, boto.ParamValidationError) and "bucket name" in str(exc):
        return BucketNotFound(f"{said}no bucket can have this name", hint="without s3:// and without a path")
    # Some of botocore's own errors are ValueErrors as well, and say more.
    if isinstance(exc, _NO_ANSWER_OF_S3) and not isinstance(exc, BotoCoreError):
        return StoreFailed(f"{said}the answer is not S3's", hint=_NO_STORE_HINT)
    return StoreFailed(said + _words(exc))


def is_expired(exc: Exception) -> bool:
    """Would fresh credentials help?"""
    return isinstance(exc, ClientError) and error_code(exc) in _EXPIRED


def error_code(exc: ClientError) -> str:
    """S3's own word, such as `NoSuchKey`; the status as text when the answer had no body."""
    return str(exc.response.get("Error", {}).get("Code", ""))


def error_status(exc: ClientError) -> int:
    """The HTTP status, 0 if unknown."""
    return int(exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


_NO_STORE_HINT: Final = "does the endpoint name the S3 API, and not a web page or a proxy that shows one?"

_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"})

_NO_CREDENTIALS: Final = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.NoAuthTokenError,
    boto.TokenRetrievalError,
    boto.SSOError,
    boto.MetadataRetrievalError,
    boto.RefreshWithMFAUnsupportedError,
)

_NO_ANSWER: Final = (boto.ConnectionError, boto.HTTPClientError, boto.IncompleteReadError, HTTPError)

# Asked to come back later: as good as not reached, and worth a retry.
_LATER: Final = frozenset({"SlowDown", "ServiceUnavailable", "RequestTimeout", "Busy", "ThrottlingException"})
_LATER_STATUS: Final = frozenset({429, 502, 503, 504})
# Of those, what S3 says to somebody who comes too often, ServiceUnavailable among them:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
_TOO_OFTEN: Final = frozenset({"SlowDown", "Busy", "ThrottlingException"})
_TOO_OFTEN_STATUS: Final = frozenset({429, 503})

_REGION: Final = frozenset(
    {"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
)

_RIGHTS_HINT: Final = (
    "reading needs s3:GetObject and s3:ListBucket; without s3:ListBucket S3 says the same of an object that is missing"
)
_HINTS: Final = {
    LIST_UPLOADS: "listing multipart uploads needs s3:ListBucketMultipartUploads, a right of its own",
    LIST_VERSIONS: "listing versions needs s3:ListBucketVersions, a right of its own",
    LOOK_AT_VERSIONING: "that needs s3:GetBucketVersioning, a right of its own",
    LIST_PARTS: "listing the parts of an upload needs s3:ListMultipartUploadParts, a right of its own",
}

# S3's codes for "not you", each with what to do about it:
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_DENIED_HINTS: Final = {
    "AllAccessDisabled": "the owner has disabled the bucket",
    "AccountProblem": "the account behind the credentials has a problem",
    "ExpiredToken": "renew the temporary credentials",
    "ExpiredTokenException": "renew the temporary credentials",
    "TokenRefreshRequired": "renew the temporary credentials",
    "RequestExpired": "renew the temporary credentials",
    "InvalidToken": "the session token does not belong to the access key",
    "InvalidAccessKeyId": "the store does not know this access key: right key, right endpoint?",
    "InvalidSecurity": "the store does not accept these credentials",
    "NotSignedUp": "the account behind the credentials has no S3",
    "SignatureDoesNotMatch": "the secret key does not fit the access key, or a proxy changed the request",
    "RequestTimeTooSkewed": "the clock of this machine and that of the store differ; set them by NTP",
}


def _translate_answer(exc: ClientError, said: str, where: Where, rights: str) -> StoreError:
    code, status = error_code(exc), error_status(exc)
    error: dict[str, object] = dict(exc.response.get("Error", {}))
    message = f"{said}{_answer_words(error, status)}"
    if code == "NoSuchBucket":
        return BucketNotFound(
            f"{said}there is no such bucket", hint="check the bucket's name, the endpoint and the region"
        )
    if code == "InvalidObjectState":
        storage_class = error.get("StorageClass") or "an archive class"
        return ObjectArchived(
            f"{said}the object is archived ({storage_class})",
            hint="restore it before it can be read; brokers cannot read it either",
        )
    if code in _REGION or status == 301:
        return StoreFailed(f"{message}: wrong region", hint=_region_hint(exc, where.settings))
    if code in _LATER or status in _LATER_STATUS:
        kind = StoreBusy if code in _TOO_OFTEN or status in _TOO_OFTEN_STATUS else StoreUnreachable
        return kind(message, hint="the store is busy or down, also after retries; try again later")
    if "API port" in str(error.get("Message", "")) or _is_page(exc):
        # Of a page that came with 200 botocore makes a 500, since XML that cannot be read may be cut off.
        # MinIO's console, which has a port of its own, says it in words.
        return StoreFailed(f"{said}a web page came instead of S3's answer", hint=_NO_STORE_HINT)
    hint = _denied_hint(error, status, rights)
    return StoreDenied(message, hint=hint) if hint else StoreFailed(message)


def _is_page(exc: ClientError) -> bool:
    headers = exc.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(headers.get("content-type", "")).startswith("text/html")


def _denied_hint(error: dict[str, object], status: int, rights: str) -> str:
    """What to do about a refusal; nothing if it is none."""
    code = str(error.get("Code", ""))
    if code.startswith("KMS") or (code == "AccessDenied" and "kms" in str(error.get("Message", "")).lower()):
        return "the objects are encrypted: reading them needs kms:Decrypt on their key"
    return _DENIED_HINTS.get(code, rights if code == "AccessDenied" or status in (401, 403) else "")


def _answer_words(error: dict[str, object], status: int) -> str:
    code, message = str(error.get("Code", "")), str(error.get("Message", "")).rstrip(".")
    words = ": ".join(part for part in (code, message) if part and part != str(status))
    return f"{words} (HTTP {status})" if words else f"HTTP {status}"


def _region_hint(exc: ClientError, settings: BucketSettings) -> str:
    headers = exc.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    found = headers.get("x-amz-bucket-region") or exc.response.get("Error", {}).get("Region")
    used = settings.region or "the default"
    if found:
        return f"the bucket is in {found}, the request named {used}: set region = {found!r}"
    return f"the bucket is in another region than {used}"


def _credentials_hint(exc: Exception, settings: BucketSettings) -> str:
    if isinstance(exc, boto.SSOError | boto.TokenRetrievalError | boto.NoAuthTokenError):
        return "log in again: aws sso login" + (f" --profile {settings.profile}" if settings.profile else "")
    profile = f"profile {settings.profile}" if settings.profile else "profile from AWS_PROFILE, or default"
    return (
        "looked at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a web identity token, "
        f"~/.aws/credentials and ~/.aws/config ({profile}), the container's and the instance's metadata"
    )


def _connection_hint(exc: Exception, settings: BucketSettings) -> str:
    if isinstance(exc, boto.SSLError):
        return "a certificate of an own authority needs ca_file; a plain HTTP endpoint needs http://"
    if isinstance(exc, boto.ProxyConnectionError):
        return "see HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
    if settings.path_style is False:
        return "without path style the bucket is part of the host name: does it resolve?"
    return "check the endpoint, and the way to it: DNS, proxy (HTTPS_PROXY, NO_PROXY), firewall"


def _words(exc: Exception) -> str:
    """The exception's first line: botocore repeats itself in the others."""
    return next(iter(str(exc).splitlines()), type(exc).__name__).rstrip(".")
