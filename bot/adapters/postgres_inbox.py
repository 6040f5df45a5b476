"""The inbox of many machines: PostgreSQL, with procrastinate's tables, locks, heartbeats and rescue.

A lease is a procrastinate worker of its own: its id is the token that fences, its heartbeat is the lease. A lane is a
procrastinate lock. Since a lock's jobs run in order, a postponed job waits outside of its lane and joins it when due.
All times are the database's, so that the machines' clocks do not matter.
"""

# ruff: noqa: D102 - the contract stands on the port

import contextlib
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import psycopg
from procrastinate import jobs, manager, schema
from procrastinate.exceptions import ConnectorException
from procrastinate.psycopg_connector import PsycopgConnector
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from bot.adapters.inbox import Depth
from bot.core.ports import Delivery, InboxUnavailable, Job, LeaseLost

ARRIVED, DUE, WAITING = "bolide-arrived", "bolide-due", "bolide-waiting"
"""The queues: deliveries that are not routed, jobs in their lanes, and postponed jobs."""

_TABLES = """
CREATE TABLE IF NOT EXISTS bolide_deliveries (
    id text PRIMARY KEY,
    kind text NOT NULL,
    body bytea NOT NULL,
    meaning bytea NOT NULL UNIQUE,  -- sha256 of kind and body: a captured body under a fresh id has no second effect
    received timestamptz NOT NULL DEFAULT now(),
    job bigint NOT NULL,  -- procrastinate's, that routes it
    routed boolean NOT NULL DEFAULT false,
    note text NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS bolide_outcomes (
    delivery text NOT NULL REFERENCES bolide_deliveries (id),
    manager text NOT NULL,
    state text NOT NULL,  -- open, done, parked
    note text NOT NULL,
    PRIMARY KEY (delivery, manager)
);
"""
_KNOWN = "SELECT 1 FROM bolide_deliveries WHERE id = %s OR meaning = %s"
_PUT = "INSERT INTO bolide_deliveries (id, kind, body, meaning, job) VALUES (%s, %s, %s, %s, %s)"
_ROUTED = "UPDATE bolide_deliveries SET routed = true, note = %s WHERE id = %s AND NOT routed RETURNING job"
_OUTCOME = """
INSERT INTO bolide_outcomes (delivery, manager, state, note) VALUES (%s, %s, %s, %s)
ON CONFLICT (delivery, manager) DO UPDATE SET state = excluded.state, note = excluded.note
"""
_HELD = """
SELECT job.id FROM procrastinate_jobs AS job JOIN procrastinate_workers AS worker ON worker.id = job.worker_id
WHERE worker.id = %s AND job.status = 'doing' AND worker.last_heartbeat > now() - %s * interval '1 second'
FOR UPDATE OF job
"""
_STILL_STALLED = "SELECT 1 FROM procrastinate_jobs WHERE id = %s AND status = 'doing' FOR UPDATE SKIP LOCKED"
_DEPTH = """
SELECT (SELECT count(*) FROM bolide_deliveries WHERE NOT routed),
       count(*) FILTER (WHERE state = 'open'), count(*) FILTER (WHERE state = 'parked')
FROM bolide_outcomes
"""
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError)
_SET_UP = 0x626F6C6964  # the advisory lock under which the tables are made: "bolid"


@dataclass(frozen=True, slots=True)
class _Turn:
    """One transaction, and procrastinate's queries within it."""

    connection: psycopg.AsyncConnection[Any]
    queue: manager.JobManager

    async def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What a statement returns; `query` is one of the constants above."""
        async with self.connection.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(cast("Any", query), values)
            return await cursor.fetchall() if cursor.description else []

    async def in_seconds(self, seconds: float) -> datetime:
        """The database's time so many seconds from now."""
        return cast("datetime", (await self.rows("SELECT now() + %s * interval '1 second'", seconds))[0][0])


