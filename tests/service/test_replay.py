"""A pull request's lock and text are derived again from the record, byte for byte, when the index is gone."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.archive import FolderArchive, Nothing
from bot.adapters.pypi import SimpleIndex
from bot.adapters.resolver import UvResolver, target_of
from bot.adapters.rules import load
from bot.adapters.uv import Uv
from bot.core import commands, lockfile, records
from bot.core.attestations import Publisher, Verified
from bot.core.errors import Refused
from bot.core.events import Actor, CommandGiven, Pushed, Repository
from bot.core.records import Record, Unreadable, decode, encode
from bot.service.advising import Lore
from bot.terminal import replay
from tests.adapters.package_index import PackageIndex
from tests.managers.places import MemoryAttestations
from tests.managers.test_advise import MemoryAdvisories, advisory
from tests.managers.world import World

ALLOWED = frozenset({"127.0.0.1"})
OLD = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass
class Place:
    """A bot that resolves with the real uv from an index on loopback, and keeps records in `state`."""

    there: World
    index: PackageIndex
    archive: FolderArchive

    async def proposed(self) -> str:
        """The name of the pull request that the installation brought."""
        source = f'[[source]]\nname = "local"\nurl = "{self.index.url}"\nverify_ssl = false\n\n[packages]\n'
        self.there.repository.push({"Pipfile": source + 'flask = "*"\nlib = "*"\n', "Pipfile.lock": ""})
        await self.there.install()
        await self.archive.settle()
        return f"{self.there.repository.name}#{self.there.only_pull()}"

    @property
    def body(self) -> str:
        return self.there.repository.pulls[self.there.only_pull()].body


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    async with PackageIndex().serve() as index, aiohttp.ClientSession() as session:
        index.add("flask", "2.2.3", "werkzeug>=2.2", uploaded=OLD)
        index.add("werkzeug", "2.3.0", uploaded=OLD)
        index.add("werkzeug", "3.0.0", uploaded=OLD)
        index.add("lib", "1.0", "odd.name", uploaded=OLD, with_sdist=True)
        index.add("lib", "1.1", "odd.name", uploaded=OLD)
        index.add("odd.name", "1.0", requires_python="", uploaded=OLD)
        pages = SimpleIndex(session, folder / "pages", allowed_hosts=ALLOWED)
        resolver = UvResolver(Uv(folder / "uv"), pages)
        lore = Lore(MemoryAdvisories([advisory("PYSEC-9", "lib", "1.1")]), load().units, target_of)
        archive = FolderArchive(folder / "snapshots", pages)
        yield Place(World(lore=lore, index=pages, resolver=resolver, archive=archive, allowed=ALLOWED), index, archive)


async def test_lock_and_text_are_the_same_without_the_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with place(tmp_path) as here:
        name = await here.proposed()
        body, asked = here.body, here.index.asked.total()
        assert "- snapshot `" in body
        assert "it is affected by PYSEC-9" in body  # lib 1.1
        assert "url\\_quote" in body  # werkzeug 3
        assert await asyncio.to_thread(replay.main, name, tmp_path, tmp_path / "again") == 0
        assert here.index.asked.total() == asked
    lock = (tmp_path / "again" / "Pipfile.lock").read_text()
    assert lock == here.there.repository.text(here.there.repository.branches["bolide/update"], "Pipfile.lock")
    made = FolderArchive(tmp_path / "snapshots", Nothing()).of(name)[1].body
    assert (tmp_path / "again" / "pull-request.md").read_text() == made
    # What stands on GitHub differs by the evidence, which was filled in since.
    part = "### Held back"
    assert body.partition(part)[2] == made.partition(part)[2] != ""
    assert await asyncio.to_thread(replay.main, name.partition("#")[2], tmp_path, None) == 0
    said = capsys.readouterr().out
    assert said.count("same: ") == 4
    assert "DIFFERENT" not in said


async def test_what_was_found_of_attestations_is_in_the_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with place(tmp_path) as here:
        for wheel in ("werkzeug-2.3.0-py3-none-any.whl", "werkzeug-3.0.0-py3-none-any.whl"):
            here.index.files["werkzeug"][wheel]["provenance"] = f"{here.index.url}/{wheel}.provenance"
        (old,), (new,) = (here.index.hashes("werkzeug", version) for version in ("2.3.0", "3.0.0"))
        of = {digest: Verified((Publisher("GitHub", who),)) for digest, who in ((old, "ada/w"), (new, "eve/w"))}
        known = MemoryAttestations({digest.removeprefix("sha256:"): told for digest, told in of.items()})
        world = here.there
        ports: dict[str, Any] = {"index": world.index, "resolver": world.resolver, "archive": here.archive}
        here.there = World(**ports, attestations=known, allowed=ALLOWED)
        pins = {"flask": ("2.2.3", here.index.hashes("flask", "2.2.3")), "werkzeug": ("2.3.0", [old])}
        entries = {name: {"version": f"=={version}", "hashes": hashes} for name, (version, hashes) in pins.items()}
        document = {"_meta": {"hash": {"sha256": "0" * 64}, "sources": []}, "default": entries, "develop": {}}
        source = f'[[source]]\nname = "local"\nurl = "{here.index.url}"\nverify_ssl = false\n\n[packages]\n'
        files = {"Pipfile": source + 'flask = "*"\n', "Pipfile.lock": lockfile.render(document)}
        here.there.repository.push(files)
        await here.there.install()
        await here.archive.settle()
        assert "werkzeug has another publisher: 2.3.0 is of ada/w (GitHub), 3.0.0 of eve/w (GitHub)." in here.body
        name = f"{here.there.repository.name}#{here.there.only_pull()}"
    assert await asyncio.to_thread(replay.main, name, tmp_path, None) == 0
    assert capsys.readouterr().out.count("same: ") == 2


async def test_what_was_proposed_otherwise_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with place(tmp_path) as here:
        name = await here.proposed()
    (told,) = (tmp_path / "snapshots" / "pulls").iterdir()
    told.write_text(told.read_text().replace("## What changed", "## What changed!"))
    assert await asyncio.to_thread(replay.main, name, tmp_path, None) == 1
    said = capsys.readouterr().out
    assert "DIFFERENT: text of bolide/update" in said
    assert "same: Pipfile.lock" in said


async def test_what_is_not_here_or_was_changed_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with place(tmp_path) as here:
        name = await here.proposed()
    assert replay.main("ada/digits#99", tmp_path, None) == 2
    assert replay.main("../x", tmp_path, None) == 2
    (record,) = (tmp_path / "snapshots" / "records").iterdir()
    whole = record.read_bytes()
    record.write_bytes(gzip.compress(gzip.decompress(whole).replace(b"PYSEC-9", b"PYSEC-8")))
    assert await asyncio.to_thread(replay.main, name, tmp_path, None) == 2
    record.write_bytes(whole[: len(whole) // 2])
    assert await asyncio.to_thread(replay.main, name, tmp_path, None) == 2
    record.write_bytes(whole)
    for blob in (tmp_path / "snapshots" / "blobs").iterdir():
        blob.unlink()
    assert await asyncio.to_thread(replay.main, name, tmp_path, None) == 2
    said = capsys.readouterr().err
    for reason in ("no record of it is here", "is no pull request", "it was changed", "not whole"):
        assert reason in said
    with pytest.raises(Refused, match="no hash of a record"):
        FolderArchive(tmp_path / "snapshots", Nothing()).load("../../etc/passwd")


async def test_the_same_knowledge_gives_the_same_hash(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        first = await here.proposed()
        before = sorted(path.name for path in (tmp_path / "snapshots" / "records").iterdir())
        pushed = Pushed(Repository(here.there.repository.id, "ada/digits", 1), "main", "0" * 40)
        await here.there.dispatch.plan(pushed, "update")
        await here.archive.settle()
        after = sorted(path.name for path in (tmp_path / "snapshots" / "records").iterdir())
    assert first == "ada/digits#1"
    assert set(before) <= set(after)


async def test_where_the_index_contradicts_itself_replay_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with place(tmp_path) as here:
        broken = FolderArchive(tmp_path / "snapshots", Nothing())
        ports: dict[str, Any] = {"lore": here.there.lore, "index": here.there.index, "resolver": here.there.resolver}
        world = World(**ports, archive=broken, allowed=ALLOWED)
        name = await Place(world, here.index, broken).proposed()
        assert await asyncio.to_thread(replay.main, name, tmp_path, None) == 2
        assert "cannot be derived again: The index" in capsys.readouterr().err


async def test_a_record_whose_pages_were_not_gathered_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with place(tmp_path) as here:
        name = await here.proposed()
    (sources,) = (tmp_path / "snapshots" / "sources").iterdir()
    sources.unlink()
    assert await asyncio.to_thread(replay.main, name, tmp_path, None) == 2
    assert "it has no pages of the index" in capsys.readouterr().err


async def test_where_no_record_can_be_written_the_body_says_so(tmp_path: Path) -> None:
    (tmp_path / "snapshots").write_text("a file where a folder should be")
    async with place(tmp_path) as here:
        await here.proposed()
        assert "no snapshot was kept: this cannot be derived again later" in here.body


SHORT = partial(st.lists, max_size=3)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | NAMES | st.dates() | st.datetimes(timezones=st.just(UTC)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(NAMES, inner, max_size=3)
    ),
    max_leaves=8,
)
EVENTS = st.builds(
    CommandGiven,
    st.builds(Repository, st.integers(0), NAMES, st.integers(0)),
    st.integers(0),
    st.none() | st.integers(0),
    st.builds(Actor, st.integers(0), NAMES),
    st.builds(commands.IgnorePackage, NAMES, NAMES, st.none() | st.dates(), NAMES) | st.just(commands.Help()),
)


@given(VALUES | EVENTS | st.frozensets(NAMES, max_size=3))
def test_every_value_survives_the_record(value: Any) -> None:
    told = json.loads(records.canonical(encode(value)))
    assert decode(told) == value
    assert type(decode(told)) is type(value)


@pytest.mark.parametrize("told", [{"$": "Gadget"}, {"$": "Repository", "weight": 3}, {"$": "tuple", "value": 3}, {}])
def test_what_another_version_wrote_is_refused(told: object) -> None:
    with pytest.raises(Unreadable):
        decode(told)


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be kept"):
        encode(object())


async def test_the_oldest_records_and_their_pages_go(tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path, Nothing(), most=2)
    hashes = []
    for day in range(1, 5):
        moment = datetime(2026, 1, day, tzinfo=UTC)
        event = Pushed(Repository(1, "a/b", 1), "main", "0" * 40)
        record = Record("update", event, "bolide[bot]", moment, frozenset(), (), (), (), ())
        hashes.append(await archive.keep(record, ()))
        await archive.settle()
    assert len(set(hashes)) == 4
    assert archive.load(hashes[3]).record.as_of.date() == date(2026, 1, 4)
    with pytest.raises(Refused, match="is not here"):
        archive.load(hashes[0])
