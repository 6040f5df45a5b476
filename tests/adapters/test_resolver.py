"""Locks made by the real uv from an index on loopback."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.adapters.child import Limits
from bot.adapters.pypi import SimpleIndex
from bot.adapters.resolver import UvResolver
from bot.adapters.uv import LIMITS, Job, Uv
from bot.core import pipfile
from bot.core.errors import Refused
from bot.core.packages import (
    Conflict,
    IndexUnreachable,
    Keep,
    NeedsBuild,
    Only,
    PackageUnknown,
    Resolution,
    ResolveRequest,
    ResolverFailed,
    Unresolvable,
)
from tests.adapters.package_index import PackageIndex

ALLOWED = frozenset({"127.0.0.1"})
NOW = datetime(2026, 11, 20, tzinfo=UTC)
WEEK = timedelta(days=7)


class Desk:
    """An index and a resolver that reads it."""

    def __init__(self, index: PackageIndex, session: aiohttp.ClientSession, place: Path) -> None:
        self.index = index
        self._session = session
        self._place = place

    def pipfile(self, text: str) -> pipfile.Pipfile:
        source = f'[[source]]\nname = "local"\nurl = "{self.index.url}"\nverify_ssl = false\n\n'
        return pipfile.parse(text if "[[source]]" in text else source + text, ALLOWED)

    async def resolve(self, text: str, *, limits: Limits = LIMITS, **wishes: Any) -> Resolution:
        index = SimpleIndex(self._session, self._place / "pages", allowed_hosts=ALLOWED, max_age=0)
        resolver = UvResolver(Uv(self._place / "uv", limits=limits), index)
        return await resolver.resolve(ResolveRequest(self.pipfile(text), python="3.11.4", **wishes))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with PackageIndex().serve() as index, aiohttp.ClientSession() as session:
        yield Desk(index, session, tmp_path)


def versions(resolution: Resolution, section: str = "default") -> dict[str, str]:
    return {name: entry["version"].removeprefix("==") for name, entry in resolution.lock[section].items()}


async def test_the_newest_versions_are_locked_with_the_hashes_of_all_their_files(desk: Desk) -> None:
    desk.index.add("app", "1.0")
    desk.index.add("app", "2.0", "lib>=1", with_sdist=True)
    desk.index.add("lib", "1.5", requires_python=">=3.9,<4.0")
    found = await desk.resolve('[packages]\nApp = "*"\n')
    assert found.lock["default"] == {
        "app": {
            "hashes": desk.index.hashes("app", "2.0"),
            "index": "local",
            "markers": "python_version >= '3.8'",
            "version": "==2.0",
        },
        "lib": {
            "hashes": desk.index.hashes("lib", "1.5"),
            "markers": "python_version >= '3.9' and python_version < '4.0'",
            "version": "==1.5",
        },
    }
    assert len(desk.index.hashes("app", "2.0")) == 2
    assert found.required_by == {"app": (), "lib": ("app",)}
    assert found.resolver.startswith("uv ")
    assert found.held_back == ()


async def test_the_same_index_gives_the_same_lock_byte_for_byte(desk: Desk) -> None:
    desk.index.add("app", "2.0", "lib", "other")
    desk.index.add("lib", "1.5")
    desk.index.add("other", "1", "lib<2")
    text = '[packages]\napp = "*"\n[dev-packages]\nother = "*"\n[docs]\nlib = "*"\n'
    assert (await desk.resolve(text)).lock_text == (await desk.resolve(text)).lock_text


async def test_a_yanked_release_is_neither_proposed_nor_kept(desk: Desk) -> None:
    desk.index.add("app", "1.0")
    desk.index.add("app", "1.1", yanked=True)
    old = {"_meta": {}, "default": {"app": {"version": "==1.1", "hashes": desk.index.hashes("app", "1.1")}}}
    assert versions(await desk.resolve('[packages]\napp = "*"\n', old_lock=old, upgrade=Keep())) == {"app": "1.0"}


async def test_a_release_younger_than_the_cooldown_waits(desk: Desk) -> None:
    desk.index.add("app", "1.0")
    desk.index.add("app", "2.0", uploaded=NOW - timedelta(days=2))
    found = await desk.resolve('[packages]\napp = "*"\n', cutoff=NOW - WEEK)
    assert versions(found) == {"app": "1.0"}
    [held] = found.held_back
    assert (held.name, held.current, held.latest) == ("app", "1.0", "2.0")
    assert held.reason == "it was released on 2026-11-18, after the cooldown's limit of 2026-11-13"


async def test_a_current_pin_younger_than_the_cooldown_stays_and_lets_nothing_newer_in(desk: Desk) -> None:
    desk.index.add("app", "1.0")
    desk.index.add("app", "2.0", uploaded=NOW - timedelta(days=3))
    desk.index.add("app", "3.0", uploaded=NOW - timedelta(days=3))
    old = {"_meta": {}, "default": {"app": {"version": "==2.0", "hashes": desk.index.hashes("app", "2.0")}}}
    found = await desk.resolve('[packages]\napp = "*"\n', cutoff=NOW - WEEK, old_lock=old)
    assert versions(found) == {"app": "2.0"}
    assert found.lock["default"]["app"]["hashes"] == desk.index.hashes("app", "2.0")


async def test_a_current_pin_younger_than_the_cooldown_gives_way_to_a_higher_one_that_is_old_enough(desk: Desk) -> None:
    desk.index.add("app", "1.0.1", uploaded=NOW - timedelta(days=3))
    desk.index.add("app", "2.0")
    desk.index.add("app", "2.1", uploaded=NOW - timedelta(days=4))
    old = {"_meta": {}, "default": {"app": {"version": "==1.0.1", "hashes": desk.index.hashes("app", "1.0.1")}}}
    found = await desk.resolve('[packages]\napp = "*"\n', cutoff=NOW - WEEK, old_lock=old)
    assert versions(found) == {"app": "2.0"}
    assert [held.reason for held in found.held_back] == [
        "it was released on 2026-11-16, after the cooldown's limit of 2026-11-13"
    ]


async def test_a_file_added_to_an_old_release_within_the_cooldown_is_not_trusted(desk: Desk) -> None:
    desk.index.add("app", "1.0")
    before = desk.index.hashes("app", "1.0")
    desk.index.add("app", "1.0", tag="cp311-none-any", requires_python=">=3.9", uploaded=NOW - timedelta(days=1))
    assert (await desk.resolve('[packages]\napp = "*"\n', cutoff=NOW - WEEK)).lock["default"]["app"]["hashes"] == before
    assert len((await desk.resolve('[packages]\napp = "*"\n')).lock["default"]["app"]["hashes"]) == 2


async def test_a_lock_as_of_a_date_has_what_there_was_then(desk: Desk) -> None:
    desk.index.add("app", "1.0", "lib")
    desk.index.add("lib", "1.0")
    desk.index.add("lib", "1.1", uploaded=datetime(2026, 5, 1, tzinfo=UTC))
    desk.index.add("app", "2.0", "lib", uploaded=datetime(2026, 6, 1, tzinfo=UTC))
    found = await desk.resolve('[packages]\napp = "*"\n', cutoff=datetime(2026, 5, 15, tzinfo=UTC))
    assert versions(found) == {"app": "1.0", "lib": "1.1"}


async def test_releases_for_another_python_are_left_out_at_both_ends(desk: Desk) -> None:
    desk.index.add("app", "1.0", "old")
    desk.index.add("app", "2.0", "old", requires_python=">=3.12")
    desk.index.add("old", "1.0")
    desk.index.add("old", "1.1", requires_python=">=3.8,<3.11")
    found = await desk.resolve('[packages]\napp = "*"\n')
    assert versions(found) == {"app": "1.0", "old": "1.0"}
    assert [held.reason for held in found.held_back] == ["it needs Python >=3.12"]


async def test_a_conflict_is_told_in_the_resolvers_sentence(desk: Desk) -> None:
    desk.index.add("app", "1.0", "lib>=2")
    desk.index.add("lib", "1.0")
    desk.index.add("lib", "2.0")
    with pytest.raises(Conflict) as caught:
        await desk.resolve('[packages]\napp = "*"\nlib = "<2"\n')
    assert "all versions of app depend on lib>=2 and the Pipfile asks for app" in str(caught.value)
    assert "the Pipfile asks for lib<2" in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_category_must_agree_with_the_pins_of_packages(desk: Desk) -> None:
    for version in ("1.0", "2.0"):
        desk.index.add("lib", version)
    text = '[packages]\nlib = "<2"\n[dev-packages]\nlib = ">=2"\n'
    with pytest.raises(Conflict):
        await desk.resolve(text)
    free = await desk.resolve(f"{text}[pipenv]\nuse_default_constraints = false\n")
    assert (versions(free), versions(free, "develop")) == ({"lib": "1.0"}, {"lib": "2.0"})


async def test_only_the_named_package_moves_and_nothing_moves_without_need(desk: Desk) -> None:
    for name in ("app", "lib", "new"):
        for version in ("1.0", "1.1"):
            desk.index.add(name, version)
    old = (await desk.resolve('[packages]\napp = "==1.0"\nlib = "==1.0"\n')).lock
    text = '[packages]\napp = "*"\nlib = "*"\n'
    only = await desk.resolve(text, old_lock=old, upgrade=Only(frozenset({"App"})))
    assert versions(only) == {"app": "1.1", "lib": "1.0"}
    kept = await desk.resolve(f'{text}new = "*"\n', old_lock=old, upgrade=Keep())
    assert versions(kept) == {"app": "1.0", "lib": "1.0", "new": "1.1"}
    assert versions(await desk.resolve(text, old_lock=old)) == {"app": "1.1", "lib": "1.1"}


async def test_a_package_without_a_wheel_needs_a_build_which_never_runs(desk: Desk) -> None:
    desk.index.add("app", "1.0", sdist_only=True)
    with pytest.raises(NeedsBuild, match=r"app.* has no usable wheels.*never runs a package's build"):
        await desk.resolve('[packages]\napp = "*"\n')


async def test_a_newest_release_without_a_wheel_is_held_back(desk: Desk) -> None:
    desk.index.add("app", "1.0")
    desk.index.add("app", "2.0", sdist_only=True)
    found = await desk.resolve('[packages]\napp = "*"\n')
    assert versions(found) == {"app": "1.0"}
    assert found.held_back[0].reason.startswith("it needs a build")


async def test_configuration_in_the_working_directory_and_the_environment_is_invisible(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = "http://127.0.0.1:9/simple"
    (tmp_path / "uv.toml").write_text(f'index-url = "{nowhere}"\nno-index = true\n')
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {nowhere}\n")
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('repository code ran')\n")
    monkeypatch.chdir(tmp_path)
    for name in ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_INDEX_URL", "UV_FIND_LINKS"):
        monkeypatch.setenv(name, nowhere)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    desk.index.add("app", "1.0")
    assert versions(await desk.resolve('[packages]\napp = "*"\n')) == {"app": "1.0"}


async def test_a_name_on_two_indexes_stays_on_the_declared_one(desk: Desk) -> None:
    async with PackageIndex().serve() as inner:
        desk.index.add("app", "9.0")
        desk.index.add("lib", "9.0")
        inner.add("app", "1.0", "lib")
        inner.add("lib", "1.0")
        text = (
            f'[[source]]\nname = "outer"\nurl = "{desk.index.url}"\n[[source]]\nname = "inner"\nurl = "{inner.url}"\n'
        )
        found = await desk.resolve(f'{text}[packages]\napp = {{version = "*", index = "inner"}}\n')
        assert versions(found) == {"app": "1.0", "lib": "9.0"}
        assert found.lock["default"]["app"]["index"] == "inner"
        assert found.lock["default"]["app"]["hashes"] == inner.hashes("app", "1.0")
        desk.index.add("tool", "1.0", "app")
        text += '[packages]\napp = {version = "*", index = "inner"}\n[dev-packages]\ntool = "*"\n'
        with pytest.raises(Refused, match=r"app would come from .* in \[dev-packages\]"):
            await desk.resolve(f"{text}[pipenv]\nuse_default_constraints = false\n")


async def test_an_index_that_is_down_is_named_with_the_package(desk: Desk) -> None:
    text = '[[source]]\nname = "gone"\nurl = "http://127.0.0.1:9/simple"\n[packages]\napp = "*"\n'
    with pytest.raises(IndexUnreachable, match=r"index at 127\.0\.0\.1 could not be read for app"):
        await desk.resolve(text)


async def test_a_package_that_the_index_does_not_have_is_named(desk: Desk) -> None:
    with pytest.raises((PackageUnknown, Conflict), match="misspelt"):
        await desk.resolve('[packages]\nmisspelt = "*"\n')


async def test_a_resolver_that_hangs_is_stopped(desk: Desk) -> None:
    desk.index.add("app", "1.0")
    desk.index.hangs = True
    with pytest.raises(ResolverFailed, match=r"no answer within 0\.5 s"):
        await desk.resolve('[packages]\napp = "*"\n', limits=replace(LIMITS, seconds=0.5))


async def test_a_resolver_that_eats_memory_is_stopped(desk: Desk) -> None:
    desk.index.add("app", "1.0")
    with pytest.raises(ResolverFailed, match="The resolver"):
        await desk.resolve('[packages]\napp = "*"\n', limits=replace(LIMITS, memory=48 * 2**20))


NO_HOST = "https://xn--a.example"
MISTAKES = {
    "a marker that only older tools read": (
        "[packages]\napp = {version = '*', markers = \"python_version === 'x' and os_name == 'a'\"}\n",
        "a marker or a version in it is not one that today's tools read",
    ),
    "the first index": (f'[[source]]\nname = "x"\nurl = "{NO_HOST}"\n[packages]\napp = "*"\n', "xn--a"),
    "another index": (
        f'[[source]]\nurl = "https://a.org"\n[[source]]\nname = "x"\nurl = "{NO_HOST}"\n[packages]\napp.index = "x"\n',
        "xn--a",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_mistake_in_the_pipfile_is_told_and_not_tried_again(desk: Desk, mistake: str, tmp_path: Path) -> None:
    text, sentence = MISTAKES[mistake]
    read = desk.pipfile(text)
    requirements = tuple(requirement.pep508 for requirement in read.categories["packages"].values())
    indexes = {name: r.index for name, r in read.categories["packages"].items() if r.index}
    with pytest.raises(Unresolvable, match=sentence) as caught:
        await Uv(tmp_path / "uv").compile(Job(requirements, indexes, read.sources, "3.11"))
    assert "warning" not in str(caught.value)
    assert "\n" not in str(caught.value)


def folders_of_children() -> list[Path]:
    """Where the processes work that this one started."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [Path(f"/proc/{child}/cwd").resolve() for child in children]


