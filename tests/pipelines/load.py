"""Bounded load from this machine on this machine, every failed request counted."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

_ROW = [[255] * 4 + [0] * 24] + [[0] * 28] * 27
FOUR = {"inputs": _ROW}
"""A digit to which the shop's right model answers 4."""
Asked = tuple[dict[str, Any], int]
"""What is sent to /predict, and the digit that is the right answer."""


@dataclass
class Load:
    """What the requests so far came to."""

    asked: Asked
    sent: int = 0
    failed: list[str] = field(default_factory=list)
    worst: float = 0.0
    """Seconds of the slowest answer."""
    commits: set[str] = field(default_factory=set)


@contextlib.asynccontextmanager
async def loading(url: str, *, rate: float, clients: int = 8, asked: Asked = (FOUR, 4)) -> AsyncIterator[Load]:
    """Ask all the time, `rate` requests a second: half of the clients on new connections, half on kept ones."""
    load, stopping = Load(asked), asyncio.Event()
    tasks = [asyncio.create_task(_client(url, number, clients / rate, load, stopping)) for number in range(clients)]
    try:
        yield load
    finally:
        stopping.set()
        await asyncio.gather(*tasks)


async def _client(url: str, number: int, pause: float, load: Load, stopping: asyncio.Event) -> None:
    connector = aiohttp.TCPConnector(force_close=number % 2 == 0)
    due = time.monotonic() + pause * number / 8
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as client:
        for turn in itertools.count(number):
            if stopping.is_set():
                return
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due = max(due + pause, time.monotonic() - 1.0)
            await _ask(client, url, predict=turn % 4 != 0, load=load)


async def _ask(client: aiohttp.ClientSession, url: str, *, predict: bool, load: Load) -> None:
    begun = time.monotonic()
    load.sent += 1
    # A POST is not sent again by the client where a kept connection turns out closed: a drop shows as a failure.
    method, path, body = ("POST", "/predict", load.asked[0]) if predict else ("GET", "/version", None)
    try:
        async with client.request(method, url + path, json=body) as answer:
            document = await answer.json(content_type=None)
            if answer.status != 200 or (predict and document["prediction"] != load.asked[1]):
                load.failed.append(f"{method} {path}: {answer.status} {document}")
            elif not predict:
                load.commits.add(document["commit"])
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        load.failed.append(f"{method} {path}: {error!r}")
    load.worst = max(load.worst, time.monotonic() - begun)
