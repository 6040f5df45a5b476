"""Stories of repositories with several environments: each has its own pull request, the others stay as they are."""

import pytest

from bot.core.texts import update
from tests.managers.world import FILES, PIPFILE, World, lock

OLD = lock(flask="2.2.5", werkzeug="2.2.3")
GPU, TEST = "bolide/update-gpu", "bolide/update-test"


@pytest.fixture
def world() -> World:
    world = World()
    overlays = {
        f"overlays/{name}/{file}": FILES[file] for name in ("gpu", "test") for file in ("Pipfile", "Pipfile.lock")
    }
    world.repository.push({**overlays, "overlays/test/Pipfile": '[packages]\nflask = "==2.2.5"\n'})
    return world


async def test_each_environment_has_a_pull_request_of_its_own_and_the_others_stay_as_they_are(world: World) -> None:
    await world.install()
    titles = {pull.branch: pull.title for pull in world.repository.pulls.values()}
    assert titles == {
        update.BRANCH: "Update 1 direct and 1 transitive dependencies (packages)",
        GPU: "Update 1 direct and 1 transitive dependencies (gpu)",
        TEST: "Update werkzeug from 2.2.3 to 3.1.0 (test)",
    }
    for branch, changed in ((update.BRANCH, "Pipfile.lock"), (GPU, "overlays/gpu/Pipfile.lock")):
        ours, base = (
            world.repository.commits[sha].files for sha in (world.repository.branches[branch], world.repository.head)
        )
        assert {path for path in ours if ours[path] != base.get(path)} == {changed}
    assert len(world.laboratory.examined) == 3
    assert all("**Safe to merge**" in pull.body for pull in world.repository.pulls.values())


async def test_the_same_updates_are_not_proposed_twice(world: World) -> None:
    await world.install()
    writes = list(world.repository.writes)
    await world.install()
    assert world.repository.writes == writes


async def test_a_command_may_name_one_environment(world: World) -> None:
    issue = world.repository.issue()
    await world.commented(issue, "/update GPU")
    assert world.bot_branches() == {GPU}
    number = world.only_pull()
    assert world.repository.comments[issue, "answer 501"] == f"#{number} is open; its evidence follows there."


async def test_one_answer_tells_of_every_environment(world: World) -> None:
    issue = await world.titled("Kebechet update")
    numbers = {pull.branch: pull.number for pull in world.repository.pulls.values()}
    assert world.repository.comments[issue, "answer title"] == (
        f"default: #{numbers[update.BRANCH]} is open; its evidence follows there.\n"
        f"gpu: #{numbers[GPU]} is open; its evidence follows there.\n"
        f"test: #{numbers[TEST]} is open; its evidence follows there."
    )


async def test_an_environment_that_is_not_there_is_refused_and_the_others_are_named(world: World) -> None:
    issue = world.repository.issue()
    await world.commented(issue, "/update tpu")
    said = "There is no environment 'tpu'; there is default, gpu, test."
    assert world.repository.comments[issue, "answer 501"] == said
    assert world.repository.pulls == {}


async def test_a_conflict_in_one_environment_keeps_no_other_from_its_update(world: World) -> None:
    await world.pushed({"overlays/gpu/Pipfile": PIPFILE.replace('"*"', '">=9"')})
    assert {pull.branch for pull in world.repository.pulls.values()} == {update.BRANCH, TEST}
    check = world.repository.checks[world.repository.head, "Bolide update (gpu)"]
    assert check.conclusion == "failure"
    assert "no version of flask fits" in check.summary


async def test_a_person_keeps_the_branch_of_one_environment(world: World) -> None:
    await world.install()
    mine = world.repository.push({"app.py": "fixed\n"}, author="ada", branch=GPU)
    sha = await world.pushed({"README.md": "more\n"})
    assert world.repository.branches[GPU] == mine
    assert world.repository.commits[world.repository.branches[TEST]].parent == sha
    (told,) = world.repository.comments.values()
    assert told == update.handed_over(GPU)


async def test_a_folder_that_cannot_name_an_environment_is_told_to_who_asks(world: World) -> None:
    world.repository.push({"overlays/a b/Pipfile": PIPFILE})
    issue = await world.titled("Kebechet update")
    said = world.repository.comments[issue, "answer title"]
    assert said.endswith("'overlays/a b' cannot name an environment; use letters, digits, dots and dashes.")


async def test_an_overlay_is_locked_for_its_own_python_and_a_contradiction_is_told(world: World) -> None:
    world.repository.push({"overlays/gpu/.python-version": "3.12\n", ".github/bolide.yaml": 'python: "3.11"\n'})
    await world.install()
    bodies = {pull.branch: pull.body for pull in world.repository.pulls.values()}
    assert "for Python 3.12" in bodies[GPU]
    assert "says Python 3.11, overlays/gpu/.python-version says 3.12: the lock is made for 3.12." in bodies[GPU]
    assert "for Python 3.11" in bodies[TEST]


async def test_an_overlay_alone_is_updated(world: World) -> None:
    world.repository.push({"Pipfile": "", "Pipfile.lock": "", "overlays/test/Pipfile": ""})
    await world.install()
    assert world.bot_branches() == {GPU}