async def test_the_resolver_works_in_a_folder_of_three_files(desk: Desk) -> None:
    desk.index.add("app", "1.0")
    desk.index.hangs = True
    at_work = asyncio.create_task(desk.resolve('[packages]\napp = "*"\n'))
    async with asyncio.timeout(30):
        await desk.index.asked_by_uv.wait()
    [folder] = [folder for folder in folders_of_children() if folder.name.startswith("resolve-")]
    assert {path.name for path in folder.iterdir()} == {"pyproject.toml", "requirements.txt", "uv.toml"}
    at_work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await at_work
    assert not folder.exists()


async def test_an_index_that_contradicts_itself_locks_nothing(desk: Desk) -> None:
    desk.index.add("app", "1.0")
    desk.index.lies_to = "uv/"
    with pytest.raises(IndexUnreachable, match=r"told two different things about app 1\.0"):
        await desk.resolve('[packages]\napp = "*"\n')


async def test_what_does_not_apply_here_is_locked_without_a_version_and_conditions_are_passed_on(desk: Desk) -> None:
    desk.index.add("app", "1.0", "lib", "shared")
    for name in ("lib", "shared", "plain"):
        desk.index.add(name, "1.0", *(("shared",) if name == "plain" else ()))
    desk.index.add("winonly", "1.0")
    found = await desk.resolve(
        "[packages]\n"
        "app = {version = '*', markers = \"python_version >= '3.6'\"}\nplain = '*'\n"
        "winonly = {version = '*', sys_platform = \"== 'win32'\"}\n"
    )
    markers = {name: entry.get("markers") for name, entry in found.lock["default"].items()}
    assert markers == {
        "app": "python_version >= '3.6'",
        "lib": "python_version >= '3.6'",
        "shared": "python_version >= '3.8'",
        "plain": "python_version >= '3.8'",
        "winonly": "sys_platform == 'win32'",
    }
    assert found.lock["default"]["winonly"]["version"] == "*"


