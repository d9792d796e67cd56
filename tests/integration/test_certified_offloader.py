"""The stand-in offloader writes what Pulsar's own wrote: the recorded ledgers, given to it, become the same bytes."""

import struct
import subprocess
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from offloadctl.format.data_object import DataObjectReader, EntryRead
from tests.golden_objects import MAX_BLOCK_SIZE, GoldenLedger, offloaded_ledgers, truncated_ledger
from tests.stack import parts

pytestmark = pytest.mark.integration

INDEX_HEADER = struct.Struct(">IiqqiI")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All recorded ledgers, written anew by the stand-in: a directory for each, named by its id."""
    root = tmp_path_factory.mktemp("certify")
    for ledger in (*offloaded_ledgers(), truncated_ledger()):
        give(ledger, root / str(ledger.ledger_id))
    with zipfile.ZipFile(parts.offloader_directory() / parts.NAR_NAME) as nar:
        bundled = [name for name in nar.namelist() if name.startswith("META-INF/bundled-dependencies/standin")]
        jars = [f"{parts.broker_jars()}/*", *(nar.extract(name, root / "jars") for name in bundled)]
    command = [parts.java(), "-cp", ":".join(jars), "offloadctl.standin.Certify", str(MAX_BLOCK_SIZE)]
    ledgers = [str(path) for path in root.iterdir() if path.name.isdigit()]
    done = subprocess.run([*command, *ledgers], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return root


@pytest.mark.parametrize("ledger", [*offloaded_ledgers(), truncated_ledger()], ids=lambda ledger: ledger.data.key[-9:])
def test_a_recorded_ledger_becomes_the_same_two_objects(ledger: GoldenLedger, written: Path) -> None:
    directory = written / str(ledger.ledger_id)

    data, index = (directory / "data").read_bytes(), (directory / "index").read_bytes()

    assert sha256(data).hexdigest() == ledger.data.sha256
    assert index == ledger.index.body


def give(ledger: GoldenLedger, directory: Path) -> None:
    """A recorded ledger as the files that the stand-in's Certify reads."""
    directory.mkdir()
    entries = entries_of(ledger)
    if ledger == truncated_ledger():
        # The entry that did not fit is not in the object, nor what came after it; its size alone matters.
        entries += [bytes(MAX_BLOCK_SIZE), b"never read", b"never read", b"never read"]
    (directory / "entries").write_bytes(b"".join(struct.pack(">I", len(entry)) + entry for entry in entries))
    *_, metadata_length = INDEX_HEADER.unpack_from(ledger.index.body)
    (directory / "metadata").write_bytes(ledger.index.body[INDEX_HEADER.size :][:metadata_length])


def entries_of(ledger: GoldenLedger) -> list[bytes]:
    reader = DataObjectReader()
    events = [*reader.feed(ledger.data.body), *reader.close()]
    return [event.data for event in events if isinstance(event, EntryRead)]
