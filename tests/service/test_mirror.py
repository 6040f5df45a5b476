"""Stories of repositories that have not changed: a look at them asks GitHub for nothing."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.mirror import SqliteMirror
from bot.core import inside
from bot.core.errors import TryLater
from bot.core.events import Repository
from bot.core.mirror import Question
from bot.core.ports import Unreadable
from bot.core.texts import update
from tests.managers.world import NOW, World, lock

NEWEST = {"Pipfile.lock": lock(flask="3.1.0", werkzeug="3.1.0")}
ZERO = "0" * 40


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[SqliteMirror]:
    mirror = SqliteMirror(tmp_path / "mirror.sqlite", most=2)
    yield mirror
    mirror.close()


@pytest.fixture
def world(mirror: SqliteMirror) -> World:
    return World(mirror=mirror)


async def looked(world: World) -> list[str]:
    """What GitHub is asked by a look that is made because the world changed."""
    world.forge.asked.clear()
    await world.inbox.put(inside.world_changed(world.repository.value, {"flask": str(len(world.inbox.letters))}))
    await world.settle()
    return world.forge.asked


async def pushed(world: World, files: dict[str, str], *, forced: bool = False) -> list[str]:
    """What GitHub is asked by the updates when somebody pushes."""
    before = world.repository.head
    sha = world.repository.push(files)
    world.forge.asked.clear()
    commits = [{"added": [], "removed": [], "modified": sorted(files)}]
    where: dict[str, Any] = {"ref": "refs/heads/main", "deleted": False, "forced": forced}
    await world.deliver("push", before=before, after=sha, commits=commits, **where)
    return world.forge.asked


async def settled(world: World) -> None:
    """Everything is at its newest, and the bot has seen it."""
    world.repository.push(NEWEST)
    await world.install()
    await looked(world)


async def test_a_look_at_a_repository_that_has_not_changed_asks_for_nothing(world: World) -> None:
    await settled(world)
    assert await looked(world) == []
    assert await looked(world) == []


async def test_a_look_at_an_open_proposal_that_is_still_right_asks_for_nothing(world: World) -> None:
    await world.install()
    await looked(world)
    assert world.only_pull()
    assert await looked(world) == []


async def test_what_is_new_in_the_world_is_proposed_after_a_fresh_look(world: World) -> None:
    await settled(world)
    world.now += timedelta(days=5)
    asked = await looked(world)
    assert asked[:2] == ["snapshot", "propose"]
    assert world.repository.pulls[world.only_pull()].title == "Update flask from 3.1.0 to 3.2.0 (packages)"


async def test_a_push_that_changes_nothing_of_interest_is_followed_without_a_look(world: World) -> None:
    await settled(world)
    assert "snapshot" in await pushed(world, {"README.md": "more\n"}), "what stands at the top may be an environment"
    await looked(world)
    await pushed(world, {"src/app.py": "x = 1\n"})
    assert await looked(world) == []


@pytest.mark.parametrize("forced", [False, True])
async def test_a_push_that_changes_a_lock_or_history_is_looked_at(world: World, *, forced: bool) -> None:
    await settled(world)
    files = {"src/app.py": "x\n"} if forced else {"Pipfile.lock": lock(flask="2.2.5", werkzeug="2.2.3")}
    assert "snapshot" in await pushed(world, files, forced=forced)
    assert bool(world.bot_branches()) is not forced


async def test_a_closed_pull_request_is_noticed(world: World) -> None:
    await world.install()
    await looked(world)
    number = world.only_pull()
    world.repository.pulls[number].state = "closed"
    del world.repository.branches[update.BRANCH]
    await world.deliver("pull_request", action="closed", number=number, pull_request={"merged": False})
    assert "snapshot" in await looked(world)
    assert [pull.state for pull in world.repository.pulls.values()] == ["closed"]


async def test_after_a_day_the_repository_is_looked_at_all_the_same(world: World) -> None:
    await settled(world)
    world.packages.releases["flask"].pop("3.2.0")
    world.now += timedelta(hours=25)
    assert "snapshot" in await looked(world)
    assert await looked(world) == []


async def test_a_broken_mirror_is_done_without(world: World, mirror: SqliteMirror) -> None:
    mirror.close()
    await settled(world)
    assert "snapshot" in await looked(world)


async def test_evidence_that_is_tried_again_is_gathered_once_more_and_not_twice(world: World) -> None:
    def busy() -> None:
        world.laboratory.meanwhile = lambda: None
        raise TryLater("The disk is full.", 60)

    world.laboratory.meanwhile = busy
    await world.install()
    begun = len(world.laboratory.examined)
    world.seconds += 61
    await world.settle()
    assert len(world.laboratory.examined) == begun + 1
    assert world.only_pull()


async def test_what_is_known_is_the_same_after_a_restart_and_of_one_installation_only(
    world: World, mirror: SqliteMirror
) -> None:
    await world.install()
    there, files = world.repository.value, ("Pipfile", "none", "link")
    world.repository.push({"link": Unreadable("it is a symbolic link")})
    question = Question(files, update.BRANCH, ("bolide/x",), "overlays", "bolide")
    reader = world.forge.reader(there)
    seen = await reader.snapshot(files, branch=update.BRANCH, more=("bolide/x",), overlays="overlays", tracked="bolide")
    await mirror.keep(there, question, seen, NOW, head=True)
    assert await mirror.recall(there, question, None, NOW) == seen
    assert await mirror.recall(there, question, ZERO, NOW) is None
    other = Repository(there.id, there.name, there.installation + 1)
    assert await mirror.recall(other, question, None, NOW) is None
    await mirror.forget(there)
    assert await mirror.recall(there, question, None, NOW) is None


async def test_a_commit_that_is_not_the_head_is_not_kept_as_the_head(world: World, mirror: SqliteMirror) -> None:
    there, question = world.repository.value, Question((), update.BRANCH, (), "", "")
    seen = await world.forge.reader(there).snapshot((), branch=update.BRANCH)
    await mirror.keep(there, question, seen, NOW, head=False)
    assert await mirror.recall(there, question, None, NOW) is None


async def test_only_so_many_repositories_are_known(world: World, mirror: SqliteMirror) -> None:
    question = Question((), update.BRANCH, (), "", "")
    seen = await world.forge.reader(world.repository.value).snapshot((), branch=update.BRANCH)
    places = [Repository(number, "ada/x", 1) for number in range(3)]
    for later, place in enumerate(places):
        await mirror.keep(place, question, seen, NOW + timedelta(seconds=later), head=True)
    known = [await mirror.recall(place, question, None, NOW) is not None for place in places]
    assert known == [False, True, True]


async def test_a_push_that_came_late_or_from_elsewhere_forgets_what_is_known(
    world: World, mirror: SqliteMirror
) -> None:
    there, question = world.repository.value, Question(("Pipfile",), update.BRANCH, (), "", "")
    seen = await world.forge.reader(there).snapshot(("Pipfile",), branch=update.BRANCH)
    await mirror.keep(there, question, seen, NOW, head=True)
    await mirror.advance(there, ZERO, seen.sha, None)
    assert await mirror.recall(there, question, None, NOW) == seen, "it is where it should be already"
    await mirror.advance(there, seen.sha, ZERO, ("README.md", "Pipfile2"))
    moved = await mirror.recall(there, question, ZERO, NOW)
    assert moved is not None
    assert (moved.sha, moved.files) == (ZERO, seen.files)
    await mirror.advance(there, seen.sha, "1" * 40, ())
    assert await mirror.recall(there, question, None, NOW) is None