@pytest.mark.parametrize("told", [True, False], ids=["metadata file", "range of the wheel"])
async def test_a_package_without_requires_python_has_the_condition_and_the_spelling_of_who_asks(
    desk: Desk, *, told: bool
) -> None:
    asks = ('Odd.Name ; sys_platform != "win32"', 'kombu[redis] ; extra == "redis"')
    desk.index.add("app", "1.0", *asks, extras=("redis",), told_metadata=told)
    desk.index.add("odd.name", "1.0", requires_python="", with_sdist=True)
    desk.index.add("kombu", "1.0", extras=("redis",), requires_python="")
    found = await desk.resolve('[packages]\napp = {version = "*", extras = ["redis"]}\n')
    assert found.lock["default"]["odd.name"]["markers"] == "sys_platform != 'win32'"
    assert found.lock["default"]["app"]["extras"] == ["redis"]
    assert found.lock["default"]["kombu"]["extras"] == ["redis"]
    assert "markers" not in found.lock["default"]["kombu"]


async def test_a_package_of_which_several_ask_for_different_extras_is_locked(desk: Desk) -> None:
    desk.index.add(
        "driver", "1.0", 'fast-driver ; extra == "binary"', 'pooling ; extra == "pool"', extras=("binary", "pool")
    )
    desk.index.add("queue", "1.0", "driver[pool]")
    desk.index.add("fast-driver", "1.0")
    desk.index.add("pooling", "1.0")
    found = await desk.resolve('[packages]\ndriver = {version = "*", extras = ["binary"]}\nqueue = "*"\n')
    assert versions(found) == dict.fromkeys(("driver", "fast-driver", "pooling", "queue"), "1.0")
    assert found.lock["default"]["driver"]["extras"] == ["binary"]
    asked = (
        await desk.resolve('[packages]\nqueue = "*"\n[other]\ndriver = {version = "*", extras = ["binary"]}\n')
    ).lock
    assert asked["default"]["driver"]["extras"] == ["pool"]
    assert asked["other"]["fast-driver"]["version"] == "==1.0"


