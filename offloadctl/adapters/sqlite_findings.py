"""Findings and their acknowledgements in `checks.sqlite`."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from offloadctl.adapters.sqlite_file import SqliteFile
from offloadctl.model.finding import Acknowledgement, Finding, KnownFinding, Severity, Sighting


class SqliteFindings:
    """Keeps the promises of `ports.FindingStore`; each method is one transaction."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def see(self, findings: Sequence[Finding], at: datetime, *, keep: bool = True) -> Mapping[str, Sighting]:
        """Remember them, and tell of each since when it is known; without findings the file is not even opened."""
        if not findings or (not keep and not self._file.path.exists()):
            return {}
        different = {one.id: one for one in findings}.values()
        with self._file.changing() if keep else self._file.reading() as connection:
            if keep:
                for one in different:
                    _keep(connection, one, at)
            seen = {one.id: _seen(connection, one, at) for one in different}
        return {finding_id: one for finding_id, one in seen.items() if one is not None}

    def known(self, finding_id: str) -> KnownFinding | None:
        """The finding as it was last told."""
        with self._file.reading() as connection:
            row = connection.execute("SELECT * FROM finding WHERE id = ?", (finding_id,)).fetchone()
            return None if row is None else _known(row)

    def acknowledge(self, acknowledgements: Sequence[Acknowledgement]) -> None:
        """Remember them; a later one replaces an earlier one."""
        with self._file.changing() as connection:
            connection.executemany(
                "INSERT INTO acknowledgement (finding, evidence, by, at, until, reason) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (finding) DO UPDATE SET evidence = excluded.evidence, by = excluded.by,"
                " at = excluded.at, until = excluded.until, reason = excluded.reason",
                [
                    (one.finding_id, one.evidence, one.by, _text(one.at), _text(one.until), one.reason)
                    for one in acknowledgements
                ],
            )

    def unacknowledge(self, finding_ids: Sequence[str]) -> tuple[str, ...]:
        """Forget these acknowledgements; tells which of them there were."""
        with self._file.changing() as connection:
            return tuple(
                one
                for one in dict.fromkeys(finding_ids)
                if connection.execute("DELETE FROM acknowledgement WHERE finding = ?", (one,)).rowcount
            )

    def acknowledgements(self) -> tuple[tuple[Acknowledgement, KnownFinding], ...]:
        """Every one, the soonest end first."""
        with self._file.reading() as connection:
            rows = connection.execute(
                "SELECT finding.*, finding, acknowledgement.evidence AS noted, by, at, until, reason"
                " FROM acknowledgement JOIN finding ON finding.id = acknowledgement.finding ORDER BY until, id"
            )
            return tuple((_acknowledgement(row, row["noted"]), _known(row)) for row in rows)


def _keep(connection: sqlite3.Connection, one: Finding, at: datetime) -> None:
    connection.execute(
        "INSERT INTO finding (id, evidence, code, severity, what, place, first_seen, last_seen, times)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)"
        " ON CONFLICT (id) DO UPDATE SET evidence = excluded.evidence, severity = excluded.severity,"
        " what = excluded.what, last_seen = max(last_seen, excluded.last_seen), times = times + 1",
        (one.id, one.evidence, one.code, one.severity.value, one.what, one.place, _text(at), _text(at)),
    )


def _seen(connection: sqlite3.Connection, one: Finding, at: datetime) -> Sighting | None:
    row = connection.execute("SELECT first_seen, last_seen, times FROM finding WHERE id = ?", (one.id,)).fetchone()
    if row is None:
        return None
    noted = connection.execute("SELECT * FROM acknowledgement WHERE finding = ?", (one.id,)).fetchone()
    known = None if noted is None else _acknowledgement(noted, noted["evidence"])
    return Sighting(
        _time(row["first_seen"]),
        _time(row["last_seen"]),
        row["times"],
        known if known is not None and known.holds(one, at) else None,
    )


def _known(row: sqlite3.Row) -> KnownFinding:
    return KnownFinding(
        row["id"],
        row["evidence"],
        row["code"],
        Severity(row["severity"]),
        row["what"],
        row["place"],
        _time(row["first_seen"]),
        _time(row["last_seen"]),
        row["times"],
    )


def _acknowledgement(row: sqlite3.Row, evidence: str) -> Acknowledgement:
    return Acknowledgement(row["finding"], evidence, row["by"], _time(row["at"]), _time(row["until"]), row["reason"])


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
