"""Looks whether each locked artefact is one that its declared index has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.advisor.provenance import DeclaredSource, Finding, Seen, check, locked_packages
from bot.core import lockfile, pipfile
from bot.core.errors import Refused
from bot.core.packages import File, Index
from bot.core.pipfile import PipfileError

MOST_SOURCES = 8


@dataclass(frozen=True, slots=True)
class Provenance:
    """What was found about a lock, and how much was looked at."""

    findings: tuple[Finding, ...]
    packages: int

    @property
    def errors(self) -> int:
        """How many of the findings are errors."""
        return sum(finding.type == "ERROR" for finding in self.findings)


async def examine(
    pipfile_text: str,
    lock_text: str,
    index: Index,
    *,
    allowed_hosts: frozenset[str] = frozenset(),
    allowed_sources: frozenset[str] = frozenset(),
) -> Provenance:
    """What is wrong with a lock, seen from the indexes that its Pipfile declares.

    Raises Refused where one of the two cannot be read, TryLater where an index does not answer.
    """
    wanted = pipfile.read_document(pipfile_text)
    try:
        lock = lockfile.parse(lock_text)
    except ValueError as problem:
        raise Refused(str(problem)) from problem
    sources = declared_sources(wanted, allowed_hosts)
    packages = locked_packages(lock, sources)
    seen = await _read(((package.name, package.version) for package in packages), sources, index)
    hashes = (pipfile.document_hash(wanted, canonical_names=canonical) for canonical in (True, False))
    return Provenance(check(lock, sources, seen, hashes=hashes, allowed=allowed_sources), len(packages))


def declared_sources(wanted: Mapping[str, Any], allowed_hosts: frozenset[str]) -> tuple[DeclaredSource, ...]:
    """The indexes of a Pipfile's document, the default one first; raises Refused where they are no list of such."""
    told = wanted.get("source", [pipfile.DEFAULT_SOURCE])
    told = [told] if isinstance(told, Mapping) else told
    if not isinstance(told, list) or not all(isinstance(source, Mapping) for source in told):
        raise Refused("[[source]] of the Pipfile must be a list of tables with url, name and verify_ssl.")
    if len(told) > MOST_SOURCES:
        raise Refused(f"The Pipfile has {len(told)} sources; the provenance of at most {MOST_SOURCES} is looked at.")
    return tuple(_declared(source, allowed_hosts) for source in told)


def _declared(source: Mapping[str, Any], allowed_hosts: frozenset[str]) -> DeclaredSource:
    url, name = str(source.get("url", "")), str(source.get("name", ""))
    verified = url.startswith("https://") and str(source.get("verify_ssl", True)).lower() == "true"
    try:
        pipfile.refuse_url(url, f"[[source]] {name[:80]}", allowed_hosts)
    except PipfileError as error:
        return DeclaredSource(name, url, verified, str(error).removesuffix("."))
    return DeclaredSource(name, url, verified)


async def _read(packages: Iterable[tuple[str, str]], sources: tuple[DeclaredSource, ...], index: Index) -> Seen:
    """What each of the sources has of each package's version."""
    versions = sorted(set(packages))
    asked = [source for source in sources if not source.trouble]
    pages = await index.projects([(name, source.url) for name, _ in versions for source in asked])
    seen: dict[tuple[str, str, str], tuple[File, ...] | str] = {}
    for name, version in versions:
        for source in sources:
            page = source.trouble or pages[name, source.url]
            told = page.removesuffix(".") if isinstance(page, str) else page.release(version)
            seen[name, version, source.name] = told
    return seen
