"""Which releases of a package may be proposed at all, and why the newest one is not."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from bot.core.packages import File, HeldBack, Project
from bot.core.pipfile import Requirement

NOT_ALLOWED = "another package does not allow it"
"""Why a release is held back where nothing of its own speaks against it."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a lock is made for: the full Python version, and the wheel tags that it can install (empty: any)."""

    python: str
    tags: frozenset[str]


def unusable(release: Iterable[File], target: Target) -> str:
    """Why nothing of a release can be installed on the target without a build, or "" where something can."""
    files = tuple(release)
    if not files:
        return "the index does not have it any more"
    present = [file for file in files if not file.yanked]
    if not present:
        return "it was yanked"
    fitting = [file for file in present if fits_python(file, target.python)]
    if not fitting:
        return f"it needs Python {present[0].requires_python}"
    if not any(file.kind == "wheel" and fits_tags(file.filename, target.tags) for file in fitting):
        return "it needs a build: the index has no wheel of it for this platform"
    return ""


def fits_python(file: File, python: str) -> bool:
    """Whether requires-python admits the Python; an unreadable one admits every Python, as installers have it."""
    return admits(file.requires_python, python)


@lru_cache(maxsize=4096)
def admits(requires_python: str, python: str) -> bool:
    """Whether a requires-python admits the Python; an unreadable or empty one does."""
    try:
        return SpecifierSet(requires_python).contains(python, prereleases=True)
    except InvalidSpecifier:
        return True


def misfit_versions(project: Project, chosen: str, python: str) -> tuple[str, ...]:
    """All versions of which no file admits the Python, where the chosen one is among them; else nothing."""
    if any(fits_python(file, python) for file in project.release(chosen)):
        return ()
    releases = project.releases.items()
    return tuple(sorted(version for version, files in releases if not any(fits_python(file, python) for file in files)))


def fits_tags(filename: str, tags: frozenset[str]) -> bool:
    """Whether one of a wheel's compressed tags is among `tags`, each as `python-abi-platform`."""
    parts = filename.removesuffix(".whl").split("-")
    if not tags or len(parts) < 5:
        return not tags
    pythons, abis, platforms = (part.split(".") for part in parts[-3:])
    return any(f"{p}-{a}-{f}" in tags for p in pythons for a in abis for f in platforms)


def age_exception(release: Iterable[File], cutoff: datetime) -> datetime | None:
    """The moment before which files must be admitted so that a release younger than the cut-off stays; else None."""
    uploaded = [file.upload_time for file in release if file.upload_time]
    return max(uploaded) + timedelta(seconds=1) if uploaded and min(uploaded) >= cutoff else None


def aged(release: Iterable[File], cutoff: datetime | None) -> tuple[File, ...]:
    """The files that were uploaded before the cut-off; those without a time too."""
    return tuple(file for file in release if not (cutoff and file.upload_time and file.upload_time >= cutoff))


def young(project: Project, cutoff: datetime, besides: str) -> tuple[str, ...]:
    """The versions of which no file is as old as the cut-off asks, but for one version."""
    found = (str(v) for told in project.releases if (v := _parsed(told)) and v != Version(besides))
    return tuple(version for version in found if not aged(project.release(version), cutoff))


def held_back(
    requirement: Requirement, current: str, project: Project, target: Target, cutoff: datetime | None
) -> HeldBack | None:
    """Why a direct requirement is not at the newest final release; None where it is."""
    latest = newest(project)
    if latest is None or latest <= Version(current):
        return None
    release = project.release(str(latest))
    usable = unusable(release, target)
    if cutoff and not aged(release, cutoff):
        first = min(file.upload_time for file in release if file.upload_time)
        reason = f"it was released on {first:%Y-%m-%d}, after the cooldown's limit of {cutoff:%Y-%m-%d}"
    elif usable:
        reason = usable
    elif latest not in SpecifierSet(requirement.specifier):
        reason = f"the Pipfile asks for {requirement.specifier}"
    else:
        reason = NOT_ALLOWED
    return HeldBack(requirement.key, current, str(latest), reason)


def newest(project: Project) -> Version | None:
    """The greatest final version that is not yanked as a whole."""
    versions = [version for told in project.releases if (version := _parsed(told))]
    final = (version for version in sorted(versions, reverse=True) if not version.is_prerelease)
    return next((v for v in final if any(not file.yanked for file in project.release(str(v)))), None)


def _parsed(told: str) -> Version | None:
    try:
        return Version(told)
    except InvalidVersion:
        return None
