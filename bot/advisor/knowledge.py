"""What advice rests on, frozen: the packages' pages, advisories, rules, and the day as of which all that is known."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.advisor.prescriptions import Unit
from bot.core.advisories import Advisory, Checked, NotChecked
from bot.core.candidates import Target
from bot.core.lockfile import PIPFILE_SECTIONS, sections
from bot.core.packages import Project


@dataclass(frozen=True, slots=True)
class Stack:
    """What stands together in a lock: version by canonical name, and those that the project names itself."""

    pins: Mapping[str, str]
    direct: frozenset[str]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All that advice is a function of: `homes` tells the index of each package, `cutoff` is where too new begins."""

    as_of: datetime
    target: Target
    cutoff: datetime | None
    projects: Mapping[str, Project]
    homes: Mapping[str, str]
    advisories: Checked | NotChecked
    rules: tuple[Unit, ...]

    @property
    def day(self) -> str:
        """The day as of which this is known."""
        return self.as_of.date().isoformat()

    def about(self, package: str) -> tuple[Advisory, ...]:
        """The advisories about a package; none where they were not checked."""
        if isinstance(self.advisories, NotChecked):
            return ()
        return tuple(one for one in self.advisories.advisories if any(a.package == package for a in one.affected))

    def versions(self, package: str) -> tuple[Version, ...]:
        """Every version of a package that the index has, smallest first; what is no version is left out."""
        project = self.projects.get(package)
        return ordered(project.releases) if project else ()


def ordered(versions: Iterable[str]) -> tuple[Version, ...]:
    """The versions among the texts, smallest first."""
    return tuple(sorted(filter(None, map(parsed, versions))))


def parsed(text: str) -> Version | None:
    """The version that the text is, or None."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def within(version: str, specifier: str) -> bool:
    """Whether a version is in a valid specifier, pre-releases too; what is not a version is in none."""
    return parsed(version) is not None and SpecifierSet(specifier).contains(version, prereleases=True)


def stack(lock: Mapping[str, Any], direct: Iterable[str]) -> Stack:
    """The pins of a lock; where categories differ the first one counts."""
    pins: dict[str, str] = {}
    for _, section in sorted(sections(lock).items(), key=_first_packages):
        for name, entry in section.items():
            version = str(entry.get("version", ""))
            if version.startswith("=="):
                pins.setdefault(canonicalize_name(name), version.lstrip("="))
    return Stack(pins, frozenset(direct) & pins.keys())


def _first_packages(item: tuple[str, Mapping[str, Any]]) -> tuple[bool, str]:
    return item[0] != PIPFILE_SECTIONS["packages"], item[0]
