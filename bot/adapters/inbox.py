"""The embedded inbox: one SQLite file, one thread that owns it, one commit for all that arrived meanwhile."""

# ruff: noqa: D102 - the contract stands on the port

import hashlib
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from bot.adapters.sqlite_thread import SqliteThread
from bot.core.ports import Delivery, Job, LeaseLost

_SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    meaning BLOB NOT NULL UNIQUE,  -- sha256 of kind and body: a captured body under a fresh id has no second effect
    received REAL NOT NULL,
    routed INTEGER NOT NULL DEFAULT 0,
    hidden_until REAL NOT NULL DEFAULT 0,
    note TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS unrouted ON deliveries (seq) WHERE routed = 0;
CREATE TABLE IF NOT EXISTS jobs (
    seq INTEGER PRIMARY KEY,
    delivery INTEGER NOT NULL REFERENCES deliveries (seq),
    manager TEXT NOT NULL,
    lane TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'open',  -- open, done, parked
    due REAL NOT NULL,
    leased_until REAL NOT NULL DEFAULT 0,
    token INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    note TEXT NOT NULL DEFAULT '',
    UNIQUE (delivery, manager)
) STRICT;
CREATE INDEX IF NOT EXISTS open_jobs ON jobs (seq) WHERE state = 'open';
"""

_LEASE_JOB = """
UPDATE jobs SET leased_until = :until, token = token + 1
WHERE seq = (
    SELECT seq FROM jobs AS job
    WHERE state = 'open' AND due <= :now AND leased_until <= :now AND NOT EXISTS (
        SELECT 1 FROM jobs AS other
        WHERE other.state = 'open' AND other.lane = job.lane AND other.leased_until > :now
    )
    ORDER BY seq LIMIT 1
)
RETURNING delivery, manager, attempts, token
"""


class Depth(NamedTuple):
    """How much is in the inbox."""

    unrouted: int
    open: int
    parked: int


class SqliteInbox:
    """`ports.Inbox` in the file `path`; several processes may share it. `most_bytes` bounds the file."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.time,
        most_bytes: int = 16 * 1024**3,
        patience: float = 5.0,
    ) -> None:
        self._clock = clock
        self._thread = SqliteThread(path, _SCHEMA, most_bytes=most_bytes, patience=patience)

    def close(self) -> None:
        """Finish what was begun and close the file; what is asked afterwards raises InboxUnavailable."""
        self._thread.close()

    async def put(self, delivery: Delivery) -> bool:
        return await self._thread.run(lambda connection: _put(connection, delivery, self._clock()))

    async def route(self, delivery_id: str, lanes: Mapping[str, str], note: str) -> None:
        await self._thread.run(lambda connection: _route(connection, delivery_id, dict(lanes), note, self._clock()))

    async def lease_delivery(self, seconds: float) -> Delivery | None:
        return await self._thread.run(lambda connection: _lease_delivery(connection, seconds, self._clock()))

    async def lease_job(self, seconds: float) -> Job | None:
        return await self._thread.run(lambda connection: _lease_job(connection, seconds, self._clock()))

    async def renew(self, job: Job, seconds: float) -> None:
        await self._change(job, "leased_until = ?", lambda now: (now + seconds,))

    async def finish(self, job: Job, note: str) -> None:
        await self._change(job, "state = 'done', leased_until = 0, note = ?", lambda _: (note,))

    async def postpone(self, job: Job, after: float, note: str) -> None:
        changes = "leased_until = 0, attempts = attempts + 1, due = ?, note = ?"
        await self._change(job, changes, lambda now: (now + after, note))

    async def park(self, job: Job, note: str) -> None:
        await self._change(job, "state = 'parked', leased_until = 0, note = ?", lambda _: (note,))

    async def depth(self) -> Depth:
        """How many deliveries are not routed, and how many jobs are open and parked."""
        return await self._thread.run(_depth)

    async def probe(self) -> None:
        await self._thread.run(lambda connection: connection.execute("PRAGMA user_version = 1").close())

    async def _change(self, job: Job, changes: str, values: Callable[[float], tuple[object, ...]]) -> None:
        # `changes` is one of the constants above, never input.
        query = f"UPDATE jobs SET {changes} WHERE {_HELD}"  # noqa: S608

        def change(connection: sqlite3.Connection) -> None:
            now = self._clock()
            held = (job.delivery.id, job.manager, job.token, now)
            if connection.execute(query, (*values(now), *held)).rowcount != 1:
                raise LeaseLost(f"{job.manager} for delivery {job.delivery.id} is no longer this worker's.")

        await self._thread.run(change)


_HELD = (
    "delivery = (SELECT seq FROM deliveries WHERE id = ?)"
    " AND manager = ? AND token = ? AND state = 'open' AND leased_until > ?"
)


def _put(connection: sqlite3.Connection, delivery: Delivery, now: float) -> bool:
    meaning = hashlib.sha256(delivery.kind.encode() + b"\0" + delivery.body).digest()
    done = connection.execute(
        "INSERT INTO deliveries (id, kind, body, meaning, received) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (delivery.id, delivery.kind, delivery.body, meaning, now),
    )
    return done.rowcount == 1


def _route(connection: sqlite3.Connection, delivery_id: str, lanes: dict[str, str], note: str, now: float) -> None:
    changed = connection.execute(
        "UPDATE deliveries SET routed = 1, note = ? WHERE id = ? AND routed = 0 RETURNING seq", (note, delivery_id)
    ).fetchall()
    rows = [(seq, manager, lane, now) for (seq,) in changed for manager, lane in lanes.items()]
    connection.executemany("INSERT INTO jobs (delivery, manager, lane, due) VALUES (?, ?, ?, ?)", rows)


def _lease_delivery(connection: sqlite3.Connection, seconds: float, now: float) -> Delivery | None:
    found = connection.execute(
        "UPDATE deliveries SET hidden_until = ? WHERE seq ="
        " (SELECT seq FROM deliveries WHERE routed = 0 AND hidden_until <= ? ORDER BY seq LIMIT 1)"
        " RETURNING id, kind, body",
        (now + seconds, now),
    ).fetchall()
    return Delivery(*found[0]) if found else None


def _lease_job(connection: sqlite3.Connection, seconds: float, now: float) -> Job | None:
    found = connection.execute(_LEASE_JOB, {"now": now, "until": now + seconds}).fetchall()
    if not found:
        return None
    seq, manager, attempts, token = found[0]
    row = connection.execute("SELECT id, kind, body FROM deliveries WHERE seq = ?", (seq,)).fetchone()
    # Each lease makes the token one larger, and each that was given back one attempt more.
    return Job(Delivery(*row), manager, attempts, token, token - 1 - attempts)


def _depth(connection: sqlite3.Connection) -> Depth:
    unrouted = connection.execute("SELECT count(*) FROM deliveries WHERE routed = 0").fetchone()[0]
    states = dict(
        connection.execute("SELECT state, count(*) FROM jobs WHERE state != 'done' GROUP BY state").fetchall()
    )
    return Depth(unrouted, states.get("open", 0), states.get("parked", 0))
