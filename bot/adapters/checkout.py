"""A local git checkout as a repository that a release can be planned for: files as they lie there, history from git."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bot.adapters.folder import FolderReader
from bot.core.errors import Refused
from bot.core.ports import CommitSummary, History, Snapshot

_MOST_COMMITS = 250
_FORM = "%H%x00%P%x00%an%x00%B%x1e"
GITHUB = re.compile(r"(?:https://github\.com/|git@github\.com:)(?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?")


class CheckoutReader(FolderReader):
    """`ports.Reader` of a checkout; its tags and commits are those of git on this machine."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._place = folder

    async def snapshot(
        self,
        paths: Sequence[str],
        *,
        branch: str = "",
        sha: str | None = None,
        more: Sequence[str] = (),
        overlays: str = "",
        tracked: str = "",
    ) -> Snapshot:
        """The files as they are now; those of another commit from git."""
        head = await self._git("rev-parse", "HEAD")
        found = await super().snapshot(paths, overlays=overlays)
        if sha is None or sha == head:
            return replace(found, sha=head)
        files = {path: await self._shown(sha, path) for path in paths}
        return replace(found, sha=sha, files=files)

    async def history(self, sha: str, since: str | None) -> History:
        """The commits reachable from `sha` but not from the tag `since`."""
        span = f"{since}..{sha}" if since else sha
        told = await self._git("log", f"--format={_FORM}", f"--max-count={_MOST_COMMITS}", span, "--")
        commits = tuple(_commit(record) for record in told.split("\x1e") if record.strip())
        total = int(await self._git("rev-list", "--count", span, "--"))
        if since is None:
            return History(commits, total, "", "")
        remote = GITHUB.fullmatch(await self._git("remote", "get-url", "origin", missing=""))
        page = f"https://github.com/{remote['name']}/compare/{since}...{sha}" if remote else ""
        return History(commits, total, await self._git("rev-parse", f"{since}^{{commit}}"), page)

    async def tags(self) -> tuple[str, ...]:
        """The names of the tags."""
        return tuple((await self._git("tag", "--list")).split())

    async def issue_is_open(self, number: int) -> bool:
        """Nobody closes one here."""
        return True

    async def _shown(self, sha: str, path: str) -> str | None:
        return await self._git("show", f"{sha}:{path}", missing="") or None

    async def _git(self, *words: str, missing: str | None = None) -> str:
        """What git says, without the last line end; `missing` where it fails. Raises Refused."""
        process = await asyncio.create_subprocess_exec(
            "git", "-C", str(self._place), "-c", "core.fsmonitor=false", *words,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        told, wrong = await process.communicate()
        if process.returncode == 0:
            return told.decode(errors="replace").rstrip("\n")
        if missing is not None:
            return missing
        said = wrong.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise Refused(f"{self._place} is no git checkout to release from: {said[-1]}.")


def _commit(record: str) -> CommitSummary:
    sha, parents, author, message = record.strip("\n").split("\x00", 3)
    return CommitSummary(sha, message.strip(), author, "", tuple(parents.split()))
