"""What `checks.sqlite` holds: what was verified, by which runs, and what was found. It may be lost without harm."""

from typing import Final

from offloadctl.adapters.sqlite_file import Shape

CHECKS_FILE: Final = "checks.sqlite"
"""In the directory for state."""

WHAT: Final = "the memory of checks"
"""For people."""

_FINDINGS: Final = (
    """
    CREATE TABLE finding (
        id TEXT PRIMARY KEY,
        evidence TEXT NOT NULL,
        code TEXT NOT NULL,
        severity TEXT NOT NULL,
        what TEXT NOT NULL,
        place TEXT NOT NULL,
        first_seen TEXT NOT NULL,
        last_seen TEXT NOT NULL,
        times INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE acknowledgement (
        finding TEXT PRIMARY KEY REFERENCES finding (id) ON DELETE CASCADE,
        evidence TEXT NOT NULL,
        by TEXT NOT NULL,
        at TEXT NOT NULL,
        until TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
)
"""Times are RFC 3339 in UTC with microseconds, so that their order is that of their texts."""

_VERIFIED: Final = (
    "CREATE TABLE topic (topic_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
    """
    CREATE TABLE place (
        place_id INTEGER PRIMARY KEY,
        location TEXT NOT NULL,
        bucket TEXT NOT NULL,
        UNIQUE (location, bucket)
    ) STRICT
    """,
    """
    CREATE TABLE run (
        run_id INTEGER PRIMARY KEY AUTOINCREMENT,
        asked TEXT NOT NULL,
        began_at INTEGER NOT NULL,
        window TEXT NOT NULL DEFAULT '',
        ended_at INTEGER
    ) STRICT
    """,
    """
    CREATE TABLE verified (
        topic_id INTEGER NOT NULL REFERENCES topic,
        ledger_id INTEGER NOT NULL,
        uuid BLOB NOT NULL,
        place_id INTEGER NOT NULL REFERENCES place,
        level INTEGER NOT NULL,
        data_etag ANY NOT NULL,
        data_size INTEGER NOT NULL,
        index_etag ANY NOT NULL,
        index_size INTEGER NOT NULL,
        verified_at INTEGER NOT NULL,
        run_id INTEGER NOT NULL,
        is_clean INTEGER NOT NULL,
        rules INTEGER NOT NULL,
        figures BLOB NOT NULL,
        PRIMARY KEY (topic_id, ledger_id, uuid, place_id, level)
    ) STRICT, WITHOUT ROWID
    """,
)
"""Times are microseconds since 1970: a million rows are to be small.

A check goes topic by topic, and so does the key of `verified`: what is written together lies on the same pages.
"""

_ENDED: Final = (
    """
    CREATE TABLE ended_check (
        level TEXT NOT NULL,
        scope TEXT NOT NULL,
        is_wide INTEGER NOT NULL,
        ended_at TEXT NOT NULL,
        ledgers INTEGER NOT NULL,
        covered INTEGER NOT NULL,
        full_at TEXT,
        clear_before TEXT,
        PRIMARY KEY (level, scope)
    ) STRICT, WITHOUT ROWID
    """,
)
"""The last check of each level and scope; a scope is JSON."""

CHECKS: Final = Shape(0x6F66_6332, (_FINDINGS, _VERIFIED, _ENDED))
"""Its steps, oldest first; only ever added to."""
