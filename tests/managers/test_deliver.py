"""Images of releases, asked for by an issue."""

import pytest

from bot.core.events import Pushed
from bot.core.stages import Failed, ImagePushed, Stopped
from tests.managers.world import ROB, World

IMAGE = "registry.example.org/ada/digits"
NAME = f"{IMAGE}@sha256:{'a' * 64}"
TITLE = "Deliver Container Image"


@pytest.fixture
def world() -> World:
    world = World()
    world.repository.tag_commits["v1.2.3"] = world.repository.head
    world.repository.push({"later": "1"})
    world.runner.pushed = ImagePushed(IMAGE, NAME)
    return world


async def ask(world: World, text: str | None, sender: tuple[str, int] = ("ada", 1), title: str = TITLE) -> int:
    number = world.repository.issue()
    issue = {"number": number, "title": title, "body": text}
    await world.deliver("issues", sender, action="opened", issue=issue)
    return number


async def test_the_image_of_a_tag_is_delivered_by_its_digest(world: World) -> None:
    issue = await ask(world, "Hi!\r\n\r\nTag: 1.2.3\r\n", title=" deliver container IMAGE ")
    said = world.repository.comments[issue, "answer title"]
    tagged = world.repository.tag_commits["v1.2.3"]
    assert said.startswith(f"📦 **Delivered.** `{IMAGE}:1.2.3`, made from {tagged[:8]}, is:")
    assert NAME in said
    assert world.runner.orders == [f"1.2.3 {tagged}"]
    assert issue not in world.repository.open_issues


async def test_why_there_is_none_is_told_and_the_issue_stays(world: World) -> None:
    world.runner.pushed = Stopped("a" * 40, "package", Failed("The base image is gone.", "the log", ""))
    issue = await ask(world, "Tag: v1.2.3")
    assert world.repository.comments[issue, "answer title"].startswith("🛑 **No image: package failed.**")
    world.runner.pushed = None
    issue = await ask(world, "tag: 1.2.3")
    assert world.repository.comments[issue, "answer title"] == "🛑 **No image.** Images need `deploy.image`."
    assert issue in world.repository.open_issues


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Tag: 9.9.9", "There is no tag `9.9.9` or `v9.9.9`"),
        ("", "name the release in the text of a new issue"),
        (None, "name the release in the text of a new issue"),
        ("Tag: $(x)", "name the release in the text of a new issue"),
        ("the Tag: 1.2.3", "name the release in the text of a new issue"),
    ],
)
async def test_without_a_tag_nothing_is_built(world: World, text: str | None, said: str) -> None:
    issue = await ask(world, text)
    assert said in world.repository.comments[issue, "answer title"]
    assert world.runner.orders == []


async def test_a_reader_gets_none(world: World) -> None:
    await ask(world, "Tag: 1.2.3", ROB)
    assert world.runner.orders == []
    pushed = Pushed(world.repository.value, "main", world.repository.head)
    assert await world.dispatch.plan(pushed, "deliver") is None
