"""The files of one package as an index lists them, kept on disk so that what nobody asks for is never read again.

An index page has thousands of files; a lock wants those of one release, and a resolver those for its platform. So a
page is taken apart once, when it is fetched: first comes the page that a resolver reads, which has only the files that
this machine can install, then all others as the index wrote them. Only a page's first line is kept in memory.
"""

import hashlib
import itertools
import os
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import urljoin

import msgspec
import orjson
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.adapters.wholefile import write_whole
from bot.core.packages import File, FileKind, IndexUnreachable, Project

_FORM = f"5 {platform.system()} {platform.machine()} {platform.libc_ver()[0]}"
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
Span = tuple[int, int]


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

    def again(self) -> "Listing":
        """The same releases, of which nothing has been read yet."""
        return Listing(self._path, self._head)

    def __getitem__(self, version: str) -> tuple[File, ...]:
        if version not in self._made:
            here, elsewhere = self._parts(version)
            name, page = str(self._head.told["name"]), str(self._head.told["url"])
            try:
                found = [*_HERE.decode(b"[" + here + b"]"), *_elsewhere(elsewhere, name, page)]
            except ValueError as problem:
                told = f"{problem!r:.200}"
                raise IndexUnreachable(f"The index tells nonsense about {name} {version}: {told}.", 300) from problem
            self._made[version] = tuple(_file(version, each) for each in sorted(found, key=attrgetter("n")))
        return self._made[version]

    def __iter__(self) -> Iterator[str]:
        return iter(self._head.releases)

    def __len__(self) -> int:
        return len(self._head.releases)

    def document(self) -> bytes:
        """The page as a resolver reads it: of each release what this machine can install, all where that is nothing."""
        return self._parts(None)[0]

    def _parts(self, version: str | None) -> list[bytes]:
        """The page as a resolver reads it; or of one release the files for this machine, and the others."""
        try:
            with self._path.open("rb") as stream:
                if stream.readline() != self._head.line:
                    stream.seek(0)
                    self._head = _head(stream)
                spans = [(0, self._head.told["document"])] if version is None else self._head.releases[version]
                return [self._between(stream, start, end) for start, end in spans]
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise IndexUnreachable(f"{self._path} is not what it was: {problem!r:.200}.", 5) from problem

    def _between(self, stream: IO[bytes], start: int, end: int) -> bytes:
        stream.seek(len(self._head.line) + start)
        return stream.read(end - start)


@dataclass(frozen=True, slots=True)
class _Head:
    """The first line of a kept page: where in the content each release is, and what was told of the answer."""

    line: bytes
    told: Mapping[str, Any]

    @property
    def releases(self) -> Mapping[str, tuple[Span, Span]]:
        """Where in the content the two parts of each release are."""
        releases: Mapping[str, tuple[Span, Span]] = self.told["releases"]
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
    return f"-{field}" if len(field) == 1 else field.replace("_", "-")


class _Kept(msgspec.Struct, rename=_spelled, omit_defaults=True, gc=False):
    """A file as an index tells of it and, once `_kept`, as a resolver reads it.

    An optional key of an index may have any value. What is added has a name of one letter.
    """

    filename: str
    url: str
    hashes: dict[str, Any]
    core_metadata: Any = False
    dist_info_metadata: Any = False
    yanked: Any = False
    requires_python: Any = ""
    size: Any = None
    upload_time: Any = ""
    provenance: Any = None
    n: int = 0  # its place on the page
    u: str = ""  # its whole address
    m: bool = False  # whether the index tells of a metadata file
    k: FileKind = "other"
    a: str = ""  # where its attestations are


class _Elsewhere(msgspec.Struct):
    """Files that this machine cannot install, as the index tells of them, and their places on the page."""

    n: list[int]
    told: list[_Kept]


class _Named(msgspec.Struct, gc=False):
    filename: str


class _Names(msgspec.Struct):
    """A page, of which only the names of its files are read."""

    files: list[_Named]


class _Page(msgspec.Struct):
    """A page, each file as the index wrote it."""

    files: list[msgspec.Raw]


_NAMES = msgspec.json.Decoder(_Names)
_PAGE = msgspec.json.Decoder(_Page)
_FILE = msgspec.json.Decoder(_Kept)
_HERE = msgspec.json.Decoder(list[_Kept])
_ELSE = msgspec.json.Decoder(_Elsewhere)
_encode = msgspec.json.Encoder().encode


class _Release(NamedTuple):
    """The files of a release: those for this machine as a resolver reads them, the others by their places."""

    here: list[bytes]
    elsewhere: list[int]


