"""The package world in memory: an index and a resolver that answer from one little table of releases."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

from bot.core import lockfile
from bot.core.packages import (
    All,
    Conflict,
    File,
    HeldBack,
    IndexUnreachable,
    Only,
    PackageUnknown,
    Project,
    Resolution,
    ResolveRequest,
)
from bot.core.pipfile import Pipfile, pipfile_hash

PYPI = "https://pypi.org/simple"
HASH = f"sha256:{'0' * 64}"
"""Of every file."""


@dataclass(slots=True)
class PackageWorld:
    """Index and resolver: `releases` by name, version and day; `needs` by name; the resolver fits no `refused` one."""

    releases: dict[str, dict[str, date]]
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    held_back: tuple[HeldBack, ...] = ()
    together: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    down: bool = False
    refused: tuple[str, str] = ("", "")
    files: dict[tuple[str, str], tuple[File, ...]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def project(self, name: str, url: str, *, fresh: bool = False) -> Project:
        self.asked.append((name, url))
        self._reach(name)
        if name not in self.releases or url != self.homes.get(name, PYPI):
            raise PackageUnknown(f"{url} has no package {name}; check its spelling in the Pipfile.")
        files = {v: (_file(name, v, day),) for v, day in self.releases[name].items()}
        return Project(name, {version: self.files.get((name, version), told) for version, told in files.items()})

    async def projects(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Project | str]:
        pages: dict[tuple[str, str], Project | str] = {}
        for name, url in wanted:
            try:
                pages[name, url] = await self.project(name, url)
            except PackageUnknown:
                pages[name, url] = Project(name, {})
        return pages

    async def metadata(self, file: File) -> str:
        return f"Name: {file.filename.split('-')[0]}\nVersion: {file.version}\n"

    async def resolve(self, request: ResolveRequest) -> Resolution:
        self._reach("flask")
        required_by: dict[str, tuple[str, ...]] = {}
        document: dict[str, Any] = {"_meta": _meta(request.pipfile)}
        for category in request.pipfile.categories:
            pins = self._pins(request, category, required_by)
            entries = {name: {"hashes": ["sha256:" + "0" * 64], "version": f"=={pin}"} for name, pin in pins.items()}
            document[lockfile.lock_section(category)] = entries
        text = lockfile.render(document)
        return Resolution(text, document, required_by, self.held_back, (), "uv 0.0", 0.1)

    def _pins(self, request: ResolveRequest, category: str, parents: dict[str, tuple[str, ...]]) -> dict[str, str]:
        wanted = dict(request.pipfile.categories[category])
        pins: dict[str, str] = {}
        names = list(wanted)
        while names:
            name = names.pop()
            ripe = [v for v, day in self.releases[name].items() if name in request.exempt or self._ripe(request, day)]
            fitting = [v for v in ripe if (name not in wanted or wanted[name].admits(v)) and _allowed(request, name, v)]
            fitting = [v for v in fitting if (name, v) != self.refused]
            if not fitting:
                raise Conflict(f"Because no version of {name} fits, no lock can be made.")
            kept = _kept(request, category, name)
            pins[name] = kept if kept in fitting else _newest(fitting, request)
            for child in self.needs.get(name, ()):
                parents[child] = (*parents.get(child, ()), name)
                names.append(child)
        for one, other in self.together.items():
            if pins.get(one[0]) == one[1] and pins.get(other[0]) != other[1]:
                raise Conflict(f"Because {one[0]} {one[1]} needs {other[0]} {other[1]}, no lock can be made.")
        return pins

    @staticmethod
    def _ripe(request: ResolveRequest, day: date) -> bool:
        return request.cutoff is None or day <= request.cutoff.date()

    def _reach(self, name: str) -> None:
        if self.down:
            raise IndexUnreachable(f"The index {PYPI} did not answer for {name}.", after=300)


def _allowed(request: ResolveRequest, name: str, version: str) -> bool:
    lines = [Requirement(line) for line in request.constraints]
    return all(line.specifier.contains(version, prereleases=True) for line in lines if line.name == name)


def _kept(request: ResolveRequest, category: str, name: str) -> str:
    """Today's version of a package that is not to be upgraded."""
    upgraded = isinstance(request.upgrade, All) or (isinstance(request.upgrade, Only) and name in request.upgrade.names)
    entry = (request.old_lock or {}).get(lockfile.lock_section(category), {}).get(name, {})
    return "" if upgraded else str(entry.get("version", "")).removeprefix("==")


def _newest(versions: list[str], request: ResolveRequest) -> str:
    """The newest final version; a pre-release where there is nothing else, or where the Pipfile admits them."""
    admitted = request.pipfile.settings.get("allow_prereleases") is True
    final = [version for version in versions if admitted or not Version(version).is_prerelease]
    return max(final or versions, key=Version)


def _meta(pipfile: Pipfile) -> dict[str, Any]:
    return {"hash": {"sha256": pipfile_hash(pipfile)}, "pipfile-spec": 6, "requires": {}, "sources": []}


def _file(name: str, version: str, day: date) -> File:
    when = datetime.combine(day, time(12), UTC)
    wheel = f"{name}-{version}-py3-none-any.whl"
    return File(wheel, version, "0" * 64, 1000, when, "", False, "wheel", f"{PYPI}/{wheel}", True)  # noqa: FBT003


def released(name: str, version: str, digest: str, *, attested: bool) -> tuple[File, ...]:
    """A release of one file, of which the index tells an attestation or none; `digest` is repeated to a sha256."""
    told = _file(name, version, date(2026, 1, 1))
    where = f"https://pypi.org/integrity/{name}/{version}/{told.filename}/provenance" if attested else ""
    return (replace(told, sha256=digest * 64, provenance=where),)
