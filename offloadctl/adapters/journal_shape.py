"""What `journal.sqlite` holds, and how it came to hold it: steps are only ever added.

Times are microseconds since 1970, ledgers and reasons are JSON: they are read as a whole or not at all.
What was wished for is text, since no integer of SQLite is as large as somebody may wish.
"""

from typing import Final

from offloadctl.adapters.sqlite_file import Shape

_FIRST: Final = (
    """
    CREATE TABLE run (
        id TEXT PRIMARY KEY,
        started_at INTEGER NOT NULL,
        context TEXT NOT NULL,
        cluster TEXT NOT NULL,
        user TEXT NOT NULL,
        host TEXT NOT NULL,
        pid INTEGER NOT NULL,
        command TEXT NOT NULL,
        size_threshold TEXT,
        older_than_us TEXT,
        reason TEXT NOT NULL,
        plan_hash TEXT NOT NULL,
        ended_at INTEGER,
        exit_code INTEGER
    ) STRICT
    """,
    "CREATE INDEX run_by_time ON run (started_at)",
    """
    CREATE TABLE step (
        run_id TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
        topic TEXT NOT NULL,
        before_ledger INTEGER NOT NULL,
        before_entry INTEGER NOT NULL,
        ledgers TEXT NOT NULL,
        ledgers_planned INTEGER NOT NULL,
        bytes_planned INTEGER NOT NULL,
        sent_at INTEGER,
        ended_at INTEGER,
        outcome TEXT,
        exit_code INTEGER,
        reasons TEXT NOT NULL DEFAULT '[]',
        ledgers_after TEXT NOT NULL DEFAULT '[]',
        ledgers_moved INTEGER NOT NULL DEFAULT 0,
        bytes_moved INTEGER NOT NULL DEFAULT 0,
        object_bytes INTEGER NOT NULL DEFAULT 0,
        joined INTEGER NOT NULL DEFAULT 0,
        seconds REAL NOT NULL DEFAULT 0,
        judged_by TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (run_id, topic)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX step_by_topic ON step (topic)",
    "CREATE INDEX unfinished_step ON step (topic) WHERE sent_at IS NOT NULL AND outcome IS NULL",
    """
    CREATE TABLE attempt (
        run_id TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
        topic TEXT NOT NULL,
        ledger_id INTEGER NOT NULL,
        uuid TEXT NOT NULL,
        PRIMARY KEY (run_id, topic, ledger_id, uuid)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE note (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        text TEXT NOT NULL,
        facts TEXT NOT NULL,
        run_id TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX note_by_time ON note (at)",
)

_NOTES_BY_SCHEDULE: Final = ("CREATE INDEX note_by_schedule ON note (kind, json_extract(facts, '$.schedule'), id)",)
"""The decision log of schedules: the newest of a kind about one of them is asked for at each evaluation."""

# "ofjl" in ASCII; checks.sqlite has a number of its own.
JOURNAL: Final = Shape(application_id=0x6F66_6A6C, steps=(_FIRST, _NOTES_BY_SCHEDULE))
