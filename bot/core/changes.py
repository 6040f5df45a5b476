"""What differs between two locks, and whether a lock is one for its Pipfile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.core.lockfile import PIPFILE_SECTIONS, lock_section, locked_hash, sections
from bot.core.pipfile import Pipfile, Requirement, pipfile_hash

Kind = Literal["added", "removed", "updated", "downgraded"]
_CATEGORIES = {section: category for category, section in PIPFILE_SECTIONS.items()}


@dataclass(frozen=True, slots=True)
class Change:
    """One package that moved: `old` and `new` are versions, empty where it was not or is no more.

    `categories` are the Pipfile's names of those in which exactly this happened; `direct` tells whether the Pipfile
    names the package in one of them.
    """

    name: str
    old: str
    new: str
    direct: bool
    categories: tuple[str, ...]
    kind: Kind


def diff(old: Mapping[str, Any], new: Mapping[str, Any], pipfile: Pipfile) -> tuple[Change, ...]:
    """The changes of versions, direct ones first, then by name; a lock that only has other hashes has none."""
    before, after = _pins(old), _pins(new)
    moved: dict[tuple[str, str, str], list[str]] = {}
    for place in sorted(before.keys() | after.keys()):
        category, name = place
        was, now = before.get(place, ""), after.get(place, "")
        if was != now:
            moved.setdefault((name, was, now), []).append(category)
    changes = [
        Change(name, was, now, _is_direct(pipfile, categories, name), tuple(categories), _kind(was, now))
        for (name, was, now), categories in moved.items()
    ]
    return tuple(sorted(changes, key=lambda change: (not change.direct, change.name, change.categories)))


def _pins(lock: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    pins: dict[tuple[str, str], str] = {}
    for section, entries in sections(lock).items():
        for name, entry in entries.items():
            place = (_CATEGORIES.get(section, section), canonicalize_name(name))
            pins[place] = str(entry.get("version") or entry.get("ref") or "*").removeprefix("==")
    return pins


def _is_direct(pipfile: Pipfile, categories: list[str], name: str) -> bool:
    return any(name in pipfile.categories.get(category, {}) for category in categories)


def _kind(old: str, new: str) -> Kind:
    if not old:
        return "added"
    if not new:
        return "removed"
    try:
        return "downgraded" if Version(new) < Version(old) else "updated"
    except InvalidVersion:
        return "updated"


def is_current(pipfile: Pipfile, lock: Mapping[str, Any]) -> bool:
    """Whether the lock was made for this Pipfile, by the hash of either generation of pipenv."""
    return locked_hash(lock) in (pipfile_hash(pipfile), pipfile_hash(pipfile, canonical_names=False))


def is_whole(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the old lock has all that the new one, made from the index, says of the versions that both pin.

    It has not where hashes are missing or unknown to the index, or where a condition or extras differ. A subset of the
    index's hashes is enough: files were added to the release later, and the lock still installs.
    """
    made = sections(new)
    return all(
        _is_same(entry, known)
        for name, section in sections(old).items()
        for package, entry in section.items()
        if (known := made.get(name, {}).get(package)) and known.get("version", "*") == entry.get("version", "*") != "*"
    )


def _is_same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    ours, known = set(old.get("hashes", ())), set(new.get("hashes", ()))
    if known and not (ours and ours <= known):
        return False
    return _extras(old) == _extras(new) and _marker(old) == _marker(new)


def _extras(entry: Mapping[str, Any]) -> set[str]:
    return set(map(canonicalize_name, entry.get("extras", ())))


def _marker(entry: Mapping[str, Any]) -> str:
    """The condition in one spelling, however its writer quoted it."""
    told = str(entry.get("markers", ""))
    try:
        return str(Marker(told)) if told else ""
    except InvalidMarker:
        return told


def shortfalls(pipfile: Pipfile, lock: Mapping[str, Any]) -> tuple[str, ...]:
    """One sentence for each direct requirement that the lock does not meet; `pipenv verify` looks at the hash only."""
    found: list[str] = []
    for category, requirements in pipfile.categories.items():
        section = lock.get(lock_section(category), {})
        entries: dict[str, Any] = {canonicalize_name(name): entry for name, entry in section.items()}
        lacks = ((r.name, _lack(r, entries.get(r.key))) for r in requirements.values())
        found += [f"[{category}] {name} {lack}." for name, lack in lacks if lack]
    return tuple(found)


def _lack(requirement: Requirement, entry: Mapping[str, Any] | None) -> str:
    """What the entry lacks, as the rest of a sentence, or ""."""
    if entry is None:
        return "is not in the lock"
    if requirement.unresolved:
        return "" if requirement.unresolved in entry else f"is locked without its {requirement.unresolved}"
    version = str(entry.get("version", ""))
    if version == "*":
        return "" if requirement.markers else "is locked without a version"
    if not version.startswith("=="):
        return f"is locked as {version!r}, which is not one version"
    if not requirement.admits(version.removeprefix("==")):
        return f"is locked at {version.removeprefix('==')}, but the Pipfile asks for {requirement.specifier}"
    if not entry.get("hashes"):
        return "is locked without hashes"
    missing = {canonicalize_name(extra) for extra in requirement.extras} - _extras(entry)
    return f"is locked without its extra {', '.join(sorted(missing))}" if missing else ""
