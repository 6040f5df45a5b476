"""When a branch is still: merges that come close upon one another are built as two, not one by one."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.core import repoconfig
from bot.core.events import Repository
from bot.core.ports import HeadMoved, Reader
from bot.core.texts import update


@dataclass(slots=True)
class Calm:
    """Holds a run back that would begin within `storm` seconds of the last one, until the branch is `still`.

    A merge by itself is not held back. After `patience` seconds the head is built, however much is merged.
    """

    storm: float = 10.0
    still: float = 5.0
    patience: float = 60.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _ended: dict[int, float] = field(default_factory=dict)
    _settled: dict[int, str | None] = field(default_factory=dict)
    """The commit to build next; None for whichever is the head."""

    def end(self, repository: Repository) -> None:
        """A run of the repository ended now."""
        self._ended[repository.id] = self.clock()

    async def wait(self, repository: Repository, sha: str, reader: Reader) -> None:
        """Return when the commit may be built; raises HeadMoved when it is no longer the head to build."""
        begun = self.clock()
        settled = self._settled.pop(repository.id, "")
        alone = begun - self._ended.get(repository.id, -math.inf) >= self.storm
        if settled in (sha, None) or (alone and not settled):
            return
        before, head = "", sha
        while head != before and self.clock() - begun < self.patience:
            before = head
            await self.sleep(self.still)
            head = (await reader.snapshot(repoconfig.PATHS, branch=update.BRANCH)).sha
        if head != sha:
            self._settled[repository.id] = head if head == before else None
            raise HeadMoved(f"{repository.name} moved to {head[:8]} while merges were waited for.")
