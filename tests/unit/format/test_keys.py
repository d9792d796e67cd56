"""Which keys are those of a ledger's objects, and which are not ours to judge."""

from uuid import UUID

import pytest

from offloadctl.format.keys import ObjectKey, ObjectRole, data_key, index_key

UUID_TEXT = "9b44a5cb-c717-401e-84fe-2e572f2782bb"


@pytest.mark.parametrize(
    ("text", "ledger_id", "role"),
    [
        (f"{UUID_TEXT}-ledger-45", 45, ObjectRole.DATA),
        (f"{UUID_TEXT}-ledger-45-index", 45, ObjectRole.INDEX),
        (f"{UUID_TEXT}-ledger-0", 0, ObjectRole.DATA),
        (f"{UUID_TEXT}-ledger-9223372036854775807-index", 2**63 - 1, ObjectRole.INDEX),
    ],
)
def test_a_ledgers_key_names_attempt_ledger_and_role(text: str, ledger_id: int, role: ObjectRole) -> None:
    assert ObjectKey.parse(text) == ObjectKey(UUID(UUID_TEXT), ledger_id, role)


@pytest.mark.parametrize(
    "text",
    [
        "",
        UUID_TEXT,
        f"{UUID_TEXT}-index",
        f"{UUID_TEXT.upper()}-ledger-45",
        f"{UUID_TEXT.replace('-', '')}-ledger-45",
        f"{UUID_TEXT}-ledger-",
        f"{UUID_TEXT}-ledger--1",
        f"{UUID_TEXT}-ledger-045",
        f"{UUID_TEXT}-ledger-9223372036854775808",
        f"{UUID_TEXT}-ledger-٤٥",
        f"{UUID_TEXT}-ledger-45-index-index",
        f"{UUID_TEXT}-ledger-45 ",
        f"{UUID_TEXT}-ledger-45\n",
        f"/{UUID_TEXT}-ledger-45",
        f"backup/{UUID_TEXT}-ledger-45",
    ],
)
def test_anything_else_in_the_bucket_is_no_key_of_ours(text: str) -> None:
    assert ObjectKey.parse(text) is None


def test_the_keys_of_one_attempt_differ_only_in_the_end() -> None:
    uuid = UUID(UUID_TEXT)

    assert data_key(uuid, 45) == f"{UUID_TEXT}-ledger-45"
    assert index_key(uuid, 45) == f"{UUID_TEXT}-ledger-45-index"
