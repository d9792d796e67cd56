"""What `checks.sqlite` holds: what was found. It may be large, and may be lost without harm."""

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

CHECKS: Final = Shape(0x6F66_6332, (_FINDINGS,))
"""Its steps, oldest first; only ever added to."""
