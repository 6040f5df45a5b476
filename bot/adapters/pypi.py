"""A package index read through the simple API in JSON (PEP 691, PEP 700), cached on disk, bounded."""

import asyncio
import hashlib
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import aiohttp
from packaging.utils import canonicalize_name

from bot.adapters import listing
from bot.adapters.listing import Answered, Listing
from bot.adapters.remotezip import SparseFile
from bot.adapters.webpages import Answer, PageRefused, WebPages
from bot.adapters.wholefile import write_whole
from bot.core.packages import File, IndexUnreachable, IndexUnsuitable, PackageUnknown, Project

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
MAX_PAGE = 64 * 2**20
MAX_METADATA = 8 * 2**20
MAX_RANGES = 8
ATTEMPTS = 3
AT_ONCE = 24
MAX_KNOWN = 256
"""Pages of which it is remembered where in the cache their files are."""
MAX_AGE = 300
"""Seconds for which a page is used without asking the index again."""
_TIMEOUT = aiohttp.ClientTimeout(total=60, connect=15, sock_read=20)
_METADATA = ".dist-info/METADATA"
Kept = tuple[Answered, Listing]


class SimpleIndex:
    """The `Index` port over HTTPS; `max_age` is how many seconds a page is used without asking the index again.

    Hosts in `allowed_hosts` may be private or without TLS. The session belongs to the caller.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        cache: Path,
        *,
        allowed_hosts: frozenset[str] = frozenset(),
        max_age: float = MAX_AGE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pages = WebPages(session, _TIMEOUT, allowed_hosts)
        self._cache = cache
        self._max_age = max_age
        self._clock = clock
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._without_metadata: set[str] = set()  # hosts that have no such files, where the index does not tell of them
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._known: dict[Path, tuple[tuple[int, ...] | None, Kept]] = {}
        self._digesting = ThreadPoolExecutor(1)  # one page at a time, for the sake of memory

    async def project(self, name: str, url: str, *, fresh: bool = False) -> Project:
        """The package on the index at `url`, `fresh` whatever the age of a cached page.

        Raises PackageUnknown, IndexUnsuitable or IndexUnreachable.
        """
        canonical = canonicalize_name(name)
        address = f"{url.rstrip('/')}/{canonical}/"
        path = self._cache / hashlib.sha256(address.encode()).hexdigest()
        async with self._turns.setdefault(address, asyncio.Lock()):  # who comes second uses what the first one got
            kept = await self._kept(path)
            if kept is None or fresh or not 0 <= self._clock() - kept[0].fetched <= self._max_age:
                async with self._slots:
                    kept = await self._refresh(address, kept, path, canonical, url)
                self._remember(path, kept)
        return Project(canonical, kept[1].again())

    async def _kept(self, path: Path) -> Kept | None:
        """What the cache has, from memory where its file is still the same."""
        stamp, kept = self._known.get(path, (None, None))
        if kept is None or stamp != _stamp(path):
            kept = await asyncio.to_thread(listing.read, path)
            if kept:
                self._remember(path, kept)
        return kept

    def _remember(self, path: Path, kept: Kept) -> None:
        self._known.pop(path, None)
        self._known[path] = _stamp(path), kept
        if len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]

    async def projects(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Project | str]:
        """Several pages at once; no releases where a package is unknown, a sentence where the index is unsuitable."""
        places = sorted(set(wanted))
        return dict(zip(places, await asyncio.gather(*(self._page(*place) for place in places)), strict=True))

    async def _page(self, name: str, url: str) -> Project | str:
        try:
            return await self.project(name, url)
        except PackageUnknown:
            return Project(name, {})
        except IndexUnsuitable as problem:
            return str(problem)

    async def metadata(self, file: File) -> str:
        """The core metadata of a wheel: its PEP 658 file, else read with ranges out of the wheel itself."""
        path = self._cache / f"{file.sha256 or hashlib.sha256(file.url.encode()).hexdigest()}.metadata"
        cached = await asyncio.to_thread(_text, path)
        if cached is not None:
            return cached
        async with self._slots:
            text = await self._fetch_metadata(file)
        await asyncio.to_thread(write_whole, path, [text.encode()])
        return text

    async def _fetch_metadata(self, file: File) -> str:
        what = f"the metadata of {file.filename}"
        host = _host(file.url)
        if file.has_metadata or host not in self._without_metadata:
            answer = await self._get(f"{file.url}.metadata", {}, what, MAX_METADATA)
            if answer.status == 200:
                return answer.body.decode("utf-8", "replace")
            if not file.has_metadata:
                self._without_metadata.add(host)
        sparse = SparseFile()
        for _ in range(MAX_RANGES):
            try:
                return _metadata_within(sparse, file.filename)
            except SparseFile.Missing as gap:
                answer = await self._get(file.url, {"Range": gap.range}, what, MAX_PAGE)
                if answer.status not in (200, 206):
                    raise IndexUnreachable(f"{_host(file.url)} answered {answer.status} for {what}.", 300) from None
                if not sparse.add(answer.body, answer.headers.get("Content-Range", "")):
                    break
            except (zipfile.BadZipFile, zlib.error, StopIteration, ValueError, NotImplementedError) as error:
                raise IndexUnsuitable(f"{file.filename} on {_host(file.url)} is not a whole wheel: {error}.") from error
        raise IndexUnsuitable(f"{_host(file.url)} does not answer ranges of {file.filename} as HTTP has them.")

    async def _refresh(self, address: str, kept: Kept | None, path: Path, name: str, index: str) -> Kept:
        """The page as the index has it now, kept on disk."""
        page = kept[0] if kept else None
        headers = {"Accept": SIMPLE_JSON}
        if page and page.etag:
            headers["If-None-Match"] = page.etag
        elif page and page.last_modified:
            headers["If-Modified-Since"] = page.last_modified
        answer = await self._get(address, headers, name, MAX_PAGE)
        if answer.status == 304 and kept:
            answered = replace(kept[0], fetched=self._clock())
            await asyncio.to_thread(listing.touch, path, answered.fetched)
            return answered, kept[1]
        if answer.status in (404, 410):
            raise PackageUnknown(f"The index {index} has no package {name}; check the name in the Pipfile.")
        if answer.status != 200:
            raise IndexUnreachable(f"The index {index} answered {answer.status} for {name}.", 300)
        kind = answer.headers.get("Content-Type", "")
        if "json" not in kind:
            raise IndexUnsuitable(
                f"The index {index} answers {kind.split(';')[0] or 'nothing'} for {name}; Bolide reads the JSON "
                "simple API (PEP 691), so name an index or a mirror that has it."
            )
        told = answer.headers
        answered = Answered(self._clock(), answer.url, told.get("ETag", ""), told.get("Last-Modified", ""))
        try:
            loop = asyncio.get_running_loop()
            made = await loop.run_in_executor(self._digesting, listing.keep, path, name, answered, answer.body)
            return answered, made
        except (ValueError, RecursionError) as error:
            raise IndexUnreachable(f"The index {index} answered nonsense about {name}: {error!r:.200}.", 300) from error

    async def _get(self, url: str, headers: dict[str, str], what: str, limit: int) -> Answer:
        """The answer after retries; a server error counts as no answer."""
        reason, place = "", f"the index at {_host(url)}"
        for attempt in range(ATTEMPTS):
            await asyncio.sleep(0 if attempt == 0 else 0.0625 * 4**attempt)
            try:
                answer = await self._pages.fetch(url, headers, place=place, limit=limit)
                if answer.status < 500 and answer.status != 429:
                    return answer
                reason = f"it answered {answer.status}"
            except PageRefused as error:
                raise IndexUnsuitable(str(error)) from error
            except TimeoutError:
                reason = "it did not answer in time"
            except (aiohttp.ClientError, OSError) as error:
                reason = str(error) or type(error).__name__
        raise IndexUnreachable(
            f"The index at {_host(url)} could not be read for {what}: {reason}; try again later.", 120
        )


def _metadata_within(sparse: SparseFile, filename: str) -> str:
    sparse.leave(_METADATA.encode())
    with zipfile.ZipFile(sparse) as wheel:
        inside = next(name for name in wheel.namelist() if name.count("/") == 1 and name.endswith(_METADATA))
        if wheel.getinfo(inside).file_size > MAX_METADATA:
            raise IndexUnsuitable(f"{filename} has metadata of more than {MAX_METADATA:,} bytes.")
        return wheel.read(inside).decode("utf-8", "replace")


def _host(url: str) -> str:
    return urlsplit(url).hostname or url[:80]


def _stamp(path: Path) -> tuple[int, ...] | None:
    """What differs once a file has been replaced or touched; None where there is none."""
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_ino, told.st_size, told.st_mtime_ns


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
