"""A listing of MinIO's: page by page and from several places, the same as boto3 tells."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from offloadctl.adapters.memory import ManualClock
from offloadctl.adapters.s3 import S3Store
from offloadctl.model.settings import BucketSettings
from offloadctl.operations import listing
from offloadctl.operations.workers import StoppableClock
from offloadctl.ports import ObjectInfo
from tests.integration.stack import Stack

pytestmark = pytest.mark.integration

STRANGERS = ("!", "0", "9", "9é", ":", "A b", "a+b%20c", "f", "g&amp;", "~", "表/😀")


def test_minio_is_listed_as_boto3_tells_it_whole_and_from_several_places(
    shared_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 20)
    client, name = shared_stack.s3(), f"listing-{uuid4().hex[:12]}"
    client.create_bucket(Bucket=name)
    keys = [*STRANGERS, *(f"{uuid4()}-ledger-{number}" for number in range(150))]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: client.put_object(Bucket=name, Key=key, Body=key.encode()), keys))
    credentials = (shared_stack.access_key, shared_stack.secret_key)
    from_places: list[ObjectInfo] = []
    lock = threading.Lock()

    def take(objects: Sequence[ObjectInfo]) -> None:
        with lock:
            from_places.extend(objects)

    with S3Store(BucketSettings(name, endpoint=shared_stack.s3_url), credentials=credentials) as store:
        whole = list(store.list())
        listing.list_bucket(store, take, StoppableClock(ManualClock()))

    told = client.list_objects_v2(Bucket=name)["Contents"]
    assert [(one.key, one.size, one.etag, one.last_modified, one.storage_class) for one in whole] == [
        (one["Key"], one["Size"], one["ETag"].strip('"'), one["LastModified"], one["StorageClass"]) for one in told
    ]
    assert sorted(from_places, key=lambda one: one.key) == whole
    assert len(whole) == len(keys)
    for key in keys:
        client.delete_object(Bucket=name, Key=key)
    client.delete_bucket(Bucket=name)
