"""The `Archive` port: records and index pages in a folder, each under the hash of its content, and read again."""

import asyncio
import contextlib
import gzip
import hashlib
import json
import platform
import re
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.adapters.gateway import Gateway, GatewayUv
from bot.adapters.resolver import UvResolver
from bot.adapters.wholefile import write_whole
from bot.advisor import prescriptions
from bot.core.errors import Refused, TryLater
from bot.core.packages import File, Index, PackageUnknown, Project, Unresolvable
from bot.core.records import Asking, Proposed, Record, canonical, decode, encode

SCHEMA = 1
MOST_RECORDS = 500
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Seen:
    """`Index` that keeps what it answered: pages by (package, index), None where there is none; metadata by file."""

    inner: Index
    pages: dict[tuple[str, str], Project | None] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    async def project(self, name: str, url: str, *, fresh: bool = False) -> Project:
        """As the port has it; each page is read once."""
        if (name, url) not in self.pages:
            try:
                self.pages[name, url] = await self.inner.project(name, url)
            except PackageUnknown:
                self.pages[name, url] = None
        page = self.pages[name, url]
        if page is None:
            raise PackageUnknown(f"The index {url} has no package {name}; check the name in the Pipfile.")
        return page

    async def projects(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Project | str]:
        """As the port has it."""
        found: dict[tuple[str, str], Project | str] = {}
        for name, url in sorted(set(wanted)):
            try:
                found[name, url] = await self.project(name, url)
            except PackageUnknown:
                found[name, url] = Project(name, {})
        return found

    async def metadata(self, file: File) -> str:
        """As the port has it."""
        if file.url not in self.texts:
            self.texts[file.url] = await self.inner.metadata(file)
        return self.texts[file.url]


