"""The runs of a program: one at a time for each repository, the newest commit next, each written down."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.core.stages import RunResult, StageReport, Superseded
from bot.pipelines.course import Report, RunRequest
from bot.pipelines.ledger import Ledger

Work = Callable[[RunRequest, Report], Awaitable[RunResult]]


@dataclass(slots=True)
class _Waiting:
    request: RunRequest
    report: Report
    result: asyncio.Future[RunResult]


class RunQueue:
    """Runs commits: one at a time for a repository; of those that wait, the one submitted last.

    A run waits for `turn` too, which keeps heavy work apart, and its times count from there.
    """

    def __init__(self, ledger: Ledger, work: Work, turn: asyncio.Lock | None = None) -> None:
        self._ledger, self._work = ledger, work
        self._turn: contextlib.AbstractAsyncContextManager[object] = turn or contextlib.nullcontext()
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
        older = self._next.pop(key, None)
        self._next[key] = waiting
        if key not in self._running:
            self._begin(key)
        # Written down first, although it may have begun: its task has not had a turn yet.
        await self._ledger.open(request, "waiting")
        if older:
            await self._supersede(older, request.sha)
        return await asyncio.shield(waiting.result)

    async def close(self) -> None:
        """Cancel what runs and waits; the ledger has them as running and waiting."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for waiting in self._next.values():
            waiting.result.cancel()

    async def _supersede(self, older: _Waiting, by: str) -> None:
        result = Superseded(older.request.sha, by)
        older.result.set_result(result)
        await self._ledger.close(result, 0.0)

    def _begin(self, key: str) -> None:
        self._running[key] = self._next.pop(key)
        task = asyncio.create_task(self._run(key, self._running[key]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, key: str, now: _Waiting) -> None:
        try:
            async with self._turn:
                result = await self._carry(now)
            now.result.set_result(result)
        except asyncio.CancelledError:
            now.result.cancel()
            raise
        except Exception as error:
            await self._ledger.break_off(now.request.sha, f"{type(error).__name__}: {error}")
            now.result.set_exception(error)
        finally:
            del self._running[key]
            if key in self._next and not now.result.cancelled():
                self._begin(key)

    async def _carry(self, now: _Waiting) -> RunResult:
        """The result of a run whose turn it is, written down with its times from now on."""
        begun = time.monotonic()
        await self._ledger.open(now.request, "running")

        async def report(line: StageReport) -> None:
            await self._ledger.note(line, time.monotonic() - begun)
            await now.report(line)

        result = await self._work(now.request, report)
        await self._ledger.close(result, time.monotonic() - begun)
        return result
