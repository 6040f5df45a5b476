"""A change that does not work is taken apart: the culprit is named, the rest goes on, and each step is told."""

from datetime import date
from types import ModuleType

import pytest

from bot.core.candidates import NOT_ALLOWED
from bot.core.commands import Help
from bot.core.events import Actor, CommandGiven, Pushed
from bot.core.packages import HeldBack
from bot.core.texts import bisect, dashboard, update
from bot.managers import bisect as bisects
from bot.managers import recheck, steer
from tests.managers.package_world import PackageWorld
from tests.managers.world import ADA, CONFIG, FILES, PIPFILE, World, lock

NAMES = ("aiohttp", "flask", "keras", "numpy", "pandas", "rich")
OLD, NEW = "1.0", "1.1"


@pytest.fixture
def world() -> World:
    """Six packages, each with a newer version."""
    releases = {name: {OLD: date(2023, 1, 1), NEW: date(2026, 10, 1)} for name in NAMES}
    world = World(packages=PackageWorld(releases))
    pipfile = PIPFILE.replace('flask = "*"\n', "".join(f'{name} = "*"\n' for name in NAMES))
    pins = lock(pipfile, **dict.fromkeys(NAMES, OLD))
    world.repository.push({**FILES, "Pipfile": pipfile, "Pipfile.lock": pins})
    return world


def proposed(world: World) -> dict[str, str]:
    """What the update's branch pins."""
    text = world.repository.text(world.repository.branches["bolide/update"], "Pipfile.lock")
    return {name: NEW if f'"=={NEW}"' in text.split(f'"{name}": {{', 1)[1].split("}", 1)[0] else OLD for name in NAMES}


def bisected(world: World) -> str:
    return world.repository.comments[world.only_pull(), bisect.KEY]


async def test_the_culprit_is_named_and_the_rest_goes_on(world: World) -> None:
    world.laboratory.broken["keras", NEW] = "keras"
    await world.install()
    assert proposed(world) == {**dict.fromkeys(NAMES, NEW), "keras": OLD}
    said = bisected(world)
    assert "**keras 1.0 → 1.1** does not work: The import of keras fails" in said
    assert "The other 5 updates together work" in said
    (issue,) = world.repository.issues.values()
    (entry,) = dashboard.parse(issue.body).ignored
    assert (entry.package, entry.specifier, entry.origin) == ("keras", "<=1.1,>1.0", "bisect")
    assert "| keras | `<=1.1,>1.0` |" in issue.body
    head = world.repository.branches["bolide/update"]
    assert world.repository.checks[head, "Bolide evidence"].conclusion == "success"
    searched = next(report for (_, name), report in world.repository.checks.items() if name == bisect.CHECK)
    assert searched.title == "Does not work: keras"
    assert "| 1 | aiohttp, flask, keras | does not work |" in searched.summary


async def test_what_is_held_back_says_what_was_found(world: World) -> None:
    world.laboratory.broken["keras", NEW] = "keras"
    world.packages.held_back = (HeldBack("keras", OLD, NEW, NOT_ALLOWED),)
    await world.install()
    body = world.repository.pulls[world.only_pull()].body
    assert "| `keras` | 1.0 | 1.1 | 1.1 does not work: The import of keras fails" in body


async def test_evidence_of_a_closed_update_is_not_gathered_again(world: World) -> None:
    await world.install()
    number = world.only_pull()
    world.repository.pulls[number].state = "closed"
    await world.commented(number, "/recheck")
    assert update.NOT_OURS in world.repository.comments.values()


async def test_a_pair_that_does_not_go_together_is_named(world: World) -> None:
    world.laboratory.quarrels[frozenset({("flask", NEW), ("pandas", NEW)})] = "pandas"
    await world.install()
    assert proposed(world) == {**dict.fromkeys(NAMES, NEW), "pandas": OLD}
    assert "**pandas 1.0 → 1.1** does not work, where flask 1.0 → 1.1 is too" in bisected(world)


async def test_a_newer_version_of_the_culprit_is_tried_again(world: World) -> None:
    world.laboratory.broken["keras", NEW] = "keras"
    await world.install()
    world.packages.releases["keras"]["1.2"] = date(2026, 11, 1)
    await world.pushed({"README.md": "Go on.\n"})
    text = world.repository.text(world.repository.branches["bolide/update"], "Pipfile.lock")
    assert '"==1.2"' in text


async def test_where_todays_lock_fails_too_nothing_is_taken_apart(world: World) -> None:
    world.laboratory.broken |= {("keras", NEW): "keras", ("keras", OLD): "keras"}
    await world.install()
    assert len(world.laboratory.examined) == 1
    assert set(proposed(world).values()) == {NEW}


