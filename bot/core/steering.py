"""How much is proposed at once: groups, limits, and what is ignored; values and the rules that divide a change."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import Literal

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.core.candidates import aged
from bot.core.changes import Change
from bot.core.errors import Refused
from bot.core.packages import File, Project
from bot.core.versions import is_major_update

BISECT = "bisect"
"""The origin of what a search for what does not work has noted."""


@dataclass(frozen=True, slots=True)
class Group:
    """Packages that are updated together, in a pull request of their own.

    `packages` are patterns of names, `categories` the Pipfile's; an empty one takes all.
    """

    name: str
    packages: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How many pull requests of the bot's may be open, and be opened within an hour; 0: as many as there are."""

    open: int = 10
    per_hour: int = 0


@dataclass(frozen=True, slots=True)
class Ignored:
    """A package of which no newer version is proposed, of those in `specifier` or of all, and why.

    It holds until the day `until`, if there is one; `origin` says who wants it: a login, `configuration` or `BISECT`.
    """

    package: str
    specifier: str = ""
    until: date | None = None
    reason: str = ""
    origin: str = "configuration"


@dataclass(frozen=True, slots=True)
class Steering:
    """What a repository's owner decides of how much comes when."""

    groups: tuple[Group, ...] = ()
    limits: Limits = Limits()
    separate_major: bool = False
    separate_transitive: bool = False
    ignore: tuple[Ignored, ...] = ()
    prereleases: tuple[str, ...] = ()


Kind = Literal["all", "group", "major", "transitive", "security"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Packages that one pull request updates; `names` is empty for `all`: whatever is not in another batch."""

    kind: Kind
    label: str = ""
    names: frozenset[str] = frozenset()

    @property
    def slug(self) -> str:
        """The batch as a part of a branch's name; empty for `all`."""
        label = re.sub(r"[^a-z0-9.-]+", "-", self.label.lower()).strip("-.")
        return "" if self.kind == "all" else f"{self.kind}-{label}".rstrip("-")


def divide(changes: Iterable[Change], steering: Steering) -> tuple[Batch, ...]:
    """The batches that the updates among the changes fall into, each with its names, in the order to propose them.

    A package is in one batch: its major update alone, else the first group that takes it, else the rest. What is
    merely added, removed or downgraded follows from the others. One batch `all` where nothing is divided.
    """
    moved = [change for change in changes if change.kind == "updated"]
    found: dict[tuple[Kind, str], set[str]] = {}
    for change in sorted(moved, key=lambda change: not change.direct):
        known = any(change.name in names for names in found.values())
        if not known:
            found.setdefault(_place(change, steering), set()).add(change.name)
    if set(found) <= {("all", "")}:
        return (Batch("all"),)
    order: list[Kind] = ["group", "all", "transitive", "major"]
    places = sorted(found, key=lambda place: order.index(place[0]))
    return tuple(Batch(kind, label, frozenset(found[kind, label])) for kind, label in places)


def _place(change: Change, steering: Steering) -> tuple[Kind, str]:
    if steering.separate_major and change.direct and _is_major(change):
        return "major", change.name
    for group in steering.groups:
        if _takes(group, change):
            return "group", group.name
    return ("transitive", "") if steering.separate_transitive and not change.direct else ("all", "")


def _takes(group: Group, change: Change) -> bool:
    named = not group.packages or any(fnmatchcase(change.name, _pattern(each)) for each in group.packages)
    return named and (not group.categories or bool({*group.categories} & {*change.categories}))


def _pattern(told: str) -> str:
    return re.sub(r"[_.-]+", "-", told.lower())


def _is_major(change: Change) -> bool:
    try:
        return is_major_update(change.old, change.new)
    except Refused:
        return False


def in_force(ignored: Iterable[Ignored], today: date) -> tuple[Ignored, ...]:
    """Those whose day has not passed."""
    return tuple(each for each in ignored if each.until is None or today <= each.until)


def exclusion(ignored: Ignored, locked: str, known: Iterable[str]) -> str | None:
    """The constraint that keeps an ignored package where it is; None where it excludes nothing.

    `locked` is the version in the lock, empty where there is none; `known` are the versions that the index has.
    What is older than the lock is never excluded, so that a pin that the Pipfile still wants stays possible.
    """
    if not ignored.specifier:
        return f"{ignored.package}<={locked}" if locked else None
    specifier = SpecifierSet(ignored.specifier)
    versions = [version for told in known if (version := _version(told)) and specifier.contains(version, True)]  # noqa: FBT003
    floor = _version(locked)
    newer = sorted(version for version in versions if floor is None or version > floor)
    return ignored.package + ",".join(f"!={version}" for version in newer) if newer else None


def newest_prerelease(project: Project, cutoff: datetime) -> str:
    """The newest release of all that is old enough and not yanked, where that is a pre-release; else ""."""
    versions = [version for version in map(_version, project.releases) if version]
    usable = (v for v in sorted(versions, reverse=True) if _is_usable(project.release(str(v)), cutoff))
    newest = next(usable, None)
    return str(newest) if newest and newest.is_prerelease else ""


def _is_usable(release: tuple[File, ...], cutoff: datetime) -> bool:
    return any(not file.yanked for file in aged(release, cutoff))


def reason(ignored: Ignored) -> str:
    """Why an ignored package stays, as the rest of a sentence."""
    if ignored.origin == BISECT:
        newest = ignored.specifier.partition(",")[0].removeprefix("<=")
        return f"{newest} {ignored.reason}".strip()
    what = f"{ignored.specifier} is ignored" if ignored.specifier else "it is ignored"
    until = f" until {ignored.until}" if ignored.until else ""
    return f"{what}{until} ({ignored.origin})" + (f": {ignored.reason}" if ignored.reason else "")


def _version(told: str) -> Version | None:
    try:
        return Version(told)
    except InvalidVersion:
        return None


def covers(ignored: Ignored, package: str, version: str) -> bool:
    """Whether the entry is about this version of the package."""
    if ignored.package != package or not version:
        return False
    return not ignored.specifier or SpecifierSet(ignored.specifier).contains(version, prereleases=True)


def with_entry(ignored: tuple[Ignored, ...], entry: Ignored) -> tuple[Ignored, ...]:
    """The entries with this one, in place of one for the same package and versions."""
    kept = tuple(each for each in ignored if (each.package, each.specifier) != (entry.package, entry.specifier))
    return (*kept, entry)


def without_package(ignored: tuple[Ignored, ...], package: str) -> tuple[Ignored, ...]:
    """The entries without those of the package."""
    return tuple(each for each in ignored if each.package != package)


def pins(lock: Mapping[str, Mapping[str, Mapping[str, object]]]) -> dict[str, str]:
    """Each package in any section of a lock → its version; the greatest where they differ."""
    found: dict[str, str] = {}
    for section in lock.values():
        for name, entry in section.items():
            version = str(entry.get("version", "")).removeprefix("==")
            key = canonicalize_name(name)
            known, now = _version(found.get(key, "")), _version(version)
            if now and (known is None or now > known):
                found[key] = version
    return found
