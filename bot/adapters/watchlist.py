"""The watch list in one SQLite file."""

# ruff: noqa: D102 - the contract stands on the port

import json
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from bot.adapters.sqlite_thread import SqliteThread
from bot.core.events import Repository
from bot.core.schedules import Schedule
from bot.core.watching import Appointment, Holder, Locked, Watched

_SCHEMA = """
CREATE TABLE IF NOT EXISTS repositories (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, installation INTEGER NOT NULL,
    cooldown_days INTEGER NOT NULL, seen REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS locked (
    repository INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    url TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, hashes TEXT NOT NULL, told TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (url, name, repository, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS locked_by ON locked (repository);
CREATE TABLE IF NOT EXISTS appointments (
    repository INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL, cron TEXT NOT NULL, zone TEXT NOT NULL, kept REAL NOT NULL,
    PRIMARY KEY (repository, purpose)
) STRICT, WITHOUT ROWID;
"""
_MOST_BYTES = 4 * 1024**3


class SqliteWatchList:
    """`watching.WatchList` in the file `path`; several processes may share it."""

    def __init__(self, path: Path, *, patience: float = 5.0) -> None:
        self._thread = SqliteThread(path, _SCHEMA, most_bytes=_MOST_BYTES, patience=patience)

    def close(self) -> None:
        """Finish what was begun and close the file."""
        self._thread.close()

    async def record(self, watched: Watched) -> None:
        await self._thread.run(lambda connection: _record(connection, watched))

    async def forget(self, repository: int) -> None:
        await self._thread.run(lambda connection: _forget(connection, repository))

    async def packages(self) -> tuple[tuple[str, str], ...]:
        query = "SELECT DISTINCT url, name FROM locked ORDER BY url, name"
        return await self._thread.run(lambda connection: tuple(connection.execute(query).fetchall()))

    async def holders(self, url: str, name: str) -> tuple[Holder, ...]:
        return await self._thread.run(lambda connection: _holders(connection, url, name))

    async def tell(self, told: Iterable[tuple[Holder, str]]) -> None:
        rows = [
            (words, holder.locked.url, holder.locked.name, holder.repository.id, holder.locked.version)
            for holder, words in told
        ]
        query = "UPDATE locked SET told = ? WHERE url = ? AND name = ? AND repository = ? AND version = ?"
        await self._thread.run(lambda connection: connection.executemany(query, rows).close())

    async def appointments(self) -> tuple[Appointment, ...]:
        query = (
            "SELECT id, name, installation, purpose, cron, zone, kept FROM appointments"
            " JOIN repositories ON id = repository ORDER BY id, purpose"
        )
        return await self._thread.run(lambda connection: tuple(map(_appointment, connection.execute(query).fetchall())))

    async def keep(self, appointment: Appointment, due: datetime) -> None:
        query = "UPDATE appointments SET kept = ? WHERE repository = ? AND purpose = ? AND kept < ?"
        values = (due.timestamp(), appointment.repository.id, appointment.purpose, due.timestamp())
        await self._thread.run(lambda connection: connection.execute(query, values).close())


def _record(connection: sqlite3.Connection, watched: Watched) -> None:
    there, seen = watched.repository, watched.seen.timestamp()
    connection.execute(
        "INSERT INTO repositories VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
        " installation = excluded.installation, cooldown_days = excluded.cooldown_days, seen = excluded.seen",
        (there.id, there.name, there.installation, watched.cooldown_days, seen),
    )
    query = "SELECT url, name, version, told FROM locked WHERE repository = ?"
    told = {(url, name, version): words for url, name, version, words in connection.execute(query, (there.id,))}
    connection.execute("DELETE FROM locked WHERE repository = ?", (there.id,))
    rows = [
        (there.id, pin.url, pin.name, pin.version, json.dumps(sorted(pin.hashes)), told.get(key, ""))
        for pin in watched.locked
        for key in [(pin.url, pin.name, pin.version)]
    ]
    connection.executemany("INSERT INTO locked VALUES (?, ?, ?, ?, ?, ?)", rows)
    _appoint(connection, watched)


def _appoint(connection: sqlite3.Connection, watched: Watched) -> None:
    """Keep the moment until which a schedule was kept, unless it is another schedule now."""
    identity = watched.repository.id
    query = "SELECT purpose, cron, zone, kept FROM appointments WHERE repository = ?"
    kept = {(purpose, cron, zone): moment for purpose, cron, zone, moment in connection.execute(query, (identity,))}
    connection.execute("DELETE FROM appointments WHERE repository = ?", (identity,))
    rows = [
        (identity, purpose, schedule.cron, schedule.zone, kept.get((purpose, schedule.cron, schedule.zone), now))
        for purpose, schedule in watched.schedules
        for now in [watched.seen.timestamp()]
    ]
    connection.executemany("INSERT INTO appointments VALUES (?, ?, ?, ?, ?)", rows)


def _forget(connection: sqlite3.Connection, repository: int) -> None:
    for table in ("locked", "appointments"):
        connection.execute(f"DELETE FROM {table} WHERE repository = ?", (repository,))  # noqa: S608 - constants above
    connection.execute("DELETE FROM repositories WHERE id = ?", (repository,))


def _holders(connection: sqlite3.Connection, url: str, package: str) -> tuple[Holder, ...]:
    query = (
        "SELECT id, repositories.name, installation, cooldown_days, seen, version, hashes, told FROM locked"
        " JOIN repositories ON id = repository WHERE url = ? AND locked.name = ? ORDER BY id"
    )
    return tuple(
        Holder(
            Repository(identity, name, installation),
            Locked(url, package, version, frozenset(json.loads(hashes))),
            cooldown_days,
            _moment(seen),
            told,
        )
        for identity, name, installation, cooldown_days, seen, version, hashes, told in connection.execute(
            query, (url, package)
        ).fetchall()
    )


def _appointment(row: tuple[int, str, int, str, str, str, float]) -> Appointment:
    identity, name, installation, purpose, cron, zone, kept = row
    return Appointment(Repository(identity, name, installation), purpose, Schedule(cron, zone), _moment(kept))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
