"""Labels of pull requests: size, title, paths and needs-rebase, where the configuration asks for them."""

import pytest

from bot.core.labelling import Labelling, LabelRule, Pull, labelling
from tests.managers.world import World

ON = "managers: [{name: labels}]\nlabel_rules:\n  - {label: training, paths: ['training/*']}\n"


def on() -> World:
    world = World()
    world.repository.push({".github/bolide.yaml": ON})
    return world


async def opened(world: World, title: str, files: dict[str, str]) -> int:
    world.repository.push(files, branch="topic", author="rob")
    number = world.repository.open_pull("topic", title, "").number
    await world.deliver("pull_request", action="opened", pull_request={"number": number})
    return number


async def test_a_new_pull_request_gets_its_labels() -> None:
    world = on()
    number = await opened(world, "feat(model)!: other layers", {"training/model.py": "x\n" * 40})
    assert world.repository.pull_labels[number] == ("size/M", "breaking", "enhancement", "training")


async def test_what_grows_gets_another_size_and_keeps_a_person_s_labels() -> None:
    world = on()
    number = await opened(world, "More", {"a.py": "x\n"})
    assert world.repository.pull_labels[number] == ("size/XS",)
    world.repository.pull_labels[number] = ("size/XS", "discuss")
    world.repository.push({"a.py": "x\n" * 2000}, branch="topic", author="rob")
    await world.deliver("pull_request", action="synchronize", pull_request={"number": number})
    assert world.repository.pull_labels[number] == ("discuss", "size/XXL")


async def test_a_push_marks_what_needs_a_rebase_and_unmarks_it_later() -> None:
    world = on()
    number = await opened(world, "More", {"a.py": "x\n"})
    world.repository.conflicts[number] = None
    await world.pushed({"README.md": "more"})
    assert any("later (60 s)" in note for note in world.notes)
    world.repository.conflicts[number] = True
    await world.pushed({"README.md": "yet more"})
    assert "needs-rebase" in world.repository.pull_labels[number]
    world.repository.conflicts[number] = False
    await world.pushed({"README.md": "again more"})
    assert "needs-rebase" not in world.repository.pull_labels[number]


async def test_by_default_nothing_is_labelled() -> None:
    world = World()
    await opened(world, "feat: x", {"a.py": "x\n"})
    assert world.repository.pull_labels == {}


def pull(title: str = "x", lines: int = 0, labels: tuple[str, ...] = (), *, conflicts: bool | None = False) -> Pull:
    return Pull(1, title, lines, ("docs/a.md",), labels, conflicts)


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (pull(lines=9), Labelling(("size/XS",), ())),
        (pull(lines=10, labels=("size/XS",)), Labelling(("size/S",), ("size/XS",))),
        (pull(lines=999), Labelling(("size/XL",), ())),
        (pull(lines=1000), Labelling(("size/XXL",), ())),
        (pull("build(deps): x", labels=("size/XS",)), Labelling(("dependencies",), ())),
        (pull("chore: x", labels=("size/XS",)), Labelling((), ())),
        (pull("fix: x", labels=("size/XS", "bug")), Labelling((), ())),
        (pull("Fix: x", labels=("size/XS",)), Labelling((), ())),
        (pull(labels=("size/XS", "needs-rebase"), conflicts=None), Labelling((), ())),
        (pull(labels=("size/XS", "needs-rebase")), Labelling((), ("needs-rebase",))),
        (pull(labels=("size/XS",), conflicts=True), Labelling(("needs-rebase",), ())),
    ],
)
def test_which_labels(seen: Pull, found: Labelling) -> None:
    assert labelling(seen, ()) == found
    assert labelling(seen, [LabelRule("code", ("*.py",))]) == found
    assert "words" in labelling(seen, [LabelRule("words", ("*.py", "docs/*"))]).add
