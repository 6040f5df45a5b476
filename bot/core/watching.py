"""Which repository locks what, and what may have happened to it on the index since it was looked at."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.core import lockfile
from bot.core.advisories import Advisory, affects
from bot.core.candidates import aged
from bot.core.events import Repository
from bot.core.packages import File, Project
from bot.core.schedules import Schedule


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of a lock: the address of its index, its version, and the sha256 of its files."""

    url: str
    name: str
    version: str
    hashes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Watched:
    """What is to be watched for a repository since `seen`, when its dependencies were looked at.

    `schedules` are moments by their purpose.
    """

    repository: Repository
    locked: tuple[Locked, ...]
    schedules: tuple[tuple[str, Schedule], ...]
    cooldown_days: int
    seen: datetime


@dataclass(frozen=True, slots=True)
class Holder:
    """A repository that locks a package; `told` are the facts that it was told last, empty for none."""

    repository: Repository
    locked: Locked
    cooldown_days: int
    seen: datetime
    told: str


@dataclass(frozen=True, slots=True)
class Appointment:
    """A repository's schedule for a purpose, and the moment until which it has been kept."""

    repository: Repository
    purpose: str
    schedule: Schedule
    kept: datetime


class WatchList(Protocol):
    """Which repositories lock what, on disk. Raises InboxUnavailable."""

    async def record(self, watched: Watched) -> None:
        """Replace what is known of the repository; what it was told of a pin that stays, stays."""

    async def forget(self, repository: int) -> None:
        """Watch nothing for the repository with this id."""

    async def packages(self) -> tuple[tuple[str, str], ...]:
        """The index address and name of each package that any repository locks, each once."""

    async def holders(self, url: str, name: str) -> tuple[Holder, ...]:
        """The repositories that lock the package."""

    async def tell(self, told: Iterable[tuple[Holder, str]]) -> None:
        """Note the facts that holders have been told of."""

    async def appointments(self) -> tuple[Appointment, ...]:
        """The schedules of all repositories."""

    async def keep(self, appointment: Appointment, due: datetime) -> None:
        """Note that the appointment has been kept until the moment."""


def locked(lock: Mapping[str, Any], home: str) -> tuple[Locked, ...]:
    """The packages of a lock, each once: those with a version; from the index at `home` where it names none."""
    sources = lock.get("_meta", {}).get("sources", ())
    urls = {str(source.get("name")): str(source.get("url")) for source in sources}
    default = next(iter(urls.values()), home)
    found: dict[tuple[str, str], Locked] = {}
    for section in lockfile.sections(lock).values():
        for name, entry in section.items():
            version = str(entry.get("version", ""))
            url = urls.get(str(entry.get("index", "")), default)
            if version.startswith("=="):
                pin = Locked(url, canonicalize_name(name), version.removeprefix("=="), _hashes(entry))
                found[pin.name, pin.version] = pin
    return tuple(found.values())


def _hashes(entry: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(told).removeprefix("sha256:") for told in entry.get("hashes", ()))


def facts(project: Project, holder: Holder, now: datetime, advisories: Iterable[Advisory] = ()) -> str:
    """What concerns the holder of a package now, in a few words; equal words mean that nothing happened."""
    files = project.release(holder.locked.version)
    known = {file.sha256 for file in files}
    told = [_newest(project, holder, now)]
    told += ["yanked"] if files and all(file.yanked for file in files) else []
    told += ["gone"] if not files else []
    told += ["replaced"] if files and holder.locked.hashes and not holder.locked.hashes <= known else []
    pin = holder.locked
    told += sorted({advisory.id for advisory in advisories if affects(advisory, pin.name, pin.version)})
    return " ".join(filter(None, told))


def facts_when_seen(project: Project, holder: Holder) -> str:
    """What was new to nobody when the repository was looked at: the newest release of that moment."""
    return _newest(project, holder, holder.seen)


def _newest(project: Project, holder: Holder, now: datetime) -> str:
    """The greatest final release above the locked one that is old enough and not yanked, or ""."""
    cutoff = now - timedelta(days=holder.cooldown_days)
    newer = (version for version in map(_version, project.releases) if _is_newer(version, holder.locked.version))
    for version in sorted(newer, reverse=True):
        if _is_ripe(project.release(str(version)), cutoff):
            return str(version)
    return ""


def _version(told: str) -> Version:
    try:
        return Version(told)
    except InvalidVersion:
        return Version("0")


def _is_newer(version: Version, locked: str) -> bool:
    return not version.is_prerelease and version > _version(locked)


def _is_ripe(files: tuple[File, ...], cutoff: datetime) -> bool:
    return any(not file.yanked for file in aged(files, cutoff))
