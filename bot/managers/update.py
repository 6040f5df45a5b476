"""Proposes newer dependencies: reads the lock, resolves, opens one pull request."""

import hashlib
from collections.abc import Mapping
from datetime import date, timedelta

from bot.core import changes, lockfile, pipfile, repoconfig
from bot.core.changes import Change
from bot.core.commands import UpdateNow
from bot.core.errors import Refused, TryLater
from bot.core.events import CommandGiven, Event, Pushed, RepositoryAdded
from bot.core.packages import (
    All,
    PackageUnknown,
    ResolveRequest,
)
from bot.core.plan import AskEvidence, Comment, FileChange, Plan, ProposeChange, Report, Target
from bot.core.ports import BotBranch, Snapshot
from bot.core.repoconfig import RepoConfig
from bot.core.see import See
from bot.core.texts import answer
from bot.core.texts import update as text
from bot.core.texts.markdown import quiet
from bot.core.texts.update import Move, UpdateText

NAME = "update"
CHECK = "Bolide update"
LISTENS = (RepositoryAdded, Pushed, UpdateNow)
PIPFILE, LOCK = "Pipfile", "Pipfile.lock"


async def plan(event: Event, see: See) -> Plan | None:
    """One pull request with every newer version that fits, or the reason why there is none."""
    project = await see.reader.snapshot((*repoconfig.PATHS, PIPFILE, LOCK), branch=text.BRANCH)
    if idle := _idle(project):
        return Plan(idle, _comments(event, idle))
    if project.branch and not all(author == see.login for author in project.branch.authors):
        return _handed_over(event, project.branch)
    try:
        found = await _propose(event, project, see)
    except Refused as refusal:
        return Plan(str(refusal), _answers(event, project, str(refusal)))
    except TryLater as problem:
        if isinstance(event, CommandGiven):
            raise  # who asked is answered in any case
        return Plan(str(problem), (_waits(project, problem),), again_after=problem.after)
    if isinstance(found, str):
        return Plan(found, _comments(event, found))
    if isinstance(found, AskEvidence):
        said = f"#{found.number} proposes this lock already."
        anew = " Its evidence is gathered anew." if found.again else ""
        return Plan(said, (found, *_comments(event, f"{said}{anew}")))
    return Plan(found.title, (found, *_comments(event, "{proposed} is open; its evidence follows there.")))


def _idle(project: Snapshot) -> str | None:
    """Why there is nothing to update in this repository at all."""
    if project.archived:
        return "The repository is archived."
    if project.files[PIPFILE] is None:
        return "There is no Pipfile at the top of the repository."
    return None


def _handed_over(event: Event, branch: BotBranch) -> Plan:
    """What is done about a branch with a person's commits: it is said once, on its pull request."""
    told = (Comment(branch.pull_request, "handed over", text.HANDED_OVER),) if branch.pull_request else ()
    return Plan(text.HANDED_OVER, (*told, *_comments(event, text.HANDED_OVER)))


async def _propose(event: Event, project: Snapshot, see: See) -> ProposeChange | AskEvidence | str:
    """The change to propose, the proposal that is open already, or the sentence why there is nothing to do."""
    config = repoconfig.read(project)
    old_text = project.text(LOCK)
    wanted, old = _wanted(project, see)
    update, lock_text = await _resolve(project, wanted, old, config, see)
    current = old is not None and changes.is_current(wanted, old)
    whole = old is not None and changes.is_whole(old, lockfile.parse(lock_text))
    if lock_text == old_text or (current and whole and not update.changes):
        return "Every dependency is at the newest version that fits."
    proposal = text.Proposal(update.base_sha, update.lock_sha256)
    branch = project.branch
    if branch and branch.pull_request and text.parse(branch.pull_request_body) == proposal:
        return AskEvidence(branch.pull_request, project.sha, branch.sha, _key(event))
    if not isinstance(event, CommandGiven) and proposal.lock_sha256 in _declined(project):
        return "This lock was proposed, and its pull request was closed; comment `/update` to have it proposed again."
    return ProposeChange(
        Target(project.node_id, project.default_branch, project.sha),
        text.BRANCH,
        project.existing(),
        (FileChange(LOCK, lock_text),),
        text.message(update),
        text.title(update.changes),
        text.body(update),
        evidence=True,
    )


