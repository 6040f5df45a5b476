"""How people steer the updates: the dashboard, what is ignored, groups, limits, schedules; told from the door."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.core import inside
from bot.core.candidates import NOT_ALLOWED
from bot.core.packages import HeldBack
from bot.core.schedules import Schedule
from bot.core.texts import dashboard
from bot.wiring import packages
from tests.adapters.package_index import PackageIndex
from tests.managers.package_world import PackageWorld
from tests.managers.world import ADA, CONFIG, FILES, NOW, PIPFILE, ROB, World, lock

CONFIGURED = ".github/bolide.yaml"


def world_with(updates: str = "", **releases: dict[str, date]) -> World:
    """Three packages of which newer versions are out, and this below `updates` in the configuration."""
    table = {
        "flask": {"2.2.5": date(2023, 5, 2), "3.1.0": date(2026, 10, 1)},
        "keras": {"2.0": date(2023, 1, 1), "3.0": date(2026, 10, 2)},
        "numpy": {"1.0": date(2023, 1, 1), "1.1": date(2026, 10, 3)},
        "werkzeug": {"2.2.3": date(2023, 2, 14), "3.1.0": date(2026, 9, 30)},
    }
    world = World(packages=PackageWorld({**table, **releases}, {"flask": ("werkzeug",)}))
    pipfile = PIPFILE + 'keras = "*"\nnumpy = "*"\n'
    pins = lock(pipfile, flask="2.2.5", keras="2.0", numpy="1.0", werkzeug="2.2.3")
    text = f"{CONFIG}updates:\n{updates}" if updates else CONFIG
    world.repository.push({**FILES, "Pipfile": pipfile, "Pipfile.lock": pins, CONFIGURED: text})
    return world


def issue(world: World) -> str:
    """The dashboard's body."""
    (found,) = world.repository.issues.values()
    return found.body


def titles(world: World) -> dict[str, str]:
    """Branch → title of the open pull requests."""
    return {pull.branch: pull.title for pull in world.repository.pulls.values() if pull.state == "open"}


def locked(world: World, branch: str, name: str) -> str:
    text = world.repository.text(world.repository.branches[branch], "Pipfile.lock")
    return text.split(f'"{name}": {{', 1)[1].split('"version": "==', 1)[1].split('"', 1)[0]


async def test_the_dashboard_shows_what_is_open_and_is_written_once() -> None:
    world = world_with()
    await world.install()
    number = world.only_pull()
    assert f"**Open**: #{number}" in issue(world)
    for _ in range(3):
        await world.install()
    assert len(world.repository.tracked) == 1
    await world.merged(number)
    await world.pushed({"README.md": "Go on.\n"})
    assert "**Open**: nothing" in issue(world)
    assert len(world.repository.tracked) == 2


async def test_a_persons_words_on_the_dashboard_stay() -> None:
    world = world_with()
    await world.install()
    (found,) = world.repository.issues.values()
    found.body = f"Mine, above.\n\n{found.body}\n\nMine, below."
    await world.merged(world.only_pull())
    await world.pushed({"README.md": "Go on.\n"})
    assert found.body.startswith("Mine, above.")
    assert found.body.endswith("Mine, below.")
    assert "**Open**: nothing" in found.body


async def test_a_dashboard_that_is_closed_or_not_wanted_is_left_alone() -> None:
    world = world_with()
    await world.install()
    (found,) = world.repository.issues.values()
    world.repository.open_issues.discard(found.number)
    await world.merged(world.only_pull())
    await world.pushed({"README.md": "Go on.\n"})
    assert len(world.repository.tracked) == 1
    unwanted = world_with("  dashboard: false\n")
    await unwanted.install()
    disabled = world_with()
    disabled.repository.issues_enabled = False
    await disabled.install()
    for other in (unwanted, disabled):
        assert (other.repository.tracked, len(titles(other))) == ([], 1)


