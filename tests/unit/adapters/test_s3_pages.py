"""Pages of a listing are read as botocore reads them, only faster."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

import botocore.session
import pytest
from botocore.parsers import ResponseParserFactory
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.adapters.s3_pages import read_objects, read_time

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
USED = {"Key", "LastModified", "ETag", "Size", "StorageClass"}

_MODEL = botocore.session.get_session().get_service_model("s3").operation_model("ListObjectsV2").output_shape
_PARSER = ResponseParserFactory().create_parser("rest-xml")

texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=12)
times = st.integers(0, 4_000_000_000_000).map(
    lambda milliseconds: (EPOCH + timedelta(milliseconds=milliseconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "Key": texts,
        "LastModified": times,
        "ETag": texts.map('"{}"'.format),
        "Size": st.integers(0, 2**63).map(str),
        "StorageClass": st.sampled_from(["STANDARD", "GLACIER", ""]),
        "ChecksumAlgorithm": st.just("CRC32"),
        "Owner": st.just(("ID", "somebody")),
    },
)


def element(name: str, content: object) -> str:
    inner = element(*content) if isinstance(content, tuple) else escape(str(content))
    return f"<{name}>{inner}</{name}>"


def document(objects: list[dict[str, Any]], namespace: str, token: str) -> bytes:
    listed = [f"<Contents>{''.join(element(*field) for field in one.items())}</Contents>\n" for one in objects]
    head = element("Name", "b") + element("IsTruncated", "true") + element("NextContinuationToken", token)
    tail = "<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>"
    body = f"<ListBucketResult{namespace}>{head}{''.join(listed)}{tail}</ListBucketResult>"
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body.encode()


def read(body: bytes, *, status: int = 200, fast: bool) -> Mapping[str, Any]:
    """What a caller of botocore gets."""
    response, customized = {"status_code": status, "headers": {}, "body": body}, dict[str, Any]()
    if fast:
        read_objects(response_dict=response, customized_response_dict=customized)
    assert _MODEL is not None
    parsed: dict[str, Any] = _PARSER.parse(response, _MODEL)
    return parsed | customized


@given(
    objects=st.lists(fields, max_size=4),
    namespace=st.sampled_from(["", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"']),
    token=texts,
)
def test_a_page_is_what_botocore_makes_of_it(objects: list[dict[str, Any]], namespace: str, token: str) -> None:
    body = document(objects, namespace, token)

    expected = dict(read(body, fast=False))
    if objects:
        expected["Contents"] = [{name: one[name] for name in one.keys() & USED} for one in expected["Contents"]]
    assert read(body, fast=True) == expected


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<ListBucketResult><Contents>"),
        (200, b"<html><Contents><Key>a</Key></Contents></html>"),
        (200, b"<ListBucketResult><Name>b</Name></ListBucketResult>"),
        (404, b"<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>"),
        (503, b"<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>"),
    ],
)
def test_what_is_no_page_of_objects_is_left_to_botocore(status: int, body: bytes) -> None:
    response, customized = {"status_code": status, "headers": {}, "body": body}, dict[str, Any]()

    read_objects(response_dict=response, customized_response_dict=customized)

    assert (response["body"], customized) == (body, {})


@pytest.mark.parametrize("field", ["<Size>many</Size>", "<Size/>", "<LastModified>1e400</LastModified>"])
def test_a_field_that_makes_no_sense_is_an_error(field: str) -> None:
    body = f"<ListBucketResult><Contents><Key>a</Key>{field}</Contents></ListBucketResult>".encode()

    with pytest.raises(ValueError, match=r"time|invalid literal"):
        read(body, fast=True)


def test_a_time_is_read_in_every_way_that_stores_write_it() -> None:
    for text in ("2026-11-24T02:12:18Z", "2026-11-24T02:12:18.000Z", "Tue, 24 Nov 2026 02:12:18 GMT", "1795486338"):
        assert read_time(text).astimezone(UTC) == datetime(2026, 11, 24, 2, 12, 18, tzinfo=UTC)