class PostgresInbox:
    """`ports.Inbox` in the database of `conninfo`, shared by any number of web servers and workers."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool
        self._seconds: dict[int, float] = {}  # token → how long this process's lease lasts

    async def put(self, delivery: Delivery) -> bool:
        meaning = hashlib.sha256(delivery.kind.encode() + b"\0" + delivery.body).digest()
        try:
            async with self._turn() as turn:
                if await turn.rows(_KNOWN, delivery.id, meaning):
                    return False
                job = await turn.queue.defer_job_async(_task(ARRIVED, None, {"delivery": delivery.id}))
                await turn.rows(_PUT, delivery.id, delivery.kind, delivery.body, meaning, job.id)
        except psycopg.errors.UniqueViolation:  # the same delivery, at the same moment, on another connection
            return False
        return True

    async def route(self, delivery_id: str, lanes: Mapping[str, str], note: str) -> None:
        async with self._turn() as turn:
            for (job,) in await turn.rows(_ROUTED, note.replace("\0", ""), delivery_id):
                await turn.queue.finish_job_by_id_async(job, jobs.Status.SUCCEEDED, delete_job=True)
                for name, lane in lanes.items():
                    wanted = {"delivery": delivery_id, "manager": name, "attempts": 0, "lane": lane}
                    await turn.queue.defer_job_async(_task(DUE, lane, wanted))
                    await turn.rows(_OUTCOME, delivery_id, name, "open", "")

    async def lease_delivery(self, seconds: float) -> Delivery | None:
        async with self._turn() as turn:
            found = await self._lease(turn, (ARRIVED,), seconds)
            return await _delivery(turn, found) if found else None

    async def lease_job(self, seconds: float) -> Job | None:
        async with self._turn() as turn:
            while found := await self._lease(turn, (DUE, WAITING), seconds):
                told = _told(found)
                if found.queue == DUE:
                    lost = told.get("lost", 0) + found.attempts
                    return Job(await _delivery(turn, found), told["manager"], told["attempts"], _token(found), lost)
                await turn.queue.finish_job(found, jobs.Status.SUCCEEDED, delete_job=True)
                await turn.queue.unregister_worker(_token(found))
                await turn.queue.defer_job_async(_task(DUE, told["lane"], told))
        return None

    async def renew(self, job: Job, seconds: float) -> None:
        async with self._turn() as turn:
            await self._held(turn, job)
            await turn.queue.update_heartbeat(job.token)
        self._seconds[job.token] = seconds

    async def finish(self, job: Job, note: str) -> None:
        async with self._turn() as turn:
            await self._end(turn, job, jobs.Status.SUCCEEDED, "done", note)

    async def postpone(self, job: Job, after: float, note: str) -> None:
        async with self._turn() as turn:
            row = await self._end(turn, job, jobs.Status.SUCCEEDED, "open", note)
            told = {**_told(row), "attempts": job.attempts + 1, "lost": job.lost}
            if after > 0:
                await turn.queue.defer_job_async(_task(WAITING, None, told, await turn.in_seconds(after)))
            else:
                await turn.queue.defer_job_async(_task(DUE, told["lane"], told))

    async def park(self, job: Job, note: str) -> None:
        async with self._turn() as turn:
            await self._end(turn, job, jobs.Status.FAILED, "parked", note)

    async def depth(self) -> Depth:
        """How many deliveries are not routed, and how many jobs are open and parked."""
        async with self._turn() as turn:
            return Depth(*(await turn.rows(_DEPTH))[0])

    async def probe(self) -> None:
        async with self._turn() as turn:
            await turn.queue.unregister_worker(await turn.queue.register_worker())

    async def _lease(self, turn: _Turn, queues: Sequence[str], seconds: float) -> jobs.Job | None:
        """The next job of the queues, held by a lease of its own; what dead workers held comes back before."""
        for queue in queues:
            for stalled in await turn.queue.get_stalled_jobs(queue=queue, seconds_since_heartbeat=seconds):
                if await turn.rows(_STILL_STALLED, stalled.id):
                    await turn.queue.retry_job(stalled, retry_at=await turn.in_seconds(0))
        token = await turn.queue.register_worker()
        found = await turn.queue.fetch_job(list(queues), token)
        if found is None:
            await turn.queue.unregister_worker(token)
            return None
        self._seconds[token] = seconds
        return found

    async def _held(self, turn: _Turn, job: Job) -> int:
        """Procrastinate's id of the job under this lease; raises LeaseLost."""
        rows = await turn.rows(_HELD, job.token, self._seconds.get(job.token, 0.0))
        if not rows:
            raise LeaseLost(f"{job.manager} for delivery {job.delivery.id} is no longer this worker's.")
        return int(rows[0][0])

    async def _end(self, turn: _Turn, job: Job, status: jobs.Status, state: str, note: str) -> jobs.Job:
        number = await self._held(turn, job)
        (row,) = await turn.queue.list_jobs_async(id=number)
        await turn.queue.finish_job_by_id_async(number, status, delete_job=status is jobs.Status.SUCCEEDED)
        await turn.queue.unregister_worker(job.token)
        await turn.rows(_OUTCOME, job.delivery.id, job.manager, state, note.replace("\0", ""))
        self._seconds.pop(job.token, None)
        return row

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[_Turn]:
        """A transaction that is on disk when it ends; raises InboxUnavailable where it is not."""
        try:
            async with self._pool.connection() as connection:
                yield _Turn(connection, manager.JobManager(await _connector(connection)))
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, ConnectorException) as problem:
            cause = problem.__cause__ if isinstance(problem, ConnectorException) else problem
            if isinstance(cause, psycopg.Error) and not isinstance(cause, _AWAY):
                raise
            raise InboxUnavailable(f"PostgreSQL cannot be written: {_first_line(cause or problem)}.") from problem


