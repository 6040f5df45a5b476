"""Previews of pull requests, as people see them."""

import pytest

from bot.core.events import Pushed
from bot.core.previews import Doing, Previewed
from bot.core.stages import Failed, Stopped
from tests.managers.world import ROB, World


@pytest.fixture
def world() -> World:
    world = World()
    world.repository.push({"a": "b"}, branch="topic")
    world.repository.open_pull("topic", "Nice", "body")
    world.runner.previewed = Previewed(
        world.repository.branches["topic"],
        "http://127.0.0.1:4001",
        "tf-1",
        Doing(0.0042, 0.0, 0.0011, 81.4),
        Doing(0.004, 0.5),
    )
    return world


def said(world: World) -> str:
    return world.repository.comments[1, "preview"]


async def test_a_preview_lives_as_long_as_its_pull_request(world: World) -> None:
    await world.commented(1, "/deploy preview")
    head = world.repository.branches["topic"]
    assert world.runner.previews == [(1, head)]
    assert said(world).startswith(f"🔭 **Preview of {head[:8]}**, with model tf-1: http://127.0.0.1:4001")
    assert "| median answer | 4.2 ms | 4.0 ms |" in said(world)
    assert "| failed answers | 0 % | 50 % |" in said(world)
    assert "| CPU for an answer | 1.1 ms | – |" in said(world)
    assert "| memory | 81 MB | – |" in said(world)
    await world.commented(1, "/deploy preview", comment=502)
    assert [place for place in world.repository.comments if place[0] == 1] == [(1, "preview")]
    pull = {"number": 1, "merged": False}
    await world.deliver("pull_request", action="closed", pull_request=pull)
    assert (world.runner.previews, said(world)) == ([], "🔭 **The preview is gone**, with the pull request.")


async def test_a_merge_ends_it_and_without_one_nothing_is_said(world: World) -> None:
    await world.merged(1)
    assert (1, "preview") not in world.repository.comments


async def test_why_there_is_none_is_told(world: World) -> None:
    world.runner.previewed = Stopped("a" * 40, "deploy", Failed("@ada broke it.", "the log", ""))
    await world.commented(1, "/deploy preview", comment=1)
    assert said(world).startswith("🛑 **No preview: deploy failed.** @\u200bada broke it.")
    assert "the log" in said(world)
    world.runner.previewed = None
    await world.commented(1, "/deploy preview", comment=2)
    assert said(world) == "🛑 **No preview.** No previews are made here."
    world.runner.previewed = Previewed("a" * 40, "http://x", None, None, None)
    await world.commented(1, "/deploy preview", comment=3)
    assert "| memory | – | – |" in said(world)


async def test_forks_issues_closed_ones_and_readers_get_none(world: World) -> None:
    await world.commented(1, "/deploy preview", ROB)
    world.repository.pulls[1].fork = True
    await world.commented(1, "/deploy preview", comment=2)
    assert "what a fork holds is never built here" in said(world)
    world.repository.pulls[1].state = "closed"
    await world.commented(1, "/deploy preview", comment=3)
    assert "Previews are made of open pull requests" in said(world)
    issue = world.repository.issue()
    await world.commented(issue, "/deploy preview", comment=4)
    assert "Previews are made of open pull requests" in world.repository.comments[issue, "preview"]
    assert world.runner.previews == []
    pushed = Pushed(world.repository.value, "main", world.repository.head)
    assert await world.dispatch.plan(pushed, "preview") is None