async def test_the_overlays_may_stand_elsewhere_and_one_may_be_left_out(world: World) -> None:
    moved = {f"env/{name}/{file}": FILES[file] for name in ("a", "b") for file in ("Pipfile", "Pipfile.lock")}
    config = "overlays_dir: env\nmanagers: [{name: update, env_disallow_list: [b, default]}]\n"
    world.repository.push({**moved, ".github/bolide.yaml": config})
    await world.install()
    assert world.bot_branches() == {"bolide/update-a"}


async def test_an_overlay_for_another_python_is_not_tried_out_with_this_one(world: World) -> None:
    world.repository.push({"overlays/gpu/.python-version": "3.12\n", ".github/bolide.yaml": 'python: "3.11"\n'})
    await world.install()
    bodies = {pull.branch: pull.body for pull in world.repository.pulls.values()}
    assert (
        "overlays/gpu/Pipfile.lock is for Python 3.12, and locks are tried out with Python 3.11.2 here" in bodies[GPU]
    )
    assert "**Safe to merge**" in bodies[TEST]


async def test_a_rebase_is_about_the_pull_request_in_which_it_is_asked_for(world: World) -> None:
    await world.install()
    numbers = {pull.branch: pull.number for pull in world.repository.pulls.values()}
    before = dict(world.repository.branches)
    base = world.repository.push({"README.md": "Go on.\n"})
    await world.commented(numbers[GPU], "/rebase")
    moved = {name for name, sha in world.repository.branches.items() if name != "main" and before[name] != sha}
    assert moved == {GPU}
    assert world.repository.commits[world.repository.branches[GPU]].parent == base
    said = world.repository.comments[numbers[GPU], "answer 501"]
    assert said == f"#{numbers[GPU]} is open; its evidence follows there."
    there = world.repository.issue()
    await world.commented(there, "/rebase", comment=502)
    assert all(world.repository.commits[world.repository.branches[name]].parent == base for name in numbers)


async def test_a_runtime_environment_names_the_python_of_an_overlay(world: World) -> None:
    runtimes = "runtime_environments:\n  - {name: gpu, python_version: '3.10'}\n"
    world.repository.push({".github/bolide.yaml": runtimes})
    await world.install()
    (gpu,) = (pull for pull in world.repository.pulls.values() if pull.branch == GPU)
    assert "for Python 3.10" in gpu.body
    assert "Not checked" in gpu.body
    assert "is for Python 3.10, and locks are tried out with Python 3.11.2 here." in gpu.body


IN = "# what we want\nflask\n"
TXT = """\
#
# This file is autogenerated by pip-compile with Python 3.9
# by the following command:
#
#    pip-compile --generate-hashes requirements.in
#
flask==2.2.5 \\
    --hash=sha256:{old}
    # via -r requirements.in
werkzeug==2.2.3 \\
    --hash=sha256:{old}
    # via flask
""".replace("{old}", "a" * 64)


async def test_a_requirements_txt_is_updated_in_its_own_form(world: World) -> None:
    world.repository.push({"Pipfile": "", "Pipfile.lock": "", "requirements.in": IN, "requirements.txt": TXT})
    world.repository.push(
        {f"overlays/{name}/{file}": "" for name in ("gpu", "test") for file in ("Pipfile", "Pipfile.lock")}
    )
    world.repository.push({".python-version": "3.11\n"})
    await world.install()
    pull = world.repository.pulls[world.only_pull()]
    assert pull.title == "Update 1 direct and 1 transitive dependencies (packages)"
    assert "newest release that requirements.in allows" in pull.body
    assert "Today's requirements.txt was made for Python 3.9; this one is for 3.11." in pull.body
    assert "**Safe to merge**" in pull.body
    new = TXT.replace("2.2.5", "3.1.0").replace("2.2.3", "3.1.0").replace("a" * 64, "0" * 64).replace("3.9", "3.11")
    assert world.repository.text(world.repository.branches[update.BRANCH], "requirements.txt") == new
    world.repository.merge(pull.number)
    issue = await world.titled("Kebechet update")
    assert world.repository.comments[issue, "answer title"] == "Every dependency is at the newest version that fits."


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"requirements.in": "-r base.in\n"}, "requirements.in line 1: `-r` of another file is not followed"),
        ({"requirements.in": "flask>=9\n"}, "no version of flask fits"),
        ({"requirements.txt": "flask>=2\n"}, "requirements.txt line 1 is no pinned package"),
    ],
)
async def test_requirements_that_cannot_be_resolved_are_refused_with_the_line(
    world: World, files: dict[str, str], sentence: str
) -> None:
    world.repository.push({"Pipfile": "", "Pipfile.lock": "", "requirements.in": IN, "requirements.txt": TXT, **files})
    await world.install()
    check = world.repository.checks[world.repository.head, "Bolide update"]
    assert sentence in check.summary
    assert update.BRANCH not in world.bot_branches()


async def test_requirements_without_hashes_are_proposed_but_not_tried_out(world: World) -> None:
    plain = "flask==2.2.5\nwerkzeug==2.2.3\n"
    world.repository.push({"Pipfile": "", "Pipfile.lock": "", "requirements.in": IN, "requirements.txt": plain})
    await world.install()
    (pull,) = (pull for pull in world.repository.pulls.values() if pull.branch == update.BRANCH)
    assert (
        world.repository.text(world.repository.branches[update.BRANCH], "requirements.txt")
        == "flask==3.1.0\nwerkzeug==3.1.0\n"
    )
    assert "**Not checked**: requirements.txt has no hashes" in pull.body