async def test_a_conflict_is_told_on_the_dashboard_and_nothing_is_opened() -> None:
    world = world_with()
    await world.pushed({"Pipfile": PIPFILE.replace('flask = "*"', 'flask = ">=9"')})
    assert "Nothing could be proposed**: Because no version of flask fits" in issue(world)
    assert titles(world) == {}


async def test_what_is_ignored_by_command_stays_and_comes_back() -> None:
    world = world_with()
    await world.install()
    number = world.only_pull()
    await world.commented(number, "/ignore Keras >=3 breaks @ada's notebook")
    assert "Versions `>=3` of keras are not proposed" in world.repository.comments[number, "answer 501"]
    assert "| keras | `>=3` | – | breaks @\u200bada's notebook | ada |" in issue(world)
    assert locked(world, "bolide/update", "keras") == "2.0"
    assert locked(world, "bolide/update", "numpy") == "1.1"
    await world.commented(number, "/unignore keras", comment=502)
    assert "Newer versions of keras are proposed again" in world.repository.comments[number, "answer 502"]
    assert locked(world, "bolide/update", "keras") == "3.0"
    await world.commented(number, "/unignore keras", comment=503)
    assert world.repository.comments[number, "answer 503"] == "keras is not ignored."


async def test_an_explanation_knows_what_is_ignored() -> None:
    world = world_with("  ignore: [{package: numpy, reason: Later}]\n")
    there = world.repository.issue()
    await world.commented(there, "/ignore keras >=3 until 2026-12-01 slow")
    overlay = {"overlays/gpu/Pipfile": PIPFILE + 'keras = "*"\n'}
    world.repository.push({**overlay, "overlays/gpu/Pipfile.lock": lock(flask="2.2.5", werkzeug="2.2.3", keras="2.0")})
    await world.commented(there, "/explain keras", comment=502)
    said = world.repository.comments[there, "answer 502"]
    assert said.count("3.0 is not locked: \\>=3 is ignored until 2026-12-01 (ada): slow.") == 2
    await world.commented(there, "/explain numpy", comment=503)
    assert "1.1 is not locked: it is ignored (configuration): Later." in world.repository.comments[there, "answer 503"]
    world.now += timedelta(days=30)
    await world.commented(there, "/explain keras", comment=504)
    assert "3.0 is not locked: nothing known speaks against it" in world.repository.comments[there, "answer 504"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/ignore ../x", "`../x` is not the name of a package"),
        ("/ignore keras 1.2.3; rm -rf", "is not a version specifier"),
        ("/ignore keras until 2020-01-01", "2020-01-01 has passed"),
        ("/unignore numpy", "numpy is ignored by .github/bolide.yaml; take it out there."),
    ],
)
async def test_what_cannot_be_noted_is_refused_with_the_reason(text: str, said: str) -> None:
    world = world_with("  ignore: [{package: numpy}]\n")
    there = world.repository.issue()
    await world.commented(there, text)
    assert said in world.repository.comments[there, "answer 501"]


async def test_who_may_not_command_may_not_ignore() -> None:
    world = world_with()
    await world.install()
    await world.commented(world.only_pull(), "/ignore keras", ROB)
    assert dashboard.parse(issue(world)).ignored == ()
    assert locked(world, "bolide/update", "keras") == "3.0"


async def test_ignoring_needs_issues_and_room() -> None:
    world = world_with()
    world.repository.issues_enabled = False
    there = world.repository.issue()
    await world.commented(there, "/ignore keras")
    assert "Issues are disabled here" in world.repository.comments[there, "answer 501"]
    world.repository.issues_enabled = True
    for number in range(61):
        await world.commented(there, f"/ignore keras >={number + 3}", comment=600 + number)
    assert "no room" in world.repository.comments[there, "answer 660"]


