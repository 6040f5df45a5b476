"""Advisories from OSV's service on loopback, from a folder and from a zip; what cannot be reached is not checked."""

import json
import zipfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.adapters.osv import OsvService, Records, Switched
from bot.core.advisories import Checked, NotChecked, affects


def record(name: str, package: str, fixed: str, **more: Any) -> dict[str, Any]:
    events = [{"introduced": "0"}, {"fixed": fixed}]
    affected = {"package": {"ecosystem": "PyPI", "name": package}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    return {"id": name, "modified": "2026-02-03T04:05:06Z", "affected": [affected], **more}


@dataclass
class Service:
    """OSV's service as its documentation has it: ids in pages of one, records by id."""

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    status: int = 200
    answer: Any = None
    url: str = ""

    async def query(self, request: web.Request) -> web.Response:
        self.asked["querybatch"] += 1
        if self.status != 200 or self.answer is not None:
            return web.json_response(self.answer, status=self.status)
        return web.json_response({"results": [self._result(each) for each in (await request.json())["queries"]]})

    def _result(self, query: dict[str, Any]) -> dict[str, Any]:
        assert query["package"]["ecosystem"] == "PyPI"
        name, place = query["package"]["name"], int(query.get("page_token", 0))
        found = [one for one in self.records.values() if one["affected"][0]["package"]["name"] == name]
        told: dict[str, Any] = {"vulns": [{"id": o["id"], "modified": o["modified"]} for o in found[place : place + 1]]}
        return told | ({"next_page_token": str(place + 1)} if place + 1 < len(found) else {}) if found else {}

    async def vuln(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.asked[name] += 1
        return web.json_response(self.records[name])


@asynccontextmanager
async def service() -> AsyncIterator[Service]:
    told = Service()
    app = web.Application()
    app.router.add_post("/v1/querybatch", told.query)
    app.router.add_get("/v1/vulns/{name}", told.vuln)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    told.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield told
    finally:
        await runner.cleanup()


@dataclass
class Clock:
    now: float = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_the_service_is_asked_in_pages_and_each_record_once(tmp_path: Path) -> None:
    clock = Clock()
    async with service() as there, aiohttp.ClientSession() as session:
        there.records = {f"PYSEC-{n}": record(f"PYSEC-{n}", "lib", f"1.{n}") for n in range(3)}
        osv = OsvService(session, there.url, tmp_path, clock=clock)
        told = await osv.about(["lib", "other"])
        assert isinstance(told, Checked)
        assert [one.id for one in told.advisories] == ["PYSEC-0", "PYSEC-1", "PYSEC-2"]
        assert (told.source, told.as_of) == (there.url, datetime.fromtimestamp(clock.now, UTC))
        assert affects(told.advisories[2], "lib", "1.1")
        assert there.asked == {"querybatch": 3, "PYSEC-0": 1, "PYSEC-1": 1, "PYSEC-2": 1}
        clock.now += 60
        assert await OsvService(session, there.url, tmp_path, clock=clock).about(["lib"]) == told
        clock.now += 7200
        there.records["PYSEC-1"] |= {"modified": "2026-09-09T00:00:00Z"}
        renewed = await osv.about(["lib"])
        assert isinstance(renewed, Checked)
        assert renewed.as_of > told.as_of
        assert there.asked == {"querybatch": 6, "PYSEC-0": 1, "PYSEC-1": 2, "PYSEC-2": 1}


@pytest.mark.parametrize(
    ("status", "answer", "reason"),
    [
        (503, None, "it answered 503"),
        (302, None, "it answered 302"),
        (200, [], "no object"),
        (200, {"results": []}, "gave no usable answer"),
        (200, {"results": [{"vulns": [{"id": "../../x"}]}]}, "is no advisory's id"),
        (200, {"results": [{"next_page_token": "again"}]}, "more than 100 pages"),
        (200, {"results": [7]}, "gave no usable answer"),
    ],
)
async def test_a_service_without_a_usable_answer_is_not_checked(
    status: int, answer: Any, reason: str, tmp_path: Path
) -> None:
    async with service() as there, aiohttp.ClientSession() as session:
        there.status, there.answer = status, answer
        clock = Clock()
        osv = OsvService(session, there.url, tmp_path, clock=clock)
        told = await osv.about(["lib"])
        assert isinstance(told, NotChecked)
        assert reason in told.reason
        asked = there.asked["querybatch"]
        assert await osv.about(["lib"]) == told  # who is away is not asked again at once
        assert there.asked["querybatch"] == asked
        there.status, there.answer = 200, None
        clock.now += 61
        assert isinstance(await osv.about(["lib"]), Checked)


async def test_a_record_under_another_name_is_not_taken(tmp_path: Path) -> None:
    async with service() as there, aiohttp.ClientSession() as session:
        there.records = {"PYSEC-1": record("PYSEC-1", "lib", "1"), "PYSEC-2": record("PYSEC-2", "none", "1")}
        there.records["PYSEC-2"]["id"] = "PYSEC-1"
        there.records["PYSEC-1"] = record("PYSEC-9", "lib", "1")
        there.records["PYSEC-9"] = record("PYSEC-8", "other", "1")
        told = await OsvService(session, there.url, tmp_path).about(["lib"])
    assert isinstance(told, NotChecked)
    assert "another advisory than PYSEC-9" in told.reason


async def test_a_service_that_is_not_there_is_not_checked(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as session:
        told = await OsvService(session, "http://127.0.0.1:9", tmp_path).about(["lib"])
    assert isinstance(told, NotChecked)
    assert "http://127.0.0.1:9" in told.reason
    assert isinstance(await Switched().about(["lib"]), NotChecked)


YAML = """\
id: PYSEC-5
modified: "2024-05-06T00:00:00Z"
affected:
- package: {name: Some.Lib, ecosystem: PyPI}
  ranges:
  - type: ECOSYSTEM
    events: [{introduced: "0"}, {fixed: 2.0.1}]
"""


async def test_a_folder_and_a_zip_say_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "vulns"
    (folder / "some-lib").mkdir(parents=True)
    (folder / "some-lib" / "PYSEC-5.yaml").write_text(YAML)
    (folder / "GHSA-1.json").write_text(json.dumps(record("GHSA-1", "some_lib", "2.0.2", aliases=["PYSEC-5"])))
    (folder / "PYSEC-7.json").write_text(json.dumps(record("PYSEC-7", "other", "9")))
    (folder / "README.md").write_text("name: some-lib")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    for place in (folder, tmp_path / "all.zip"):
        told = await Records(place).about(["some-lib"])
        assert isinstance(told, Checked)
        (one,) = told.advisories
        assert (one.id, one.aliases) == ("PYSEC-5", ("GHSA-1",))
        assert affects(one, "some-lib", "2.0.1")
        assert not affects(one, "some-lib", "2.0.2")
        assert told.as_of == datetime(2026, 2, 3, tzinfo=UTC)
        assert str(place) == told.source


async def test_records_that_come_and_go_are_seen_and_an_edited_one_after_an_hour(tmp_path: Path) -> None:
    clock = Clock()
    (tmp_path / "a.yaml").write_text(YAML)
    records = Records(tmp_path, clock)

    async def known(name: str) -> int:
        clock.now += 2
        told = await records.about([name])
        assert isinstance(told, Checked)
        return len(told.advisories)

    assert await known("late") == 0
    late = tmp_path / "b.json"
    late.write_text(json.dumps(record("PYSEC-7", "late", "9")))
    assert await known("late") == 1
    late.write_text(json.dumps(record("PYSEC-7", "later", "9")))
    assert (await known("late"), await known("later")) == (0, 0)
    clock.now += 3601
    assert await known("later") == 1
    late.unlink()
    assert await known("later") == 0


CHANGED = "modified: 2026-01-01\n"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.yaml", f"{CHANGED}name: lib\nid: [", "cannot be read"),
        ("a.yaml", f"{CHANGED}name: lib\n", "has no id"),
        ("a.yaml", f"{CHANGED}x: &a [1]\ny: *a\nname: lib\n", "has a YAML alias"),
        ("a.json", '{"name": "lib", "id": "X", "modified": "2026-01-01", "affected": 3}', "not in the OSV schema"),
        ("a.json", '{"name": "a file that is no record"}', "There are no advisories"),
        ("a.json", '{"name": "lib"' + " " * (4 * 2**20), "more than an advisory can have"),
        ("a.txt", "name: lib", "There are no advisories"),
    ],
)
async def test_records_that_cannot_be_read_are_not_checked(
    name: str, content: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    told = await Records(tmp_path).about(["lib"])
    assert isinstance(told, NotChecked)
    assert reason in told.reason
    assert isinstance(await Records(tmp_path / "absent.zip").about(["lib"]), NotChecked)
