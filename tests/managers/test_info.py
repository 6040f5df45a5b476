"""`/info` and the issue "Kebechet info": what is installed, as a table and as a graph."""

import pytest

from bot.core.events import Pushed
from bot.core.texts import info
from bot.core.texts.info import MOST_EDGES, Info, Installed
from tests.managers.world import World


async def told(world: World, title: str = "Kebechet info") -> str:
    issue = await world.titled(title)
    return world.repository.comments[issue, "answer title"]


async def test_the_lock_as_it_is_with_its_graph() -> None:
    body = await told(World())
    assert "### Pipfile.lock" in body
    assert "2 packages, 1 of them direct; from pypi." in body
    assert "| flask | 2.2.5 | direct |" in body
    assert "| werkzeug | 2.2.3 | flask |" in body
    assert '```mermaid\ngraph LR\n  n0["flask"]\n  n1["werkzeug"]\n  n0 --> n1\n```' in body


async def test_the_comment_does_the_same() -> None:
    world = World()
    issue = world.repository.issue()
    await world.commented(issue, "/info")
    assert "| flask | 2.2.5 | direct |" in world.repository.comments[issue, "answer 501"]


async def test_switched_off_it_says_so() -> None:
    world = World()
    world.repository.push({".github/bolide.yaml": "managers: [{name: info, enabled: false}]\n"})
    assert await told(world) == "This is off in the repository's configuration."


async def test_environments_that_it_may_not_look_at_are_left_out() -> None:
    world = World()
    world.repository.push({".github/bolide.yaml": "managers: [{name: info, env_allow_list: [gpu]}]\n"})
    assert "Pipfile.lock" not in await told(world)


async def test_a_lock_that_cannot_be_read_is_said() -> None:
    world = World()
    world.repository.push({"Pipfile.lock": "{"})
    assert (await told(world)).startswith("**Pipfile.lock**: ")


async def test_it_tells_only_who_asks() -> None:
    world = World()
    assert await world.dispatch.plan(Pushed(world.repository.value, "main", world.repository.head), "info") is None


@pytest.mark.parametrize(
    ("packages", "sentence"),
    [
        ((Installed("a", "1", direct=True, required_by=()),), "No package requires another."),
        (
            tuple(Installed(f"p{n}", "1", direct=False, required_by=("p0",)) for n in range(MOST_EDGES + 2)),
            "too many to draw.",
        ),
        (tuple(Installed(f"p{n}", "1" * 200, direct=True, required_by=()) for n in range(200)), " more."),
    ],
)
def test_a_large_graph_is_bounded(packages: tuple[Installed, ...], sentence: str) -> None:
    body = info.comment(Info("Pipfile.lock", "", {"pypi": "https://pypi.org/simple"}, packages))
    assert sentence in body
    assert len(body) < 30_000
