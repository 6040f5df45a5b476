"""A reader that remembers what it reads, and answers from memory where it may."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from bot.core.events import Actor, Repository
from bot.core.labelling import Pull
from bot.core.mirror import Mirror, Question
from bot.core.ports import (
    CheckOutcome,
    History,
    InboxUnavailable,
    MergedPull,
    PullRequest,
    Reader,
    Snapshot,
    Standing,
)


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


class MirroredReader:
    """`ports.Reader` over another; with `recalls`, snapshots that the mirror knows cost no request.

    `head` is the commit that the default branch is known to be at. `recalled` tells whether any answer was from memory.
    """

    def __init__(
        self, inner: Reader, mirror: Mirror, repository: Repository, now: datetime, head: str | None, *, recalls: bool
    ) -> None:
        self._inner = inner
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
        if self._recalls:
            with suppress(InboxUnavailable):
                known = await self._mirror.recall(self._repository, question, sha or self._head, self._now)
                if known is not None:
                    self.recalled = True
                    return known
        seen = await self._inner.snapshot(paths, branch=branch, sha=sha, more=more, overlays=overlays, tracked=tracked)
        with suppress(InboxUnavailable):
            await self._mirror.keep(self._repository, question, seen, self._now, head=sha is None)
        return seen

    async def pull_request(self, number: int) -> PullRequest:
        """The pull request as it is now."""
        return await self._inner.pull_request(number)

    async def history(self, sha: str, since: str | None) -> History:
        """The commits since a tag."""
        return await self._inner.history(sha, since)

    async def merged_pulls(self) -> tuple[MergedPull, ...]:
        """The pull requests that were merged."""
        return await self._inner.merged_pulls()

    async def checks(self, sha: str) -> tuple[CheckOutcome, ...]:
        """How the commit fares."""
        return await self._inner.checks(sha)

    async def issue_is_open(self, number: int) -> bool:
        """Whether the issue is open."""
        return await self._inner.issue_is_open(number)

    async def release_url(self, tag: str) -> str | None:
        """The page of the tag's GitHub Release."""
        return await self._inner.release_url(tag)

    async def tags(self) -> tuple[str, ...]:
        """The repository's tag names."""
        return await self._inner.tags()

    async def standing(self, actor: Actor) -> Standing:
        """The account as it stands now."""
        return await self._inner.standing(actor)

    async def open_pulls(self) -> tuple[Pull, ...]:
        """The fifty newest open pull requests."""
        return await self._inner.open_pulls()

    async def paths(self, sha: str) -> tuple[str, ...]:
        """The paths of the files at the commit."""
        return await self._inner.paths(sha)

    async def tarball(self, sha: str) -> bytes:
        """The repository's files at the commit."""
        return await self._inner.tarball(sha)
