"""What is shown of a file: never a secret, neither ours nor other people's, in force or commented out."""

import pytest

from offloadctl.brokerconf.masking import is_secret_key, masked_diff, shown

SECRET = "wJalrXUtnFEMI"


@pytest.mark.parametrize(
    "key",
    [
        "s3ManagedLedgerOffloadCredentialSecret",
        "brokerClientAuthenticationParameters",
        "bookkeeperClientAuthenticationParameters",
        "tokenSecretKey",
        "brokerClientTlsTrustStorePassword",
        "tlsKeyStorePassword",
        "AWS_SECRET_ACCESS_KEY",
        "kafkaPasswd",
    ],
)
def test_keys_of_secrets_are_known_by_their_names(key: str) -> None:
    assert is_secret_key(key)
    assert shown(key, SECRET) == "******"
    assert shown(key, "") == ""


@pytest.mark.parametrize(
    "key",
    [
        "s3ManagedLedgerOffloadBucket",
        "s3ManagedLedgerOffloadCredentialId",
        "gcsManagedLedgerOffloadServiceAccountKeyFile",
    ],
)
def test_other_keys_are_shown(key: str) -> None:
    assert shown(key, "value") == "value"


def test_a_password_in_an_address_is_none_of_it() -> None:
    assert (
        shown("managedLedgerOffloadServiceEndpoint", f"http://me:{SECRET}@minio:9000") == "http://me:******@minio:9000"
    )


@pytest.mark.parametrize(
    "line",
    [
        f"tokenSecretKey={SECRET}",
        f"#tokenSecretKey={SECRET}",
        f"# tokenSecretKey : {SECRET} and more",
        f"tokenSecretKey=a\\\n  {SECRET}",
        f"proxy=http://me:{SECRET}@proxy",
        f"tokenSecret\\u004bey={SECRET}",
    ],
)
def test_a_diff_shows_the_lines_around_a_change_without_their_secrets(line: str) -> None:
    before, after = f"{line}\na=1\n", f"{line}\na=2\n"

    diff = masked_diff(before, after, "broker.conf")

    assert SECRET not in diff
    assert "-a=1\n+a=2" in diff


def test_another_secret_looks_like_another_one() -> None:
    diff = masked_diff(f"tokenSecretKey={SECRET}\n", f"tokenSecretKey={SECRET}2\n", "broker.conf")

    assert SECRET not in diff
    assert "-tokenSecretKey=******\n+tokenSecretKey=****** (another one)" in diff


def test_without_a_difference_there_is_no_diff() -> None:
    assert masked_diff("a=1\r\n", "a=1\r\n", "broker.conf") == ""
