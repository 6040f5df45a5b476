"""Locks of projects that uv locks, made by the real uv from an index on loopback."""

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.adapters.pypi import SimpleIndex
from bot.adapters.resolver import UvResolver
from bot.adapters.uv import Uv
from bot.core import changes, uvproject
from bot.core.packages import Conflict, Keep, NeedsBuild, Only, Resolution, ResolveRequest, Unresolvable
from bot.core.uvproject import UvFiles
from tests.adapters.package_index import PackageIndex
from tests.adapters.test_resolver import ALLOWED, NOW, WEEK

PROJECT = """\
[project]
name = "Digits"
version = "1.2.3"
requires-python = ">=3.10"
dependencies = ["app", "only-there; sys_platform == 'win32'"]

[project.optional-dependencies]
fast = ["quick"]

[dependency-groups]
dev = ["tool>=1", {include-group = "more"}]
more = ["lib"]
"""


class Desk:
    """An index, a resolver that reads it, and a project."""

    def __init__(self, index: PackageIndex, session: aiohttp.ClientSession, place: Path) -> None:
        self.index = index
        self.place = place
        pages = SimpleIndex(session, place / "pages", allowed_hosts=ALLOWED, max_age=0)
        self._resolver = UvResolver(Uv(place / "uv"), pages)

    def project(self, text: str = PROJECT) -> str:
        return f'{text}\n[[tool.uv.index]]\nname = "local"\nurl = "{self.index.url}"\ndefault = true\n'

    async def lock(self, old: str, text: str = PROJECT, **wishes: Any) -> Resolution:
        wanted, project, settings, unversioned = uvproject.parse(self.project(text), "pyproject.toml", ALLOWED)
        before = uvproject.parse_lock(old, wanted, "3.11.4", "uv.lock")[0] if old else None
        files = UvFiles(project, settings, old, unversioned)
        return await self._resolver.resolve(ResolveRequest(wanted, before, "3.11.4", uv=files, **wishes))

    def checks(self, text: str, lock: str) -> subprocess.CompletedProcess[str]:
        """What uv itself says of the lock beside the project as it is."""
        folder = self.place / "checked"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "pyproject.toml").write_text(self.project(text))
        (folder / "uv.lock").write_text(lock)
        command = [str(Path(sys.executable).with_name("uv")), "lock", "--check", "--python", sys.executable]
        environment = {"HOME": str(folder), "UV_CACHE_DIR": str(self.place / "uv")}
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with PackageIndex().serve() as index, aiohttp.ClientSession() as session:
        for name in ("app", "lib", "quick", "tool", "only-there"):
            index.add(name, "1.0", *(("lib",) if name in ("app", "tool") else ()))
        yield Desk(index, session, tmp_path)


def versions(found: Resolution) -> dict[str, dict[str, str]]:
    sections = {name: section for name, section in found.lock.items() if name != "_meta"}
    return {name: {key: each["version"] for key, each in section.items()} for name, section in sections.items()}


async def test_a_lock_is_made_as_uv_makes_it_and_read_by_categories(desk: Desk) -> None:
    found = await desk.lock("")
    assert versions(found) == {
        "default": {"app": "==1.0", "lib": "==1.0"},
        "develop": {},
        "fast": {"quick": "==1.0"},
        "dev": {"tool": "==1.0", "lib": "==1.0"},
        "more": {"lib": "==1.0"},
    }
    assert found.required_by == {"lib": ("app", "tool")}
    assert 'name = "only-there"' in found.lock_text, "other platforms have it"
    assert desk.checks(PROJECT, found.lock_text).returncode == 0


async def test_one_package_moves_alone_and_the_rest_of_the_file_stays(desk: Desk) -> None:
    old = (await desk.lock("")).lock_text
    for name in ("app", "lib", "quick"):
        desk.index.add(name, "2.0", *(("lib",) if name == "app" else ()))
    kept = await desk.lock(old, upgrade=Keep())
    assert kept.lock_text == old
    one = await desk.lock(old, upgrade=Only(frozenset({"App"})))
    moved = changes.diff(kept.lock, one.lock, uvproject.parse(desk.project(), "pyproject.toml", ALLOWED)[0])
    assert [(each.name, each.old, each.new, each.direct) for each in moved] == [("app", "1.0", "2.0", True)]
    every = versions(await desk.lock(old))
    assert every["default"] == {"app": "==2.0", "lib": "==2.0"}
    assert every["fast"] == {"quick": "==2.0"}


async def test_a_young_release_waits_and_a_young_pin_stays_and_no_trace_is_left(desk: Desk) -> None:
    desk.index.add("app", "2.0", "lib", uploaded=NOW - timedelta(days=1))
    desk.index.add("quick", "1.5", uploaded=NOW - timedelta(days=2))
    old = (await desk.lock("", upgrade=Keep())).lock_text
    desk.index.add("quick", "1.6", uploaded=NOW - timedelta(days=1))
    desk.index.add("lib", "2.0", uploaded=NOW - timedelta(days=1))
    found = await desk.lock(old, cutoff=NOW - WEEK)
    assert versions(found)["fast"] == {"quick": "==1.5"}, "a pin is not taken back for its age"
    assert versions(found)["default"] == {"app": "==2.0", "lib": "==1.0"}
    assert "exclude-newer" not in found.lock_text
    assert desk.checks(PROJECT, found.lock_text).returncode == 0
    assert {held.name: held.latest for held in found.held_back} == {"lib": "2.0", "quick": "1.6"}
    spared = await desk.lock(old, cutoff=NOW - WEEK, exempt=frozenset({"lib"}))
    assert versions(spared)["default"]["lib"] == "==2.0"


async def test_constraints_hold_and_leave_no_trace(desk: Desk) -> None:
    desk.index.add("lib", "2.0")
    found = await desk.lock("", constraints=("lib<2",))
    assert versions(found)["default"]["lib"] == "==1.0"
    assert "constraints" not in found.lock_text
    assert desk.checks(PROJECT, found.lock_text).returncode == 0


async def test_a_projects_build_is_never_run(desk: Desk) -> None:
    text = PROJECT.replace('version = "1.2.3"', 'dynamic = ["version"]')
    backend = '\n[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    found = await desk.lock("", text + backend)
    assert 'name = "digits"\nsource = { editable = "." }' in found.lock_text
    again = await desk.lock(found.lock_text, text + backend, upgrade=Keep())
    assert again.lock_text == found.lock_text


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        (PROJECT.replace('"app"', '"app>=9"'), Conflict, "app"),
        (PROJECT.replace('"app"', '"source-only"'), NeedsBuild, "source-only"),
        (PROJECT.replace(">=3.10", ">=3.99"), Unresolvable, "asks for Python >=3.99, and locks are made with Python 3"),
    ],
)
async def test_what_has_no_solution_is_said(desk: Desk, text: str, error: type[Exception], sentence: str) -> None:
    desk.index.add("source-only", "1.0", sdist_only=True)
    with pytest.raises(error, match=sentence):
        await desk.lock("", text)
