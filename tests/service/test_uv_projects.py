"""The story of a project that uv locks: real uv, an index on loopback, GitHub in memory."""

from pathlib import Path

import aiohttp
import pytest

from bot.adapters.pypi import SimpleIndex
from bot.adapters.resolver import UvResolver
from bot.adapters.uv import Uv
from bot.core.texts import update
from tests.adapters.package_index import PackageIndex
from tests.adapters.test_resolver import ALLOWED
from tests.adapters.test_uvlock import Desk
from tests.managers.world import World

PROJECT = '[project]\nname = "digits"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["app"]\n'


async def test_a_projects_lock_is_updated_and_tried_out(tmp_path: Path) -> None:
    async with PackageIndex().serve() as index, aiohttp.ClientSession() as session:
        index.add("app", "1.0", "lib")
        index.add("lib", "1.0")
        desk = Desk(index, session, tmp_path)
        old = (await desk.lock("", PROJECT)).lock_text
        pages = SimpleIndex(session, tmp_path / "pages", allowed_hosts=ALLOWED, max_age=0)
        world = World(index=pages, resolver=UvResolver(Uv(tmp_path / "uv"), pages), allowed=ALLOWED)
        files = dict.fromkeys(("Pipfile", "Pipfile.lock"), "")
        world.repository.push({**files, "pyproject.toml": desk.project(PROJECT), "uv.lock": old})
        issue = await world.titled("Kebechet update")
        assert (
            world.repository.comments[issue, "answer title"] == "Every dependency is at the newest version that fits."
        )
        index.add("app", "2.0", "lib")
        await world.titled("Kebechet update")
        pull = world.repository.pulls[world.only_pull()]
        assert pull.title == "Update app from 1.0 to 2.0 (packages)"
        assert "newest release that pyproject.toml allows" in pull.body
        assert "**Safe to merge**" in pull.body
        head = world.repository.branches[update.BRANCH]
        proposed = world.repository.text(head, "uv.lock")
        assert desk.checks(PROJECT, proposed).returncode == 0
        before, after = world.laboratory.examined[-1]
        assert ('"version": "==1.0"' in before, '"version": "==2.0"' in after) == (True, True)


@pytest.mark.parametrize(
    ("project", "sentence"),
    [
        (PROJECT.replace("[project]", '[tool.uv.sources]\napp = {path = "."}\n[project]'), "app comes from its `path`"),
        (PROJECT.replace('"app"', '"app>=9"'), "app"),
    ],
)
async def test_what_cannot_be_locked_is_said_on_the_commit(tmp_path: Path, project: str, sentence: str) -> None:
    async with PackageIndex().serve() as index, aiohttp.ClientSession() as session:
        index.add("app", "1.0")
        desk = Desk(index, session, tmp_path)
        old = (await desk.lock("", PROJECT)).lock_text
        pages = SimpleIndex(session, tmp_path / "pages", allowed_hosts=ALLOWED, max_age=0)
        world = World(index=pages, resolver=UvResolver(Uv(tmp_path / "uv"), pages), allowed=ALLOWED)
        files = dict.fromkeys(("Pipfile", "Pipfile.lock"), "")
        world.repository.push({**files, "pyproject.toml": desk.project(project), "uv.lock": old})
        await world.install()
        check = world.repository.checks[world.repository.head, "Bolide update"]
        assert (check.conclusion, sentence in check.summary) == ("failure", True)
        assert world.bot_branches() == set()
