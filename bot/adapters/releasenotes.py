"""The `ReleaseNotes` port: changelogs that packages name in their metadata, fetched within bounds and kept a while."""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import aiohttp

from bot.adapters.webpages import Answer, PageRefused, WebPages
from bot.core.errors import Refused, TryLater
from bot.core.packages import Index
from bot.core.releasenotes import Asked, Notes, between, changelog_link, description, from_html, text_address

MAX_PAGE = 2 * 2**20
MAX_PACKAGES = 30
"""So many are asked about; of more the metadata is not even read."""
MAX_AGE = 24 * 3600.0
AWAY = 3600.0
"""Seconds for which a page that did not answer is not asked again."""
AT_ONCE = 8
TOO_MANY = "not looked for: too many packages move"
SECONDS = 4.0
"""For all notes of one pull request together: nobody waits long for a pull request because of its notes."""
_TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5, sock_read=10)


class WebReleaseNotes:
    """Notes from the web, and from a package's own description where that holds its changes.

    `session` must resolve public addresses only. Hosts in `allowed_hosts` may be private or without TLS.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        index: Index,
        cache: Path,
        *,
        allowed_hosts: frozenset[str] = frozenset(),
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pages = WebPages(session, _TIMEOUT, allowed_hosts)
        self._index, self._cache = index, cache
        self._seconds = seconds
        self._clock = clock
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._away: dict[str, tuple[float, str]] = {}

    async def read(self, wanted: Sequence[Asked]) -> tuple[Notes, ...]:
        """The notes of each, in the same order; what is not there in time has that as its trouble."""
        tasks = [asyncio.create_task(self._notes(asked)) for asked in wanted[:MAX_PACKAGES]]
        if tasks:
            await asyncio.wait(tasks, timeout=self._seconds)
        found = [
            task.result() if task.done() else Notes(asked, trouble="its notes were not there in time")
            for task, asked in zip(tasks, wanted, strict=False)
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return (
            *found,
            *(Notes(asked, trouble=TOO_MANY) for asked in wanted[MAX_PACKAGES:]),
        )

    async def _notes(self, asked: Asked) -> Notes:
        async with self._slots:
            try:
                metadata = await self._metadata(asked)
            except (Refused, TryLater):
                return Notes(asked, trouble="its metadata is not reachable")
            link = changelog_link(metadata)
            text, trouble = await self._page(text_address(link)) if link else ("", "no changelog is named")
            # Building regular expressions' matches over a megabyte takes a moment.
            cut = await asyncio.to_thread(between, text, asked.old, asked.new)
            cut = cut or await asyncio.to_thread(between, description(metadata), asked.old, asked.new)
            return Notes(asked, cut, link, "" if cut else trouble or "no section for these versions was found in it")

    async def _metadata(self, asked: Asked) -> str:
        """The core metadata of the new version, from its wheel; raises Refused where it has none."""
        release = (await self._index.project(asked.name, asked.index)).release(asked.new)
        wheel = next((file for file in release if file.kind == "wheel"), None)
        if wheel is None:
            raise Refused(f"{asked.name} {asked.new} has no wheel to read its metadata from.")
        return await self._index.metadata(wheel)

    async def _page(self, url: str) -> tuple[str, str]:
        """The page's text, or why there is none."""
        path = self._cache / hashlib.sha256(url.encode()).hexdigest()
        kept = await asyncio.to_thread(_kept, path, self._clock() - MAX_AGE)
        if kept is not None:
            return kept, ""
        since, trouble = self._away.get(url, (0.0, ""))
        if self._clock() - since < AWAY:
            return "", trouble
        text, trouble = await self._fetched(url)
        if trouble:
            self._away = {page: told for page, told in self._away.items() if self._clock() - told[0] < AWAY}
            self._away[url] = (self._clock(), trouble)
        else:
            await asyncio.to_thread(_keep, path, text, self._clock())
        return text, trouble

    async def _fetched(self, url: str) -> tuple[str, str]:
        try:
            answer = await self._pages.fetch(url, {}, place="the changelog", limit=MAX_PAGE)
        except PageRefused as refusal:
            return "", str(refusal)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return "", "not reachable"
        if answer.status != 200:
            return "", f"not reachable: it answered {answer.status}"
        text = await asyncio.to_thread(_text, answer)
        return ("", "it is no text") if text is None else (text, "")


def _text(answer: Answer) -> str | None:
    """The page as text, None where it is none."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if not kind.startswith("text/") and kind != "application/xhtml+xml":
        return None
    text = answer.body.decode("utf-8", "replace")
    return from_html(text) if "html" in kind else text


def _kept(path: Path, oldest: float) -> str | None:
    try:
        told = json.loads(path.read_text("utf-8"))
        return str(told["text"]) if told["fetched"] >= oldest else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(path: Path, text: str, now: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{time.monotonic_ns()}")
    part.write_text(json.dumps({"fetched": now, "text": text}), "utf-8")
    part.replace(path)
