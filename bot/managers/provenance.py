"""Looks whether each locked artefact is one that its declared index has: one check run, one issue."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.advisor.provenance import DeclaredSource, Finding, Seen, attested, check, locked_packages
from bot.core import environments, lockfile, onboarding, overlays, pipfile, repoconfig
from bot.core.commands import CheckProvenance
from bot.core.environments import TOP_FILES, Environment
from bot.core.errors import Refused, TryLater
from bot.core.events import CommandGiven, Event, Pushed, RepositoryAdded
from bot.core.packages import File, Index
from bot.core.pipfile import PipfileError
from bot.core.plan import Action, CloseIssue, Comment, Conclusion, Plan, Report, TrackIssue
from bot.core.ports import Snapshot
from bot.core.repoconfig import RepoConfig
from bot.core.see import See
from bot.core.texts import answer, update
from bot.core.texts import provenance as text
from bot.core.texts.markdown import bounded, quiet
from bot.core.texts.provenance import Checked, Said

NAME = "provenance"
LANE = "update"
"""Both read the index's pages: they take turns, so that neither slows the other down."""
LISTENS = (RepositoryAdded, Pushed, CheckProvenance)
NO_LOCK = "There is no Pipfile.lock to check, at the top of the repository or in an overlay."
MOST_SOURCES = 8


@dataclass(frozen=True, slots=True)
class Provenance:
    """What was found about a lock, and how much was looked at."""

    findings: tuple[Finding, ...]
    packages: int
    attested: int


async def plan(event: Event, see: See) -> Plan | None:
    """A check run on the commit, an issue while something is wrong, and an answer to who asked."""
    top = tuple(dict.fromkeys((*repoconfig.PATHS, *onboarding.CONFIGURED_BY, *TOP_FILES)))
    project = await see.reader.snapshot(
        top, branch=update.BRANCH, more=(onboarding.BRANCH,), overlays=environments.OVERLAYS, tracked=text.LABEL
    )
    if (waits := onboarding.waits(project)) and not isinstance(event, CommandGiven):
        return Plan(waits)
    try:
        config = repoconfig.read(project)
        if idle := _idle(project, config):
            return Plan(idle, _comments(event, idle))
        wanted = await _wanted(project, config, see)
        project = await _whole(project, wanted, see)
        checked = tuple([await _one(project, each, config, see) for each in wanted])
    except Refused as refusal:
        return Plan(str(refusal), _comments(event, quiet(str(refusal))))
    except TryLater as problem:
        if isinstance(event, CommandGiven):
            raise  # who asked is answered in any case
        return Plan(str(problem), (_waits(project, problem),), again_after=problem.after)
    if not checked:
        return Plan(NO_LOCK, _comments(event, NO_LOCK))
    return Plan(text.verdict(checked), (_report(project, checked), *_issue(project, checked), *_answer(event, checked)))


def _idle(project: Snapshot, config: RepoConfig) -> str:
    if project.archived:
        return "The repository is archived."
    return "" if config.runs(NAME) else "The configuration switches the manager `provenance` off."


async def _wanted(project: Snapshot, config: RepoConfig, see: See) -> tuple[Environment, ...]:
    """The environments with a lock that can be checked."""
    found = await overlays.find(project, config, see.reader)
    return tuple(each for each in found.environments if each.kind == "pipfile" and config.allows(NAME, each.name))


async def _whole(project: Snapshot, wanted: tuple[Environment, ...], see: See) -> Snapshot:
    """The snapshot with the files of the overlays too, at the same commit."""
    paths = tuple(path for each in wanted for path in (each.manifest, each.lock) if path not in project.files)
    if not paths:
        return project
    there = await see.reader.snapshot(paths, branch=update.BRANCH, sha=project.sha)
    return replace(project, files={**project.files, **there.files})


async def _one(project: Snapshot, environment: Environment, config: RepoConfig, see: See) -> Checked:
    """What was found about one lock; raises TryLater."""
    try:
        locked = project.text(environment.lock)
        if not locked:
            return Checked(environment.lock, trouble="there is no such file yet.")
        found = await examine(
            project.text(environment.manifest),
            locked,
            see.index,
            allowed_hosts=see.allowed_hosts,
            allowed_sources=frozenset(config.provenance.sources),
        )
    except Refused as refusal:
        return Checked(environment.lock, trouble=str(refusal))
    said = tuple(Said(each.type, each.id, each.justification) for each in found.findings)
    return Checked(environment.lock, said, found.packages, found.attested)


def _report(project: Snapshot, checked: tuple[Checked, ...]) -> Report:
    grave, clean = any(each.grave for each in checked), all(each.clean for each in checked)
    conclusion: Conclusion = "failure" if grave else "success" if clean else "neutral"
    return Report(project.sha, text.CHECK, text.verdict(checked), text.summary(checked), conclusion)


def _waits(project: Snapshot, problem: TryLater) -> Report:
    return Report(project.sha, text.CHECK, "Waiting", quiet(f"{problem} Bolide tries again by itself."), "neutral")


def _issue(project: Snapshot, checked: tuple[Checked, ...]) -> tuple[Action, ...]:
    """The one issue: opened when something is wrong, edited in place, closed when nothing is; a person may close it."""
    known, clean = project.tracking, all(each.clean for each in checked)
    if not project.issues_enabled or (known is None and not any(each.alarming for each in checked)):
        return ()
    body = text.issue(checked)
    anew = known is not None and not known.open and not clean and text.was_clean(known.body)
    if known and not known.open and not anew:
        return ()
    same = known is not None and known.body == body and not anew
    tracked = TrackIssue(known.number if known else None, text.TITLE, text.LABEL, body, reopened=anew)
    closed = (CloseIssue(known.number),) if known and clean else ()
    return (*(() if same else (tracked,)), *closed)


def _answer(event: Event, checked: tuple[Checked, ...]) -> tuple[Comment, ...]:
    return _comments(event, f"**{text.verdict(checked)}.**\n\n{text.summary(checked)}")


def _comments(event: Event, body: str) -> tuple[Comment, ...]:
    return (Comment(event.issue, answer.key(event), bounded(body)),) if isinstance(event, CommandGiven) else ()


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
    found = check(lock, sources, seen, hashes=hashes, allowed=allowed_sources)
    return Provenance(found, len(packages), attested(packages, seen))


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
