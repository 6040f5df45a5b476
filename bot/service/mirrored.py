"""A reader that remembers what it reads, and answers from memory where it may."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from bot.core.events import Repository
from bot.core.mirror import Mirror, Question
from bot.core.ports import InboxUnavailable, Reader, Snapshot
from bot.service.passing import PassingReader


class Forgetful:
    """A mirror that knows nothing: every look asks GitHub."""

    async def recall(
        self, repository: Repository, question: Question, sha: str | None, now: datetime
    ) -> Snapshot | None:
        """Nothing is known."""
        return None

    async def keep(
        self, repository: Repository, question: Question, seen: Snapshot, now: datetime, *, head: bool
    ) -> None:
        """Nothing is kept."""

    async def advance(self, repository: Repository, before: str, after: str, changed: Sequence[str] | None) -> None:
        """Nothing moves."""

    async def forget(self, repository: Repository) -> None:
        """Nothing was known."""


class MirroredReader(PassingReader):
    """`ports.Reader` over another; with `recalls`, snapshots that the mirror knows cost no request.

    `head` is the commit that the default branch is known to be at. `recalled` tells whether any answer was from memory.
    """

    def __init__(
        self, inner: Reader, mirror: Mirror, repository: Repository, now: datetime, head: str | None, *, recalls: bool
    ) -> None:
        super().__init__(inner)
        self._mirror = mirror
        self._repository = repository
        self._now = now
        self._head = head
        self._recalls = recalls
        self.recalled = False

    async def snapshot(
        self,
        paths: Sequence[str],
        *,
        branch: str,
        sha: str | None = None,
        more: Sequence[str] = (),
        overlays: str = "",
        tracked: str = "",
    ) -> Snapshot:
        """As the port says; a mirror that cannot be read is done without."""
        question = Question(tuple(paths), branch, tuple(more), overlays, tracked)
        # A commit that the event names is read, not recalled: what is examined there is not to be examined twice.
        if self._recalls and (sha is None or self.recalled):
            with suppress(InboxUnavailable):
                known = await self._mirror.recall(self._repository, question, sha or self._head, self._now)
                if known is not None:
                    self.recalled = True
                    return known
        seen = await super().snapshot(paths, branch=branch, sha=sha, more=more, overlays=overlays, tracked=tracked)
        with suppress(InboxUnavailable):
            await self._mirror.keep(self._repository, question, seen, self._now, head=sha is None)
        return seen
