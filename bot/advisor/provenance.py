"""Whether each locked artefact is one that its declared index has, told with Thoth's codes; and its attestations."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bot.core.attestations import Artefact, Attested, NotVerified, Unattested, Unchecked
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


@dataclass(frozen=True, slots=True)
class Subject:
    """A lock that is looked at: where its packages may come from, the packages, and what its files alone show.

    `manifest` is what the declaring file is called in a sentence.
    """

    manifest: str
    sources: tuple[DeclaredSource, ...]
    packages: tuple[Locked, ...]
    found: tuple[Finding, ...] = ()
    hashed: bool = True
    """Whether its kind has hashes: a requirements.txt may do without."""


def check(
    subject: Subject, seen: Seen, artefacts: Iterable[Artefact] = (), *, allowed: frozenset[str] = frozenset()
) -> tuple[Finding, ...]:
    """What is wrong with the lock, the worst first; `allowed` are the addresses that sources may have (empty: any)."""
    found = [*subject.found, *_sources(subject.sources, allowed)]
    for package in subject.packages:
        found += _package(package, subject, seen)
    found += _attestations(tuple(artefacts))
    order = ("ERROR", "WARNING", "INFO")
    return tuple(sorted(found, key=lambda finding: (order.index(finding.type), finding.package, finding.id)))


def locked_files(subject: Subject, seen: Seen) -> tuple[tuple[Locked, File], ...]:
    """Each locked file that the index of its package has."""
    found = []
    for package in subject.packages:
        files = seen.get((package.name, package.version, package.index), ())
        if not isinstance(files, str):
            found += [(package, file) for file in files if file.sha256 in package.hashes]
    return tuple(found)


def artefacts(files: Iterable[tuple[Locked, File]], verdicts: Mapping[str, Attested]) -> tuple[Artefact, ...]:
    """The locked files with what was found of their attestations, by sha256."""
    return tuple(
        Artefact(package.name, package.version, file.filename, file.sha256, verdicts.get(file.sha256, Unattested()))
        for package, file in files
    )


def shown(url: str) -> str:
    """The address without a name and password, which must not stand in an issue."""
    return re.sub(r"//[^/@]*@", "//", url)


def _attestations(told: tuple[Artefact, ...]) -> Iterator[Finding]:
    """A finding for each package with an attestation that does not hold, and one for each reason not to have looked."""
    failed: dict[tuple[str, str], list[str]] = {}
    unchecked: dict[str, int] = {}
    for each in told:
        match each.attested:
            case NotVerified(reason):
                failed.setdefault((each.package, each.version), []).append(f"{each.filename}: {reason}")
            case Unchecked(reason):
                unchecked[reason] = unchecked.get(reason, 0) + 1
    for (name, version), reasons in failed.items():
        more = f" (and {len(reasons) - 1} more of its files)" if len(reasons) > 1 else ""
        said = f"{name} {version} has an attestation that does not hold, of {reasons[0]}{more}."
        yield Finding("WARNING", "ATTESTATION-NOT-VERIFIED", said, name, version)
    for reason, number in unchecked.items():
        files = f"{number} files" if number > 1 else "one file"
        yield Finding("INFO", "ATTESTATION-NOT-CHECKED", f"The attestations of {files} were not checked: {reason}.")


def _sources(sources: tuple[DeclaredSource, ...], allowed: frozenset[str]) -> Iterator[Finding]:
    for source in sources:
        if allowed and source.url.rstrip("/") not in {url.rstrip("/") for url in allowed}:
            sentence = (
                f"The source {source.name} ({shown(source.url)}) is not among those that the configuration allows."
            )
            yield Finding("ERROR", "SOURCE-NOT-WHITELISTED", sentence, source=source.name)
        if not source.verified:
            sentence = (
                f"The source {source.name} ({shown(source.url)}) is not verified with TLS: anybody could answer for it."
            )
            yield Finding("WARNING", "INSECURE-SOURCE", sentence, source=source.name)


def _package(package: Locked, subject: Subject, seen: Seen) -> Iterator[Finding]:
    here = seen.get((package.name, package.version, package.index), "its source is not declared")
    if isinstance(here, str):
        yield _finding("WARNING", "NOT-CHECKED", package, f"was not checked: {here}.")
        return
    elsewhere = {
        source.name: {file.sha256 for file in files}
        for source in subject.sources
        if source.name != package.index
        and isinstance(files := seen.get((package.name, package.version, source.name)), tuple)
    }
    known = {file.sha256 for file in here}
    yield from _hashes(package, known, elsewhere, hashed=subject.hashed)
    if not package.named and here and any(files and files != known for files in elsewhere.values()):
        names = tuple(sorted(name for name, files in elsewhere.items() if files and files != known))
        said = f"has other files on {', '.join(names)}; name its index in {subject.manifest}."
        yield _finding("WARNING", "DIFFERENT-ARTIFACTS-ON-SOURCES", package, said, names)
    if here and all(file.yanked for file in here):
        yield _finding("WARNING", "YANKED-PACKAGE", package, "was yanked by its publisher.")


def _hashes(package: Locked, known: set[str], elsewhere: Mapping[str, set[str]], *, hashed: bool) -> Iterator[Finding]:
    others = tuple(sorted(name for name, files in elsewhere.items() if files & package.hashes))
    strange = package.hashes - known
    nowhere = strange - {digest for files in elsewhere.values() for digest in files}
    if not known and not others:
        yield _finding("ERROR", "MISSING-PACKAGE", package, f"is not on {package.index}, which the lock takes it from.")
        return
    if hashed and not package.hashes:
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
