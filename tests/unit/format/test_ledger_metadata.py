"""BookKeeper's metadata of a ledger: who owned it, and what is no metadata."""

import pytest

from offloadctl.format.errors import BadField
from offloadctl.format.ledger_metadata import LedgerMetadata, LedgerSegment, LedgerState, custom_metadata_for

LEAST = "08011001186420092803"


def test_what_was_not_written_is_none() -> None:
    metadata = LedgerMetadata.parse(bytes.fromhex("0801100118642803"))

    assert metadata == LedgerMetadata(
        length=100, last_entry_id=None, ack_quorum_size=None, digest_type=None, state=LedgerState.CLOSED
    )


def test_the_owner_is_in_the_custom_metadata() -> None:
    metadata = LedgerMetadata(
        length=0, last_entry_id=0, custom_metadata=custom_metadata_for("public/default/persistent/a%2Fb")
    )

    read = LedgerMetadata.parse(metadata.build())

    assert read.managed_ledger_name == "public/default/persistent/a%2Fb"
    assert LedgerMetadata(length=0, last_entry_id=0).managed_ledger_name is None


def test_a_password_that_someone_wrote_is_not_shown() -> None:
    metadata = LedgerMetadata(length=0, last_entry_id=0, password=b"opensesame")

    assert "opensesame" not in repr(LedgerMetadata.parse(metadata.build()))


def test_segments_keep_their_order() -> None:
    segments = (LedgerSegment(("bookie-1:3181", "bookie-2:3181"), 0), LedgerSegment((), 500))
    metadata = LedgerMetadata(length=0, last_entry_id=0, segments=segments)

    assert LedgerMetadata.parse(metadata.build()).segments == segments


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param("", id="nothing"),
        pytest.param("08011001186428", id="cut short"),
        pytest.param("0801100118642804", id="a state that there is not"),
        pytest.param(LEAST + "3200", id="a segment without its first entry"),
        pytest.param(LEAST + "32050a01ff1000", id="a bookie that is not UTF-8"),
        pytest.param(LEAST + "5a060a01ff120176", id="a key that is not UTF-8"),
        pytest.param(LEAST + "5a030a016b", id="a key without a value"),
        pytest.param(LEAST + "5a03120176", id="a value without a key"),
    ],
)
def test_what_is_no_metadata_is_refused(encoded: str) -> None:
    with pytest.raises(BadField) as refusal:
        LedgerMetadata.parse(bytes.fromhex(encoded), at=32)

    assert refusal.value.at == 32