async def _resolve(
    project: Snapshot, wanted: pipfile.Pipfile, old: Mapping[str, object] | None, config: RepoConfig, see: See
) -> tuple[UpdateText, str]:
    """What an update changes, and the text of the new lock."""
    request = ResolveRequest(wanted, old, config.python, All(), see.now - timedelta(days=config.cooldown_days))
    found = await see.resolver.resolve(request)
    moved = changes.diff(old or {}, found.lock, wanted)
    update = UpdateText(
        await _moves(moved, found.required_by, wanted, see),
        found.held_back,
        found.notes,
        project.sha,
        hashlib.sha256(found.lock_text.encode()).hexdigest(),
        config.python,
        config.cooldown_days,
        found.resolver,
        see.now,
    )
    return update, found.lock_text


def _wanted(project: Snapshot, see: See) -> tuple[pipfile.Pipfile, dict[str, object] | None]:
    try:
        old = project.text(LOCK)
        return pipfile.parse(project.text(PIPFILE), see.allowed_hosts), lockfile.parse(old) if old else None
    except ValueError as problem:
        raise Refused(str(problem)) from problem


async def _moves(
    moved: tuple[Change, ...], required_by: Mapping[str, tuple[str, ...]], wanted: pipfile.Pipfile, see: See
) -> tuple[Move, ...]:
    """For each changed package, who wants it, and where and when its new version came out."""
    moves = []
    for change in moved:
        source = _source(change, wanted)
        released = await _released(change, source, see) if change.new else None
        moves.append(Move(change, _why(change, required_by.get(change.name, ())), released, source.name))
    return tuple(moves)


def _why(change: Change, parents: tuple[str, ...]) -> str:
    if not change.new:
        return "nothing requires it any more"
    if change.kind == "downgraded":
        return "the version in the lock does not fit any more"
    if change.direct:
        return "newest release that the Pipfile allows"
    return f"required by {', '.join(parents[:3]) or 'the Pipfile'}"


def _source(change: Change, wanted: pipfile.Pipfile) -> pipfile.Source:
    """The index that the Pipfile has for the package."""
    entries = (requirements.get(change.name) for requirements in wanted.categories.values())
    named = next((entry.index for entry in entries if entry and entry.index), "")
    return next((source for source in wanted.sources if source.name == named), wanted.sources[0])


async def _released(change: Change, source: pipfile.Source, see: See) -> date | None:
    """The day of the new version's first file."""
    try:
        files = (await see.index.project(change.name, source.url)).release(change.new)
    except PackageUnknown:
        return None  # another index of the Pipfile has it, and the lock does not tell which
    times = [file.upload_time for file in files if file.upload_time]
    return min(times).date() if times else None


def _declined(project: Snapshot) -> set[str]:
    """The locks whose pull requests people closed."""
    return {found.lock_sha256 for body in project.declined if (found := text.parse(body))}


def _key(event: Event) -> str:
    return answer.key(event) if isinstance(event, CommandGiven) else ""


def _waits(project: Snapshot, problem: TryLater) -> Report:
    """That something is away, said on the commit for those who look."""
    sentence = quiet(f"{problem} Bolide tries again by itself.")
    return Report(project.sha, CHECK, "Waiting", sentence, "neutral")


def _answers(event: Event, project: Snapshot, refusal: str) -> tuple[Comment | Report, ...]:
    """Where a refusal is said: to the person who asked, and on the commit where it stays to be seen."""
    report = Report(project.sha, CHECK, "No update could be proposed", quiet(refusal), "failure")
    return (report, *_comments(event, quiet(refusal)))


def _comments(event: Event, sentence: str) -> tuple[Comment, ...]:
    if not isinstance(event, CommandGiven):
        return ()
    return (Comment(event.issue, answer.key(event), sentence),)
