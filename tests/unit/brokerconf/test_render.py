"""Profiles and what is rendered from them: exactly what the driver reads, in every format, and nothing that hurts."""

from pathlib import Path

import pytest
import yaml

from offloadctl.adapters.broker_conf_files import common_template, profile_templates, templates
from offloadctl.brokerconf.entries import Layout
from offloadctl.brokerconf.findings import LintSeverity
from offloadctl.brokerconf.formats import PREFIX, Format, written
from offloadctl.brokerconf.kinds import Driver
from offloadctl.brokerconf.lint import lint
from offloadctl.brokerconf.profiles import Profile, parse_profile
from offloadctl.brokerconf.properties import parse, values_in
from offloadctl.brokerconf.reading import read
from offloadctl.brokerconf.render import draft, render
from offloadctl.brokerconf.settings import BY_KEY
from offloadctl.errors import BadValue, UsageError

S3, GENERAL = "s3ManagedLedgerOffload", "managedLedgerOffload"
VALUES = {
    "bucket": "pulsar-offload-bucket",
    "region": "us-west-2",
    "endpoint": "http://minio:9000",
    "role": "arn:aws:iam::123456789012:role/pulsar",
    "account": "0123456789abcdef",
    "key-file": "/pulsar/gcs.json",
    "uri": "file:///mnt/offload",
}


def profile(name: str) -> Profile:
    return parse_profile(name, profile_templates()[name], common_template())


def minimal(name: str, **more: str) -> dict[str, str]:
    """Just what a profile needs, and more by keyword."""
    needed = {parameter: VALUES[parameter] for parameter in profile(name).required}
    return needed | {key.replace("_", "-"): value for key, value in more.items()}


def test_there_is_a_profile_for_each_store_that_is_promised() -> None:
    drivers = {name: profile(name).driver for name in profile_templates()}

    assert drivers == {
        "aws-s3": Driver.AWS_S3,
        "aws-s3-role": Driver.AWS_S3,
        "minio": Driver.S3,
        "ceph-rgw": Driver.S3,
        "r2": Driver.S3,
        "gcs": Driver.GCS,
        "azure": Driver.AZURE,
        "filesystem": Driver.FILESYSTEM,
    }


def test_a_minimal_aws_s3_is_exactly_three_lines() -> None:
    rendered = render(profile("aws-s3"), {"bucket": "pulsar-offload-bucket", "region": "us-west-2"})

    assert written(rendered.values, Format.CONF) == (
        "managedLedgerOffloadDriver=aws-s3\n"
        "s3ManagedLedgerOffloadRegion=us-west-2\n"
        "s3ManagedLedgerOffloadBucket=pulsar-offload-bucket\n"
    )


def test_minio_goes_by_the_driver_s3_and_its_general_keys_and_says_why() -> None:
    minio = profile("minio")
    rendered = render(minio, minimal("minio"))

    assert rendered.values == {
        "managedLedgerOffloadDriver": "S3",
        "managedLedgerOffloadBucket": "pulsar-offload-bucket",
        "managedLedgerOffloadServiceEndpoint": "http://minio:9000",
    }
    assert "not aws-s3" in minio.notes
    assert "ACCESS_KEY_ID and ACCESS_KEY_SECRET" in minio.notes


def test_units_become_the_plain_numbers_that_the_broker_needs() -> None:
    rendered = render(
        profile("aws-s3"), minimal("aws-s3", max_block_size="64M", deletion_lag="4h", size_threshold="10G")
    )

    assert rendered.values[f"{S3}MaxBlockSizeInBytes"] == "67108864"
    assert rendered.values["managedLedgerOffloadDeletionLagMs"] == "14400000"
    assert rendered.values["managedLedgerOffloadAutoTriggerSizeThresholdBytes"] == "10737418240"


def test_both_families_get_equal_values_when_both_count() -> None:
    rendered = render(profile("aws-s3"), minimal("aws-s3", max_block_size="64M"), both_families=True)

    for place in ("Region", "Bucket", "MaxBlockSizeInBytes"):
        assert rendered.values[GENERAL + place] == rendered.values[S3 + place]
    assert lint(read(written(rendered.values, Format.CONF).encode())) == lint(
        read(written(render(profile("aws-s3"), minimal("aws-s3", max_block_size="64M")).values, Format.CONF).encode())
    )


def test_any_key_can_be_set_by_its_own_name() -> None:
    rendered = render(profile("minio"), minimal("minio") | {"managedLedgerMaxLedgerRolloverTimeMinutes": "2h"})

    assert rendered.values["managedLedgerMaxLedgerRolloverTimeMinutes"] == "120"


def test_a_key_can_take_the_place_of_what_a_profile_asks_for() -> None:
    endpoint = "https://x.eu.r2.cloudflarestorage.com"

    rendered = render(profile("r2"), {"bucket": "cold", "managedLedgerOffloadServiceEndpoint": endpoint})

    assert rendered.values["managedLedgerOffloadServiceEndpoint"] == endpoint


