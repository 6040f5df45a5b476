"""A plan is carried out in order, and a second time changes nothing more."""

import pytest

from bot.core.plan import (
    Action,
    CloseIssue,
    Comment,
    DeleteBranch,
    EditPullRequest,
    FileChange,
    Plan,
    ProposeChange,
    React,
    Release,
    Report,
    StartRun,
    Target,
)
from bot.core.ports import ForgeUnavailable
from bot.service.apply import Hands, apply
from tests.managers.world import SERVICE, World


@pytest.fixture
def world() -> World:
    return World()


def hands(world: World) -> Hands:
    here = world.repository.value
    reader, writer = world.forge.reader(here), world.forge.writer(here)
    return Hands(here, reader, writer, world.inbox, world.runner, world.watch_list, SERVICE)


def proposal(world: World, *, evidence: str = "Pipfile.lock") -> ProposeChange:
    target = Target("R_7", "main", world.repository.head)
    files = (FileChange("Pipfile.lock", "{}"),)
    return ProposeChange(target, "bolide/update", None, files, "Update", "Update", "body", evidence=evidence)


async def test_every_action_is_made_so_once(world: World) -> None:
    issue, pull = world.repository.issue(), world.repository.open_pull("topic", "Old", "old").number
    sha = world.repository.head
    actions: tuple[Action, ...] = (
        proposal(world),
        EditPullRequest(pull, "new", "New"),
        Report(sha, "check", "Title", "summary", "neutral"),
        Release("v1.3.0", sha, "1.3.0", "notes"),
        Comment(issue, "key", "{proposed} and {released}"),
        React(issue, None, "rocket"),
        CloseIssue(issue),
        StartRun(sha, sha, issue),
        DeleteBranch("bolide/update"),
    )
    await apply(Plan("all of it", actions[:-1]), hands(world))
    told = dict(world.repository.comments)
    writes = [write for write in world.repository.writes if not write.startswith("edit")]
    await apply(Plan("all of it", actions[:-1]), hands(world))
    assert [write for write in world.repository.writes if not write.startswith("edit")] == writes
    assert world.repository.comments == told
    assert told[issue, "key"] == "#3 and [v1.3.0](https://github.example/ada/digits/releases/tag/v1.3.0)"
    assert (world.repository.pulls[pull].title, world.repository.pulls[pull].body) == ("New", "new")
    assert world.repository.reactions == [React(issue, None, "rocket")]
    assert len(world.inbox.letters) == 1
    assert world.runner.begun == [sha]
    await apply(Plan("gone", (actions[-1], actions[-1])), hands(world))
    assert world.bot_branches() == set()


async def test_a_repetition_sets_no_finished_check_back_to_waiting(world: World) -> None:
    plan = Plan("update", (proposal(world),))
    await apply(plan, hands(world))
    head = world.repository.branches["bolide/update"]
    place = (head, "Bolide evidence")
    assert world.repository.checks[place].conclusion is None
    done = Report(head, "Bolide evidence", "Done", "all good", "success")
    await apply(Plan("evidence", (done,)), hands(world))
    await apply(plan, hands(world))
    assert world.repository.checks[place] == done


async def test_a_crash_before_the_evidence_was_asked_for_is_made_good_by_the_repetition(world: World) -> None:
    plan = Plan("update", (proposal(world),))
    world.forge.outages = 1
    with pytest.raises(ForgeUnavailable):
        await apply(plan, hands(world))
    await apply(plan, hands(world))
    assert [letter.delivery.kind for letter in world.inbox.letters] == ["bolide.change_proposed"]
    assert world.repository.writes == ["commit bolide/update", "open #1"]


async def test_a_change_without_lock_asks_for_no_evidence(world: World) -> None:
    await apply(Plan("release", (proposal(world, evidence=""),)), hands(world))
    assert world.inbox.letters == []
    assert world.repository.checks == {}


async def test_a_plan_without_actions_writes_nothing(world: World) -> None:
    await apply(Plan("nothing to do"), hands(world))
    assert world.repository.writes == []
