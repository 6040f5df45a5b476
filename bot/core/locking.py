"""From resolved pins and what the index says of their files to a Pipfile.lock, as pipenv writes it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import Any

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Dependency
from packaging.utils import canonicalize_name

from bot.core.lockfile import lock_section
from bot.core.markers import direct_marker, folded, inherited, left_out_marker, python_marker
from bot.core.packages import File
from bot.core.pipfile import DEFAULT_SOURCE, Pipfile, Requirement, pipfile_hash

INSTALLABLE = ("wheel", "sdist")


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of one category: its version, the extras asked for, the packages that ask, the index it came from."""

    name: str
    version: str
    extras: tuple[str, ...]
    required_by: tuple[str, ...]
    index: str


@dataclass(frozen=True, slots=True)
class Asked:
    """How a package that the Pipfile does not name is spelled and conditioned by those that ask for it."""

    name: str
    marker: str


def asked(
    child: str, parents: Iterable[tuple[tuple[str, ...], tuple[str, ...]]], environment: Mapping[str, str]
) -> Asked:
    """What the Requires-Dist lines of the parents, each with its extras in use, say of a child package.

    The marker is empty where one of them asks without a condition, or where the conditions differ.
    """
    found = [one for lines, extras in parents for one in dependencies(lines, extras, environment)]
    told = [one for one in found if canonicalize_name(one.name) == child]
    markers = {str(one.marker or "") for one in told}
    return Asked(told[0].name if told else child, markers.pop() if len(markers) == 1 else "")


def dependencies(lines: Iterable[str], extras: tuple[str, ...], environment: Mapping[str, str]) -> Iterator[Dependency]:
    """What Requires-Dist lines ask for with these extras in this environment; what cannot be read is left out."""
    for line in lines:
        try:
            dependency = Dependency(line)
        except InvalidRequirement:
            continue
        if _applies(dependency.marker, extras, environment):
            yield dependency


def _applies(marker: Marker | None, extras: tuple[str, ...], environment: Mapping[str, str]) -> bool:
    return marker is None or any(marker.evaluate({**environment, "extra": extra}) for extra in ("", *extras))


def requires_dist(metadata: str) -> tuple[str, ...]:
    """The Requires-Dist lines of core metadata."""
    return tuple(str(line) for line in HeaderParser().parsestr(metadata).get_all("Requires-Dist", ()))


def section(
    requirements: Mapping[str, Requirement],
    pins: Mapping[str, Pin],
    files: Mapping[str, tuple[File, ...]],
    known: Mapping[str, Asked],
    default_index: str,
) -> dict[str, dict[str, Any]]:
    """One section of the lock: an entry for each pin."""
    conditions = _conditions(requirements, pins)
    entries: dict[str, dict[str, Any]] = {}
    for name, pin in pins.items():
        requirement, release = requirements.get(name), files[name]
        if requirement is None:
            ask = known.get(name, Asked(name, ""))
            marker = inherited(conditions[name] or python_marker(requires_python(release)) or ask.marker)
            entries[written(ask.name)] = _entry(pin.version, release, marker, pin.extras, "")
        else:
            entries[written(requirement.name)] = _direct(requirement, pin, release, default_index)
    return entries


def written(name: str) -> str:
    """The name as pipenv writes it into a lock: small letters and dashes, but dots stay."""
    return name.lower().replace("_", "-")


def requires_python(release: tuple[File, ...]) -> str:
    """The requires-python of a release: its wheels' word before its sdist's."""
    ordered = sorted(release, key=lambda file: file.kind != "wheel")
    return next((file.requires_python for file in ordered if file.requires_python), "")


def _conditions(requirements: Mapping[str, Requirement], pins: Mapping[str, Pin]) -> dict[str, str]:
    """For each pin the condition of the Pipfile entries that bring it in; empty where one way has none."""
    found: dict[str, str] = {}

    def condition(name: str, path: frozenset[str]) -> str:
        if name in found:
            return found[name]
        if name in requirements:
            return folded(requirements[name].entry)
        parents = [parent for parent in pins[name].required_by if parent in pins and parent not in path]
        ways = {condition(parent, path | {name}) for parent in parents}
        return "" if "" in ways or not ways else " or ".join(sorted(ways))

    if any(folded(requirement.entry) for requirement in requirements.values()):
        for name in pins:
            found[name] = condition(name, frozenset())
    return {name: found.get(name, "") for name in pins}


def _direct(requirement: Requirement, pin: Pin, release: tuple[File, ...], default_index: str) -> dict[str, Any]:
    name = written(requirement.name)
    marker = direct_marker(requirement.entry, requirement.name, requires_python(release))
    index = requirement.index
    if isinstance(requirement.entry, str) and name == requirement.key:
        index = default_index  # pipenv looks the canonical name up by the written one, so a dotted name has no index
    entry = _entry(pin.version, release, marker, requirement.extras or pin.extras, index)
    if isinstance(requirement.entry, Mapping) and requirement.entry.get("no_binary"):
        entry["no_binary"] = True
    return entry


def _entry(version: str, release: tuple[File, ...], marker: str, extras: tuple[str, ...], index: str) -> dict[str, Any]:
    hashes = sorted({f"sha256:{file.sha256}" for file in release if file.kind in INSTALLABLE and file.sha256})
    entry: dict[str, Any] = {"hashes": hashes, "version": f"=={version}"}
    if marker:
        entry["markers"] = marker
    if extras:
        entry["extras"] = sorted(extras)
    if index:
        entry["index"] = index
    return entry


def left_out(requirement: Requirement, release: tuple[File, ...], old: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of a package whose condition does not hold for the Python and platform that the lock is made for.

    It has a version where the Pipfile names one exactly (`release` has its files), or where the old lock had one.
    """
    marker = left_out_marker(requirement.entry)
    conditions = {"markers": marker} if marker else {}
    if requirement.exact:
        return _entry(requirement.exact, release, marker, requirement.extras, requirement.index)
    return {"version": "*", **old, **conditions}


def document(pipfile: Pipfile, sections: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The whole lock: `sections` by Pipfile category, and the `_meta` that ties it to the Pipfile."""
    told = pipfile.document.get("source", [DEFAULT_SOURCE])
    sources = [
        {**source, "name": declared.name, "verify_ssl": declared.verify_ssl}
        for source, declared in zip([told] if isinstance(told, dict) else told, pipfile.sources, strict=True)
    ]
    meta = {
        "hash": {"sha256": pipfile_hash(pipfile)},
        "pipfile-spec": 6,
        "requires": dict(pipfile.requires),
        "sources": sources,
    }
    return {"_meta": meta, **{lock_section(name): dict(entries) for name, entries in sections.items()}}
