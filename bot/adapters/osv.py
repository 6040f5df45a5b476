"""The `Advisories` port: OSV's service, or a folder or zip of records in the OSV schema."""

import asyncio
import hashlib
import json
import os
import re
import time
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from packaging.utils import canonicalize_name

from bot.adapters.wholefile import write_whole
from bot.core.advisories import ECOSYSTEM, Advisory, Checked, MalformedAdvisory, NotChecked, merged, read

MAX_RECORD = 4 * 2**20
MAX_RECORDS = 200_000
MAX_ANSWER = 64 * 2**20
AT_ONCE = 8
AWAY_SECONDS = 60.0
LOOK_SECONDS = 1.0
"""How long a folder is taken to hold what it held: the questions of one update share a look."""
NAMES_IN_A_QUESTION = 500
MAX_PAGES = 100
_TIMEOUT = aiohttp.ClientTimeout(total=60, connect=10, sock_read=20)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_NAMES = re.compile(rb"""["']?name["']?\s*:\s*["']?([A-Za-z0-9._-]+)""")
_MODIFIED = re.compile(rb"""["']?modified["']?\s*:\s*["']?([0-9]{4}-[0-9]{2}-[0-9]{2})""")
_NO_DAY = date(1970, 1, 1)
"""Of a folder in which no file tells when it changed, as every record does."""
_ENDINGS = (".json", ".yaml", ".yml")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Switched:
    """No source at all, by the operator's decision."""

    async def about(self, names: Collection[str]) -> NotChecked:
        """That nothing was checked."""
        return NotChecked("The operator switched advisories off (BOLIDE_ADVISORIES=none).")


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Where the records are that name a package, and the day of the newest record of all; `marks` as `_marks` gave."""

    places: Mapping[str, tuple[str, ...]]
    as_of: datetime
    read_at: float
    marks: tuple[int, ...]


class Records:
    """Advisories from a folder or a zip of OSV records, YAML or JSON.

    What is where is looked up anew when a file came, went or was exchanged, and each hour: one may be edited in place.
    """

    def __init__(self, place: Path, clock: Callable[[], float] = time.time) -> None:
        self._place = place
        self._clock = clock
        self._shelf: _Shelf | None = None
        self._looked_at = 0.0

    async def about(self, names: Collection[str]) -> Checked | NotChecked:
        """The records about these packages, as of the newest one there; NotChecked where they cannot be read."""
        try:
            return await asyncio.to_thread(self._about, frozenset(names))
        except (OSError, zipfile.BadZipFile, MalformedAdvisory, yaml.YAMLError, ValueError, RecursionError) as problem:
            return NotChecked(f"The advisories in {self._place} cannot be read: {str(problem) or repr(problem):.200}.")

    def _about(self, names: frozenset[str]) -> Checked | NotChecked:
        now = self._clock()
        if self._shelf is None or not 0 <= now - self._looked_at <= LOOK_SECONDS:
            marks, self._looked_at = _marks(self._place), now
            if self._shelf is None or self._shelf.marks != marks or not 0 <= now - self._shelf.read_at <= 3600:
                self._shelf = self._survey(marks)
        if not self._shelf.places or self._shelf.as_of.year == _NO_DAY.year:
            return NotChecked(f"There are no advisories in {self._place}.")
        places = sorted({place for name in names for place in self._shelf.places.get(name, ())})
        with _Shelved(self._place) as shelved:
            told = tuple(read(_decoded(shelved.content(place))) for place in places)
        return Checked(merged(_of(names, told)), str(self._place), self._shelf.as_of)

    def _survey(self, marks: tuple[int, ...]) -> _Shelf:
        """Every record is looked through for names once: parsing all of them takes a hundred times as long."""
        found: dict[str, list[str]] = {}
        newest = _NO_DAY.isoformat()
        with _Shelved(self._place) as shelved:
            for count, place in enumerate(shelved.places()):
                if count >= MAX_RECORDS:
                    raise ValueError(f"there are more than {MAX_RECORDS:,} records")
                content = shelved.content(place)
                for name in {canonicalize_name(name.decode()) for name in _NAMES.findall(content)}:
                    found.setdefault(name, []).append(place)
                newest = max([newest, *(day.decode() for day in _MODIFIED.findall(content))])
        places = {name: tuple(listed) for name, listed in found.items()}
        return _Shelf(places, datetime.fromisoformat(newest).replace(tzinfo=UTC), self._clock(), marks)


def _marks(place: Path) -> tuple[int, ...]:
    """What changes when a file comes, goes or is exchanged: when the zip, or each folder, was written, and its size."""
    if not place.is_dir():
        told = place.stat()
        return told.st_mtime_ns, told.st_size
    return tuple(number for at, _, names in os.walk(place) for number in (Path(at).stat().st_mtime_ns, len(names)))


class _Shelved:
    """The files of a folder or the members of a zip, by name."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._zip: zipfile.ZipFile | None = None

    def __enter__(self) -> "_Shelved":
        if not self._place.is_dir():
            self._zip = zipfile.ZipFile(self._place)
        return self

    def __exit__(self, *raised: object) -> None:
        if self._zip:
            self._zip.close()

    def places(self) -> Iterator[str]:
        """The names of what may be a record, in one order on every machine."""
        if self._zip:
            yield from sorted(name for name in self._zip.namelist() if name.endswith(_ENDINGS))
            return
        files = (path for path in self._place.rglob("*") if path.suffix in _ENDINGS and path.is_file())
        yield from sorted(str(path.relative_to(self._place)) for path in files)

    def content(self, place: str) -> bytes:
        """The bytes of one record, at most MAX_RECORD of them."""
        size = self._zip.getinfo(place).file_size if self._zip else (self._place / place).stat().st_size
        if size > MAX_RECORD:
            raise ValueError(f"{place} has {size:,} bytes, more than an advisory can have")
        return self._zip.read(place) if self._zip else (self._place / place).read_bytes()


