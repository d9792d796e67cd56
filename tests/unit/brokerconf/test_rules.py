"""Each rule of the linter: a file in which it finds something and no other rule does, and one in which it is silent."""

from collections.abc import Mapping

import pytest

from offloadctl.brokerconf.findings import LintFinding, Rule, Version
from offloadctl.brokerconf.lint import RULES, lint
from offloadctl.brokerconf.reading import read

# Nothing is to be said of this one.
CLEAN: Mapping[str, str] = {
    "managedLedgerOffloadDriver": "aws-s3",
    "s3ManagedLedgerOffloadRegion": "us-east-1",
    "s3ManagedLedgerOffloadBucket": "cold",
    "managedLedgerOffloadAutoTriggerSizeThresholdBytes": "10737418240",
    "defaultRetentionTimeInMinutes": "-1",
    "defaultRetentionSizeInMB": "-1",
    "managedLedgerInactiveLedgerRolloverTimeSeconds": "3600",
}
# The same for MinIO; that its credentials cannot be seen is always said.
MINIO: Mapping[str, str] = {
    **{key: value for key, value in CLEAN.items() if not key.startswith("s3")},
    "managedLedgerOffloadDriver": "S3",
    "managedLedgerOffloadBucket": "cold",
    "managedLedgerOffloadServiceEndpoint": "http://minio:9000",
}
GCS: Mapping[str, str] = {
    **{key: value for key, value in CLEAN.items() if not key.startswith("s3")},
    "managedLedgerOffloadDriver": "google-cloud-storage",
    "gcsManagedLedgerOffloadBucket": "cold",
    "gcsManagedLedgerOffloadServiceAccountKeyFile": "/pulsar/gcs.json",
}
NO_DRIVER: Mapping[str, str] = {"clusterName": "test"}

S3, GENERAL = "s3ManagedLedgerOffload", "managedLedgerOffload"
SECRET = "wJalrXUtnFEMI"


def conf(base: Mapping[str, str] = CLEAN, /, *more: str, **changes: str | None) -> bytes:
    """The base with some keys changed or taken out (None), and more lines behind it."""
    values = {**base, **changes}
    lines = [f"{key}={value}" for key, value in values.items() if value is not None]
    return "\n".join([*lines, *more, ""]).encode("latin-1")


def variables(base: Mapping[str, str] = CLEAN, /, *more: str) -> bytes:
    """The base as the environment of an image."""
    return "\n".join([*(f"PULSAR_PREFIX_{key}={value}" for key, value in base.items()), *more, ""]).encode()


def s3(**changes: str | None) -> dict[str, str | None]:
    """Changes of the keys of aws-s3, by the last part of their names."""
    return {S3 + name: value for name, value in changes.items()}


def general(**changes: str | None) -> dict[str, str | None]:
    """Changes of the general keys, by the last part of their names."""
    return {GENERAL + name: value for name, value in changes.items()}