async def test_the_newest_release_of_what_the_pipfile_names_comes_before_that_of_what_others_ask_for(
    desk: Desk,
) -> None:
    desk.index.add("frames", "1.0", "clock>=1")
    desk.index.add("queue", "1.0", "clock>=1")
    desk.index.add("queue", "2.0", "clock==1.0")
    for version in ("1.0", "2.0"):
        desk.index.add("clock", version)
    found = await desk.resolve('[packages]\nframes = "*"\nqueue = "*"\n')
    assert versions(found) == {"clock": "1.0", "frames": "1.0", "queue": "2.0"}
    assert found.held_back == ()


async def test_who_does_not_allow_the_newest_release_is_named(desk: Desk) -> None:
    desk.index.add("frames", "1.0", "paper<2", 'clock<1 ; extra == "old"', extras=("old",))
    desk.index.add("queue", "1.0", "clock>=1")
    desk.index.add("queue", "2.0", "clock==1.0")
    for name in ("clock", "paper"):
        for version in ("1.0", "2.0"):
            desk.index.add(name, version)
    text = '[packages]\nclock = "*"\nframes = "*"\npaper = "*"\nqueue = "*"\n'
    found = await desk.resolve(text)
    assert versions(found) == {"clock": "2.0", "frames": "1.0", "paper": "1.0", "queue": "1.0"}
    assert {held.name: held.reason for held in found.held_back} == {
        "paper": "frames 1.0 asks for <2",
        "queue": "it asks for clock==1.0, and 2.0 is locked",
    }
    part = await desk.resolve(text, old_lock=found.lock, upgrade=Only(frozenset({"queue"})))
    assert [held.name for held in part.held_back] == ["queue"]


