"""What checks remember, at its largest: 1,000,000 ledgers of 1,000 topics are written as a check does, then left out.

Leaving out is what `check --all --max-age` does with them: each is recalled, and compared with a listing. A million
ledgers cost four million requests if they are looked at. Seconds are the processor's, and seconds on the clock.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from uuid import UUID

from offloadctl.adapters.checks_shape import CHECKS, CHECKS_FILE, WHAT
from offloadctl.adapters.sqlite_checks import SqliteChecks
from offloadctl.adapters.sqlite_file import SqliteFile
from offloadctl.check.pairing import Pairing
from offloadctl.format.keys import data_key, index_key
from offloadctl.model.check import Level
from offloadctl.model.ledger_times import FirstMessage, Times
from offloadctl.model.names import TopicName
from offloadctl.model.verified import Figures, Mark, Marks, OffloadedLedger, Place, SeenObjects, Verified
from offloadctl.ports import ObjectInfo

TOPICS, LEDGERS = 1000, int(os.environ.get("BENCH_LEDGERS", "1000000"))
A_TOPIC = LEDGERS // TOPICS
TOGETHER, PORTION = 256, 64
AT = datetime(2026, 11, 24, tzinfo=UTC)
PLACE = Place("s3://ledgers at https://s3.eu-central-1.amazonaws.com", "ledgers")
SIZE, INDEX_SIZE = 640_000_000, 12_345


def ledger(topic: int, number: int) -> OffloadedLedger:
    # A cluster counts its ledgers, whichever topic they are for.
    ledger_id = number * TOPICS + topic
    return OffloadedLedger(
        TopicName("acme", "shop", f"topic-{topic}"), ledger_id, UUID(int=(ledger_id * 0x9E3779B97F4A7C15) % 2**128)
    )


def etags(ledger_id: int) -> tuple[str, str]:
    return f"{ledger_id * 0x9E3779B97F4A7C15 % 2**128:032x}-12", f"{ledger_id * 0xC2B2AE3D27D4EB4F % 2**128:032x}"


def looks() -> Iterator[Verified]:
    figures = Figures(98_304, 12, None, Times(AT, FirstMessage("standalone-1-7", 12_345, AT)))
    for topic in range(TOPICS):
        for number in range(A_TOPIC):
            one = ledger(topic, number)
            data, index = etags(one.ledger_id)
            objects = SeenObjects(PLACE, Marks(Mark(data, SIZE), Mark(index, INDEX_SIZE)))
            yield Verified(one, objects, Level.BLOCKS, AT, 1, True, figures)


def listing() -> Iterator[ObjectInfo]:
    for topic in range(TOPICS):
        for number in range(A_TOPIC):
            one = ledger(topic, number)
            data, index = etags(one.ledger_id)
            yield ObjectInfo(data_key(one.uuid, one.ledger_id), SIZE, data, AT - timedelta(days=9))
            yield ObjectInfo(index_key(one.uuid, one.ledger_id), INDEX_SIZE, index, AT - timedelta(days=9))


def write(checks: SqliteChecks) -> None:
    source = looks()
    while batch := list(islice(source, TOGETHER)):
        checks.remember(batch)


def leave_out(checks: SqliteChecks, pairing: Pairing) -> int:
    unchanged = 0
    for first in range(0, TOPICS, PORTION):
        topics = range(first, min(first + PORTION, TOPICS))
        asked = (ledger(topic, number) for topic in topics for number in range(A_TOPIC))
        for one in checks.clean_since(asked, Level.BLOCKS, AT - timedelta(days=30)):
            name = one.ledger
            unchanged += pairing.is_unchanged(name.uuid, name.ledger_id, one.objects.marks, one.at)
    return unchanged


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        checks = SqliteChecks(SqliteFile(Path(directory) / CHECKS_FILE, CHECKS, what=WHAT))
        making = _timed(lambda: sum(1 for _ in looks()))
        writing = _timed(lambda: write(checks))
        size = sum(path.stat().st_size for path in Path(directory).iterdir())
        pairing = Pairing(keeps_etags=True)
        pairing.add(listing())
        before = _peak_mb()
        leaving = _timed(lambda: leave_out(checks, pairing))
        assert leaving[2] == LEDGERS, leaving[2]
        checks.close()
    print(
        f"{LEDGERS:,} ledgers: {writing[0] - making[0]:.1f} s to remember ({writing[1]:.1f} s on the clock), "
        f"{size / LEDGERS:.0f} bytes a ledger; {leaving[0]:.1f} s to leave them out, peak {_peak_mb():.0f} MB "
        f"({before:.0f} MB before, with the listing); load {os.getloadavg()[0]:.1f}"
    )


def _timed(work: object) -> tuple[float, float, int]:
    assert callable(work)
    processor, clock = time.process_time(), time.perf_counter()
    result = work()
    return time.process_time() - processor, time.perf_counter() - clock, result


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    main()
