"""A package index read through the simple API in JSON (PEP 691, PEP 700), cached on disk, bounded."""

import asyncio
import hashlib
import json
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.adapters.remotezip import SparseFile
from bot.adapters.webpages import Answer, PageRefused, WebPages
from bot.adapters.wholefile import write_whole
from bot.core.packages import File, FileKind, IndexUnreachable, IndexUnsuitable, PackageUnknown, Project

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
MAX_PAGE = 64 * 2**20
MAX_METADATA = 8 * 2**20
MAX_RANGES = 8
ATTEMPTS = 3
AT_ONCE = 24
MAX_AGE = 300
"""Seconds for which a page is used without asking the index again."""
_TIMEOUT = aiohttp.ClientTimeout(total=60, connect=15, sock_read=20)
_SDISTS = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")


@dataclass(frozen=True, slots=True)
class _Page:
    """A cached answer: what was said about its age, and its bytes."""

    fetched: float
    url: str
    etag: str
    last_modified: str
    body: bytes


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

    async def project(self, name: str, url: str, *, fresh: bool = False) -> Project:
        """The package on the index at `url`, `fresh` whatever the age of a cached page.

        Raises PackageUnknown, IndexUnsuitable or IndexUnreachable.
        """
        canonical = canonicalize_name(name)
        address = f"{url.rstrip('/')}/{canonical}/"
        path = self._cache / hashlib.sha256(address.encode()).hexdigest()
        async with self._slots:
            page = await asyncio.to_thread(_read, path)
            if page is None or fresh or not 0 <= self._clock() - page.fetched <= self._max_age:
                page = await self._refresh(address, page, canonical, url)
                await asyncio.to_thread(_write, path, page)
            try:
                return await asyncio.to_thread(_project, canonical, page)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                path.unlink(missing_ok=True)
                raise IndexUnreachable(
                    f"The index {url} answered nonsense about {canonical}: {error!r:.200}.", 300
                ) from error

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
        await asyncio.to_thread(write_whole, path, text.encode())
        return text

    async def _fetch_metadata(self, file: File) -> str:
        what = f"the metadata of {file.filename}"
        if file.has_metadata:
            answer = await self._get(f"{file.url}.metadata", {}, what, MAX_METADATA)
            if answer.status == 200:
                return answer.body.decode("utf-8", "replace")
        sparse = SparseFile()
        for _ in range(MAX_RANGES):
            try:
                with zipfile.ZipFile(sparse) as wheel:
                    inside = next(
                        n for n in wheel.namelist() if n.count("/") == 1 and n.endswith(".dist-info/METADATA")
                    )
                    if wheel.getinfo(inside).file_size > MAX_METADATA:
                        raise IndexUnsuitable(f"{file.filename} has metadata of more than {MAX_METADATA:,} bytes.")
                    return wheel.read(inside).decode("utf-8", "replace")
            except SparseFile.Missing as gap:
                answer = await self._get(file.url, {"Range": gap.range}, what, MAX_PAGE)
                if answer.status not in (200, 206):
                    raise IndexUnreachable(f"{_host(file.url)} answered {answer.status} for {what}.", 300) from None
                if not sparse.add(answer.body, answer.headers.get("Content-Range", "")):
                    break
            except (zipfile.BadZipFile, zlib.error, StopIteration, ValueError, NotImplementedError) as error:
                raise IndexUnsuitable(f"{file.filename} on {_host(file.url)} is not a whole wheel: {error}.") from error
        raise IndexUnsuitable(f"{_host(file.url)} does not answer ranges of {file.filename} as HTTP has them.")

    async def _refresh(self, address: str, page: _Page | None, name: str, index: str) -> _Page:
        headers = {"Accept": SIMPLE_JSON}
        if page and page.etag:
            headers["If-None-Match"] = page.etag
        elif page and page.last_modified:
            headers["If-Modified-Since"] = page.last_modified
        answer = await self._get(address, headers, name, MAX_PAGE)
        if answer.status == 304 and page:
            return _Page(self._clock(), page.url, page.etag, page.last_modified, page.body)
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
        return _Page(self._clock(), answer.url, told.get("ETag", ""), told.get("Last-Modified", ""), answer.body)

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


def _host(url: str) -> str:
    return urlsplit(url).hostname or url[:80]


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _read(path: Path) -> _Page | None:
    """The cached page, or None where there is none or it is not whole."""
    try:
        head, _, body = path.read_bytes().partition(b"\n")
        told = json.loads(head)
        if told["sha256"] != hashlib.sha256(body).hexdigest():
            return None
        return _Page(float(told["fetched"]), str(told["url"]), str(told["etag"]), str(told["last_modified"]), body)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, page: _Page) -> None:
    told = {"fetched": page.fetched, "url": page.url, "etag": page.etag, "last_modified": page.last_modified}
    told["sha256"] = hashlib.sha256(page.body).hexdigest()
    write_whole(path, json.dumps(told).encode() + b"\n" + page.body)


class _Releases(Mapping[str, tuple[File, ...]]):
    """The releases on a page; files are made when asked for, since a page has thousands that nobody asks for."""

    def __init__(self, name: str, page: str, listed: list[Mapping[str, Any]]) -> None:
        self._page = page
        self._told: dict[str, list[tuple[FileKind, Mapping[str, Any]]]] = {}
        self._made: dict[str, tuple[File, ...]] = {}
        for told in listed:
            kind, version = _release_of(name, told["filename"])
            if not isinstance(told["url"], str) or not isinstance(told["hashes"], dict):
                raise TypeError(f"{told['filename']} has no url or no hashes")
            self._told.setdefault(_normal(version), []).append((kind, told))

    def __getitem__(self, version: str) -> tuple[File, ...]:
        if version not in self._made:
            self._made[version] = tuple(_file(self._page, version, kind, told) for kind, told in self._told[version])
        return self._made[version]

    def __iter__(self) -> Iterator[str]:
        return iter(self._told)

    def __len__(self) -> int:
        return len(self._told)


def _project(name: str, page: _Page) -> Project:
    return Project(name, _Releases(name, page.url, json.loads(page.body)["files"]))


def _file(page: str, version: str, kind: FileKind, told: Mapping[str, Any]) -> File:
    size = told.get("size")
    return File(
        filename=told["filename"],
        version=version,
        sha256=str(told["hashes"].get("sha256", "")),
        size=size if isinstance(size, int) else None,
        upload_time=_moment(told.get("upload-time")),
        requires_python=str(told.get("requires-python") or ""),
        yanked=bool(told.get("yanked")),
        kind=kind,
        url=urljoin(page, told["url"]),
        has_metadata=bool(told.get("core-metadata") or told.get("dist-info-metadata")),
        attested=bool(told.get("provenance")),
    )


def _moment(told: object) -> datetime | None:
    """An upload time with its zone; None where the index tells none that can be read."""
    try:
        moment = datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _release_of(name: str, filename: str) -> tuple[FileKind, str]:
    """The kind of a file and its version as written in its name."""
    if filename.endswith(".whl"):
        parts = filename.split("-", 2)
        return "wheel", parts[1] if len(parts) > 2 else ""
    ending = next((ending for ending in _SDISTS if filename.endswith(ending)), "")
    stem = filename.removesuffix(ending)
    kind: FileKind = "sdist" if ending else "other"
    if len(stem) > len(name) + 1 and canonicalize_name(stem[: len(name)]) == name:
        return kind, stem[len(name) + 1 :]
    return kind, stem.rpartition("-")[2]


@lru_cache(maxsize=100_000)
def _normal(version: str) -> str:
    try:
        return str(Version(version))
    except InvalidVersion:
        return version
