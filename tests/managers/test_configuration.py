"""A configuration that cannot be read is said where people look, once, and taken back when it is mended."""

from bot.core.repoconfig import PATH
from bot.core.texts import dashboard
from bot.managers.configuration import CHECK
from tests.managers.world import STRANGER, World

WRONG = "pyton: '3.11'\n"
SENTENCE = f"{PATH} line 1, column 1: `pyton` is not a key; did you mean `python`?"


def check(world: World) -> tuple[str | None, str] | None:
    report = world.repository.checks.get((world.repository.head, CHECK))
    return (report.conclusion, report.summary) if report else None


def issues(world: World) -> list[str]:
    return [issue.body for issue in world.repository.issues.values() if issue.label == dashboard.LABEL]


async def test_what_is_wrong_is_a_failed_check_and_one_issue() -> None:
    world = World()
    await world.pushed({PATH: WRONG})
    found = check(world)
    assert found is not None
    assert found[0] == "failure"
    assert "did you mean `python`?" in found[1]
    (body,) = issues(world)
    assert "did you mean `python`?" in body
    assert "line 1, column 1" in body
    writes = list(world.repository.writes)
    await world.pushed({"README.md": "more"})
    assert check(world) is not None
    assert issues(world) == [body]
    assert [line for line in world.repository.writes if line not in writes] == []


async def test_mended_it_is_said_there_too() -> None:
    world = World()
    await world.pushed({PATH: WRONG})
    await world.pushed({PATH: "python: '3.11'\n"})
    assert check(world) == ("success", "Every key and value was read.")
    (body,) = issues(world)
    assert "It is right again." in body
    assert "pyton" not in body
    await world.pushed({PATH: WRONG})
    assert "pyton" in issues(world)[0]


async def test_a_configuration_that_is_right_is_not_talked_about() -> None:
    world = World()
    await world.pushed({"README.md": "more"})
    assert check(world) is None
    assert not any("### Configuration" in body for body in issues(world))


async def test_an_issue_that_a_person_closed_stays_closed() -> None:
    world = World()
    await world.pushed({PATH: WRONG})
    (number,) = world.repository.issues
    world.repository.open_issues.discard(number)
    before = issues(world)
    await world.pushed({PATH: "colour: blue\n"})
    assert issues(world) == before
    assert check(world) is not None


async def test_the_words_of_a_thoth_file_are_judged_too() -> None:
    world = World()
    await world.pushed({".thoth.yaml": "overlays_dir: ../up\n"})
    found = check(world)
    assert found is not None
    assert ".thoth.yaml line 1, column 15" in found[1]


async def test_the_head_of_a_pull_request_is_never_read() -> None:
    """Who has no rights cannot appoint themselves in a branch."""
    world = World()
    world.repository.push(
        {PATH: "maintainers: [stan]\n", "OWNERS": "approvers: [stan]\n"}, author="stan", branch="topic"
    )
    pull = world.repository.open_pull("topic", "Mine", "")
    await world.commented(pull.number, "/update", STRANGER)
    assert (pull.number, "refused") in world.repository.comments
    assert world.bot_branches() == {"topic"}
