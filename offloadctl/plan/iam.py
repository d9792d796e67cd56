"""The rights at AWS that a broker and this program need, and no more, as IAM policies."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_VERSION: Final = "2012-10-17"

_BROKER_BUCKET: Final = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")
_BROKER_OBJECTS: Final = (
    "s3:PutObject",
    "s3:GetObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
)
_OUR_BUCKET: Final = (
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
    "s3:GetBucketVersioning",
)
_OUR_DOCTOR: Final = (
    "s3:GetBucketLocation",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
)
"""Only `doctor s3` asks for these."""


def broker_policy(buckets: Sequence[str]) -> Mapping[str, Any]:
    """What brokers need to offload, read back, and delete what retention lets go."""
    return _policy(
        _statement("OffloadBucket", _BROKER_BUCKET, _buckets(buckets)),
        _statement("OffloadedLedgers", _BROKER_OBJECTS, _objects(buckets)),
    )


def reader_policy(buckets: Sequence[str]) -> Mapping[str, Any]:
    """What this program needs: it reads, and writes nothing."""
    return _policy(
        _statement("ListLedgers", _OUR_BUCKET, _buckets(buckets)),
        _statement("ReadLedgers", ("s3:GetObject", "s3:ListMultipartUploadParts"), _objects(buckets)),
        _statement("DoctorBucket", _OUR_DOCTOR, _buckets(buckets)),
    )


def _policy(*statements: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"Version": _VERSION, "Statement": list(statements)}


def _statement(name: str, actions: Sequence[str], resources: list[str]) -> Mapping[str, Any]:
    return {"Sid": name, "Effect": "Allow", "Action": list(actions), "Resource": resources}


def _buckets(buckets: Sequence[str]) -> list[str]:
    return [f"arn:aws:s3:::{name}" for name in buckets]


def _objects(buckets: Sequence[str]) -> list[str]:
    # Keys lie flat at the bucket's root, so no prefix can narrow this.
    return [f"arn:aws:s3:::{name}/*" for name in buckets]