def _decoded(content: bytes) -> object:
    """The record as plain values; JSON is YAML too, but is read a hundred times as fast by its own reader."""
    text = content.decode("utf-8")
    if text.lstrip().startswith("{"):
        return json.loads(text)
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=_LOADER)):
        raise ValueError("a record has a YAML alias, which no advisory needs")
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 -- a safe loader, in C where it is there


def _of(names: frozenset[str], told: Iterable[Advisory]) -> list[Advisory]:
    return [advisory for advisory in told if any(affected.package in names for affected in advisory.affected)]


class OsvService:
    """OSV's service over HTTP: ids by package, records by id, both cached on disk; the session belongs to the caller.

    A record is fetched again when the service tells another time of change; an answer counts for `max_age` seconds.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        cache: Path,
        *,
        max_age: float = 3600.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._cache = cache
        self._max_age = max_age
        self._clock = clock
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._away: tuple[float, NotChecked] | None = None

    async def about(self, names: Collection[str]) -> Checked | NotChecked:
        """The service's advisories about these packages; NotChecked, with the reason, where it gave no whole answer."""
        if self._away and self._clock() < self._away[0]:
            return self._away[1]
        answer = await self._answer(names)
        # Who is away is not asked again at once: an update of many repositories would wait for it each time.
        self._away = (self._clock() + AWAY_SECONDS, answer) if isinstance(answer, NotChecked) else None
        return answer

    async def _answer(self, names: Collection[str]) -> Checked | NotChecked:
        try:
            asked = {name: self._remembered(name) for name in sorted(names)}
            unknown = [name for name, told in asked.items() if told is None]
            for start in range(0, len(unknown), NAMES_IN_A_QUESTION):
                asked |= await self._ask(unknown[start : start + NAMES_IN_A_QUESTION])
            ids = {one["id"]: one["modified"] for told in asked.values() for one in (told or {}).get("vulns", ())}
            records = await asyncio.gather(*(self._record(name, modified) for name, modified in sorted(ids.items())))
            told = tuple(read(record) for record in records)
        except TimeoutError:
            return NotChecked(f"{self._url} did not answer in time.")
        except (aiohttp.ClientError, OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
            return NotChecked(f"{self._url} gave no usable answer: {str(problem) or repr(problem):.200}.")
        oldest = min((float(one["asked"]) for one in asked.values() if one), default=self._clock())
        return Checked(merged(_of(frozenset(names), told)), self._url, datetime.fromtimestamp(oldest, UTC))

    def _remembered(self, name: str) -> dict[str, Any] | None:
        told = _loaded(self._path("package", name))
        if told is None or not 0 <= self._clock() - float(told.get("asked", 0)) <= self._max_age:
            return None
        return told

    async def _ask(self, names: list[str]) -> dict[str, dict[str, Any]]:
        """The ids of the advisories about each package; a long answer comes in pages."""
        found: dict[str, list[dict[str, str]]] = {name: [] for name in names}
        waiting: list[tuple[str, str]] = [(name, "") for name in names]
        for _ in range(MAX_PAGES):
            if not waiting:
                break
            queries = [
                {"package": {"name": name, "ecosystem": ECOSYSTEM}} | ({"page_token": page} if page else {})
                for name, page in waiting
            ]
            answer = await self._fetch("POST", "v1/querybatch", {"queries": queries})
            told = list(zip(waiting, answer["results"], strict=True))
            for (name, _), result in told:
                vulns = (result or {}).get("vulns", ())
                found[name] += [{"id": _checked(one["id"]), "modified": str(one.get("modified", ""))} for one in vulns]
            pages = ((name, (result or {}).get("next_page_token", "")) for (name, _), result in told)
            waiting = [(name, page) for name, page in pages if page]
        if waiting:
            raise ValueError(f"it has more than {MAX_PAGES} pages about {waiting[0][0]}")
        kept = {name: {"asked": self._clock(), "vulns": vulns} for name, vulns in found.items()}
        for name, answer in kept.items():
            await asyncio.to_thread(write_whole, self._path("package", name), [json.dumps(answer).encode()])
        return kept

    async def _record(self, name: str, modified: str) -> object:
        path = self._path("record", f"{name} {modified}")
        told = await asyncio.to_thread(_loaded, path)
        if told is None:
            async with self._slots:
                told = await self._fetch("GET", f"v1/vulns/{name}", None)
            if told.get("id") != name:
                raise ValueError(f"it answered with another advisory than {name}")
            await asyncio.to_thread(write_whole, path, [json.dumps(told).encode()])
        return told

    async def _fetch(self, method: str, path: str, body: object) -> dict[str, Any]:
        asked = self._session.request(method, f"{self._url}/{path}", json=body, timeout=_TIMEOUT, allow_redirects=False)
        async with asked as response:
            if response.status != 200:
                raise ValueError(f"it answered {response.status} to {path}")
            content = bytearray()
            async for chunk in response.content.iter_chunked(2**16):
                content += chunk
                if len(content) > MAX_ANSWER:
                    raise ValueError(f"it sent more than {MAX_ANSWER:,} bytes for {path}")
        told = json.loads(bytes(content))
        if not isinstance(told, dict):
            raise ValueError(f"it answered with no object to {path}")
        return told

    def _path(self, kind: str, key: str) -> Path:
        return self._cache / f"{kind}-{hashlib.sha256(f'{self._url} {key}'.encode()).hexdigest()}.json"


def _checked(name: object) -> str:
    """The id, which becomes part of an address. Raises ValueError."""
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise ValueError(f"{str(name)[:80]!r} is no advisory's id")
    return name


def _loaded(path: Path) -> dict[str, Any] | None:
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None
