"""Why a package is not at its newest release though its manifest allows that: who asks for another one."""

from collections.abc import Iterable, Mapping

from packaging.requirements import Requirement as Dependency
from packaging.utils import canonicalize_name
from packaging.version import Version

from bot.core.locking import Pin, dependencies

Environment = Mapping[str, str]


def objection(name: str, version: str, parent: Pin, lines: Iterable[str], environment: Environment) -> str:
    """What the parent's Requires-Dist lines ask of the package, where that excludes the version; else ""."""
    for asked in dependencies(lines, parent.extras, environment):
        if canonicalize_name(asked.name) == name and not _admits(asked, version):
            return f"{parent.name} {parent.version} asks for {asked.specifier}"
    return ""


def demand(lines: Iterable[str], extras: tuple[str, ...], pins: Mapping[str, Pin], environment: Environment) -> str:
    """What a release with these Requires-Dist lines asks for where the pins have something else; else ""."""
    for asked in dependencies(lines, extras, environment):
        pin = pins.get(canonicalize_name(asked.name))
        if pin and not _admits(asked, pin.version):
            return f"it asks for {pin.name}{asked.specifier}, and {pin.version} is locked"
    return ""


def allowed(name: str, version: str, constraints: Iterable[str]) -> bool:
    """Whether lines such as "flask<3" leave the version of the package possible."""
    told = map(Dependency, constraints)
    return all(_admits(each, version) for each in told if canonicalize_name(each.name) == name)


def none_lower(names: Iterable[str], before: Mapping[str, Pin], after: Mapping[str, Pin]) -> bool:
    """Whether each of the packages is still there, and at no older version."""
    return all(name in after and Version(after[name].version) >= Version(before[name].version) for name in names)


def _admits(asked: Dependency, version: str) -> bool:
    return asked.specifier.contains(version, prereleases=True)
