"""The queue of runs: one at a time for a repository, the newest next, all of it written down."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.core.recipe import Recipe
from bot.core.stages import Done, NotServed, RunResult, StageReport, Started, Superseded
from bot.demo.person import until
from bot.pipelines.course import Report, RunRequest
from bot.pipelines.ledger import Ledger
from bot.pipelines.register import FolderRegister
from bot.pipelines.runs import RunQueue


@dataclass
class Factory:
    """Does the work of a run when it is told to, and remembers the order."""

    begun: list[str] = field(default_factory=list)
    most: int = 0
    active: int = 0
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, request: RunRequest, report: Report) -> RunResult:
        self.begun.append(request.sha)
        self.active += 1
        self.most = max(self.most, self.active)
        await report(StageReport(request.sha, "train", Started()))
        try:
            await self.go_on.wait()
            if request.sha == "broken":
                raise RuntimeError("a bug")
            await report(StageReport(request.sha, "train", Done("a" * 64, 1.5)))
            return NotServed(request.sha, "No service.")
        finally:
            self.active -= 1


def request(sha: str, repository: str = "ada/digits") -> RunRequest:
    return RunRequest(repository, sha, Path("/nowhere"), "{}", Recipe(None, None))


async def no_card(artefact: str) -> dict[str, str]:
    return {}


def book(folder: Path) -> Ledger:
    """The ledger of a program that starts now; what it must know is in the folder."""
    return Ledger(FolderRegister(folder), no_card)


async def read(folder: Path, sha: str) -> dict[str, Any]:
    """The record of a commit."""
    found = await FolderRegister(folder).read("runs", sha)
    return dict(found.document) if found else {}


async def silent(_: StageReport) -> None:
    pass


async def test_a_storm_of_merges_runs_the_first_and_the_last(tmp_path: Path) -> None:
    ledger, factory = book(tmp_path), Factory()
    queue = RunQueue(ledger, factory)
    submitted = []
    for number in range(20):
        submitted.append(asyncio.create_task(queue.submit(request(f"c{number}"), silent)))
        await asyncio.sleep(0)
    factory.go_on.set()
    results = await asyncio.gather(*submitted)
    assert factory.begun == ["c0", "c19"]
    assert factory.most == 1
    assert results[0] == NotServed("c0", "No service.")
    assert results[1:19] == [Superseded(f"c{number}", f"c{number + 1}") for number in range(1, 19)]
    assert (await read(tmp_path, "c7"))["state"] == "superseded"
    assert (await read(tmp_path, "c7"))["result"] == {"sha": "c7", "by": "c8"}
    assert (await read(tmp_path, "c19"))["state"] == "not served"


async def test_a_merge_that_was_left_to_a_newer_one_is_written_down_unless_it_ran_itself(tmp_path: Path) -> None:
    ledger, factory = book(tmp_path), Factory()
    factory.go_on.set()
    await RunQueue(ledger, factory).submit(request("c1"), silent)
    for sha in ("c1", "c2"):
        await ledger.leave("ada/digits", Superseded(sha, "c3"))
    assert (await read(tmp_path, "c1"))["state"] == "not served"
    assert ((await read(tmp_path, "c2"))["state"], (await read(tmp_path, "c2"))["result"]["by"]) == ("superseded", "c3")
    assert (await read(tmp_path, "c2"))["repository"] == "ada/digits"


async def test_repositories_do_not_wait_for_each_other_and_a_commit_is_run_once(tmp_path: Path) -> None:
    factory = Factory()
    queue = RunQueue(book(tmp_path), factory)
    asked = [("c1", "ada/digits"), ("c1", "ada/digits"), ("d1", "bob/shop")]
    runs = [asyncio.create_task(queue.submit(request(*each), silent)) for each in asked]

    async def both() -> bool | None:
        return factory.active == 2 or None

    await until(both, "two runs", 20)
    factory.go_on.set()
    first, again, _ = await asyncio.gather(*runs)
    assert first is again
    assert sorted(factory.begun) == ["c1", "d1"]


async def test_what_was_cut_off_stays_written_down_until_it_is_asked_for_again(tmp_path: Path) -> None:
    factory = Factory()
    queue = RunQueue(book(tmp_path), factory)
    runs = [asyncio.create_task(queue.submit(request(sha), silent)) for sha in ("c1", "c2")]

    async def written() -> bool | None:
        first, second = await read(tmp_path, "c1"), await read(tmp_path, "c2")
        return ("train" in first.get("stages", {}) and second.get("state") == "waiting") or None

    await until(written, "the records", 20)
    await queue.close()
    for run in runs:
        with pytest.raises(asyncio.CancelledError):
            await run
    assert [(await read(tmp_path, sha))["state"] for sha in ("c1", "c2")] == ["running", "waiting"]
    assert (await read(tmp_path, "c1"))["stages"]["train"]["outcome"] == "started"

    factory.go_on.set()
    again = RunQueue(book(tmp_path), factory)
    assert await again.submit(request("c2"), silent) == NotServed("c2", "No service.")
    finished = (await read(tmp_path, "c2"))["stages"]["train"]
    assert (finished["outcome"], finished["artefact"], finished["seconds"]) == ("done", "a" * 64, 1.5)


async def test_a_run_waits_for_its_turn_and_is_called_running_only_then(tmp_path: Path) -> None:
    factory, turn = Factory(), asyncio.Lock()
    factory.go_on.set()
    queue = RunQueue(book(tmp_path), factory, turn)
    async with turn:
        run = asyncio.create_task(queue.submit(request("c1"), silent))

        async def written() -> bool | None:
            return (await read(tmp_path, "c1")).get("state") == "waiting" or None

        await until(written, "the record", 20)
        assert factory.begun == []
    assert await run == NotServed("c1", "No service.")
    assert (await read(tmp_path, "c1"))["state"] == "not served"


async def test_a_bug_in_one_run_does_not_stop_the_queue(tmp_path: Path) -> None:
    factory = Factory()
    queue = RunQueue(book(tmp_path), factory)
    broken = asyncio.create_task(queue.submit(request("broken"), silent))
    await asyncio.sleep(0)
    after = asyncio.create_task(queue.submit(request("c2"), silent))
    await asyncio.sleep(0)
    factory.go_on.set()
    with pytest.raises(RuntimeError, match="a bug"):
        await broken
    assert await after == NotServed("c2", "No service.")
    assert (await read(tmp_path, "broken"))["reason"] == "RuntimeError: a bug"


async def test_a_damaged_record_is_begun_anew_and_one_that_cannot_be_written_stops_no_run(tmp_path: Path) -> None:
    factory = Factory()
    factory.go_on.set()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "c1.json").write_text("{")
    assert await RunQueue(book(tmp_path), factory).submit(request("c1"), silent) == NotServed("c1", "No service.")
    assert (await read(tmp_path, "c1"))["state"] == "not served"
    (tmp_path / "full").write_text("no folder")
    lost = RunQueue(book(tmp_path / "full"), factory)
    assert await lost.submit(request("c2"), silent) == NotServed("c2", "No service.")
