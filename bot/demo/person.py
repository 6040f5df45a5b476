"""A person at GitHub's REST API: what the demo does without one, and what it reads to tell how things stand."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import aiohttp

T = TypeVar("T")


class Stuck(Exception):
    """What the demo waited for did not come; the message says what, and where the logs are."""


class Person:
    """A signed-in account with its token."""

    def __init__(self, session: aiohttp.ClientSession, api: str, repository: str) -> None:
        self._session, self._base = session, f"{api}/repos/{repository}"

    async def get(self, path: str) -> Any:
        """The answer's JSON."""
        async with self._session.get(f"{self._base}{path}") as answer:
            answer.raise_for_status()
            return await answer.json()

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer's JSON to something new."""
        async with self._session.post(f"{self._base}{path}", json=body) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def head(self) -> str:
        """The commit that the default branch is at."""
        return str((await self.get("/commits/HEAD"))["sha"])

    async def open_pull_request(self, branch: str) -> dict[str, Any] | None:
        """The open pull request whose branch begins so."""
        found = await self.get("/pulls?state=open")
        return next((pull for pull in found if pull["head"]["ref"].startswith(branch)), None)

    async def check_run(self, sha: str, name: str) -> dict[str, Any] | None:
        """The completed check run of that name."""
        found = await self.get(f"/commits/{sha}/check-runs")
        runs = (run for run in found["check_runs"] if run["name"] == name and run["status"] == "completed")
        return next(runs, None)

    async def status(self, sha: str, context: str) -> dict[str, Any] | None:
        """The commit's status of that context, once it is not pending."""
        found = (await self.get(f"/commits/{sha}/status"))["statuses"]
        return next((one for one in found if one["context"] == context and one["state"] != "pending"), None)

    async def release(self, tag: str) -> dict[str, Any] | None:
        """The release of the tag."""
        return next((one for one in await self.get("/releases") if one["tag_name"] == tag), None)

    async def merge(self, number: int) -> str:
        """Merge the pull request; the merge commit."""
        async with self._session.put(f"{self._base}/pulls/{number}/merge", json={}) as answer:
            answer.raise_for_status()
            return str((await answer.json())["sha"])

    async def open_issue(self, title: str) -> int:
        """Open an issue; its number."""
        return int((await self.post("/issues", {"title": title}))["number"])


async def until(ask: Callable[[], Awaitable[T | None]], what: str, seconds: float, pause: float = 0.1) -> T:
    """The first answer that is not None; raises Stuck when it does not come in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = await ask()
        if found is not None:
            return found
        await asyncio.sleep(pause)
    raise Stuck(f"{what} did not come within {seconds:.0f} s")
