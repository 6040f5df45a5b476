"""Looks whether each locked artefact is one that its declared index has: one check run, one issue."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bot.advisor.provenance import DeclaredSource, Finding, Seen, Subject, artefacts, check, locked_files
from bot.advisor.subjects import subject
from bot.core import environments, onboarding, overlays, repoconfig
from bot.core.attestations import Artefact, Attestations
from bot.core.commands import CheckProvenance
from bot.core.environments import TOP_FILES, Environment
from bot.core.errors import Refused, TryLater
from bot.core.events import CommandGiven, Event, Pushed, RepositoryAdded
from bot.core.packages import File, Index
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
NO_LOCK = (
    "There is no Pipfile.lock to check, no uv.lock and no requirements.txt with its requirements.in, "
    "at the top of the repository or in an overlay."
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What was found about a lock: of how many packages, and of each locked file that its index has."""

    findings: tuple[Finding, ...]
    packages: int
    artefacts: tuple[Artefact, ...]


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
        checked = await checked_locks(project, config, see)
    except Refused as refusal:
        return Plan(str(refusal), _comments(event, quiet(str(refusal))))
    except TryLater as problem:
        if isinstance(event, CommandGiven):
            raise  # who asked is answered in any case
        return Plan(str(problem), (_waits(project, problem),), again_after=problem.after)
    if not checked:
        return Plan(NO_LOCK, _comments(event, NO_LOCK))
    return Plan(text.verdict(checked), (_report(project, checked), *_issue(project, checked), *_answer(event, checked)))


async def checked_locks(project: Snapshot, config: RepoConfig, see: See, name: str = "") -> tuple[Checked, ...]:
    """What was found about each lock, or about that of the environment of this name; raises Refused or TryLater.

    `project` holds the files at the top.
    """
    wanted = await _wanted(project, config, see, name)
    project = await _whole(project, wanted, see)
    return tuple([await _one(project, each, config, see) for each in wanted])


def _idle(project: Snapshot, config: RepoConfig) -> str:
    if project.archived:
        return "The repository is archived."
    return "" if config.runs(NAME) else "The configuration switches the manager `provenance` off."


async def _wanted(project: Snapshot, config: RepoConfig, see: See, name: str) -> tuple[Environment, ...]:
    """The environments with a lock that can be checked."""
    found = await overlays.find(project, config, see.reader)
    return tuple(each for each in found.named(name) if config.allows(NAME, each.name))


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
        looked_at = subject(environment, project.text(environment.manifest), locked, see.allowed_hosts)
        allowed = frozenset(config.provenance.sources)
        found = await examine(looked_at, see.index, see.attestations, allowed_sources=allowed)
    except Refused as refusal:
        return Checked(environment.lock, trouble=str(refusal))
    said = tuple(Said(each.type, each.id, each.justification) for each in found.findings)
    return Checked(environment.lock, said, found.packages, found.artefacts)


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
    looked_at: Subject,
    index: Index,
    attestations: Attestations,
    *,
    allowed_sources: frozenset[str] = frozenset(),
) -> Provenance:
    """What is wrong with a lock, seen from the indexes that are declared for it.

    Raises TryLater where an index does not answer.
    """
    packages = looked_at.packages
    seen = await _read(((package.name, package.version) for package in packages), looked_at.sources, index)
    files = locked_files(looked_at, seen)
    verdicts = await attestations.of(file for _, file in files)
    told = artefacts(files, verdicts)
    return Provenance(check(looked_at, seen, told, allowed=allowed_sources), len(packages), told)


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