async def test_taking_apart_can_be_off_and_still_asked_for(world: World) -> None:
    world.laboratory.broken["keras", NEW] = "keras"
    await world.pushed({".github/bolide.yaml": f"{CONFIG}updates: {{bisect: false}}\n"})
    assert set(proposed(world).values()) == {NEW}
    number = world.only_pull()
    await world.commented(number, "/bisect", ADA)
    assert "taken apart" in world.repository.comments[number, "answer 501"]
    assert proposed(world)["keras"] == OLD


async def test_what_works_is_not_taken_apart(world: World) -> None:
    await world.install()
    number = world.only_pull()
    await world.commented(number, "/bisect")
    assert bisected(world) == "The whole change works; there is nothing to take apart."
    there = world.repository.issue()
    await world.commented(there, "/bisect", comment=502)
    assert world.repository.comments[there, "answer 502"] == update.NOT_OURS


async def test_without_a_dashboard_it_is_only_said(world: World) -> None:
    world.repository.issues_enabled = False
    world.laboratory.broken["keras", NEW] = "keras"
    await world.install()
    assert "**keras 1.0 → 1.1** does not work" in bisected(world)
    assert set(proposed(world).values()) == {NEW}


async def test_a_search_whose_proposal_was_overtaken_ends(world: World) -> None:
    world.laboratory.broken["keras", NEW] = "keras"

    def meanwhile() -> None:
        if len(world.laboratory.examined) == 2:
            world.repository.push({"notes": "mine"}, branch="bolide/update")

    world.laboratory.meanwhile = meanwhile
    await world.install()
    assert len(world.laboratory.examined) == 2
    assert (world.only_pull(), bisect.KEY) not in world.repository.comments


async def test_a_search_that_cannot_go_on_says_why(world: World) -> None:
    world.laboratory.broken["keras", NEW] = "keras"

    def meanwhile() -> None:
        world.laboratory.away = len(world.laboratory.examined) > 1

    world.laboratory.meanwhile = meanwhile
    await world.install()
    assert "The search for what does not work ended: The index is out of reach." in bisected(world)


async def test_what_was_not_run_is_not_said_to_work(world: World) -> None:
    await world.install()
    world.laboratory.idle = "Code of the repository was not run."
    await world.commented(world.only_pull(), "/bisect")
    assert "ended: The proposed lock was not checked: Code of the repository was not run." in bisected(world)


async def test_all_that_does_not_work_is_found_or_given_up(world: World) -> None:
    world.laboratory.broken |= {("keras", NEW): "keras", ("flask", NEW): "flask"}
    await world.install()
    assert {name for name, version in proposed(world).items() if version == OLD} == {"keras", "flask"}


async def test_a_single_update_is_not_taken_apart() -> None:
    world = World()
    world.packages.needs.clear()
    world.packages.releases["werkzeug"].pop("3.1.0")
    world.laboratory.broken["flask", "3.1.0"] = "flask"
    await world.install()
    assert len(world.laboratory.examined) == 1


async def test_a_part_that_cannot_be_locked_does_not_work(world: World) -> None:
    world.laboratory.broken["rich", NEW] = "rich"
    world.packages.together["keras", NEW] = ("rich", NEW)
    await world.install()
    assert "needs rich" in next(
        report.summary for (_, name), report in world.repository.checks.items() if name == bisect.CHECK
    )
    assert proposed(world)["rich"] == OLD


async def test_a_search_that_takes_too_long_is_given_up(world: World) -> None:
    names = [f"p{number:02}" for number in range(40)]
    world.packages.releases |= {name: {OLD: date(2023, 1, 1), NEW: date(2026, 10, 1)} for name in names}
    world.laboratory.broken |= {(name, NEW): name for name in names[::4]}
    pipfile = PIPFILE.replace('flask = "*"\n', "".join(f'{name} = "*"\n' for name in names))
    await world.pushed({"Pipfile": pipfile, "Pipfile.lock": lock(pipfile, **dict.fromkeys(names, OLD))})
    assert "After 12 examinations it is not known" in bisected(world)
    assert len(world.laboratory.examined) == 13


async def test_a_full_dashboard_takes_nothing_more(world: World) -> None:
    there = world.repository.issue()
    for number in range(60):
        await world.commented(there, f"/ignore other{number}", comment=600 + number)
    world.laboratory.broken["keras", NEW] = "keras"
    await world.pushed({"README.md": "Go on.\n"})
    assert "**keras 1.0 → 1.1** does not work" in bisected(world)
    assert proposed(world)["keras"] == NEW


@pytest.mark.parametrize("manager", [bisects, recheck, steer])
async def test_what_is_no_business_of_a_manager_it_leaves(world: World, manager: ModuleType) -> None:
    there = world.repository.value
    pushed = Pushed(there, "main", world.repository.head)
    given = CommandGiven(there, 1, None, Actor(ADA[1], ADA[0]), Help())
    for event in (pushed, given):
        assert await world.dispatch.plan(event, manager.NAME) is None
