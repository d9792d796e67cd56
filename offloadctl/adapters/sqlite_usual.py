"""What was learnt of numbers, in `usual.sqlite`.

A file of its own: it may be lost without harm, as the memory of checks may; but a check holds that one for as long as
it writes, and whoever evaluates schedules must not wait for a check.
"""

from collections.abc import Collection, Mapping
from typing import Final

from offloadctl.adapters.sqlite_file import Shape, SqliteFile
from offloadctl.model.measures import UsualKey

USUAL_FILE: Final = "usual.sqlite"
"""In the directory for state."""

WHAT: Final = "the memory of what is usual"
"""For people."""

USUAL: Final = Shape(
    0x6F66_7573,
    (
        (
            """
            CREATE TABLE baseline (
                measure TEXT NOT NULL,
                subject TEXT NOT NULL,
                learnt BLOB NOT NULL,
                PRIMARY KEY (measure, subject)
            ) STRICT
            """,
        ),
        # All was learnt by hours in UTC.
        (
            "ALTER TABLE baseline RENAME TO baseline_in_utc",
            """
            CREATE TABLE baseline (
                measure TEXT NOT NULL,
                subject TEXT NOT NULL,
                zone TEXT NOT NULL,
                learnt BLOB NOT NULL,
                PRIMARY KEY (measure, subject, zone)
            ) STRICT
            """,
            "INSERT INTO baseline SELECT measure, subject, 'UTC', learnt FROM baseline_in_utc",
            "DROP TABLE baseline_in_utc",
        ),
    ),
)
"""Its steps, oldest first; only ever added to. The bytes are those of `plan/baseline.py`."""


class SqliteUsual:
    """Keeps the promises of `ports.schedule.UsualStore`; each method is one transaction."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def load(self) -> Mapping[UsualKey, bytes]:
        """All that is kept; of a file that is not there, nothing."""
        if not self._file.path.exists():
            return {}
        with self._file.reading() as connection:
            rows = connection.execute("SELECT measure, subject, zone, learnt FROM baseline")
            return {UsualKey(row["measure"], row["subject"], row["zone"]): row["learnt"] for row in rows}

    def save(self, changed: Mapping[UsualKey, bytes], gone: Collection[UsualKey]) -> None:
        """All of it or nothing. It costs no wait for the disk: what the last hour taught may go with the power."""
        with self._file.changing(durably=False) as connection:
            connection.executemany("DELETE FROM baseline WHERE measure = ? AND subject = ? AND zone = ?", list(gone))
            connection.executemany(
                "INSERT INTO baseline (measure, subject, zone, learnt) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (measure, subject, zone) DO UPDATE SET learnt = excluded.learnt",
                [(*key, data) for key, data in changed.items()],
            )
