"""The mirror in one SQLite file."""

# ruff: noqa: D102 - the contract stands on the port

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.adapters.sqlite_thread import SqliteThread
from bot.core.events import Repository
from bot.core.mirror import Question, concerns
from bot.core.ports import BotBranch, OpenChange, OwnWork, Snapshot, TrackingIssue, Unreadable

FRESH = timedelta(hours=24)
"""How long a repository is believed to be as it was: a push that never reached Bolide is noticed after it."""
MOST = 5_000
"""Repositories; those that were not looked at for longest go first."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS heads (
    repository INTEGER PRIMARY KEY, installation INTEGER NOT NULL, sha TEXT NOT NULL, seen REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS answers (
    repository INTEGER NOT NULL REFERENCES heads (repository) ON DELETE CASCADE,
    question TEXT NOT NULL, answer TEXT NOT NULL,
    PRIMARY KEY (repository, question)
) STRICT;
"""
_MOST_BYTES = 4 * 1024**3


class SqliteMirror:
    """`mirror.Mirror` in the file `path`; several processes may share it."""

    def __init__(self, path: Path, *, most: int = MOST, patience: float = 5.0) -> None:
        self._thread = SqliteThread(path, _SCHEMA, most_bytes=_MOST_BYTES, patience=patience)
        self._most = most

    def close(self) -> None:
        """Finish what was begun and close the file."""
        self._thread.close()

    async def recall(
        self, repository: Repository, question: Question, sha: str | None, now: datetime
    ) -> Snapshot | None:
        key, since = _key(question), (now - FRESH).timestamp()
        row = await self._thread.run(lambda connection: _recall(connection, repository, key, since))
        if row is None or sha not in (None, row[0]):
            return None
        return replace(_snapshot(json.loads(row[1])), sha=row[0])

    async def keep(
        self, repository: Repository, question: Question, seen: Snapshot, now: datetime, *, head: bool
    ) -> None:
        told = json.dumps(asdict(seen), default=_plain)
        place = (repository, _key(question), seen.sha, told, now.timestamp())
        await self._thread.run(lambda connection: _keep(connection, *place, head=head, most=self._most))

    async def advance(self, repository: Repository, before: str, after: str, changed: Sequence[str] | None) -> None:
        await self._thread.run(lambda connection: _advance(connection, repository, before, after, changed))

    async def forget(self, repository: Repository) -> None:
        await self._thread.run(lambda connection: _forget(connection, repository.id))


def _recall(connection: sqlite3.Connection, repository: Repository, key: str, since: float) -> tuple[str, str] | None:
    query = """
        SELECT sha, answer FROM heads JOIN answers USING (repository)
        WHERE repository = ? AND installation = ? AND question = ? AND seen >= ?
    """
    found: tuple[str, str] | None = connection.execute(
        query, (repository.id, repository.installation, key, since)
    ).fetchone()
    return found


def _keep(
    connection: sqlite3.Connection,
    repository: Repository,
    key: str,
    sha: str,
    told: str,
    seen: float,
    *,
    head: bool,
    most: int,
) -> None:
    known = connection.execute("SELECT sha, installation FROM heads WHERE repository = ?", (repository.id,)).fetchone()
    if known != (sha, repository.installation):
        if not head:
            return  # of a commit that the branch has left, or may have
        _forget(connection, repository.id)
        place = (repository.id, repository.installation, sha, seen)
        connection.execute("INSERT INTO heads VALUES (?, ?, ?, ?)", place)
    elif head:
        connection.execute("UPDATE heads SET seen = ? WHERE repository = ?", (seen, repository.id))
    connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", (repository.id, key, told))
    oldest = "SELECT repository FROM heads ORDER BY seen DESC LIMIT -1 OFFSET ?"
    for (old,) in connection.execute(oldest, (most,)).fetchall():
        _forget(connection, old)


def _advance(
    connection: sqlite3.Connection, repository: Repository, before: str, after: str, changed: Sequence[str] | None
) -> None:
    known = connection.execute("SELECT sha FROM heads WHERE repository = ?", (repository.id,)).fetchone()
    if known is None or known[0] == after:
        return
    if known[0] != before or changed is None:
        _forget(connection, repository.id)
        return
    for (key,) in connection.execute("SELECT question FROM answers WHERE repository = ?", (repository.id,)).fetchall():
        if concerns(changed, _question(key)):
            _forget(connection, repository.id)
            return
    connection.execute("UPDATE heads SET sha = ? WHERE repository = ?", (after, repository.id))


def _forget(connection: sqlite3.Connection, repository: int) -> None:
    for table in ("answers", "heads"):
        connection.execute(f"DELETE FROM {table} WHERE repository = ?", (repository,))  # noqa: S608 - names of ours


def _key(question: Question) -> str:
    return json.dumps(asdict(question))


def _question(key: str) -> Question:
    told = json.loads(key)
    return Question(tuple(told["paths"]), told["branch"], tuple(told["more"]), told["overlays"], told["tracked"])


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} cannot be kept")


def _snapshot(told: Mapping[str, Any]) -> Snapshot:
    tracking = told["tracking"]
    return Snapshot(
        node_id=told["node_id"],
        name=told["name"],
        default_branch=told["default_branch"],
        sha=told["sha"],
        files={path: Unreadable(**each) if isinstance(each, dict) else each for path, each in told["files"].items()},
        branch=_branch(told["branch"]),
        archived=told["archived"],
        declined=tuple(told["declined"]),
        others={name: _work(each) for name, each in told["others"].items()},
        listing=tuple(told["listing"]),
        tracking=TrackingIssue(**tracking) if tracking else None,
        issues_enabled=told["issues_enabled"],
        open_changes=tuple(map(_change, told["open_changes"])),
    )


def _work(told: Mapping[str, Any]) -> OwnWork:
    return OwnWork(_branch(told["branch"]), tuple(told["declined"]))


def _branch(told: Mapping[str, Any] | None) -> BotBranch | None:
    return BotBranch(**{**told, "authors": tuple(told["authors"])}) if told else None


def _change(told: Mapping[str, Any]) -> OpenChange:
    return OpenChange(**{**told, "opened": datetime.fromisoformat(told["opened"])})
