"""How a bucket is configured, asked of its store: nothing is changed, and each refusal is an answer of its own."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import ClientError

from offloadctl.adapters.s3_client import check_settings, connect
from offloadctl.adapters.s3_errors import FOREIGN, Where, error_code, translate
from offloadctl.model.bucket_facts import BucketFacts, LifecycleRule, Told
from offloadctl.model.settings import BucketSettings
from offloadctl.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

_NOT_CONFIGURED: Final = frozenset(
    {
        "NoSuchLifecycleConfiguration",
        "ObjectLockConfigurationNotFoundError",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)


class S3Probe:
    """Asks one bucket's store for the bucket's configuration."""

    def __init__(self, settings: BucketSettings, clock: Clock, *, credentials: tuple[str, str] | None = None) -> None:
        check_settings(settings)
        self._settings = settings
        self._clock = clock
        self._credentials = credentials

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._settings.name

    def facts(self) -> BucketFacts:
        """Everything that the store tells. StoreError only if no client can be made."""
        client = connect(self._settings, self._credentials)
        try:
            return self._facts(client)
        finally:
            client.close()

    def _facts(self, client: "S3Client") -> BucketFacts:
        name = self.bucket

        def told(request: Callable[[], T | None]) -> Told[T]:
            try:
                return Told(request())
            except FOREIGN as exc:
                if isinstance(exc, ClientError) and error_code(exc) in _NOT_CONFIGURED:
                    return Told()
                where = Where(name, client.meta.endpoint_url, "", self._settings)
                return Told(refusal=translate(exc, "look at", where).message)

        # No other way leads from a client to where its credentials come from.
        found = client._request_signer._credentials  # type: ignore[attr-defined]  # noqa: SLF001
        return BucketFacts(
            endpoint=client.meta.endpoint_url,
            path_style=_addressing(client.meta.config) == "path",
            credentials=getattr(found, "method", "") if found is not None else "",
            region=told(lambda: _region(client.get_bucket_location(Bucket=name))),
            clock_skew=told(lambda: self._skew(client.list_objects_v2(Bucket=name, MaxKeys=1)["ResponseMetadata"])),
            versioning=told(lambda: client.get_bucket_versioning(Bucket=name).get("Status")),
            object_lock=told(lambda: _lock(client.get_object_lock_configuration(Bucket=name))),
            encryption=told(lambda: _encryption(client.get_bucket_encryption(Bucket=name))),
            lifecycle=told(lambda: _rules(client.get_bucket_lifecycle_configuration(Bucket=name))),
            wanted_region=self._settings.region,
        )

    def _skew(self, metadata: Mapping[str, Any]) -> timedelta | None:
        date = metadata.get("HTTPHeaders", {}).get("date")
        return None if date is None else parsedate_to_datetime(date).astimezone(UTC) - _to_seconds(self._clock.now())


def _addressing(config: Any) -> str:
    return str((config.s3 or {}).get("addressing_style", ""))


def _region(reply: Mapping[str, Any]) -> str:
    # AWS has no name for its first region here.
    return reply.get("LocationConstraint") or "us-east-1"


def _to_seconds(moment: datetime) -> datetime:
    # HTTP dates have no fractions.
    return moment.replace(microsecond=0)


def _lock(reply: Mapping[str, Any]) -> str | None:
    lock = reply.get("ObjectLockConfiguration", {})
    if lock.get("ObjectLockEnabled") != "Enabled":
        return None
    default = lock.get("Rule", {}).get("DefaultRetention", {})
    if not default:
        return "on, without a default retention"
    length = f"{default['Days']} days" if "Days" in default else f"{default.get('Years')} years"
    return f"on, by default {default.get('Mode')} for {length}"


def _encryption(reply: Mapping[str, Any]) -> str | None:
    rules = reply.get("ServerSideEncryptionConfiguration", {}).get("Rules", ())
    found = [rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm", "") for rule in rules]
    return ", ".join(filter(None, found)) or None


def _rules(reply: Mapping[str, Any]) -> tuple[LifecycleRule, ...]:
    return tuple(_rule(one) for one in reply.get("Rules", ()) if one.get("Status") == "Enabled")


def _rule(rule: Mapping[str, Any]) -> LifecycleRule:
    chosen = rule.get("Filter") or {}
    both = chosen.get("And") or {}
    days = rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")
    narrowing = {"Tag", "Tags", "ObjectSizeGreaterThan", "ObjectSizeLessThan"}
    return LifecycleRule(
        id=str(rule.get("ID", "")),
        prefix=both.get("Prefix") or chosen.get("Prefix") or rule.get("Prefix") or "",
        is_narrowed=bool(narrowing & (set(chosen) | set(both))),
        expires=_expiry(rule.get("Expiration") or {}),
        archives_to=tuple(one.get("StorageClass", "") for one in rule.get("Transitions", ())),
        old_versions_expire="NoncurrentVersionExpiration" in rule,
        aborts_uploads_after_days=None if days is None else int(days),
    )


def _expiry(expiration: Mapping[str, Any]) -> str:
    if "Days" in expiration:
        return f"after {expiration['Days']} days"
    return f"on {expiration['Date']:%Y-%m-%d}" if "Date" in expiration else ""