# Rule: what it finds something in, and what it must not mistake for that.
CASES: dict[str, tuple[bytes, bytes]] = {
    "bad-escape": (conf(CLEAN, "clusterName=a\\u00"), conf(CLEAN, "clusterName=a\\\\u00")),
    "duplicate-key": (conf(CLEAN, f"{S3}Bucket=warm"), conf(CLEAN, f"{S3}Bucket=cold", "a=1", "a=2")),
    "unknown-key": (conf(CLEAN, f"{S3}CredentialsFile=/x"), conf(CLEAN, "managedLedgerDefaultAckQuorum=2")),
    "variable-without-prefix": (
        variables(MINIO, "ACCESS_KEY_ID=a", "ACCESS_KEY_SECRET=b", f"{GENERAL}Region=eu"),
        variables(CLEAN, "s3ManagedLedgerOffloadBucket=cold"),
    ),
    "inline-comment": (
        conf(**general(DeletionLagMs="86400000  # one day")),
        conf(CLEAN, "clusterName=a  # b", offloadersDirectory="./offloaders"),
    ),
    "quoted-value": (conf(**s3(Bucket='"cold"')), conf(CLEAN, 'clusterName="a"')),
    "trailing-blank": (conf(**s3(Bucket="cold ")), conf(managedLedgerOffloadThresholdInSeconds="60 ")),
    "not-ascii": (conf(**s3(RoleSessionName=None, CredentialId=None), fileSystemURI="caf\xe9"), conf(CLEAN, "a=\xe9")),
    "placeholder-left": (conf(**s3(Bucket="${BUCKET}")), conf(CLEAN, "clusterName=${CLUSTER}")),
    "blank-stops-start": (conf(**general(ThresholdInSeconds="")), conf(**s3(Role=""))),
    "blank-number": (conf(maxMessageSize=""), conf(maxMessageSize=None)),
    "not-a-number": (conf(**general(DeletionLagMs="4h")), conf(**general(DeletionLagMs="+14400000"))),
    "bad-switch": (conf(triggerOffloadOnTopicLoad="yes"), conf(triggerOffloadOnTopicLoad="True")),
    "bad-read-priority": (
        conf(managedLedgerDataReadPriority="BOOKKEEPER_FIRST"),
        conf(managedLedgerDataReadPriority="bookkeeper-first"),
    ),
    "newer-name-wins": (conf(**general(ThresholdInBytes="1000")), conf(**general(ThresholdInBytes="10737418240"))),
    "no-driver": (conf(NO_DRIVER), conf()),
    "settings-without-driver": (conf(NO_DRIVER, f"{S3}Bucket=cold"), conf(NO_DRIVER, f"{S3}Bucket=")),
    "unknown-driver": (conf(NO_DRIVER, f"{GENERAL}Driver=s4"), conf(**general(Driver="AWS-s3"))),
    "bucket-missing": (conf(**s3(Bucket=None)), conf(**s3(Bucket=None), **general(Bucket="cold"))),
    "endpoint-missing": (conf(MINIO, **general(ServiceEndpoint=None)), conf(GCS)),
    "region-missing": (
        conf(**s3(Region=None)),
        conf(**s3(Region=None, ServiceEndpoint="https://s3.amazonaws.com")),
    ),
    "blank-shadows": (
        conf(**s3(Bucket=""), **general(Bucket="cold")),
        conf(MINIO, **s3(Bucket="", ServiceEndpoint="")),
    ),
    "own-keys-missing": (
        conf(MINIO, **general(Bucket=None), **s3(Bucket="cold")),
        conf(MINIO, **s3(Bucket="cold", ServiceEndpoint="http://minio:9000")),
    ),
    "ignored-key": (
        conf(MINIO, **s3(MaxBlockSizeInBytes="134217728")),
        conf(MINIO, **s3(MaxBlockSizeInBytes="134217728"), **general(MaxBlockSizeInBytes="134217728")),
    ),
    "shadowed-key": (conf(**general(Bucket="warm")), conf(**general(Bucket="cold"))),
    "key-file-missing": (conf(GCS, gcsManagedLedgerOffloadServiceAccountKeyFile=""), conf(GCS)),
    "private-endpoint": (
        conf(**s3(ServiceEndpoint="http://minio:9000")),
        conf(**s3(ServiceEndpoint="https://s3.us-east-1.amazonaws.com")),
    ),
    "region-without-endpoint": (
        conf(**s3(Region="us-west-2")),
        conf(**s3(Region="us-west-2", ServiceEndpoint="https://s3.us-west-2.amazonaws.com")),
    ),
    "region-unknown": (
        conf(**s3(Region="af-south-1")),
        conf(**s3(Region="af-south-1", ServiceEndpoint="https://s3.af-south-1.amazonaws.com")),
    ),
    "bad-endpoint": (conf(MINIO, **general(ServiceEndpoint="minio:9000")), conf(MINIO)),
    "bucket-in-endpoint": (
        conf(MINIO, **general(ServiceEndpoint="http://minio:9000/cold")),
        conf(MINIO, **general(ServiceEndpoint="http://minio:9000/")),
    ),
    "endpoint-of-other-region": (
        conf(**s3(Region="us-west-2", ServiceEndpoint="https://s3.amazonaws.com")),
        conf(**s3(ServiceEndpoint="https://s3.amazonaws.com")),
    ),
    "bad-bucket-name": (conf(**s3(Bucket="s3://cold/pulsar")), conf(MINIO, **general(Bucket="Cold_Data"))),
    "secret-in-clear": (
        conf(**s3(CredentialId="AKIA", CredentialSecret=SECRET)),
        conf(**s3(CredentialId="", CredentialSecret="")),
    ),
    "secret-printed": (
        variables(CLEAN, f"PULSAR_PREFIX_{S3}CredentialId=AKIA", f"PULSAR_PREFIX_{S3}CredentialSecret={SECRET}"),
        variables(CLEAN, "AWS_ACCESS_KEY_ID=AKIA", f"AWS_SECRET_ACCESS_KEY={SECRET}"),
    ),
    "credentials-incomplete": (conf(**s3(CredentialId="AKIA")), conf(**s3(CredentialId=""))),
    "role-unused": (
        conf(**s3(CredentialId="AKIA", CredentialSecret=SECRET, Role="arn:aws:iam::1:role/x")),
        conf(**s3(Role="arn:aws:iam::1:role/x")),
    ),
    "credentials-ignored": (conf(MINIO, **s3(CredentialId="AKIA")), conf(**s3(Role="arn:aws:iam::1:role/x"))),
    "credentials-elsewhere": (
        conf(MINIO),
        variables(MINIO, "ACCESS_KEY_ID=a", "ACCESS_KEY_SECRET=b"),
    ),
    "block-too-small": (conf(MINIO, **general(MaxBlockSizeInBytes="1048576")), conf()),
    "block-truncates": (
        conf(MINIO, **general(MaxBlockSizeInBytes="5253260")),
        conf(MINIO, **general(MaxBlockSizeInBytes="5253261")),
    ),
    "too-many-blocks": (
        conf(GCS, gcsManagedLedgerOffloadMaxBlockSizeInBytes=None, managedLedgerMaxSizePerLedgerMbytes="4097"),
        conf(GCS, managedLedgerMaxSizePerLedgerMbytes="4096"),
    ),
    "read-buffer": (
        conf(MINIO, **general(ReadBufferSizeInBytes="33554432")),
        conf(MINIO, **general(ReadBufferSizeInBytes="16777216")),
    ),
    "no-read-buffer": (conf(MINIO, **general(ReadBufferSizeInBytes="0")), conf(MINIO)),
    "no-threads": (conf(**general(MaxThreads="0")), conf(**general(MaxThreads="1"))),
    "many-threads": (conf(**general(MaxThreads="64")), conf(**general(MaxThreads="32"))),
    "offloads-at-once": (
        conf(managedLedgerOffloadAutoTriggerSizeThresholdBytes="0"),
        conf(NO_DRIVER, managedLedgerOffloadAutoTriggerSizeThresholdBytes="0"),
    ),
    "no-threshold": (
        conf(managedLedgerOffloadAutoTriggerSizeThresholdBytes="-1"),
        conf(managedLedgerOffloadAutoTriggerSizeThresholdBytes="-1", managedLedgerOffloadThresholdInSeconds="60"),
    ),
    "no-deletion-lag": (conf(**general(DeletionLagMs="0")), conf(NO_DRIVER, **general(DeletionLagMs="0"))),
    "short-deletion-lag": (conf(**general(DeletionLagMs="120000")), conf(**general(DeletionLagMs="120001"))),
    "copies-stay": (conf(**general(DeletionLagMs="-1")), conf(**general(DeletionLagMs="3600000"))),
    "no-retention": (
        conf(defaultRetentionTimeInMinutes=None, defaultRetentionSizeInMB=None),
        conf(NO_DRIVER, defaultRetentionTimeInMinutes="0"),
    ),
    "half-retention": (
        conf(defaultRetentionSizeInMB="0"),
        conf(defaultRetentionTimeInMinutes="60", defaultRetentionSizeInMB="100"),
    ),
    "policies-override": (
        conf(offloadersDirectory="/pulsar/offloaders"),
        conf(offloadersDirectory="./offloaders", managedLedgerOffloadMaxThreads="4"),
    ),
    "extra-config-dropped": (conf(CLEAN, "managedLedgerOffloadExtraConfigFoo=bar"), conf(CLEAN, "fooConfig=bar")),
    "min-rollover-too-long": (
        conf(managedLedgerMinLedgerRolloverTimeMinutes="241", managedLedgerMaxLedgerRolloverTimeMinutes="600"),
        conf(managedLedgerMinLedgerRolloverTimeMinutes="240", managedLedgerMaxLedgerRolloverTimeMinutes="600"),
    ),
    "rollover-order": (
        conf(managedLedgerMaxLedgerRolloverTimeMinutes="9"),
        conf(managedLedgerMaxLedgerRolloverTimeMinutes="10"),
    ),
    "rollover-off": (
        conf(managedLedgerMinLedgerRolloverTimeMinutes="0", managedLedgerMaxLedgerRolloverTimeMinutes="0"),
        conf(managedLedgerMinLedgerRolloverTimeMinutes="0"),
    ),
    "slow-rollover": (
        conf(managedLedgerMaxLedgerRolloverTimeMinutes="1441"),
        conf(managedLedgerMaxLedgerRolloverTimeMinutes="1440"),
    ),
    "idle-ledgers-stay-open": (
        conf(managedLedgerInactiveLedgerRolloverTimeSeconds="0"),
        conf(managedLedgerInactiveLedgerRolloverTimeSeconds="1"),
    ),
}
# These need to know the brokers' release.
OF_VERSION: dict[str, tuple[bytes, str, str]] = {
    "too-new": (conf(managedLedgerOffloadReadThreads="4"), "4.0.7", "4.1.0"),
    "priority-overridden": (conf(managedLedgerDataReadPriority="bookkeeper-first"), "4.0.5", "4.0.7"),
}
# What is always said of MinIO, unless its credentials are seen; and what cannot be had without the other.
ALWAYS = {"credentials-elsewhere"}
BESIDE = {"role-unused": {"secret-in-clear"}}


