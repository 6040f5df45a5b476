"""Analyses that clients wait for: bounded in number, time and age, kept in memory and gone with the process."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from bot.advisor.thoth import AnalysisKind

logger = logging.getLogger(__name__)

State = Literal["pending", "running", "success", "error"]
Result = Mapping[str, Any]
Work = Callable[[], Awaitable[Result]]


class Busy(Exception):
    """There are as many analyses as this machine takes at a time; the message says when to ask again."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many analyses run at once, wait, and are kept; seconds that one may take and that its result is kept."""

    at_once: int = 2
    waiting: int = 16
    kept: int = 200
    seconds: float = 300.0
    lifetime: float = 3600.0


@dataclass(slots=True)
class Analysis:
    """One analysis: its id is the key to its result, so it cannot be guessed. `failure` is told in one sentence."""

    id: str
    kind: AnalysisKind
    parameters: Mapping[str, Any]
    asked: datetime
    state: State = "pending"
    started: datetime | None = None
    finished: datetime | None = None
    result: Result | None = None
    failure: str = ""


class Analyses:
    """The analyses of one process. `close()` ends those that still run."""

    def __init__(self, now: Callable[[], datetime], bounds: Bounds = Bounds()) -> None:
        self._now = now
        self._bounds = bounds
        self._slots = asyncio.Semaphore(bounds.at_once)
        self._kept: dict[str, Analysis] = {}
        self._running: set[asyncio.Task[None]] = set()

    def submit(self, kind: AnalysisKind, parameters: Mapping[str, Any], work: Work) -> Analysis:
        """A new analysis, begun as soon as there is a slot. Raises Busy."""
        if len(self._running) >= self._bounds.at_once + self._bounds.waiting:
            raise Busy("Too many analyses are waiting here; ask again in a minute.")
        self._forget(room=1)
        asked = self._now()
        made = Analysis(f"{kind}-{asked:%y%m%d%H%M%S}-{secrets.token_hex(16)}", kind, parameters, asked)
        self._kept[made.id] = made
        task = asyncio.create_task(self._run(made, work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return made

    def find(self, kind: AnalysisKind, name: str) -> Analysis | None:
        """The analysis, or None where there is none of this kind and id, or its time is over."""
        self._forget(room=0)
        found = self._kept.get(name)
        return found if found and found.kind == kind else None

    async def close(self) -> None:
        """End what runs."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _run(self, analysis: Analysis, work: Work) -> None:
        async with self._slots:
            analysis.started, analysis.state = self._now(), "running"
            try:
                async with asyncio.timeout(self._bounds.seconds):
                    analysis.result = await work()
                analysis.state = "success"
            except TimeoutError:
                analysis.state = "error"
                analysis.failure = f"The analysis took longer than {self._bounds.seconds:g} s and was stopped."
            except Exception:
                logger.exception("analysis failed", extra={"analysis": analysis.id})
                analysis.state = "error"
                analysis.failure = "The analysis failed for a reason that Bolide did not expect; its log tells more."
            finally:
                analysis.finished = self._now()

    def _forget(self, room: int) -> None:
        """Drop finished analyses that are too old, and the oldest where there is no room for so many more."""
        done = [kept for kept in self._kept.values() if kept.finished]
        oldest = self._now() - timedelta(seconds=self._bounds.lifetime)
        surplus = max(0, len(self._kept) + room - self._bounds.kept)
        for place, kept in enumerate(done):
            if place < surplus or (kept.finished and kept.finished < oldest):
                del self._kept[kept.id]
