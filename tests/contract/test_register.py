"""The register of one machine and that of many keep the same contract."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.adapters.postgres_register import open_register
from bot.core.ports import Document, Entry, Register, RegisterUnavailable
from bot.demo.person import until
from bot.pipelines.register import FolderRegister
from tests.contract.postgres import FOUND, Postgres, serving

NEEDS_POSTGRES = pytest.mark.skipif(FOUND is None, reason="needs PostgreSQL (apt install postgresql)")


@dataclass(frozen=True)
class Ground:
    """Two machines, or two processes of one, that share a register."""

    one: Register
    other: Register


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with serving() as server:
        yield server


@pytest.fixture(params=["folder", pytest.param("postgres", marks=NEEDS_POSTGRES)])
async def ground(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ground]:
    if request.param == "folder":
        yield Ground(FolderRegister(tmp_path), FolderRegister(tmp_path))
        return
    server: Postgres = request.getfixturevalue("server")
    url = server.url(server.database())
    async with AsyncExitStack() as stack:
        yield Ground(*[await stack.enter_async_context(open_register(url)) for _ in range(2)])


async def test_what_one_writes_the_other_reads_in_its_order_to_the_letter(ground: Ground) -> None:
    assert await ground.one.read("runs", "a") is None
    document = {"verify": 1, "deploy": {"z": [1.5, None, True], "a": "ü \0 \\u0000 'quoted' %s"}}
    await ground.one.change("runs", "a", lambda known: document if known is None else {})
    found = await ground.other.read("runs", "a")
    assert found
    assert (found.name, found.document, list(found.document)) == ("a", document, ["verify", "deploy"])
    assert await ground.other.read("deployments", "a") is None


async def test_changes_at_the_same_time_are_made_one_after_the_other(ground: Ground) -> None:
    def more(known: Document | None) -> Document:
        return {"count": (known or {"count": 0})["count"] + 1}

    await asyncio.gather(*[each.change("deployments", "7", more) for each in (ground.one, ground.other) * 10])
    found = await ground.one.read("deployments", "7")
    assert found
    assert found.document == {"count": 20}


async def test_a_change_that_fails_changes_nothing(ground: Ground) -> None:
    await ground.one.change("runs", "a", lambda known: {"kept": 1})

    def fail(known: Document | None) -> Document:
        raise ValueError(known)

    with pytest.raises(ValueError, match="kept"):
        await ground.one.change("runs", "a", fail)
    await ground.other.change("runs", "a", lambda known: {**(known or {}), "more": 2})
    found = await ground.one.read("runs", "a")
    assert found
    assert found.document == {"kept": 1, "more": 2}


async def test_the_newest_come_first_and_no_more_than_wanted(ground: Ground) -> None:
    for name in ("a", "b", "c", "a"):
        await ground.one.change("runs", name, lambda known: {"again": known is not None})
        await asyncio.sleep(0.01)
    await ground.one.change("deployments", "7", lambda known: {})
    newest = await ground.other.newest("runs", 2)
    assert [(entry.name, entry.document["again"]) for entry in newest] == [("a", True), ("c", False)]
    assert newest[0].changed >= newest[1].changed
    assert [entry.name for entry in await ground.other.newest("runs", 9)] == ["a", "c", "b"]


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("no folder")
    with pytest.raises(RegisterUnavailable, match=r"runs/a\.json cannot be written"):
        await FolderRegister(tmp_path).change("runs", "a", lambda known: {})
    assert await FolderRegister(tmp_path).newest("runs", 1) == ()


async def test_what_the_disk_does_not_tell_is_not_taken_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "runs" / "one.json").mkdir(parents=True)
    register = FolderRegister(tmp_path)
    with pytest.raises(RegisterUnavailable, match=r"one\.json cannot be read: Is a directory\."):
        await register.read("runs", "one")
    with pytest.raises(RegisterUnavailable, match="cannot be read"):
        await register.change("runs", "one", lambda known: {"known": known is not None})


@NEEDS_POSTGRES
async def test_a_database_that_is_away_is_waited_for(server: Postgres) -> None:
    url = server.url(server.database())
    with pytest.raises(RegisterUnavailable, match="look at BOLIDE_DATABASE_URL"):
        async with open_register(url.replace("dbname=", "dbname=no_")):
            pass
    async with open_register(url, patience=1) as register:
        await register.change("runs", "a", lambda known: {})
        server.kill()
        with pytest.raises(RegisterUnavailable):
            await register.read("runs", "a")
        server.start()

        async def read() -> Entry | None:
            with contextlib.suppress(RegisterUnavailable):  # the pool tries again at growing intervals
                return await register.read("runs", "a")
            return None

        assert (await until(read, "the database", 60)).name == "a"
