"""Visitors of the service: they ask for predictions all the time, so that a failed request would be seen."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp

from bot.demo.seed import Digit

PAUSE = 0.05
"""Seconds between two requests of a visitor: about 40 requests a second from two of them."""


@dataclass(slots=True)
class Count:
    """How many requests were made, and how many of them were not answered with 200."""

    asked: int = 0
    failed: int = 0


@contextlib.asynccontextmanager
async def visiting(url: str, digit: Digit) -> AsyncIterator[Count]:
    """Visitors at the service while the block runs: one keeps its connection, one opens a new one each time."""
    count = Count()
    async with (
        aiohttp.ClientSession() as keeping,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as opening,
    ):
        tasks = [asyncio.create_task(_visit(session, url, digit, count)) for session in (keeping, opening)]
        try:
            yield count
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _visit(session: aiohttp.ClientSession, url: str, digit: Digit, count: Count) -> None:
    while True:
        try:
            async with session.post(f"{url}/predict", json={"inputs": digit.image}) as answer:
                count.failed += answer.status != 200
                await answer.read()
        except aiohttp.ClientError:
            count.failed += 1
        count.asked += 1
        await asyncio.sleep(PAUSE)
