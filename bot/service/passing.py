"""A reader that hands every question on, for readers that do something besides."""

# ruff: noqa: D102 - the contract stands on the port

from collections.abc import Sequence

from bot.core.events import Actor
from bot.core.labelling import Pull
from bot.core.ports import CheckOutcome, History, MergedPull, PullRequest, Reader, Snapshot, Standing


class PassingReader:
    """`ports.Reader` over another."""

    def __init__(self, inner: Reader) -> None:
        self._inner = inner

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
        return await self._inner.snapshot(paths, branch=branch, sha=sha, more=more, overlays=overlays, tracked=tracked)

    async def pull_request(self, number: int) -> PullRequest:
        return await self._inner.pull_request(number)

    async def changed_files(self, number: int) -> tuple[str, ...]:
        return await self._inner.changed_files(number)

    async def history(self, sha: str, since: str | None) -> History:
        return await self._inner.history(sha, since)

    async def merged_pulls(self) -> tuple[MergedPull, ...]:
        return await self._inner.merged_pulls()

    async def checks(self, sha: str) -> tuple[CheckOutcome, ...]:
        return await self._inner.checks(sha)

    async def issue_is_open(self, number: int) -> bool:
        return await self._inner.issue_is_open(number)

    async def release_url(self, tag: str) -> str | None:
        return await self._inner.release_url(tag)

    async def tags(self) -> tuple[str, ...]:
        return await self._inner.tags()

    async def standing(self, actor: Actor) -> Standing:
        return await self._inner.standing(actor)

    async def open_pulls(self) -> tuple[Pull, ...]:
        return await self._inner.open_pulls()

    async def paths(self, sha: str) -> tuple[str, ...]:
        return await self._inner.paths(sha)

    async def tarball(self, sha: str) -> bytes:
        return await self._inner.tarball(sha)
