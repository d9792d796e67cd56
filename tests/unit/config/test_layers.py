"""Flags and environment as layers of settings."""

from pathlib import Path
from typing import Any

import pytest

from offloadctl.config.given import Layer, OriginKind, by_flag
from offloadctl.config.keys import KEYS, Kind, Value
from offloadctl.config.layers import (
    ConnectionFlags,
    known_variables,
    layer_from_environment,
    layer_from_flags,
    parse_bucket,
)
from offloadctl.errors import SettingsError
from offloadctl.model.settings import BucketSettings
from offloadctl.redaction import Secret

TEXTS = {
    Kind.TEXT: ("word", "word"),
    Kind.SECRET: ("s3cr3t", Secret("s3cr3t")),
    Kind.FILE: ("/a/file", Path("/a/file")),
    Kind.DIRECTORY: ("/a/directory", Path("/a/directory")),
    Kind.SWITCH: ("true", True),
    Kind.NUMBER: ("7", 7.0),
    Kind.LIST: ("a,b", ("a", "b")),
    Kind.URL: ("http://host:1", "http://host:1"),
    Kind.SERVICE_URL: ("pulsar://host:1", "pulsar://host:1"),
    Kind.URLS: ("http://a:1,http://b:2", ("http://a:1", "http://b:2")),
}


def said(layer: Layer) -> dict[str, tuple[Value, str]]:
    return {one.path: (one.value, str(one.origin)) for one in layer.given}


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.path)
def test_every_key_has_a_variable(key: Any) -> None:
    text, value = TEXTS[key.kind]

    layer = layer_from_environment({key.variable: text})

    assert said(layer) == {key.path: (value, key.variable)}
    assert layer.given[0].origin.kind is OriginKind.VARIABLE


@pytest.mark.parametrize(
    ("variable", "text", "path", "value"),
    [
        ("OFFLOADCTL_ADMIN_URL", "http://a:8080", "admin_urls", ("http://a:8080",)),
        ("OFFLOADCTL_TOKEN", "a-token", "auth.token", Secret("a-token")),
        ("OFFLOADCTL_TOKEN_FILE", "/run/token", "auth.token_file", Path("/run/token")),
    ],
)
def test_what_is_set_most_often_has_a_short_variable(variable: str, text: str, path: str, value: Value) -> None:
    assert said(layer_from_environment({variable: text})) == {path: (value, variable)}


def test_a_short_variable_beside_the_long_one_is_refused() -> None:
    with pytest.raises(SettingsError, match="OFFLOADCTL_AUTH_TOKEN and OFFLOADCTL_TOKEN set the same thing"):
        layer_from_environment({"OFFLOADCTL_TOKEN": "one-token", "OFFLOADCTL_AUTH_TOKEN": "another"})


def test_an_unknown_variable_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match="unknown variable 'OFFLOADCTL_CLUSTERS'") as caught:
        layer_from_environment({"OFFLOADCTL_CLUSTERS": "x"})

    assert caught.value.hint == "did you mean OFFLOADCTL_CLUSTER?"


def test_a_wrong_value_names_its_variable_and_its_key() -> None:
    with pytest.raises(SettingsError, match=r"environment variable OFFLOADCTL_READ_ONLY: read_only must be true or"):
        layer_from_environment({"OFFLOADCTL_READ_ONLY": "perhaps"})


def test_an_empty_variable_says_nothing() -> None:
    assert layer_from_environment({"OFFLOADCTL_CLUSTER": "", "OFFLOADCTL_NONSENSE": " "}) == Layer()


def test_other_programs_variables_are_none_of_ours() -> None:
    assert layer_from_environment({"PATH": "/bin", "MY_OFFLOADCTL_THING": "x", "_OFFLOADCTL_COMPLETE": "x"}) == Layer()


@pytest.mark.parametrize(
    "variable", ["OFFLOADCTL_CONTEXT", "OFFLOADCTL_CONFIG", "OFFLOADCTL_DEBUG", "OFFLOADCTL_OUTPUT"]
)
def test_variables_that_are_no_settings_are_known(variable: str) -> None:
    assert layer_from_environment({variable: "x"}) == Layer()
    assert variable in known_variables()


@pytest.mark.parametrize(
    "variable",
    [
        "OFFLOADCTL_SERVICE_HOST",
        "OFFLOADCTL_SERVICE_PORT",
        "OFFLOADCTL_SERVICE_PORT_HTTP",
        "OFFLOADCTL_PORT",
        "OFFLOADCTL_PORT_8080_TCP",
        "OFFLOADCTL_PORT_8080_TCP_ADDR",
        "OFFLOADCTL_PORT_8080_TCP_PROTO",
        "OFFLOADCTL_METRICS_SERVICE_HOST",
        "OFFLOADCTL_METRICS_PORT_9090_TCP_PORT",
    ],
)
def test_a_kubernetes_service_of_our_name_breaks_nothing(variable: str) -> None:
    assert layer_from_environment({variable: "tcp://10.0.0.1:8080"}) == Layer()