async def test_what_the_configuration_ignores_ends_on_its_day() -> None:
    world = world_with("  ignore: [{package: keras, until: 2026-11-25, reason: Later}]\n")
    await world.install()
    assert locked(world, "bolide/update", "keras") == "2.0"
    assert "| keras | every newer version | 2026-11-25 | Later | configuration |" in issue(world)
    world.now += timedelta(days=3)
    await world.install()
    assert locked(world, "bolide/update", "keras") == "3.0"


GROUPS = """\
  groups: [{name: Machine learning, packages: [keras, tensorflow*]}]
"""


async def test_a_group_has_its_own_pull_request() -> None:
    world = world_with(GROUPS)
    await world.install()
    assert set(titles(world)) == {"bolide/group-machine-learning", "bolide/update"}
    assert titles(world)["bolide/group-machine-learning"] == "Update keras from 2.0 to 3.0 (packages)"
    assert locked(world, "bolide/group-machine-learning", "numpy") == "1.0"
    assert locked(world, "bolide/update", "keras") == "2.0"
    writes = list(world.repository.writes)
    await world.install()
    assert world.repository.writes == writes


async def test_major_updates_and_what_is_only_required_come_apart() -> None:
    world = world_with("  separate_major: true\n  separate_transitive: true\n")
    await world.install()
    assert set(titles(world)) == {
        "bolide/major-flask",
        "bolide/major-keras",
        "bolide/transitive",
        "bolide/update",
    }
    assert titles(world)["bolide/update"] == "Update numpy from 1.0 to 1.1 (packages)"


async def test_what_is_no_longer_to_be_proposed_is_closed_unless_a_person_works_on_it() -> None:
    world = world_with("  separate_major: true\n")
    await world.install()
    opened = {pull.branch: pull.number for pull in world.repository.pulls.values()}
    world.repository.push({"notes": "mine"}, branch="bolide/major-flask")
    await world.pushed({CONFIGURED: CONFIG})
    assert set(titles(world)) == {"bolide/update", "bolide/major-flask"}
    assert "no longer to be done" in world.repository.comments[opened["bolide/major-keras"], "obsolete"]
    assert f"**Open**: #{opened['bolide/major-flask']}, #{opened['bolide/update']}" in issue(world)
    await world.pushed({"Pipfile": PIPFILE.replace('flask = "*"', 'flask = ">=9"')})
    assert "Nothing could be proposed" in issue(world)
    assert f"**Open**: #{opened['bolide/major-flask']}, #{opened['bolide/update']}" in issue(world)


async def test_what_the_bot_closed_as_obsolete_is_proposed_again_when_it_is_wanted_again() -> None:
    for updates in ("", GROUPS):
        world = world_with(f"{updates}  ignore: [{{package: flask}}, {{package: numpy}}, {{package: werkzeug}}]\n")
        await world.install()
        number, before = world.only_pull(), titles(world)
        await world.commented(number, "/ignore keras")
        assert (titles(world), "**Open**: nothing" in issue(world)) == ({}, True)
        assert world.bot_branches() == set()
        await world.commented(number, "/unignore keras", comment=502)
        assert titles(world) == before


async def test_what_a_person_closed_waits_for_a_word_and_the_dashboard_says_so() -> None:
    world = world_with()
    await world.install()
    number = world.only_pull()
    world.repository.pulls[number].state = "closed"
    await world.install()
    assert titles(world) == {}
    assert "the comment /update, as its pull request was closed" in issue(world)


async def test_what_was_proposed_for_an_environment_that_is_gone_is_closed() -> None:
    world = world_with("  ignore: [{package: flask}]\n")
    overlay = {"overlays/gpu/Pipfile": PIPFILE, "overlays/gpu/Pipfile.lock": lock(flask="2.2.5", werkzeug="2.2.3")}
    world.repository.push(overlay)
    await world.install()
    assert set(titles(world)) == {"bolide/update", "bolide/update-gpu"}
    await world.pushed(dict.fromkeys(overlay, ""))
    assert set(titles(world)) == {"bolide/update"}
    assert world.bot_branches() == {"bolide/update"}


