"""Merges in close succession: the first is built at once, the rest when the branch is still."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from bot.core.ports import HeadMoved
from bot.pipelines.calm import Calm
from tests.managers.world import World


@dataclass
class Day:
    """A branch that waits for merges, and a clock that moves while somebody sleeps."""

    world: World = field(default_factory=World)
    now: float = 1000.0
    meanwhile: Callable[[], object] = lambda: None
    """What others do during each sleep."""

    def __post_init__(self) -> None:
        self.calm = Calm(storm=30, still=5, patience=60, clock=lambda: self.now, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()

    def merge(self) -> str:
        return self.world.repository.push({"a": str(self.now)})

    def end_a_run(self) -> None:
        self.calm.end(self.world.repository.value)

    async def wait(self, sha: str) -> float:
        """The seconds that the commit was held back."""
        begun = self.now
        await self.calm.wait(self.world.repository.value, sha, self.world.forge.reader(self.world.repository.value))
        return self.now - begun


async def test_the_first_merge_and_one_that_comes_later_are_not_held_back() -> None:
    day = Day()
    assert await day.wait(day.merge()) == 0
    day.end_a_run()
    day.now += 30
    assert await day.wait(day.merge()) == 0


async def test_in_a_storm_only_the_last_merge_is_built() -> None:
    day, more = Day(), 3

    def merge_more() -> None:
        nonlocal more
        if more:
            more -= 1
            day.merge()

    day.end_a_run()
    day.meanwhile = merge_more
    first, begun = day.merge(), day.now
    with pytest.raises(HeadMoved, match=r"^ada/digits moved to ") as moved:
        await day.wait(first)
    assert day.world.repository.head[:8] in str(moved.value)
    assert (more, day.now - begun) == (0, 20)  # three merges, and five seconds without one
    assert await day.wait(day.world.repository.head) == 0  # as it is planned again: it has waited long enough
    assert await day.wait(day.world.repository.head) == 5  # another storm: alone in it, it waits once and is built


async def test_a_storm_without_end_is_built_after_a_while() -> None:
    day = Day()
    day.end_a_run()
    day.meanwhile = day.merge
    first, begun = day.merge(), day.now
    with pytest.raises(HeadMoved):
        await day.wait(first)
    assert day.now - begun == 60
    assert await day.wait(day.world.repository.head) == 0
