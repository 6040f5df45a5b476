"""Base images that are named by tag and digest follow their tags, where the configuration asks for it."""

import pytest

from bot.core import baseimages
from bot.core.baseimages import DOCKER_HUB, Base, Image
from bot.core.errors import Refused
from bot.core.ports import Unreadable
from bot.core.texts import base_images as text
from tests.managers.world import World

ON = "managers: [{name: base-images}, {name: update, enabled: false}]\n"
OLD, NEW = (f"sha256:{digit * 64}" for digit in "12")
FILE = f"""\
# our image
FROM --platform=linux/amd64 python:3.11-slim@{OLD} AS build
FROM quay.io/ada/base:2@{OLD}
FROM scratch
COPY --from=build /x /x
"""


class Tags:
    """A registry where every tag points at `digest`, but for those in `missing`."""

    def __init__(self, digest: str, missing: str = "") -> None:
        self.now, self.missing = digest, missing

    async def digest(self, image: Image) -> str:
        if image.name == self.missing:
            raise Refused(f"{image.name}:{image.tag} is not there, or not public; correct its name.")
        return self.now


def world(digest: str = NEW, missing: str = "", config: str = ON) -> World:
    made = World(registry=Tags(digest, missing))
    made.repository.push({".github/bolide.yaml": config, "app/Containerfile": FILE, "Dockerfile": Unreadable("link")})
    return made


def proposed(made: World) -> str:
    assert made.repository.pulls[made.only_pull()].branch == text.BRANCH
    return made.repository.text(made.repository.branches[text.BRANCH], "app/Containerfile")


async def test_every_digest_that_its_tag_left_behind_is_renewed_in_one_pull_request() -> None:
    made = world()
    await made.pushed({"README.md": "more"})
    assert proposed(made) == FILE.replace(OLD, NEW)
    pull = made.repository.pulls[made.only_pull()]
    assert pull.title == "Update 2 base images"
    assert "| python:3.11-slim | `111111111111`" in pull.body.replace("\\", "")
    writes = list(made.repository.writes)
    await made.pushed({"README.md": "yet more"})
    assert made.repository.writes == writes


async def test_what_cannot_be_asked_about_is_said_and_the_rest_proposed() -> None:
    made = world(missing="python")
    await made.pushed({"README.md": "more"})
    assert proposed(made).count(OLD) == 1
    assert "python:3.11-slim is not there" in made.repository.pulls[made.only_pull()].body


async def test_where_every_digest_is_that_of_its_tag_nothing_is_proposed() -> None:
    made = world(OLD)
    await made.pushed({"README.md": "more"})
    assert made.bot_branches() == set()
    assert "Every base image has the digest of its tag." in made.notes


async def test_declined_it_is_proposed_again_only_when_the_tag_moves_on() -> None:
    made = world()
    await made.pushed({"README.md": "more"})
    made.repository.pulls[made.only_pull()].state = "closed"
    await made.pushed({"README.md": "yet more"})
    assert [pull.state for pull in made.repository.pulls.values()] == ["closed"]
    assert isinstance(made.registry, Tags)
    made.registry.now = f"sha256:{'3' * 64}"
    await made.pushed({"README.md": "again more"})
    assert "3" * 64 in proposed(made)


async def test_a_person_s_commit_ends_it() -> None:
    made = world()
    await made.pushed({"README.md": "more"})
    made.repository.push({"app/Containerfile": "FROM mine\n"}, branch=text.BRANCH, author="ada")
    await made.pushed({"README.md": "yet more"})
    assert proposed(made) == "FROM mine\n"


async def test_by_default_it_is_off_and_no_registry_is_asked() -> None:
    made = world(config="managers: [{name: update, enabled: false}]\n")
    await made.pushed({"README.md": "more"})
    assert made.bot_branches() == set()
    made = World()
    made.repository.push({".github/bolide.yaml": ON, "Dockerfile": FILE})
    await made.pushed({"README.md": "more"})
    assert any("No registry is asked for python here." in note for note in made.notes)


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("python:3", Image(DOCKER_HUB, "library/python", "3", "python")),
        ("ada/app:v1", Image(DOCKER_HUB, "ada/app", "v1", "ada/app")),
        ("docker.io/ada/app:v1", Image(DOCKER_HUB, "ada/app", "v1", "docker.io/ada/app")),
        ("quay.io/a/b/c:1.0", Image("quay.io", "a/b/c", "1.0", "quay.io/a/b/c")),
        ("localhost:5000/x:1", Image("localhost:5000", "x", "1", "localhost:5000/x")),
    ],
)
def test_which_image_is_meant(name: str, image: Image) -> None:
    assert baseimages.bases(f"FROM {name}@{OLD}\n") == (Base(image, OLD),)


@pytest.mark.parametrize("line", ["FROM python:3", "FROM python@" + OLD, "#FROM a:1@" + OLD, f"FROM $X:1@{OLD}", ""])
def test_what_is_not_named_by_tag_and_digest_is_left_alone(line: str) -> None:
    assert baseimages.bases(f"{line}\n") == ()


@pytest.mark.parametrize(
    ("path", "is_one"),
    [("Dockerfile", True), ("a/Containerfile.dev", True), ("web.Dockerfile", True), ("Dockerfiles/x", False)],
)
def test_which_files_are_looked_at(path: str, *, is_one: bool) -> None:
    assert baseimages.is_containerfile(path) == is_one
