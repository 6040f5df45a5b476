"""Whether each locked artefact is one that its declared index has, told with Thoth's codes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.core import lockfile
from bot.core.packages import File

Kind = Literal["ERROR", "WARNING", "INFO"]
Seen = Mapping[tuple[str, str, str], tuple[File, ...] | str]
"""What was read for (package, version, source name): the version's files, or why they could not be read."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be, or is not known; `id` is Thoth's code where it has one."""

    type: Kind
    id: str
    justification: str
    package: str = ""
    version: str = ""
    source: str = ""
    indexes: tuple[str, ...] = ()

    @property
    def document(self) -> dict[str, Any]:
        """In Thoth's shape: only what is known, and nothing null."""
        told: dict[str, Any] = {"type": self.type, "id": self.id, "justification": self.justification}
        named = {"package_name": self.package, "package_version": self.version, "source": self.source}
        told |= {name: value for name, value in named.items() if value}
        return told | ({"indexes": list(self.indexes)} if self.indexes else {})


@dataclass(frozen=True, slots=True)
class DeclaredSource:
    """An index that the Pipfile declares; `trouble` says why it is not asked, empty where it is."""

    name: str
    url: str
    verified: bool
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of a lock: `index` names the source that it must come from, `named`: whether the lock says so."""

    name: str
    version: str
    hashes: frozenset[str]
    index: str
    named: bool


def locked_packages(lock: Mapping[str, Any], sources: tuple[DeclaredSource, ...]) -> tuple[Locked, ...]:
    """Every pinned package once for each different entry, in the order of its name; the first source is the default."""
    default = sources[0].name if sources else ""
    found = set()
    for section in lockfile.sections(lock).values():
        for name, entry in section.items():
            version = _normal(str(entry.get("version", "*")).lstrip("="))
            if version != "*":
                hashes = frozenset(str(digest).removeprefix("sha256:") for digest in entry.get("hashes", ()))
                index = entry.get("index", "")
                found.add(Locked(canonicalize_name(name), version, hashes, index or default, bool(index)))
    return tuple(
        sorted(found, key=lambda package: (package.name, package.version, package.index, sorted(package.hashes)))
    )


def _normal(version: str) -> str:
    """The version as indexes are read: in PEP 440's normal form where it has one."""
    try:
        return str(Version(version))
    except InvalidVersion:
        return version


def check(
    lock: Mapping[str, Any],
    sources: tuple[DeclaredSource, ...],
    seen: Seen,
    *,
    hashes: Iterable[str],
    allowed: frozenset[str] = frozenset(),
) -> tuple[Finding, ...]:
    """What is wrong with the lock, the worst first.

    `hashes` are those that a lock of this Pipfile may tell; `allowed` the addresses that sources may have (empty: any).
    """
    found = [*_lock_hash(lock, frozenset(hashes)), *_sources(sources, allowed), *_undeclared(lock, sources)]
    found += _elsewhere(lock)
    for package in locked_packages(lock, sources):
        found += _package(package, sources, seen)
    order = ("ERROR", "WARNING", "INFO")
    return tuple(sorted(found, key=lambda finding: (order.index(finding.type), finding.package, finding.id)))


def attested(packages: Iterable[Locked], seen: Seen) -> int:
    """Of how many packages the index tells that a locked file has an attestation (PEP 740); nothing is verified."""
    told = 0
    for package in packages:
        files = seen.get((package.name, package.version, package.index), ())
        told += isinstance(files, tuple) and any(file.attested and file.sha256 in package.hashes for file in files)
    return told


def _lock_hash(lock: Mapping[str, Any], expected: frozenset[str]) -> Iterator[Finding]:
    if (told := lockfile.locked_hash(lock)) not in expected:
        shown = f"{told[:12]}…" if told else "no hash"
        yield Finding("ERROR", "INVALID-LOCK-HASH", f"Pipfile.lock was made for another Pipfile ({shown}); lock again.")