@contextlib.asynccontextmanager
async def open_postgres(conninfo: str, *, connections: int = 8, patience: float = 5.0) -> AsyncIterator[PostgresInbox]:
    """The inbox in this database, its tables made where they are not there; raises InboxUnavailable."""
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        conninfo,
        min_size=1,
        max_size=connections,
        timeout=patience,
        open=False,
        check=AsyncConnectionPool.check_connection,
        kwargs={"connect_timeout": max(1, round(patience))},
    )
    await _make_tables(conninfo)
    try:
        await pool.open()
        yield PostgresInbox(pool)
    finally:
        await pool.close()


async def _make_tables(conninfo: str) -> None:
    try:
        async with await psycopg.AsyncConnection[Any].connect(conninfo) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SET_UP,))
            there = await (await connection.execute("SELECT to_regclass('procrastinate_jobs')")).fetchone()
            if there is None or there[0] is None:
                await schema.SchemaManager(await _connector(connection)).apply_schema_async()
            await connection.execute(_TABLES)
    except (psycopg.Error, ConnectorException) as problem:
        sentence = f"PostgreSQL cannot be used: {_first_line(problem)}; look at BOLIDE_DATABASE_URL."
        raise InboxUnavailable(sentence) from problem


async def _connector(connection: psycopg.AsyncConnection[Any]) -> PsycopgConnector:
    """Procrastinate's connector within the transaction of this one connection."""
    connector = PsycopgConnector()
    await connector.open_async(pool=cast("AsyncConnectionPool[Any]", _Lent(connection)))
    return connector


@dataclass(frozen=True, slots=True)
class _Lent:
    """What procrastinate needs of a pool, with a single connection that stays its owner's."""

    only: psycopg.AsyncConnection[Any]

    def connection(self) -> contextlib.AbstractAsyncContextManager[psycopg.AsyncConnection[Any]]:
        """The connection, neither committed nor closed afterwards."""
        return contextlib.nullcontext(self.only)


def _task(queue: str, lock: str | None, told: dict[str, Any], at: datetime | None = None) -> jobs.Job:
    return jobs.Job(queue=queue, lock=lock, queueing_lock=None, task_name="bolide", task_kwargs=told, scheduled_at=at)


async def _delivery(turn: _Turn, job: jobs.Job) -> Delivery:
    query = "SELECT id, kind, body FROM bolide_deliveries WHERE id = %s"
    return Delivery(*(await turn.rows(query, job.task_kwargs["delivery"]))[0])


def _told(job: jobs.Job) -> dict[str, Any]:
    return cast("dict[str, Any]", job.task_kwargs)


def _token(job: jobs.Job) -> int:
    assert job.worker_id is not None, "a fetched job has the worker that fetched it"  # noqa: S101 - for the type checker
    return job.worker_id


def _first_line(problem: BaseException) -> str:
    """The database's first words, which name no password."""
    return (str(problem).splitlines() or [type(problem).__name__])[0].rstrip(".")