async def test_a_persons_commit_on_a_groups_branch_stops_the_bot_there() -> None:
    world = world_with(GROUPS)
    await world.install()
    branch = "bolide/group-machine-learning"
    number = next(pull.number for pull in world.repository.pulls.values() if pull.branch == branch)
    theirs = world.repository.push({"notes": "mine"}, branch=branch)
    await world.pushed({"README.md": "Go on.\n"})
    assert world.repository.branches[branch] == theirs
    assert "A person has committed" in world.repository.comments[number, "handed over"]


async def test_no_more_are_opened_than_may_be() -> None:
    world = world_with("  separate_major: true\n  limits: {open: 1}\n")
    await world.install()
    assert set(titles(world)) == {"bolide/update"}
    assert "Update keras from 2.0 to 3.0" in issue(world)
    assert "1 are open, as many as may be" in issue(world)
    await world.merged(world.only_pull())
    await world.pushed({"README.md": "Go on.\n"})
    assert len(titles(world)) == 1
    there = world.repository.issue()
    await world.commented(there, "/update")
    assert len(titles(world)) == 2


async def test_no_more_are_opened_in_an_hour_than_may_be() -> None:
    world = world_with("  separate_major: true\n  limits: {per_hour: 2}\n")
    world.repository.now = NOW - timedelta(minutes=5)
    await world.install()
    assert len(titles(world)) == 2
    assert "2 were opened in this one" in issue(world)
    world.now += timedelta(hours=1)
    await world.install()
    assert len(titles(world)) == 3


async def test_a_schedule_lets_new_ones_wait_and_open_ones_follow() -> None:
    world = world_with("  schedule: 0 5 * * 1\n  timezone: Europe/Berlin\n")
    await world.install()
    assert titles(world) == {}
    assert "the schedule, Monday 2026-11-30 05:00 Europe/Berlin" in issue(world)
    (appointment,) = await world.watch_list.appointments()
    assert (appointment.purpose, appointment.schedule) == ("updates", Schedule("0 5 * * 1", "Europe/Berlin"))
    for purpose, there in (("release", 0), ("updates", 1)):
        await world.inbox.put(inside.scheduled(world.repository.value, purpose, NOW))
        await world.settle()
        assert len(titles(world)) == there
    head = world.repository.branches["bolide/update"]
    await world.pushed({"README.md": "Go on.\n"})
    assert world.repository.branches["bolide/update"] != head


async def test_a_change_in_the_world_renews_what_is_open() -> None:
    world = world_with()
    await world.install()
    assert {(pin.name, pin.version) for pin in world.watch_list.watched[7].locked} >= {("flask", "2.2.5")}
    world.packages.releases["numpy"]["1.2"] = date(2026, 11, 1)
    await world.inbox.put(inside.world_changed(world.repository.value, {"numpy": "1.2"}))
    await world.settle()
    assert locked(world, "bolide/update", "numpy") == "1.2"
    assert len(world.repository.pulls) == 1


async def test_prereleases_are_proposed_where_they_are_wanted_and_fit() -> None:
    fresh = {"2.0": date(2023, 1, 1), "3.0": date(2026, 10, 2), "4.0rc1": date(2026, 11, 1)}
    world = world_with("  prereleases: [keras, numpy, unknown]\n", keras=fresh)
    await world.install()
    assert locked(world, "bolide/update", "keras") == "4.0rc1"
    strict = world_with("  prereleases: [keras]\n", keras=fresh)
    await strict.pushed({"Pipfile": PIPFILE + 'keras = "<4.0a1"\n'})
    assert locked(strict, "bolide/update", "keras") == "3.0"