def _sources(sources: tuple[DeclaredSource, ...], allowed: frozenset[str]) -> Iterator[Finding]:
    for source in sources:
        if allowed and source.url.rstrip("/") not in {url.rstrip("/") for url in allowed}:
            sentence = f"The source {source.name} ({source.url}) is not among those that the configuration allows."
            yield Finding("ERROR", "SOURCE-NOT-WHITELISTED", sentence, source=source.name)
        if not source.verified:
            sentence = f"The source {source.name} ({source.url}) is not verified with TLS: anybody could answer for it."
            yield Finding("WARNING", "INSECURE-SOURCE", sentence, source=source.name)


def _undeclared(lock: Mapping[str, Any], sources: tuple[DeclaredSource, ...]) -> Iterator[Finding]:
    """Sources that stand in the lock only: the Pipfile's hash does not tell, but installers ask them."""
    declared = {(source.name, source.url.rstrip("/")) for source in sources}
    told = lock["_meta"].get("sources")
    for source in told if isinstance(told, list) else []:
        name, url = (str(source.get(key, "")) for key in ("name", "url")) if isinstance(source, dict) else ("", "")
        if (name, url.rstrip("/")) not in declared:
            sentence = (
                f"Pipfile.lock takes packages from {name or 'a source'} ({url}), which the Pipfile does not declare."
            )
            yield Finding("ERROR", "SOURCE-NOT-WHITELISTED", sentence, source=name)


def _elsewhere(lock: Mapping[str, Any]) -> Iterator[Finding]:
    """Entries that come from no index, of which nothing can be checked."""
    names = {
        canonicalize_name(name)
        for section in lockfile.sections(lock).values()
        for name, entry in section.items()
        if "version" not in entry
    }
    for name in sorted(names):
        yield Finding("INFO", "NOT-FROM-AN-INDEX", f"{name} comes from no index, so nothing was checked.", name)


def _package(package: Locked, sources: tuple[DeclaredSource, ...], seen: Seen) -> Iterator[Finding]:
    here = seen.get((package.name, package.version, package.index), "its source is not declared")
    if isinstance(here, str):
        yield _finding("WARNING", "NOT-CHECKED", package, f"was not checked: {here}.")
        return
    elsewhere = {
        source.name: {file.sha256 for file in files}
        for source in sources
        if source.name != package.index
        and isinstance(files := seen.get((package.name, package.version, source.name)), tuple)
    }
    known = {file.sha256 for file in here}
    yield from _hashes(package, known, elsewhere)
    if not package.named and here and any(files and files != known for files in elsewhere.values()):
        names = tuple(sorted(name for name, files in elsewhere.items() if files and files != known))
        said = f"has other files on {', '.join(names)}; name its index in the Pipfile."
        yield _finding("WARNING", "DIFFERENT-ARTIFACTS-ON-SOURCES", package, said, names)
    if here and all(file.yanked for file in here):
        yield _finding("WARNING", "YANKED-PACKAGE", package, "was yanked by its publisher.")


def _hashes(package: Locked, known: set[str], elsewhere: Mapping[str, set[str]]) -> Iterator[Finding]:
    others = tuple(sorted(name for name, files in elsewhere.items() if files & package.hashes))
    strange = package.hashes - known
    nowhere = strange - {digest for files in elsewhere.values() for digest in files}
    if not known and not others:
        yield _finding("ERROR", "MISSING-PACKAGE", package, f"is not on {package.index}, which the lock takes it from.")
        return
    if not package.hashes:
        yield _finding("ERROR", "MISSING-ARTIFACT-HASH", package, "has no hashes in the lock; lock again.")
    if strange - nowhere:
        said = f"would be installed from {', '.join(others)}, although the lock takes it from {package.index}."
        yield _finding("ERROR", "ARTIFACT-DIFFERENT-SOURCE", package, said, others)
    elif others:
        said = f"could be installed from {', '.join(others)} too, although the lock takes it from {package.index}."
        yield _finding("INFO", "ARTIFACT-POSSIBLE-DIFFERENT-SOURCE", package, said, others)
    for digest in sorted(nowhere):
        said = f"has the hash {digest[:12]}… in the lock, which no file on {package.index} has."
        yield _finding("ERROR", "INVALID-ARTIFACT-HASH", package, said)


def _finding(kind: Kind, code: str, package: Locked, said: str, indexes: tuple[str, ...] = ()) -> Finding:
    sentence = f"{package.name} {package.version} {said}"
    return Finding(kind, code, sentence, package.name, package.version, package.index, indexes)
