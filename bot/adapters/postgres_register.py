"""The register of many machines: one table in PostgreSQL."""

# ruff: noqa: D102 - the contract stands on the port

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from bot.core.ports import Document, Entry, Kind, RegisterUnavailable

# Text, and not jsonb, which would sort a document's keys and take no NUL from the log of a stage.
_TABLE = """
CREATE TABLE IF NOT EXISTS bolide_register (
    kind text NOT NULL,
    name text NOT NULL,
    document text NOT NULL,
    changed timestamptz NOT NULL,
    PRIMARY KEY (kind, name)
);
CREATE INDEX IF NOT EXISTS bolide_register_changed ON bolide_register (kind, changed DESC);
"""
_SET_UP = 0x626F6C6965  # the advisory lock under which the table is made: one more than the inbox's
_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_READ = "SELECT name, document, changed FROM bolide_register WHERE kind = %s AND name = %s"
_NEWEST = "SELECT name, document, changed FROM bolide_register WHERE kind = %s ORDER BY changed DESC LIMIT %s"
_WRITE = """
INSERT INTO bolide_register (kind, name, document, changed) VALUES (%s, %s, %s, clock_timestamp())
ON CONFLICT (kind, name) DO UPDATE SET document = excluded.document, changed = excluded.changed
"""
AGAIN = 10.0
"""Seconds after which a database that is away is asked again."""
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)


class PostgresRegister:
    """`ports.Register` for every machine that knows the database."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def read(self, kind: Kind, name: str) -> Entry | None:
        async with self._turn() as connection:
            found = await _entries(connection, _READ, kind, name)
        return found[0] if found else None

    async def change(self, kind: Kind, name: str, change: Callable[[Document | None], Document]) -> None:
        async with self._turn() as connection:
            await connection.execute(_ALONE, (f"bolide {kind}/{name}",))
            known = await _entries(connection, _READ, kind, name)
            document = change(known[0].document if known else None)
            await connection.execute(_WRITE, (kind, name, json.dumps(document)))

    async def newest(self, kind: Kind, most: int) -> tuple[Entry, ...]:
        async with self._turn() as connection:
            return await _entries(connection, _NEWEST, kind, most)

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        try:
            async with self._pool.connection() as connection:
                yield connection
        except _AWAY as problem:
            raise RegisterUnavailable(_sentence(problem), AGAIN) from problem


@contextlib.asynccontextmanager
async def open_register(
    conninfo: str, *, connections: int = 4, patience: float = 5.0
) -> AsyncIterator[PostgresRegister]:
    """The register in this database, its table made where it is not there; raises RegisterUnavailable."""
    try:
        async with await psycopg.AsyncConnection[Any].connect(conninfo) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SET_UP,))
            await connection.execute(_TABLE)
    except psycopg.Error as problem:
        raise RegisterUnavailable(_sentence(problem), AGAIN) from problem
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        conninfo,
        min_size=0,
        max_size=connections,
        timeout=patience,
        open=False,
        check=AsyncConnectionPool.check_connection,
        kwargs={"connect_timeout": max(1, round(patience))},
    )
    async with pool:
        yield PostgresRegister(pool)


async def _entries(
    connection: psycopg.AsyncConnection[Any], query: LiteralString, *values: object
) -> tuple[Entry, ...]:
    rows = await (await connection.execute(query, values)).fetchall()
    return tuple(Entry(name, json.loads(document), _in_utc(changed)) for name, document, changed in rows)


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _sentence(problem: BaseException) -> str:
    """The database's first words, which name no password."""
    said = (str(problem).splitlines() or [type(problem).__name__])[0].rstrip(".")
    return f"PostgreSQL cannot be used: {said}; look at BOLIDE_DATABASE_URL."