def findings(data: bytes, version: str | None = None) -> tuple[LintFinding, ...]:
    return lint(read(data), version=Version.parse(version) if version else None)


def ids(data: bytes, version: str | None = None) -> list[str]:
    return [one.rule.id for one in findings(data, version)]


def test_of_a_clean_file_nothing_is_said() -> None:
    assert ids(conf()) == []
    assert ids(conf(GCS)) == []
    assert ids(conf(MINIO)) == ["credentials-elsewhere"]
    assert ids(variables()) == []


def test_every_rule_has_its_cases() -> None:
    assert CASES.keys() | OF_VERSION.keys() == RULES.keys()


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_finds_what_it_is_for_and_no_other_does(rule: str) -> None:
    bad, _ = CASES[rule]

    found = set(ids(bad))

    assert found - (ALWAYS - {rule}) == {rule} | BESIDE.get(rule, set())


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_is_silent_about_what_only_looks_like_it(rule: str) -> None:
    _, good = CASES[rule]

    assert rule not in ids(good)


@pytest.mark.parametrize("rule", OF_VERSION)
def test_a_rule_of_some_releases_holds_for_those_only(rule: str) -> None:
    data, affected, later = OF_VERSION[rule]

    assert ids(data, affected) == [rule]
    assert ids(data, later) == []
    assert ids(data) == []


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_rule_says_what_is_wrong_what_follows_and_what_to_do(rule: Rule) -> None:
    assert all(text.endswith((".", ")")) for text in (rule.what, rule.broker, rule.fix))
    assert all(issue > 0 for issue in rule.issues)


@pytest.mark.parametrize("rule", CASES)
def test_a_finding_points_at_its_line(rule: str) -> None:
    bad, _ = CASES[rule]
    lines = bad.decode("latin-1").splitlines()

    for one in findings(bad):
        if one.line is not None:
            name, _, _ = lines[one.line - 1].partition("=")
            assert name.removeprefix("PULSAR_PREFIX_") == one.key
            assert one.evidence.startswith(name)


def test_no_secret_is_in_a_finding() -> None:
    for bad, good in CASES.values():
        for data in (bad, good):
            assert SECRET not in repr(findings(data))
