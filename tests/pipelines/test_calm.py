"""Merges in close succession: the first is built at once, the rest when the branch is still."""

import asyncio
import time

import pytest

from bot.core.ports import HeadMoved
from bot.pipelines.calm import Calm
from tests.managers.world import World


async def test_the_first_merge_and_one_that_comes_later_are_not_held_back() -> None:
    world, calm = World(), Calm(storm=0.1, still=5)
    here, reader = world.repository.value, world.forge.reader(world.repository.value)
    begun = time.monotonic()
    await calm.wait(here, world.repository.head, reader)
    calm.end(here)
    await asyncio.sleep(0.15)
    await calm.wait(here, world.repository.push({"a": "later"}), reader)
    assert time.monotonic() - begun < 2


async def test_in_a_storm_only_the_last_merge_is_built() -> None:
    world, calm = World(), Calm(storm=30, still=0.2)
    here, reader = world.repository.value, world.forge.reader(world.repository.value)
    calm.end(here)
    first = world.repository.push({"a": "0"})
    waiting = asyncio.create_task(calm.wait(here, first, reader))
    for number in range(1, 6):
        await asyncio.sleep(0.1)
        assert not waiting.done()
        world.repository.push({"a": str(number)})
    with pytest.raises(HeadMoved, match=world.repository.head[:8]):
        await waiting
    begun = time.monotonic()
    await calm.wait(here, world.repository.head, reader)  # as it is planned again: it has waited long enough
    assert time.monotonic() - begun < 0.15
    # Alone after a run, it waits once and is built.
    await calm.wait(here, world.repository.head, reader)
    assert time.monotonic() - begun >= 0.2


async def test_a_storm_without_end_is_built_after_a_while() -> None:
    world, calm = World(), Calm(storm=30, still=0.05, patience=0.3)
    here, reader = world.repository.value, world.forge.reader(world.repository.value)
    calm.end(here)

    async def merge_on() -> None:
        while True:
            world.repository.push({"a": str(time.monotonic_ns())})
            await asyncio.sleep(0.02)

    merging = asyncio.create_task(merge_on())
    await asyncio.sleep(0)
    with pytest.raises(HeadMoved):
        await calm.wait(here, world.repository.head, reader)
    await calm.wait(here, world.repository.head, reader)
    merging.cancel()
