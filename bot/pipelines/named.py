"""A run under its name: begun once, joined after a restart, begun anew where it had failed, cancelled when overdue."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, Protocol

from bot.core.pipelineruns import PipelineRuns, RunEnded
from bot.core.ports import Objects


class LinkedObjects(Objects, Protocol):
    """Objects that others may reach for a while without the store's keys."""

    async def link(self, name: str, method: Literal["GET", "PUT"], seconds: int) -> str:
        """A URL with which anybody may GET or PUT this one object for so long."""
        ...


def link_seconds(hours: float) -> int:
    """As long as a run may take, and an hour in which it may wait for a place."""
    return int(hours * 3600) + 3600


async def carry_out(runs: PipelineRuns, document: Mapping[str, Any], hours: float) -> RunEnded:
    """How the run ended.

    A run of the same name is joined, unless it had failed before: then it is begun anew. Cancelling leaves the run
    alone, so that it is joined later; one that takes longer than `hours` is cancelled. Raises what the port raises.
    """
    name = str(document["metadata"]["name"])
    if not await runs.create(document):
        await _clear_failed(runs, name)
        await runs.create(document)
    try:
        async with asyncio.timeout(hours * 3600):
            return await runs.end(name)
    except TimeoutError:
        await runs.cancel(name)
        return replace(await runs.end(name), message=f"it had not ended after {hours:g} h")


async def _clear_failed(runs: PipelineRuns, name: str) -> None:
    """Remove the run of before if it has ended badly; one that is under way is left."""
    ended = asyncio.ensure_future(runs.end(name))
    done, _ = await asyncio.wait([ended], timeout=3)
    if not done:
        ended.cancel()
    elif not ended.result().succeeded:
        await runs.remove(name)