def keep(path: Path, name: str, answered: Answered, body: bytes) -> Listing:
    """Take a page's body apart and keep it; raises ValueError or RecursionError for nonsense."""
    body.isascii() or body.decode()  # what is kept as it is must be read later
    files, names = _PAGE.decode(body).files, [file.filename for file in _NAMES.decode(body).files]
    releases = _taken_apart(name, answered.url, names, files)
    here = [b",".join(release.here) for release in releases.values()]
    elsewhere = [_as_written(release.elsewhere, files) for release in releases.values()]
    opening = b'{"meta":{"api-version":"1.1"},"name":%b,"files":[' % orjson.dumps(name)
    document = b"%b%b]}" % (opening, b",".join(filter(None, here)))
    spans = zip(_spans(here, len(opening), 1), _spans(elsewhere, len(document), 0), strict=True)
    told: dict[str, Any] = {"form": _FORM, "name": name, "document": len(document)}
    told |= {"length": len(document) + sum(map(len, elsewhere)), "releases": dict(zip(releases, spans, strict=True))}
    told |= {"dotted": "-" in name and any("." in filename[: len(name)] for filename in names)}
    told |= {"url": answered.url, "etag": answered.etag, "last_modified": answered.last_modified}
    head = orjson.dumps(told)
    line = hashlib.sha256(head).hexdigest().encode() + head + b"\n"
    write_whole(path, itertools.chain([line, document], elsewhere))
    touch(path, answered.fetched)
    return Listing(path, _Head(line, told))


def _taken_apart(name: str, url: str, names: list[str], files: list[msgspec.Raw]) -> dict[str, _Release]:
    """The files of each release, by the names of all files and what the index tells of each."""
    releases: dict[str, _Release] = {}
    for number, filename in enumerate(names):
        kind, version = _release_of(name, filename)
        if (release := releases.get(normal := _normal(version))) is None:
            release = releases[normal] = _Release([], [])
        if kind == "other" or (kind == "wheel" and _is_elsewhere(filename[filename.rfind("-") :])):
            release.elsewhere.append(number)  # next to nobody asks for it
        else:
            release.here.append(_encode(_kept(_FILE.decode(files[number]), kind, number, url)))
    for release in releases.values():
        if not release.here:
            release.here.extend(map(_encode, _elsewhere(_as_written(release.elsewhere, files), name, url)))
            release.elsewhere.clear()
    return releases


def _as_written(numbers: list[int], files: list[msgspec.Raw]) -> bytes:
    """Some files of a page and their places there; nothing where there are none."""
    if not numbers:
        return b""
    return b'{"n":%b,"told":[%b]}\n' % (orjson.dumps(numbers), b",".join(files[number] for number in numbers))


def _elsewhere(written: bytes, name: str, url: str) -> list[_Kept]:
    """The files that were kept as the index wrote them."""
    if not written:
        return []
    found = _ELSE.decode(written)
    pairs = zip(found.n, found.told, strict=True)
    return [_kept(told, _release_of(name, told.filename)[0], number, url) for number, told in pairs]


def _spans(parts: list[bytes], start: int, between: int) -> Iterator[Span]:
    """Where each part begins and ends; those that are not empty have so many bytes between them."""
    for part in parts:
        yield start, start + len(part)
        start += len(part) + (between if part else 0)


@lru_cache(maxsize=10_000)
def _is_elsewhere(tag: str) -> bool:
    return _ELSEWHERE.match(tag) is not None


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


def _kept(told: _Kept, kind: FileKind, number: int, page: str) -> _Kept:
    """The same object, now as a resolver reads it."""
    sha256, moment = told.hashes.get("sha256"), told.upload_time
    told.n, told.k, told.m = number, kind, bool(told.core_metadata or told.dist_info_metadata)
    told.u = told.url if told.url.startswith("https://") else urljoin(page, told.url)
    told.a = urljoin(page, told.provenance) if isinstance(told.provenance, str) else ""
    told.url = f"files/{number}/{told.filename}"
    told.hashes = {"sha256": str(sha256)} if sha256 else {}
    told.core_metadata, told.dist_info_metadata, told.provenance = kind == "wheel", False, None
    told.yanked = bool(told.yanked)
    told.requires_python = str(told.requires_python or "")
    told.size = told.size if isinstance(told.size, int) else None
    told.upload_time = moment if isinstance(moment, str) and _MOMENT.fullmatch(moment) else ""
    return told


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
