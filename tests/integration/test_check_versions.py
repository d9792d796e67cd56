"""Versions as MinIO keeps them: what it tells of them, and that the command of a finding brings an object back."""

import shlex
from uuid import uuid4

import pytest

from offloadctl.adapters.s3 import S3Store
from offloadctl.model.settings import BucketSettings
from offloadctl.operations.restore import how_to_restore
from tests.integration.stack import Stack

pytestmark = pytest.mark.integration

KEY = "0d62aced-5f9b-4e04-8095-33724300d6e3-ledger-57"


def test_minio_keeps_versions_and_what_was_deleted_comes_back_by_the_command(shared_stack: Stack) -> None:
    client, name = shared_stack.s3(), f"versions-{uuid4().hex[:12]}"
    client.create_bucket(Bucket=name)
    credentials = (shared_stack.access_key, shared_stack.secret_key)
    with S3Store(BucketSettings(name, endpoint=shared_stack.s3_url), credentials=credentials) as store:
        before = store.is_versioned
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        for body in (b"old", b"newer"):
            store.put(KEY, body, user_metadata={"role": "data"}, content_type="")
        store.put(f"{KEY}-index", b"index", user_metadata={}, content_type="")
        store.delete(KEY)
        found = [(one.key, one.size, one.is_latest, one.is_delete_marker) for one in store.versions()]
        words = shlex.split(how_to_restore([store], [KEY]).splitlines()[-1])
        client.delete_object(Bucket=words[4], Key=words[6], VersionId=words[8])

        assert (before, store.is_versioned) == (False, True)
        assert found == [
            (KEY, 0, True, True),
            (KEY, 5, False, False),
            (KEY, 3, False, False),
            (f"{KEY}-index", 5, True, False),
        ]
        assert words[:3] == ["aws", "s3api", "delete-object"]
        assert words[-2:] == ["--endpoint-url", shared_stack.s3_url]
        assert store.read(KEY) == b"newer"
        for version in list(store.versions()):
            client.delete_object(Bucket=name, Key=version.key, VersionId=version.version_id)
    client.delete_bucket(Bucket=name)