def test_a_static_key_is_for_the_profiles_own_family_though_the_template_does_not_ask_for_it() -> None:
    rendered = render(profile("aws-s3"), minimal("aws-s3", credential_id="AKIA", credential_secret="swordfish"))

    assert rendered.values["s3ManagedLedgerOffloadCredentialId"] == "AKIA"
    assert rendered.secrets == ("s3ManagedLedgerOffloadCredentialSecret",)


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("minio", {"bucket": "b"}, "minio needs endpoint"),
        ("aws-s3", {}, "aws-s3 needs region and bucket"),
        ("aws-s3-role", {}, "needs region, bucket and role"),
        ("minio", {"bucket": "b", "endpont": "x"}, "has no value 'endpont'"),
        ("minio", {"bucket": "b", "endpoint": " "}, "cannot be blank"),
        ("minio", {"bucket": "b", "managedLedgerOffloadBucket": "c"}, "are the same setting"),
        ("aws-s3", {"credential-id": "a", "s3ManagedLedgerOffloadCredentialId": "b"}, "is set twice"),
        ("aws-s3", {"managedLedgerOffloadDrivr": "a"}, "has no value"),
        ("minio", {"key-file": "a"}, "has no value"),
    ],
)
def test_what_cannot_be_rendered_is_said_in_words(name: str, given: dict[str, str], words: str) -> None:
    with pytest.raises((UsageError, BadValue), match=words) as caught:
        render(profile(name), given)

    assert caught.value.hint or "blank" in words


def test_a_draft_leaves_open_what_is_not_given() -> None:
    made = draft(profile("minio"), {"bucket": "cold"})

    assert made.unfilled == {"managedLedgerOffloadServiceEndpoint"}
    assert made.values == {"managedLedgerOffloadDriver": "S3", "managedLedgerOffloadBucket": "cold"}


@pytest.mark.parametrize("name", profile_templates())
def test_no_profile_renders_anything_blank_or_anything_that_the_linter_calls_an_error(name: str) -> None:
    rendered = render(profile(name), minimal(name))

    assert all(value.strip() for value in rendered.values.values())
    found = lint(read(written(rendered.values, Format.CONF).encode(), layout=Layout.CONF))
    assert [one.rule.id for one in found if one.rule.severity is not LintSeverity.NOTE] == []


@pytest.mark.parametrize("name", profile_templates())
@pytest.mark.parametrize("wanted", Format)
def test_every_format_brings_the_same_values_to_the_broker(name: str, wanted: Format) -> None:
    rendered = render(profile(name), minimal(name, deletion_lag="12h"))

    conf = read(written(rendered.values, wanted).encode())

    assert {one.key: one.value for one in conf.entries if one.line is not None} == rendered.values


@pytest.mark.parametrize("wanted", Format)
def test_values_with_signs_of_every_syntax_reach_the_broker_as_they_are(wanted: Format) -> None:
    values = {"s3ManagedLedgerOffloadRoleSessionName": 'a$b"c\\d#e: {f}é', "fileSystemURI": "$$x='y'"}

    conf = read(written(values, wanted).encode())

    assert {key: conf.text(key) for key in values} == values


def test_yaml_formats_hold_texts_where_their_readers_want_them() -> None:
    values = {"managedLedgerOffloadDriver": "S3", "managedLedgerOffloadMaxThreads": "2"}
    variables = {PREFIX + key: value for key, value in values.items()}

    configmap = yaml.safe_load(written(values, Format.CONFIGMAP, name="offload"))
    helm = yaml.safe_load(written(values, Format.HELM_VALUES))
    compose = yaml.safe_load(written(values, Format.COMPOSE, name="pulsar"))

    assert (configmap["kind"], configmap["metadata"]["name"], configmap["data"]) == ("ConfigMap", "offload", variables)
    assert helm == {"broker": {"configData": variables}}
    assert compose == {"services": {"pulsar": {"environment": variables}}}


@pytest.mark.parametrize("name", profile_templates())
def test_with_comments_the_values_are_the_same(name: str) -> None:
    rendered = render(profile(name), minimal(name, deletion_lag="12h"))

    text = rendered.commented()

    assert values_in(parse(text)) == rendered.values
    assert "${" not in text
    assert "#managedLedgerOffloadMaxThreads=2\n" in text


def test_a_key_that_no_template_has_is_in_the_commented_text_too() -> None:
    rendered = render(profile("aws-s3"), minimal("aws-s3") | {"managedLedgerOffloadBucket": "cold"})

    assert values_in(parse(rendered.commented())) == rendered.values


@pytest.mark.parametrize("path", sorted(templates().glob("**/*.conf")), ids=lambda path: path.name)
def test_templates_are_ascii_and_know_only_keys_that_exist(path: Path) -> None:
    for key in values_in(parse(path.read_text(encoding="ascii"))):
        assert key in BY_KEY


@pytest.mark.parametrize("name", profile_templates())
def test_a_profile_says_what_it_is_and_what_else_it_needs(name: str) -> None:
    found = profile(name)

    assert found.title.endswith(".")
    assert found.notes
    assert all(len(line) <= 120 for line in profile_templates()[name].splitlines())
