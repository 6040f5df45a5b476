"""What is written down of each run while it goes on: one document for each commit."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from bot.core.ports import Register, RegisterUnavailable
from bot.core.stages import Held, NotServed, RunResult, StageReport, Stopped, Superseded, Unchanged, Verified
from bot.pipelines.course import RunRequest, sha256_text

Card = Callable[[str], Awaitable[Mapping[str, Any]]]
"""The model card in the artefact of a hash; empty where there is none."""
Record = dict[str, Any]
MADE_OF = ("data_sha256", "model_id", "sha256")
"""What of a model's card is written down."""
ROLLED_BACK = "rolled back"
_STATES: dict[type, str] = {
    Verified: "verified",
    Unchanged: "unchanged",
    NotServed: "not served",
    Stopped: "stopped",
    Superseded: "superseded",
    Held: "held",
}
logger = logging.getLogger(__name__)


class Ledger:
    """The records of runs, written in the order in which it is told; one that cannot be written stops no run."""

    def __init__(self, register: Register, card: Card) -> None:
        self._register, self._card = register, card
        self._order = asyncio.Lock()

    async def open(self, request: RunRequest, state: str) -> None:
        """Write down that a run waits or begins; what an earlier run of the commit recorded is replaced."""
        known = {"repository": request.repository, "sha": request.sha, "lock_sha256": sha256_text(request.lock)}
        await self._change(request.sha, lambda _: known | {"state": state, "stages": {}})

    async def note(self, report: StageReport, seconds: float) -> None:
        """Add where a stage stands, so many seconds after the start of the run, and what its model was made of."""
        told = asdict(report.outcome)
        stage = {"outcome": type(report.outcome).__name__.lower(), **told, "at": round(seconds, 3)}
        card = await self._card(str(told.get("artefact"))) if report.stage in ("train", "evaluate") else {}
        model = {name: card[name] for name in MADE_OF if card.get(name)}

        def noted(record: Record) -> Record:
            stages = {**record["stages"], report.stage: stage}
            made = {"model": model, "training_image": report.image if report.stage == "train" else ""}
            return {**record, "stages": stages, **{name: known for name, known in made.items() if known}}

        await self._change(report.sha, noted)

    async def close(self, result: RunResult, seconds: float) -> None:
        """Write down how a run ended."""
        back = isinstance(result, Stopped) and result.back
        ended = {
            "state": ROLLED_BACK if back else _STATES[type(result)],
            "result": asdict(result),
            "seconds": round(seconds, 3),
        }
        await self._change(result.sha, lambda record: record | ended)

    async def leave(self, repository: str, result: Superseded) -> None:
        """Write down a commit that was left to a newer one; a run of its own stays as it was recorded."""
        left = {"repository": repository, "state": _STATES[Superseded], "result": asdict(result), "seconds": 0.0}
        await self._change(result.sha, lambda record: record | left if record["state"] == "unknown" else record)

    async def take_back(self, sha: str, serving: str, why: str) -> None:
        """Write down that a verified commit was taken back on command, why, and which commit serves again."""
        told = {"at": datetime.now(UTC).isoformat(" ", "seconds"), "why": why, "serving": serving}
        back = {"state": ROLLED_BACK, "taken_back": told}
        await self._change(sha, lambda record: record if record["state"] == ROLLED_BACK else record | back)

    async def break_off(self, sha: str, reason: str) -> None:
        """Write down that a run ended by an error of this program."""
        await self._change(sha, lambda record: record | {"state": "broken off", "reason": reason})

    async def _change(self, sha: str, change: Callable[[Record], Record]) -> None:
        async with self._order:
            try:
                await self._register.change("runs", sha, lambda known: change(_fresh(sha) | dict(known or {})))
            except RegisterUnavailable as problem:
                logger.warning("run not recorded", extra={"commit": sha, "why": str(problem)})


def _fresh(sha: str) -> Record:
    return {"sha": sha, "state": "unknown", "stages": {}}