async def test_what_comes_from_git_is_kept_and_said_so_or_refused(desk: Desk) -> None:
    desk.index.add("app", "1.0")
    text = '[packages]\napp = "*"\ntool = {git = "https://example.org/tool.git", ref = "main"}\n'
    with pytest.raises(Refused, match="tool comes from its `git`"):
        await desk.resolve(text)
    kept = {"git": "https://example.org/tool.git", "ref": "0" * 40}
    old = {
        "_meta": {},
        "default": {"tool": kept, "its-dependency": {"version": "==3.0", "hashes": ["sha256:" + "1" * 64]}},
    }
    found = await desk.resolve(text, old_lock=old)
    assert found.lock["default"]["tool"] == kept
    assert sorted(found.lock["default"]) == ["app", "its-dependency", "tool"]
    assert found.notes == ("tool comes from its `git`: its entry was kept, not resolved.",)


async def test_a_version_for_safety_is_taken_though_young_and_nothing_else_moves(desk: Desk) -> None:
    desk.index.add("app", "1.0", "lib")
    desk.index.add("lib", "1.0")
    text = '[packages]\napp = "*"\nlib = "*"\n'
    old = (await desk.resolve(text)).lock
    for name in ("app", "lib"):
        desk.index.add(name, "1.1", uploaded=NOW)
        desk.index.add(name, "1.2", uploaded=NOW)
    wishes: dict[str, Any] = {"upgrade": Only(frozenset({"lib"})), "constraints": ("lib==1.1",), "cutoff": NOW - WEEK}
    found = await desk.resolve(text, old_lock=old, exempt=frozenset({"lib"}), **wishes)
    assert versions(found) == {"app": "1.0", "lib": "1.1"}
    with pytest.raises(Conflict):
        await desk.resolve(text, old_lock=old, **wishes)