async def test_the_status_tells_what_the_dashboard_does() -> None:
    world = world_with()
    there = world.repository.issue()
    await world.commented(there, "/status")
    assert "There was no look" in world.repository.comments[there, "answer 501"]
    await world.install()
    await world.commented(there, "/status", comment=502)
    assert f"**Open**: #{world.only_pull()}" in world.repository.comments[there, "answer 502"]


async def test_evidence_is_gathered_anew_on_command() -> None:
    world = world_with()
    await world.install()
    number = world.only_pull()
    assert len(world.laboratory.examined) == 1
    await world.commented(number, "/recheck", ADA)
    assert len(world.laboratory.examined) == 2
    assert "gathered anew" in world.repository.comments[number, "answer 501"]
    there = world.repository.issue()
    for issue_number in (there, there + 100):
        await world.commented(issue_number, "/recheck", comment=700 + issue_number)
        assert "no open pull request" in world.repository.comments[issue_number, f"answer {700 + issue_number}"]


async def test_only_what_its_own_entry_keeps_is_held_back_for_being_ignored() -> None:
    world = world_with("  ignore: [{package: keras, versions: '<3', reason: Old}, {package: numpy, reason: Later}]\n")
    told = (HeldBack("keras", "2.0", "3.0", NOT_ALLOWED), HeldBack("numpy", "1.0", "1.1", NOT_ALLOWED))
    world.packages.held_back = told
    await world.install()
    body = world.repository.pulls[world.only_pull()].body
    assert f"| `keras` | 2.0 | 3.0 | {NOT_ALLOWED} |" in body
    assert "| `numpy` | 1.0 | 1.1 | it is ignored (configuration): Later |" in body


async def test_a_group_takes_no_prerelease_of_another(tmp_path: Path) -> None:
    async with PackageIndex().serve() as index:
        for name in ("keras", "numpy"):
            index.add(name, "1.0")
            index.add(name, "1.1")
        index.add("keras", "2.0rc1")
        groups = "  prereleases: [keras]\n  groups: [{name: a, packages: [keras]}, {name: b, packages: [numpy]}]\n"
        wanted = PIPFILE.replace("https://pypi.org/simple", index.url).replace(
            'flask = "*"', 'keras = "*"\nnumpy = "*"'
        )
        here = frozenset({"127.0.0.1"})
        async with packages.open_packages(tmp_path, here) as found:
            world = World(index=found.index, resolver=found.resolver, allowed=here)
            files = {**FILES, "Pipfile": wanted, CONFIGURED: f"{CONFIG}updates:\n{groups}"}
            world.repository.push({**files, "Pipfile.lock": lock(keras="1.0", numpy="1.0")})
            await world.install()
    assert titles(world) == {
        "bolide/group-a": "Update keras from 1.0 to 2.0rc1 (packages)",
        "bolide/group-b": "Update numpy from 1.0 to 1.1 (packages)",
    }


async def test_a_rebase_of_a_closed_pull_request_brings_nothing_back() -> None:
    world = world_with()
    await world.install()
    number = world.only_pull()
    world.repository.pulls[number].state = "closed"
    await world.commented(number, "/rebase")
    assert titles(world) == {}
    assert "no open pull request with an update" in world.repository.comments[number, "answer 501"]


async def test_a_rebase_makes_the_change_from_the_newest_base() -> None:
    world = world_with()
    await world.install()
    number = world.only_pull()
    base = world.repository.push({"README.md": "Go on.\n"})
    await world.commented(number, "/rebase")
    head = world.repository.commits[world.repository.branches["bolide/update"]]
    assert head.parent == base
    assert f"#{number} is open" in world.repository.comments[number, "answer 501"]


async def test_a_package_that_the_index_does_not_know_is_left_as_it_is() -> None:
    world = world_with("  ignore: [{package: werkzeug, versions: '>=3'}]\n")
    world.packages.homes["werkzeug"] = "https://other.example/simple"
    await world.install()
    assert locked(world, "bolide/update", "keras") == "3.0"
