"""A repository without a configuration gets one proposed, and nothing else until that is merged or closed."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import onboarding, repoconfig
from bot.core.labels import OURS
from bot.core.onboarding import Findings
from bot.core.ports import Unreadable
from bot.core.recipe import ServiceRecipe, TrainingRecipe
from bot.core.repoconfig import PATH
from tests.managers.world import FILES, PIPFILE, World

PLAIN = {path: text for path, text in FILES.items() if path != PATH}
APP = "from flask import Flask\napp = Flask(__name__)\n"


def bare(files: Mapping[str, str | Unreadable] = PLAIN) -> World:
    """A repository that has only these files."""
    world = World()
    world.repository.push({**dict.fromkeys(FILES, ""), **files})
    return world


def proposed(world: World) -> str:
    """The configuration that the one open pull request adds."""
    pull = world.repository.pulls[world.only_pull()]
    assert (pull.branch, pull.title) == (onboarding.BRANCH, "Set up Bolide")
    return world.repository.text(world.repository.branches[pull.branch], PATH)


async def test_the_configuration_comes_first_and_alone() -> None:
    world = bare({**PLAIN, "app.py": APP, "training/train.py": "fit()\n", "notebooks/look.ipynb": "{}"})
    await world.install()
    config = repoconfig.parse(proposed(world))
    assert config.release.version_files == ("pyproject.toml", "digits/__init__.py")
    assert config.training == TrainingRecipe(train=("python", "training/train.py"))
    assert config.service is None  # nothing in the Pipfile could serve it
    assert world.bot_branches() == {onboarding.BRANCH}
    assert set(world.repository.labels) == {label.name for label in OURS}
    body = world.repository.pulls[world.only_pull()].body
    for thing in ("app:app", "training/train.py", "notebooks/look.ipynb", "default"):
        assert f"`{thing}`" in body
    assert any(note.startswith("Bolide waits for") for note in world.notes)


async def test_merged_it_begins() -> None:
    world = bare()
    await world.install()
    sha = await world.merged(world.only_pull())
    await world.deliver("push", ref="refs/heads/main", after=sha, deleted=False)
    assert world.repository.pulls[world.only_pull()].branch == "bolide/update"


async def test_closed_it_works_without() -> None:
    world = bare()
    await world.install()
    world.repository.pulls[world.only_pull()].state = "closed"
    await world.pushed({"README.md": "more"})
    assert world.repository.pulls[world.only_pull()].branch == "bolide/update"
    assert "A configuration was proposed, and its pull request was closed; Bolide works without." in world.notes


async def test_a_command_meanwhile_is_answered_with_what_it_waits_for() -> None:
    world = bare()
    await world.install()
    issue = await world.titled("Kebechet update")
    assert world.repository.comments[issue, "answer title"] == (
        "Bolide waits for #1: merge it, or close it to go on without a configuration."
    )
    assert world.bot_branches() == {onboarding.BRANCH}


async def test_pushes_meanwhile_change_nothing() -> None:
    world = bare()
    await world.install()
    before = list(world.repository.writes)
    await world.pushed({"README.md": "more"})
    await world.install()
    assert world.repository.writes == before


@pytest.mark.parametrize("path", [PATH, ".thoth.yaml", ".aicoe-ci.yaml"])
async def test_a_repository_that_is_set_up_works_at_once(path: str) -> None:
    world = bare({**PLAIN, path: "# nothing set\n"})
    await world.install()
    assert world.repository.pulls[world.only_pull()].branch == "bolide/update"


async def test_a_repository_whose_thoth_file_lists_other_managers_is_not_updated() -> None:
    world = bare({**PLAIN, ".thoth.yaml": "managers: [{name: info}]\n"})
    await world.install()
    assert world.bot_branches() == set()
    issue = await world.titled("Kebechet update")
    assert world.repository.comments[issue, "answer title"] == "Updates are off in this repository's configuration."


async def test_where_nothing_is_found_nothing_is_proposed() -> None:
    world = bare({"README.md": "# words\n"})
    await world.install()
    assert world.bot_branches() == set()
    assert not world.repository.labels


async def test_an_archived_repository_is_left_alone() -> None:
    world = bare()
    world.repository.archived = True
    await world.install()
    assert world.bot_branches() == set()


async def test_it_goes_on_where_it_was_cut_off() -> None:
    world = bare()
    world.forge.before_propose = [lambda: world.repository.push({"README.md": "moved"})]
    await world.install()
    assert world.repository.pulls[world.only_pull()].branch == onboarding.BRANCH


async def test_a_file_that_cannot_be_read_is_passed_over() -> None:
    world = bare({**PLAIN, "pyproject.toml": Unreadable("it is a symbolic link")})
    await world.install()
    assert repoconfig.parse(proposed(world)).release.version_files == ("digits/__init__.py",)


def texts(paths: tuple[str, ...], contents: Mapping[str, str]) -> Findings:
    return onboarding.look(paths, {path: contents.get(path, "") for path in onboarding.worth_reading(paths)})


def test_a_service_that_can_be_served_is_named_with_its_categories() -> None:
    pipfile = f'{PIPFILE}\n[serving]\ngunicorn = "*"\n'
    found = texts(
        ("Pipfile", "src/shop/wsgi.py", "overlays/gpu/Pipfile"), {"Pipfile": pipfile, "src/shop/wsgi.py": APP}
    )
    config = repoconfig.parse(onboarding.configuration(found))
    assert config.service == ServiceRecipe(categories=("packages", "serving"), wsgi="shop.wsgi:app")
    assert found.environments == ("default", "gpu")
    assert config.overlays_dir == "overlays"


def test_names_that_could_be_read_as_configuration_are_left_out() -> None:
    pipfile = f'{PIPFILE}\n["x]\\nservice: {{}}"]\ngunicorn = "*"\n'
    paths = ("Pipfile", "a\ncooldown_days: 0\n#.ipynb", "app.py", "größe/app.py")
    found = texts(paths, {"Pipfile": pipfile, "app.py": APP})
    assert (found.notebooks, found.categories) == ((), ())
    assert repoconfig.parse(onboarding.configuration(found)).cooldown_days == 7
    assert texts(("größe/app.py",), {"größe/app.py": APP}).service is None


def test_a_pipfile_that_cannot_be_read_is_no_obstacle() -> None:
    assert texts(("Pipfile", "tests/__init__.py"), {"Pipfile": "[packages\n"}).environments == ("default",)


NAMES = st.lists(st.sampled_from(["a.py", "pkg/__init__.py", "x y.ipynb", "setup.cfg", "default", "gpu"]), max_size=3)


FINDINGS = st.builds(
    Findings,
    environments=NAMES.map(tuple),
    service=st.sampled_from([None, "app:app", "shop.wsgi:create_app()"]),
    categories=st.sampled_from([(), ("packages",), ("packages", "serving")]),
    training=st.sampled_from([None, "train.py"]),
    notebooks=NAMES.map(tuple),
    versions=NAMES.map(tuple),
)


@given(FINDINGS)
def test_whatever_is_found_gives_a_configuration_that_can_be_read(found: Findings) -> None:
    config = repoconfig.parse(onboarding.configuration(found))
    assert config.release.version_files == found.versions
    assert (config.service is not None) == (found.service is not None and found.categories != ())
    assert (config.training is not None) == (found.training is not None)
