"""The files of one package as an index lists them, kept on disk so that what nobody asks for is never read again.

An index page has thousands of files; a lock wants those of one release, and a resolver those for its platform. So a
page is taken apart once, when it is fetched: first come, release by release, the files that a Linux machine can
install, then all others, each as the JSON object that a resolver reads. Only a page's first line is kept in memory.
"""

import hashlib
import itertools
import os
import platform
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import IO, Any
from urllib.parse import urljoin

import msgspec
import orjson
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.adapters.wholefile import write_whole
from bot.core.packages import File, FileKind, IndexUnreachable, Project

_FORM = f"4 {platform.system()} {platform.machine()} {platform.libc_ver()[0]}"
"""This form, for this kind of machine: a file of another one is as good as none."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_SDISTS = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")
_MACHINES = ("aarch64", "armv6l", "armv7l", "i686", "loongarch64", "ppc64", "ppc64le", "riscv64", "s390x", "x86_64")
_FOREIGN = "|".join(name for name in _MACHINES if name != platform.machine())
_OTHER_LIBC = "musllinux" if platform.libc_ver()[0] == "glibc" else "manylinux"
_ELSEWHERE = re.compile(
    rf"-(?:win|macosx|android|ios|{_OTHER_LIBC}|[a-z0-9_.]*linux[a-z0-9_.]*_(?:{_FOREIGN})\.)[^-]*whl$"
)
"""The end of a wheel's name that this machine cannot install."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What is remembered of the index's answer, besides the files: when it came, from where, and its validators."""

    fetched: float
    url: str
    etag: str
    last_modified: str


class Listing(Mapping[str, tuple[File, ...]]):
    """The releases of one package: version in PEP 440's normal form → its files, read when they are asked for.

    Where the page was fetched anew meanwhile, it tells what stands there now. Raises IndexUnreachable where the file
    is gone or broken.
    """

    def __init__(self, path: Path, head: "_Head") -> None:
        self._path = path
        self._head = head
        self._made: dict[str, tuple[File, ...]] = {}

    @property
    def dotted(self) -> bool:
        """Whether some file spells the package's name with a dot."""
        return self._head.dotted

    def __getitem__(self, version: str) -> tuple[File, ...]:
        if version not in self._made:
            ((here, elsewhere),) = self._parts([version])
            found = _HERE.decode(b"[" + here + b"]")
            found += self._elsewhere(elsewhere)
            self._made[version] = tuple(_file(version, each) for each in sorted(found, key=attrgetter("n")))
        return self._made[version]

    def _elsewhere(self, part: bytes) -> list["_Kept"]:
        name, page = str(self._head.told["name"]), str(self._head.told["url"])
        files = _ELSE.decode(b"[" + part + b"]")
        return [_kept(each.told, _release_of(name, each.told.filename)[0], each.n, page) for each in files]

    def __iter__(self) -> Iterator[str]:
        return iter(self._head.releases)

    def __len__(self) -> int:
        return len(self._head.releases)

    def document(self, name: str) -> bytes:
        """The page as a resolver reads it: of each release what this machine can install, all where that is nothing."""
        parts = [here or _listed(self._elsewhere(there)) for here, there in self._parts(self._head.releases)]
        head = b'{"meta":{"api-version":"1.1"},"name":' + orjson.dumps(name) + b',"files":['
        return head + b",".join(parts) + b"]}"

    def _parts(self, versions: Collection[str]) -> list[tuple[bytes, bytes]]:
        """What stands in the file of these releases: the files for this machine, and the others."""
        try:
            with self._path.open("rb") as stream:
                if stream.readline() != self._head.line:
                    stream.seek(0)
                    self._head = _head(stream)
                spans = [self._head.releases[version] for version in versions]
                if len(spans) == 1:
                    a, b, c, d = spans[0]
                    return [(self._between(stream, a, b), self._between(stream, c, d))]
                content = stream.read()
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise IndexUnreachable(f"{self._path} is not what it was: {problem!r:.200}.", 5) from problem
        return [(content[a:b], content[c:d]) for a, b, c, d in spans]

    def _between(self, stream: IO[bytes], start: int, end: int) -> bytes:
        stream.seek(len(self._head.line) + start)
        return stream.read(end - start)


@dataclass(frozen=True, slots=True)
class _Head:
    """The first line of a kept page: where in the content each release is, and what was told of the answer."""

    line: bytes
    told: Mapping[str, Any]

    @property
    def releases(self) -> Mapping[str, tuple[int, int, int, int]]:
        releases: Mapping[str, tuple[int, int, int, int]] = self.told["releases"]
        return releases

    @property
    def dotted(self) -> bool:
        return bool(self.told["dotted"])


def _head(stream: IO[bytes]) -> _Head:
    """The first line of a file that is whole; raises ValueError, KeyError or TypeError where it is not."""
    line = stream.readline()
    if hashlib.sha256(line[64:-1]).hexdigest().encode() != line[:64]:
        raise ValueError("its first line is broken")
    told = orjson.loads(line[64:-1])
    if told["form"] != _FORM or os.fstat(stream.fileno()).st_size != len(line) + told["length"]:
        raise ValueError("it has another form or length")
    return _Head(line, told)


def _spelled(field: str) -> str:
    return field.replace("_", "-")


class _Told(msgspec.Struct, rename=_spelled):
    """What is read of one file on a page; an optional key may have any value."""

    filename: str
    url: str
    hashes: dict[str, Any]
    requires_python: Any = None
    size: Any = None
    upload_time: Any = None
    yanked: Any = False
    core_metadata: Any = False
    dist_info_metadata: Any = False
    provenance: Any = None