class Nothing:
    """`Index` that knows nothing: what is not in a record is not there."""

    async def project(self, name: str, url: str, *, fresh: bool = False) -> Project:
        """Nothing."""
        raise PackageUnknown(f"The record has no page of {name} on {url}.")

    async def projects(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Project | str]:
        """Nothing."""
        return {place: Project(place[0], {}) for place in wanted}

    async def metadata(self, file: File) -> str:
        """Nothing."""
        raise PackageUnknown(f"The record has no metadata of {file.filename}.")


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as it was kept: what a plan was made from, what the index had, and which program resolved."""

    record: Record
    seen: Seen
    tools: Mapping[str, str]


class FolderArchive:
    """Records and, beside them, what the index answered; the oldest records go when there are too many.

    The index's pages are gathered in the background, by deriving the locks once more, when it is the turn of heavy
    work: who proposes does not wait for that.
    """

    def __init__(
        self, folder: Path, index: Index, most: int = MOST_RECORDS, *, turn: asyncio.Lock | None = None
    ) -> None:
        self._folder = folder
        self._index = index
        self._most = most
        self._turn = turn or asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def keep(self, record: Record, asked: tuple[Asking, ...]) -> str:
        """The hash of the record, empty where it cannot be written."""
        try:
            digest = await asyncio.to_thread(self._store, "records", canonical({"schema": SCHEMA, **_told(record)}))
        except OSError:
            return ""
        task = asyncio.create_task(self._complete(digest, asked))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return digest

    async def settle(self) -> None:
        """Return when every record has its pages, or the reason why it has none."""
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Break off what is gathered; those records say that they have no pages."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _complete(self, digest: str, asked: tuple[Asking, ...]) -> None:
        """Gather what the index has for the record's requests, if the locks can be derived from that."""
        seen = Seen(self._index)
        async with self._turn:
            try:
                async with resolving(seen) as resolver:
                    for each in asked:
                        if await _locked(resolver, each) != each.lock_text:
                            raise Refused("the index has changed since, or contradicts itself")
                    used = await tools(resolver)
                await asyncio.to_thread(self._write, digest, seen, used)
            except (TryLater, Refused, OSError) as problem:
                with contextlib.suppress(OSError):
                    self._put("sources", digest, canonical({"trouble": str(problem).rstrip(".")}))

    async def note(self, snapshot: str, repository: str, number: int, made: Proposed) -> None:
        """Remember which pull request came of a record."""
        told = {"snapshot": snapshot, "repository": repository, "number": number, "made": encode(made)}
        await asyncio.to_thread(write_whole, self._named(repository, number), [canonical(told)])

    def of(self, name: str) -> tuple[str, Proposed]:
        """The record's hash and what was proposed, by the pull request (OWNER/NAME#12, or 12). Raises Refused."""
        repository, _, number = name.rpartition("#")
        if not number.isdecimal():
            raise Refused(f"{name[:100]!r} is no pull request; write OWNER/NAME#12, or 12 where one repository has it.")
        listed = (self._folder / "pulls").glob(f"*#{number}.json")
        places = [self._named(repository, int(number))] if repository else sorted(listed)
        places = [place for place in places if place.is_file()]
        if len(places) != 1:
            trouble = "no record of it is here" if not places else "several repositories have one; write OWNER/NAME#12"
            raise Refused(f"{name[:100]} cannot be derived again: {trouble}.")
        told = json.loads(places[0].read_bytes())
        return str(told["snapshot"]), decode(told["made"])

    def load(self, snapshot: str) -> Kept:
        """The record with this hash; raises Refused where it is not here, or is not what its hash says."""
        if not _HASH.fullmatch(snapshot):
            raise Refused(f"{snapshot[:80]!r} is no hash of a record.")
        told = json.loads(self._read("records", snapshot))
        if told.pop("schema", None) != SCHEMA:
            raise Refused(f"The record {snapshot[:12]} is of another version of Bolide.")
        sources = self._sources(snapshot)
        seen = Seen(Nothing())
        for (name, url), digest in ((tuple(place), digest) for place, digest in sources["pages"]):
            seen.pages[name, url] = _page(json.loads(self._read("blobs", digest))) if digest else None
        seen.texts.update({url: self._read("blobs", digest).decode() for url, digest in sources["texts"].items()})
        return Kept(_record(told), seen, sources["tools"])

    def _sources(self, snapshot: str) -> dict[str, Any]:
        """What the record's locks were derived from; raises Refused where that is not here."""
        try:
            told: dict[str, Any] = json.loads(gzip.decompress(self._place("sources", snapshot).read_bytes()))
        except (OSError, EOFError, ValueError) as problem:
            why = f"it has no pages of the index, or not whole ones: {problem}"
            raise Refused(f"The record {snapshot[:12]} cannot be derived again: {why}.") from problem
        if "trouble" in told:
            raise Refused(f"The record {snapshot[:12]} cannot be derived again: {told['trouble']}.")
        return told

    def _write(self, digest: str, seen: Seen, tools: Mapping[str, str]) -> None:
        """Blobs first, what names them last: what is there is whole."""
        pages = [
            [list(place), self._blob(canonical(_rows(page))) if page else ""]
            for place, page in sorted(seen.pages.items())
        ]
        texts = {url: self._blob(text.encode()) for url, text in sorted(seen.texts.items())}
        self._put("sources", digest, canonical({"tools": tools, "pages": pages, "texts": texts}))
        self._prune()

    def _blob(self, content: bytes) -> str:
        return self._store("blobs", content)

    def _store(self, kind: str, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        if not self._place(kind, digest).is_file():
            self._put(kind, digest, content)
        return digest

    def _put(self, kind: str, name: str, content: bytes) -> None:
        write_whole(self._place(kind, name), [gzip.compress(content, 6, mtime=0)])

    def _place(self, kind: str, name: str) -> Path:
        return self._folder / kind / f"{name}.gz"

    def _read(self, kind: str, digest: str) -> bytes:
        try:
            content = gzip.decompress(self._place(kind, digest).read_bytes())
        except (OSError, EOFError, ValueError) as problem:
            raise Refused(f"The record {digest[:12]} is not here, or not whole: {problem}.") from problem
        if hashlib.sha256(content).hexdigest() != digest:
            raise Refused(f"The record {digest[:12]} is not what its hash says; it was changed.")
        return content

    def _prune(self) -> None:
        """Remove the oldest records, and the blobs that no record has."""
        records = sorted((self._folder / "records").glob("*.gz"), key=lambda path: path.stat().st_mtime)
        if len(records) <= self._most:
            return
        for path in records[: -self._most]:
            path.unlink(missing_ok=True)
            (self._folder / "sources" / path.name).unlink(missing_ok=True)
        used: set[str] = set()
        for path in records[-self._most :]:
            with contextlib.suppress(Refused):
                told = self._sources(path.name.removesuffix(".gz"))
                used |= {digest for _, digest in told["pages"]} | set(told["texts"].values())
        for path in (self._folder / "blobs").glob("*.gz"):
            if path.name.removesuffix(".gz") not in used:
                path.unlink(missing_ok=True)

    def _named(self, repository: str, number: int) -> Path:
        return self._folder / "pulls" / f"{repository.replace('/', '--')}#{number}.json"


@contextlib.asynccontextmanager
async def resolving(index: Index) -> AsyncIterator[UvResolver]:
    """A resolver whose uv sees nothing but this index, with a cache of its own."""
    with tempfile.TemporaryDirectory(prefix="derive-") as cache:
        async with Gateway(index).listening() as gateway:
            yield UvResolver(GatewayUv(Path(cache), gateway), index)


async def _locked(resolver: UvResolver, asked: Asking) -> str:
    try:
        return (await resolver.resolve(asked.request)).lock_text
    except Unresolvable:
        return ""


async def tools(resolver: UvResolver) -> dict[str, str]:
    """What a derivation depends on besides its record: the resolver, Python and the machine's kind."""
    machine = f"{platform.system()} {platform.machine()}"
    return {"resolver": await resolver.version(), "python": platform.python_version(), "machine": machine}


def _rows(page: Project) -> Any:
    """The page as JSON has it, one row a file: a page has thousands, so their fields have no names."""
    return [page.name, [[version, [_row(file) for file in files]] for version, files in page.releases.items()]]


def _row(file: File) -> list[Any]:
    moment = file.upload_time.isoformat() if file.upload_time else None
    told = [file.filename, file.version, file.sha256, file.size, moment, file.requires_python]
    return [*told, file.yanked, file.kind, file.url, file.has_metadata, file.provenance]


def _page(told: Any) -> Project:
    name, releases = told
    return Project(name, {version: tuple(map(_file, rows)) for version, rows in releases})


def _file(row: list[Any]) -> File:
    filename, version, digest, size, moment, *rest = row
    return File(filename, version, digest, size, datetime.fromisoformat(moment) if moment else None, *rest)


def _told(record: Record) -> Any:
    return {item.name: encode(getattr(record, item.name)) for item in fields(record)}


def _record(told: Mapping[str, Any]) -> Record:
    return Record(**{name: decode(value, prescriptions) for name, value in told.items()})
