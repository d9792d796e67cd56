"""How a boto3 client for one bucket is made, and what is checked before that."""

import os
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound
from botocore.loaders import Loader, create_loader
from botocore.utils import is_valid_endpoint_url, is_valid_ipv6_endpoint_url, validate_region_name

from offloadctl import __version__
from offloadctl.adapters import traffic
from offloadctl.adapters.s3_pages import read_objects, read_time
from offloadctl.errors import SettingsError
from offloadctl.model.settings import BucketSettings
from offloadctl.redaction import remember

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CONNECT_TIMEOUT: Final = 10
_READ_TIMEOUT: Final = 60
# More than the threads that any command reads with; botocore's 10 would make them wait for each other.
_POOL: Final = 32
_ADDRESSING: Final[Mapping[bool | None, Literal["path", "virtual", "auto"]]] = {
    True: "path",
    False: "virtual",
    None: "auto",
}


def check_settings(settings: BucketSettings) -> None:
    """SettingsError for what can be seen to be wrong without asking anybody for credentials."""
    if settings.ca_file is not None and not settings.ca_file.is_file():
        raise SettingsError(f"bucket {settings.name}: there is no CA file {settings.ca_file}")
    try:
        _session(settings)
        if settings.region is not None:
            validate_region_name(settings.region)
    except (BotoCoreError, ValueError) as exc:
        raise _unusable(settings, exc) from exc
    if settings.endpoint is not None and not _is_endpoint(settings.endpoint):
        # What stands before an @ may be a password.
        raise SettingsError(
            f"bucket {settings.name}: {settings.endpoint.rpartition('@')[2]!r} is no endpoint",
            hint="an endpoint is a URL without a user, such as https://minio.example.com:9000",
        )


def connect(settings: BucketSettings, credentials: tuple[str, str] | None) -> "S3Client":
    """A client with a session of its own, so that credentials are looked up when it is made and not before.

    Looking them up may ask the machine's metadata service, which takes seconds where there is none.
    """
    access_key, secret_key = credentials or (None, None)
    try:
        session = _session(settings)
        custom = settings.endpoint is not None or _environment_names_endpoint()
        client = session.client(
            "s3",
            endpoint_url=settings.endpoint,
            # A custom endpoint seldom cares, but a signature must name some region.
            region_name=session.region_name or ("us-east-1" if custom else None),
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            verify=None if settings.ca_file is None else str(settings.ca_file),
            config=_config(settings, custom=custom),
        )
    except (BotoCoreError, ValueError) as exc:
        raise _unusable(settings, exc) from exc
    client.meta.events.register("before-parameter-build.s3.HeadBucket", _ask_no_bucket_for_its_region)
    client.meta.events.register("before-send.s3", _remember_session_token)
    client.meta.events.register("response-received.s3", _count)
    # Before what botocore has there, which parses the whole page only to see whether it is an error.
    client.meta.events.register_first("before-parse.s3.ListObjectsV2", read_objects)
    return client


def _session(settings: BucketSettings) -> boto3.Session:
    core = botocore.session.get_session()
    core.register_component("data_loader", _descriptions())
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=read_time)
    session = boto3.Session(profile_name=settings.profile, region_name=settings.region, botocore_session=core)
    # Looks the profile up, which may not be there.
    core.get_scoped_config()
    return session


@cache
def _descriptions() -> Loader:
    """S3's description is a megabyte of JSON; sessions that share it are made four times faster after the first one."""
    return create_loader()


def _config(settings: BucketSettings, *, custom: bool) -> Config:
    path_style = (custom or None) if settings.path_style is None else settings.path_style
    config = Config(
        connect_timeout=_CONNECT_TIMEOUT,
        read_timeout=_READ_TIMEOUT,
        max_pool_connections=_POOL,
        retries={"mode": "standard"},
        user_agent_extra=f"offloadctl/{__version__}",
        s3={"addressing_style": _ADDRESSING[path_style]},
    )
    if not custom:
        return config
    # Since 1.36 boto3 adds checksums that many other stores do not know or reject.
    return config.merge(
        Config(request_checksum_calculation="when_required", response_checksum_validation="when_required")
    )


def _remember_session_token(request: Any, **_: Any) -> None:
    """A store's error may repeat it, and only here it is known whatever it came from, and after it was renewed."""
    token = request.headers.get("X-Amz-Security-Token", "")
    remember(token.decode() if isinstance(token, bytes) else token)


def _count(event_name: str, response_dict: Mapping[str, Any] | None, **_: Any) -> None:
    """Each attempt counts for itself, as it does for whoever charges for it."""
    operation = event_name.rpartition(".")[2]
    traffic.S3.count(operation, None if response_dict is None else response_dict["status_code"])


def _ask_no_bucket_for_its_region(**_: Any) -> NoReturn:
    """Keep botocore from looking for a bucket's region by HEAD when the answer to another request did not name it.

    Its S3RegionRedirectorv2 does that for the HEAD's own answer as well, until the stack is full, if a store answers
    everything with PermanentRedirect. AWS names the region in each such answer, and then one redirect is followed.
    """
    nothing = {"Error": {"Code": "301"}, "ResponseMetadata": {"HTTPHeaders": {}}}
    raise ClientError(nothing, "HeadBucket")  # type: ignore[arg-type]  # what S3RegionRedirectorv2 looks at


def _is_endpoint(url: str) -> bool:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.username is None and parts.port != 0
    except ValueError:
        return False
    return usable and bool(is_valid_endpoint_url(url) or is_valid_ipv6_endpoint_url(url))


def _environment_names_endpoint() -> bool:
    return any(os.environ.get(name) for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))


def _unusable(settings: BucketSettings, exc: Exception) -> SettingsError:
    missing = isinstance(exc, ProfileNotFound)
    hint = f"profile {settings.profile!r} must stand in ~/.aws/config or ~/.aws/credentials" if missing else ""
    return SettingsError(f"bucket {settings.name} cannot be used: {exc}", hint=hint)