class _Kept(msgspec.Struct, rename=_spelled, omit_defaults=True):
    """A file as a resolver reads it; what else is asked of it later has names of one letter."""

    filename: str
    url: str
    hashes: dict[str, str]
    core_metadata: bool
    n: int  # its place on the page
    u: str  # its whole address
    m: bool  # whether the index tells of a metadata file
    k: FileKind
    a: str = ""  # where its attestations are
    yanked: bool = False
    requires_python: str = ""
    size: int | None = None
    upload_time: str = ""


class _Elsewhere(msgspec.Struct):
    """A file that this machine cannot install, as the index tells of it, and its place on the page."""

    n: int
    told: _Told


class _Page(msgspec.Struct):
    files: list[msgspec.Raw]


_PAGE = msgspec.json.Decoder(_Page)
_TOLD = msgspec.json.Decoder(_Told)
_HERE = msgspec.json.Decoder(list[_Kept])
_ELSE = msgspec.json.Decoder(list[_Elsewhere])
_encode = msgspec.json.Encoder().encode


def keep(path: Path, name: str, answered: Answered, body: bytes) -> Listing:
    """Take a page's body apart and keep it; raises ValueError or RecursionError for nonsense."""
    releases, dotted = _taken_apart(name, answered.url, body)
    parts = [*(here for here, _ in releases.values()), *(there for _, there in releases.values())]
    lengths = (sum(map(len, files)) + max(0, len(files) - 1) for files in parts)
    ends = list(itertools.accumulate(lengths, initial=0))
    spans = {
        version: (*ends[place : place + 2], *ends[place + len(releases) : place + len(releases) + 2])
        for place, version in enumerate(releases)
    }
    told: dict[str, Any] = {"name": name, "releases": spans, "dotted": dotted, "length": ends[-1], "form": _FORM}
    told |= {"url": answered.url, "etag": answered.etag, "last_modified": answered.last_modified}
    head = orjson.dumps(told)
    line = hashlib.sha256(head).hexdigest().encode() + head + b"\n"
    write_whole(path, itertools.chain([line], map(b",".join, parts)))
    touch(path, answered.fetched)
    return Listing(path, _Head(line, told))


def _taken_apart(name: str, url: str, body: bytes) -> tuple[dict[str, tuple[list[bytes], list[bytes]]], bool]:
    """Of each release the files for this machine and the others; and whether some file spells the name with a dot."""
    body.isascii() or body.decode()  # what is kept as it is must be read later
    releases: dict[str, tuple[list[bytes], list[bytes]]] = {}
    dotted = False
    for number, raw in enumerate(_PAGE.decode(body).files):
        told = _TOLD.decode(raw)
        kind, version = _release_of(name, told.filename)
        here, elsewhere = releases.setdefault(_normal(version), ([], []))
        if kind == "other" or (kind == "wheel" and _is_elsewhere(told.filename[told.filename.rfind("-") :])):
            elsewhere.append(b'{"n":%d,"told":%b}' % (number, raw))  # next to nobody asks for it
        else:
            here.append(_encode(_kept(told, kind, number, url)))
        dotted = dotted or "." in told.filename[: len(name)]
    return releases, dotted


@lru_cache(maxsize=10_000)
def _is_elsewhere(tag: str) -> bool:
    return _ELSEWHERE.match(tag) is not None


def _listed(files: list[_Kept]) -> bytes:
    return b",".join(map(_encode, files))


def file_named(page: Project, filename: str) -> File | None:
    """The file of this name on a page, or None."""
    _, version = _release_of(page.name, filename)
    return next((file for file in page.release(_normal(version)) if file.filename == filename), None)


def touch(path: Path, fetched: float) -> None:
    """Note that the index says that the page is still the same."""
    os.utime(path, (fetched, fetched))


def read(path: Path) -> tuple[Answered, Listing] | None:
    """What was kept, or None where nothing was or it is not whole."""
    try:
        with path.open("rb") as stream:
            fetched, head = os.fstat(stream.fileno()).st_mtime, _head(stream)
        told = head.told
        answered = Answered(fetched, str(told["url"]), str(told["etag"]), str(told["last_modified"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return answered, Listing(path, head)


def _kept(told: _Told, kind: FileKind, number: int, page: str) -> _Kept:
    sha256, moment = told.hashes.get("sha256"), told.upload_time
    return _Kept(
        filename=told.filename,
        url=f"files/{number}/{told.filename}",
        hashes={"sha256": str(sha256)} if sha256 else {},
        core_metadata=kind == "wheel",
        n=number,
        u=told.url if told.url.startswith("https://") else urljoin(page, told.url),
        m=bool(told.core_metadata or told.dist_info_metadata),
        k=kind,
        a=urljoin(page, told.provenance) if isinstance(told.provenance, str) else "",
        yanked=bool(told.yanked),
        requires_python=str(told.requires_python or ""),
        size=told.size if isinstance(told.size, int) else None,
        upload_time=moment if isinstance(moment, str) and _MOMENT.fullmatch(moment) else "",
    )


def _file(version: str, kept: _Kept) -> File:
    return File(
        filename=kept.filename,
        version=version,
        sha256=kept.hashes.get("sha256", ""),
        size=kept.size,
        upload_time=_moment(kept.upload_time),
        requires_python=kept.requires_python,
        yanked=kept.yanked,
        kind=kept.k,
        url=kept.u,
        has_metadata=kept.m,
        provenance=kept.a,
    )


def _moment(told: str) -> datetime | None:
    """An upload time with its zone; None where the index tells none that can be read."""
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


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
