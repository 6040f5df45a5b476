"""The runs of a program: one at a time for each repository, the newest commit next, each written down."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bot.core.stages import Held, NotServed, RunResult, StageReport, Stopped, Superseded, Unchanged, Verified
from bot.pipelines.course import Report, RunRequest, sha256_text
from bot.pipelines.store import write_atomically

Work = Callable[[RunRequest, Report], Awaitable[RunResult]]

_STATES: dict[type, str] = {
    Verified: "verified",
    Unchanged: "unchanged",
    NotServed: "not served",
    Stopped: "stopped",
    Superseded: "superseded",
    Held: "held",
}


class Ledger:
    """The records of runs, one JSON file for each commit."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, request: RunRequest, state: str) -> None:
        """Write down that a run waits or begins; what an earlier run of the commit recorded is replaced."""
        known = {"repository": request.repository, "sha": request.sha, "lock_sha256": sha256_text(request.lock)}
        self._write(request.sha, known | {"state": state, "stages": {}})

    def note(self, report: StageReport, seconds: float) -> None:
        """Add where a stage stands, so many seconds after the start of the run."""
        record = self.read(report.sha)
        outcome = {"outcome": type(report.outcome).__name__.lower(), **asdict(report.outcome), "at": round(seconds, 3)}
        record["stages"][report.stage] = outcome
        self._write(report.sha, record)

    def close(self, result: RunResult, seconds: float) -> None:
        """Write down how a run ended."""
        ended = {"state": _STATES[type(result)], "result": asdict(result), "seconds": round(seconds, 3)}
        self._write(result.sha, self.read(result.sha) | ended)

    def leave(self, repository: str, result: Superseded) -> None:
        """Write down a commit that was left to a newer one; a run of its own stays as it was recorded."""
        if self.read(result.sha)["state"] == "unknown":
            self._write(result.sha, {"repository": repository, "sha": result.sha, "state": "unknown", "stages": {}})
            self.close(result, 0.0)

    def break_off(self, sha: str, reason: str) -> None:
        """Write down that a run ended by an error of this program."""
        self._write(sha, self.read(sha) | {"state": "broken off", "reason": reason})

    def read(self, sha: str) -> dict[str, Any]:
        """The record of a commit; a fresh one where there is none."""
        fresh = {"sha": sha, "state": "unknown", "stages": {}}
        try:
            record = json.loads((self._folder / f"{sha}.json").read_text())
        except (OSError, ValueError):
            return fresh
        return fresh | record if isinstance(record, dict) else fresh

    def _write(self, sha: str, record: dict[str, Any]) -> None:
        write_atomically(self._folder / f"{sha}.json", record)


@dataclass(slots=True)
class _Waiting:
    request: RunRequest
    report: Report
    result: asyncio.Future[RunResult]


class RunQueue:
    """Runs commits: one at a time for a repository; of those that wait, the one submitted last."""

    def __init__(self, ledger: Ledger, work: Work) -> None:
        self._ledger, self._work = ledger, work
        self._running: dict[str, _Waiting] = {}
        self._next: dict[str, _Waiting] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, request: RunRequest, report: Report) -> RunResult:
        """The result of the commit's run, after its turn; a commit that waits or runs already is not run twice.

        Submit the head of the branch as it is read, not as events name it: the last submitted is taken for the newest.
        """
        key = request.repository
        for known in (self._running.get(key), self._next.get(key)):
            if known and (known.request.sha, known.request.order) == (request.sha, request.order):
                return await asyncio.shield(known.result)
        waiting = _Waiting(request, report, asyncio.get_running_loop().create_future())
        if older := self._next.pop(key, None):
            self._supersede(older, request.sha)
        self._ledger.open(request, "waiting")
        self._next[key] = waiting
        if key not in self._running:
            self._begin(key)
        return await asyncio.shield(waiting.result)

    async def close(self) -> None:
        """Cancel what runs and waits; the ledger has them as running and waiting."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for waiting in self._next.values():
            waiting.result.cancel()

    def _supersede(self, older: _Waiting, by: str) -> None:
        result = Superseded(older.request.sha, by)
        self._ledger.close(result, 0.0)
        older.result.set_result(result)

    def _begin(self, key: str) -> None:
        self._running[key] = self._next.pop(key)
        task = asyncio.create_task(self._run(key, self._running[key]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, key: str, now: _Waiting) -> None:
        begun = time.monotonic()
        self._ledger.open(now.request, "running")

        async def report(line: StageReport) -> None:
            self._ledger.note(line, time.monotonic() - begun)
            await now.report(line)

        try:
            result = await self._work(now.request, report)
            self._ledger.close(result, time.monotonic() - begun)
            now.result.set_result(result)
        except asyncio.CancelledError:
            now.result.cancel()
            raise
        except Exception as error:
            self._ledger.break_off(now.request.sha, f"{type(error).__name__}: {error}")
            now.result.set_exception(error)
        finally:
            del self._running[key]
            if key in self._next and not now.result.cancelled():
                self._begin(key)
