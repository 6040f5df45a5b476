"""kill -9 under load: what was acknowledged is stored and worked off, whatever moment the process died at."""

import asyncio
import random
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import aiohttp

from tests.service.letters import envelope

CHECKOUT = Path(__file__).parents[2]
KILLS = 5


@asynccontextmanager
async def server(state: Path, lease: float) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    command = (sys.executable, "-m", "tests.service.server_process", str(state), str(lease))
    process = await asyncio.create_subprocess_exec(*command, cwd=CHECKOUT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        port = (await process.stdout.readline()).decode().strip()
        yield process, f"http://127.0.0.1:{port}/webhook"
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def post_on(url: str, acknowledged: set[str]) -> None:
    """Post delivery after delivery until the server is gone."""
    async with aiohttp.ClientSession() as session:
        with suppress(aiohttp.ClientError, ConnectionError):
            while True:
                id_ = str(uuid4())
                body = f'{{"n": "{id_}"}}'.encode()
                async with session.post(url, data=body, headers=envelope(body, x_github_delivery=id_)) as answer:
                    assert answer.status == 202
                acknowledged.add(id_)


def rows(state: Path, query: str) -> list[str]:
    connection = sqlite3.connect(state / "inbox.sqlite")
    try:
        return [row[0] for row in connection.execute(query)]
    finally:
        connection.close()


async def test_nothing_acknowledged_is_lost_however_often_the_process_is_killed(tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    for _ in range(KILLS):
        before = len(acknowledged)
        async with server(tmp_path, lease=1) as (process, url):
            load = [asyncio.create_task(post_on(url, acknowledged)) for _ in range(6)]
            moment = before + random.randint(1, 60)  # noqa: S311 - no secret, the moment of death
            async with asyncio.timeout(60):
                while len(acknowledged) < moment:  # noqa: ASYNC110 - the senders are not to be slowed by an event
                    await asyncio.sleep(0.001)
            process.kill()
            await asyncio.gather(*load)
        stored = rows(tmp_path, "SELECT id FROM deliveries")
        assert acknowledged <= set(stored)
        assert len(stored) == len(set(stored))
    async with server(tmp_path, lease=1) as (process, _):
        unfinished = "SELECT id FROM deliveries WHERE routed = 0 UNION ALL SELECT lane FROM jobs WHERE state = 'open'"
        async with asyncio.timeout(120):
            while rows(tmp_path, unfinished):  # noqa: ASYNC110 - another process's file
                await asyncio.sleep(0.1)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 60) == 0
    assert acknowledged <= set((tmp_path / "effects").read_text().split())


async def test_a_term_ends_the_process_in_good_order_under_load(tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    async with server(tmp_path, lease=60) as (process, url):
        load = [asyncio.create_task(post_on(url, acknowledged)) for _ in range(4)]
        async with asyncio.timeout(60):
            while len(acknowledged) < 30:  # noqa: ASYNC110 - the senders are not to be slowed by an event
                await asyncio.sleep(0.001)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 25) == 0
        await asyncio.gather(*load)
    assert acknowledged <= set(rows(tmp_path, "SELECT id FROM deliveries"))
    done = rows(tmp_path, "SELECT lane FROM jobs WHERE state = 'done'")
    effects = (tmp_path / "effects").read_text().split()
    assert sorted(done) == sorted(effects)  # each effect once, each remembered
