"""Findings and their acknowledgements in `checks.sqlite`."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from offloadctl.adapters.sqlite_file import SqliteFile
from offloadctl.errors import StateDamaged, UsageError
from offloadctl.model.check_words import Level
from offloadctl.model.ended_check import EndedCheck, RememberedFinding
from offloadctl.model.finding import Acknowledgement, Finding, KnownFinding, Severity, Sighting
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.scope import Scope

MOST_ENDED: Final = 1000
"""So many ended checks are remembered: lists of single topics are without number. Wide scopes stay longest."""


class SqliteFindings:
    """Keeps the promises of `ports.FindingStore` and `ports.checks.CheckHistory`; each method is one transaction."""

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

    def ended(self, check: EndedCheck) -> None:
        """In the place of the last one of the same level and scope."""
        scope = _scope_text(check.scope)
        with self._file.changing() as connection:
            row = connection.execute(
                "SELECT * FROM ended_check WHERE level = ? AND scope = ?", (check.level, scope)
            ).fetchone()
            now = check.after(None if row is None else _ended(row))
            times = [None if one is None else _text(one) for one in (now.ended_at, now.full_at, now.clear_before)]
            connection.execute(
                "INSERT OR REPLACE INTO ended_check (level, scope, is_wide, ledgers, covered, ended_at, full_at,"
                " clear_before) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (check.level.value, scope, check.scope.is_wide, check.ledgers, check.covered, *times),
            )
            connection.execute(
                "DELETE FROM ended_check WHERE (level, scope) IN (SELECT level, scope FROM ended_check"
                " ORDER BY is_wide DESC, ended_at DESC LIMIT -1 OFFSET ?)",
                (MOST_ENDED,),
            )

    def remembered(self) -> Sequence[RememberedFinding]:
        """Every finding."""
        with self._file.reading() as connection:
            rows = connection.execute(
                "SELECT finding.*, finding, acknowledgement.evidence AS noted, by, at, until, reason"
                " FROM finding LEFT JOIN acknowledgement ON finding.id = finding ORDER BY id"
            )
            return [
                RememberedFinding(_known(row), None if row["finding"] is None else _acknowledgement(row, row["noted"]))
                for row in rows
            ]

    def ended_checks(self) -> Sequence[EndedCheck]:
        """The newest first."""
        with self._file.reading() as connection:
            rows = connection.execute("SELECT * FROM ended_check ORDER BY ended_at DESC, level, scope")
            try:
                return [_ended(row) for row in rows]
            except (KeyError, TypeError, ValueError, UsageError) as error:
                raise StateDamaged(
                    f"{self._file.path}: a row of what checks have covered cannot be read: {error}",
                    hint=f"it may be lost without harm: rm {self._file.path}",
                ) from error


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


def _ended(row: sqlite3.Row) -> EndedCheck:
    full_at, clear_before = (None if row[one] is None else _time(row[one]) for one in ("full_at", "clear_before"))
    scope = _scope(json.loads(row["scope"]))
    level, ended_at = Level(row["level"]), _time(row["ended_at"])
    return EndedCheck(level, scope, ended_at, row["ledgers"], row["covered"], full_at, clear_before)


def _scope_text(scope: Scope) -> str:
    names = {
        "topics": [str(one) for one in scope.topics],
        "namespaces": [str(one) for one in scope.namespaces],
        "tenants": list(scope.tenants),
    }
    return json.dumps(names | {"everything": scope.everything, "match": scope.match}, ensure_ascii=False)


def _scope(given: dict[str, Any]) -> Scope:
    return Scope.of(
        topics=[TopicName.parse(one) for one in given["topics"]],
        namespaces=[NamespaceName.parse(one) for one in given["namespaces"]],
        tenants=given["tenants"],
        everything=given["everything"],
        match=given["match"],
    )


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