def test_a_bucket_comes_from_variables_value_by_value() -> None:
    layer = layer_from_environment(
        {
            "OFFLOADCTL_BUCKET": "a,region=eu-1 b",
            "OFFLOADCTL_S3_ENDPOINT": "http://minio:9000",
            "OFFLOADCTL_S3_PATH_STYLE": "true",
            "OFFLOADCTL_S3_CA_FILE": "/ca.pem",
        }
    )

    assert [bucket.settings for bucket in layer.buckets] == [BucketSettings("a", region="eu-1"), BucketSettings("b")]
    assert layer.bucket_defaults is not None
    assert layer.bucket_defaults.settings == BucketSettings(
        "", endpoint="http://minio:9000", path_style=True, ca_file=Path("/ca.pem")
    )
    assert [str(one.origin) for one in layer.bucket_defaults.given] == [
        "OFFLOADCTL_S3_ENDPOINT",
        "OFFLOADCTL_S3_PATH_STYLE",
        "OFFLOADCTL_S3_CA_FILE",
    ]


def test_flags_become_settings_and_name_themselves_as_the_origin() -> None:
    flags = ConnectionFlags(
        admin_urls=("http://a:8080", "http://b:8080"),
        token_file=Path("token"),
        cluster="prod",
        tls_ca_file=Path("/ca.pem"),
        tls_cert_file=Path("/cert.pem"),
        tls_key_file=Path("/key.pem"),
        tls_insecure=True,
        read_only=True,
    )

    assert said(layer_from_flags(flags)) == {
        "admin_urls": (("http://a:8080", "http://b:8080"), "--admin-url"),
        "auth.token_file": (Path("token"), "--token-file"),
        "cluster": ("prod", "--cluster"),
        "tls.ca_file": (Path("/ca.pem"), "--tls-ca-file"),
        "tls.certificate_file": (Path("/cert.pem"), "--tls-cert-file"),
        "tls.key_file": (Path("/key.pem"), "--tls-key-file"),
        "tls.verify": (False, "--tls-allow-insecure"),
        "read_only": (True, "--read-only"),
    }


def test_flags_that_are_not_given_say_nothing() -> None:
    assert layer_from_flags(ConnectionFlags()) == Layer()


def test_bucket_flags_make_buckets_and_what_completes_them() -> None:
    layer = layer_from_flags(
        ConnectionFlags(
            buckets=("a", "b,endpoint=http://other:9000"),
            s3_endpoint="http://minio:9000",
            s3_region="eu-1",
            s3_profile="archive",
            s3_path_style=False,
            s3_ca_file=Path("/ca.pem"),
        )
    )

    assert [bucket.settings.name for bucket in layer.buckets] == ["a", "b"]
    assert layer.bucket_defaults is not None
    assert layer.bucket_defaults.settings == BucketSettings(
        "", "http://minio:9000", "eu-1", "archive", path_style=False, ca_file=Path("/ca.pem")
    )


def test_a_wrong_flag_is_named() -> None:
    with pytest.raises(SettingsError, match="option --admin-url: admin_urls must be"):
        layer_from_flags(ConnectionFlags(admin_urls=("broker",)))


def test_a_bucket_is_a_name_and_keys_with_values(tmp_path: Path) -> None:
    text = "pulsar-offload,endpoint=https://minio:9000/,path-style=yes,ca_file=ca.pem,note=until 2026-03"

    bucket = parse_bucket(text, "option --bucket", by_flag("--bucket"), tmp_path)

    assert bucket.settings == BucketSettings(
        "pulsar-offload", "https://minio:9000", path_style=True, ca_file=tmp_path / "ca.pem", note="until 2026-03"
    )
    assert {str(one.origin) for one in bucket.given} == {"--bucket"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "a bucket needs a name"),
        (",region=x", "a bucket needs a name"),
        ("b,region", "region is not one key=value"),
        ("b,region=x,region=y", "region is not one key=value, or comes twice"),
        ("b,regoin=x", "unknown bucket key 'regoin'"),
        ("b,path_style=perhaps", "path_style must be true or false"),
        ("s3://b", "s3://b is an address"),
    ],
)
def test_a_bucket_that_does_not_parse_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        parse_bucket(text, "option --bucket", by_flag("--bucket"))
