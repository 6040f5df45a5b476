"""What is run again because somebody asked."""

import pytest

from bot.core.events import Pushed
from tests.managers.world import CONFIG, ROB, World

TRAINING = "training: {train: [python, train.py]}\n"


@pytest.fixture
def world() -> World:
    return World()


async def test_a_model_is_trained_anew(world: World) -> None:
    issue, head = world.repository.issue(), world.repository.push({".github/bolide.yaml": f"{CONFIG}{TRAINING}"})
    await world.commented(issue, "/retrain", comment=1)
    assert world.runner.retrained == [head]
    assert world.repository.comments[issue, "answer 1"].startswith("The model is trained anew")
    assert world.repository.comments[issue, "deployment"].startswith("🚀 **Deployed and verified.**")
    await world.commented(issue, "/retrain", ROB, comment=2)
    assert world.runner.retrained == [head]


async def test_without_a_training_the_reason_is_told(world: World) -> None:
    issue = world.repository.issue()
    await world.commented(issue, "/retrain", comment=1)
    assert "names no `training`" in world.repository.comments[issue, "answer 1"]
    assert world.runner.begun == []


async def test_the_stages_of_a_commit_that_ended_run_again(world: World) -> None:
    head = await world.pushed({"a": "b"})
    issue = world.repository.issue()
    await world.commented(issue, "/retest")
    assert (world.runner.begun, world.runner.retrained) == ([head, head], [])


async def test_the_evidence_of_an_update_is_gathered_again(world: World) -> None:
    await world.install()
    number, examined = world.only_pull(), len(world.laboratory.examined)
    begun = list(world.runner.begun)
    await world.commented(number, "/retest")
    assert len(world.laboratory.examined) == examined + 1
    assert world.runner.begun == begun


async def test_of_a_person_s_open_pull_request_nothing_runs(world: World) -> None:
    world.repository.push({"a": "b"}, branch="topic")
    number = world.repository.open_pull("topic", "Nice", "body").number
    await world.commented(number, "/retest")
    assert world.runner.begun == []
    assert "before it is merged" in world.repository.comments[number, "answer 501"]
    assert await world.dispatch.plan(Pushed(world.repository.value, "main", world.repository.head), "rerun") is None
