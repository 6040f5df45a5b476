"""The files of one package as an index lists them, kept on disk so that what nobody asks for is never read again.

An index page has thousands of files; a lock wants those of one release, and a resolver those for its platform. So a
page is taken apart once, when it is fetched: first come, release by release, the files that a Linux machine can
install, then all others, each as the JSON object that a resolver reads. Only a page's first line is kept in memory.
"""

import hashlib
import os
import platform
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import IO, Any
from urllib.parse import urljoin

import orjson
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.adapters.wholefile import write_whole
from bot.core.packages import File, FileKind, IndexUnreachable, Project

_FORM = f"2 {platform.system()} {platform.machine()} {platform.libc_ver()[0]}"
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
            (parts,) = self._parts([version])
            told = sorted(orjson.loads(b"[" + b",".join(filter(None, parts)) + b"]"), key=lambda each: each["n"])
            self._made[version] = tuple(_file(version, self._whole(each)) for each in told)
        return self._made[version]

    def _whole(self, told: Mapping[str, Any]) -> Mapping[str, Any]:
        if "u" in told:
            return told
        page = str(self._head.told["url"])
        kind, _ = _release_of(str(self._head.told["name"]), told["filename"])
        return _kept(told, kind, told["n"], page)

    def __iter__(self) -> Iterator[str]:
        return iter(self._head.releases)

    def __len__(self) -> int:
        return len(self._head.releases)

    def document(self, name: str) -> bytes:
        """The page as a resolver reads it: of each release what this machine can install, all where that is nothing."""
        parts = [here or elsewhere for here, elsewhere in self._parts(self._head.releases)]
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


def digest(name: str, url: str, body: bytes) -> tuple[dict[str, Any], bytes]:
    """The head and the content for a page's body; raises ValueError, KeyError or TypeError for nonsense."""
    releases: dict[str, tuple[list[bytes], list[bytes]]] = {}
    dotted = False
    for number, told in enumerate(orjson.loads(body)["files"]):
        filename = told["filename"]
        kind, version = _release_of(name, filename)
        here, elsewhere = releases.setdefault(_normal(version), ([], []))
        if not isinstance(told["url"], str) or not isinstance(told["hashes"], dict):
            raise TypeError(f"{filename} has no url or no hashes")
        if kind == "other" or _ELSEWHERE.search(filename):
            told["n"] = number
            elsewhere.append(orjson.dumps(told))  # as it is: next to nobody asks for it
        else:
            here.append(orjson.dumps(_kept(told, kind, number, url)))
        dotted = dotted or "." in filename[: len(name)]
    first = [b",".join(here) for here, _ in releases.values()]
    second = [b",".join(elsewhere) for _, elsewhere in releases.values()]
    ends: list[tuple[int, int]] = []
    at = 0
    for part in (*first, *second):
        ends.append((at, at + len(part)))
        at += len(part)
    spans = {v: (*ends[n], *ends[n + len(first)]) for n, v in enumerate(releases)}
    return {"name": name, "releases": spans, "dotted": dotted}, b"".join((*first, *second))


def file_named(page: Project, filename: str) -> File | None:
    """The file of this name on a page, or None."""
    _, version = _release_of(page.name, filename)
    return next((file for file in page.release(_normal(version)) if file.filename == filename), None)


def write(path: Path, answered: Answered, head: Mapping[str, Any], content: bytes) -> None:
    """Keep a page that was taken apart."""
    told = {"url": answered.url, "etag": answered.etag, "last_modified": answered.last_modified, "form": _FORM}
    line = orjson.dumps({**told, **head, "length": len(content)})
    write_whole(path, hashlib.sha256(line).hexdigest().encode() + line + b"\n" + content)
    touch(path, answered.fetched)


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


def _kept(told: Mapping[str, Any], kind: FileKind, number: int, page: str) -> dict[str, Any]:
    """A file as a resolver reads it, with what else is asked of it later under names of one letter."""
    url, hashes = told["url"], told["hashes"]
    metadata = bool(told.get("core-metadata") or told.get("dist-info-metadata"))
    size, moment = told.get("size"), told.get("upload-time")
    kept: dict[str, Any] = {
        "filename": told["filename"],
        "url": f"files/{number}/{told['filename']}",
        "hashes": {"sha256": str(hashes["sha256"])} if hashes.get("sha256") else {},
        "yanked": bool(told.get("yanked")),
        "core-metadata": kind == "wheel",
        "n": number,
        "u": url if url.startswith("https://") else urljoin(page, url),
        "m": metadata,
        "a": bool(told.get("provenance")),
        "k": kind,
    }
    kept |= {"requires-python": str(told["requires-python"])} if told.get("requires-python") else {}
    kept |= {"size": size} if isinstance(size, int) else {}
    return kept | ({"upload-time": moment} if isinstance(moment, str) and _MOMENT.fullmatch(moment) else {})


def _file(version: str, told: Mapping[str, Any]) -> File:
    return File(
        filename=told["filename"],
        version=version,
        sha256=told["hashes"].get("sha256", ""),
        size=told.get("size"),
        upload_time=_moment(told.get("upload-time")),
        requires_python=told.get("requires-python", ""),
        yanked=told["yanked"],
        kind=told["k"],
        url=told["u"],
        has_metadata=told["m"],
        attested=told["a"],
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
