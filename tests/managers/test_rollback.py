"""What people are told when a deployment is taken back, by them or by itself."""

import pytest

from bot.core.events import Pushed
from bot.core.stages import Failed, Held, RolledBack, Stopped
from tests.managers.world import ROB, SERVICE, World

GOOD, BAD = "a" * 40, "b" * 40


@pytest.fixture
def world() -> World:
    return World()


async def test_a_maintainer_rolls_back(world: World) -> None:
    issue = world.repository.issue()
    world.runner.before = RolledBack(GOOD, "digits-1", BAD)
    await world.commented(issue, "/rollback production it takes 1 for 7", comment=7)
    said = world.repository.comments[issue, "answer 7"]
    assert said.startswith(
        f"⏪ **Rolled back.** Commit aaaaaaaa serves again in place of bbbbbbbb, as `digits-1`: {SERVICE}"
    )
    assert (world.runner.orders, world.runner.reasons) == (
        ["answer 7"],
        [f"ada asked for it in #{issue}, “it takes 1 for 7”"],
    )
    assert world.repository.statuses[BAD, "bolide"][0] == "failure"
    assert world.repository.deployments == [(BAD, "production"), (GOOD, "production")]
    assert [state for _, state, _ in world.repository.deployment_states] == ["inactive", "success"]


async def test_what_served_may_be_unknown(world: World) -> None:
    issue = world.repository.issue()
    world.runner.before = RolledBack(GOOD, "digits-1", "")
    await world.commented(issue, "/rollback")
    assert "serves again, as `digits-1`" in world.repository.comments[issue, "answer 501"]
    assert world.repository.deployments == [(GOOD, "production")]


async def test_the_overlay_is_an_environment_too(world: World) -> None:
    deploy = "deploy: {image: r.example.org/a/b, overlay: apps/overlays/eu, url: 'https://d.example.org'}\n"
    world.repository.push({".github/bolide.yaml": f'service: {{wsgi: "app:create_app()"}}\n{deploy}'})
    issue = world.repository.issue()
    await world.commented(issue, "/rollback us", comment=1)
    said = world.repository.comments[issue, "answer 1"]
    assert said == "There is no environment `us` to roll back; there is `production` or `eu`."
    world.runner.before = RolledBack(GOOD, "digits-1", BAD)
    await world.commented(issue, "/rollback eu", comment=2)
    assert world.runner.orders == ["answer 2"]


async def test_without_a_version_before_the_reason_is_told(world: World) -> None:
    issue = world.repository.issue()
    await world.commented(issue, "/rollback")
    assert world.repository.comments[issue, "answer 501"] == "No version before this one is known."


async def test_a_reader_may_not(world: World) -> None:
    issue = world.repository.issue()
    world.runner.before = RolledBack(GOOD, "digits-1", BAD)
    for command in ("/rollback", "/deploy resume"):
        await world.commented(issue, command, ROB)
    assert (world.runner.orders, world.runner.begun) == ([], [])


async def test_a_deployment_that_was_taken_back_is_told_and_two_are_asked_about_once(world: World) -> None:
    failed = Failed("/predict answers 1 for the golden digit 0. Commit aaaaaaaa serves again.", "", "curl -si x")
    world.runner.result = lambda sha: Stopped(sha, "verify", failed, GOOD)
    world.repository.push({"a": "b"}, branch="topic")
    number = world.repository.open_pull("topic", "Nice", "body").number
    sha = await world.merged(number)
    assert world.repository.comments[number, "deployment"].startswith(
        "⏪ **Rolled back; what served before serves again.**"
    )
    assert world.repository.deployments == [(sha, "production"), (GOOD, "production")]
    assert world.repository.deployment_states[-2:] == [
        (1, "failure", f"verify failed: {failed.sentence}"),
        (2, "success", "serves again"),
    ]
    world.runner.frozen_since = "2026-11-23T09:00:00+00:00"
    await world.pushed({"c": "d"})
    world.runner.result = lambda sha: Held(sha, world.runner.frozen_since)
    world.runner.course = lambda sha: []
    held = await world.pushed({"e": "f"})
    assert world.repository.statuses[held, "bolide"][0] == "failure"
    assert "`/deploy resume`" in world.repository.statuses[held, "bolide"][1]
    assert [title for _, title, _ in world.repository.own_issues.values()] == [
        "Deployments wait: two roll-backs within an hour"
    ]


async def test_deployments_go_on_when_a_maintainer_says_so(world: World) -> None:
    issue = world.repository.issue()
    world.runner.frozen_since = "2026-11-23T09:00:00+00:00"
    await world.commented(issue, "/deploy resume")
    assert world.runner.frozen_since == ""
    assert world.runner.begun == [world.repository.head]
    said = world.repository.comments[issue, "answer 501"]
    assert said.startswith("▶️ **Deployments go on.** They waited since 2026-11-23T09:00:00+00:00.")
    await world.commented(issue, "/deploy resume", comment=9)
    assert "They did not wait." in world.repository.comments[issue, "answer 9"]


async def test_it_listens_to_commands_alone(world: World) -> None:
    pushed = Pushed(world.repository.value, "main", world.repository.head)
    assert await world.dispatch.plan(pushed, "rollback") is None
