"""Proposes newer dependencies: reads the lock, resolves, opens one pull request."""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import timedelta

from bot.core import changes, lockfile, pipfile, repoconfig
from bot.core.changes import Change
from bot.core.commands import UpdateNow
from bot.core.errors import Refused, TryLater
from bot.core.events import CommandGiven, Event, Pushed, RepositoryAdded
from bot.core.packages import (
    All,
    IndexUnreachable,
    PackageUnknown,
    ResolveRequest,
    ResolverFailed,
    Unresolvable,
)
from bot.core.plan import Comment, FileChange, Plan, ProposeChange, Report, Target
from bot.core.ports import Snapshot
from bot.core.repoconfig import RepoConfig
from bot.core.see import See
from bot.core.texts import update as text
from bot.core.texts.update import Reason, UpdateText

NAME = "update"
LISTENS = (RepositoryAdded, Pushed, UpdateNow)
PIPFILE, LOCK = "Pipfile", "Pipfile.lock"


async def plan(event: Event, see: See) -> Plan | None:
    """One pull request with every newer version that fits, or the reason why there is none."""
    project = await see.reader.snapshot((repoconfig.PATH, PIPFILE, LOCK), branch=text.BRANCH)
    try:
        found = await _propose(project, see)
    except Refused as refusal:
        return Plan(str(refusal), _answers(event, project, str(refusal)))
    if isinstance(found, str):
        return Plan(found, _comments(event, found))
    return Plan(found.title, (found, *_comments(event, "{proposed} is open; its evidence follows there.")))


async def _propose(project: Snapshot, see: See) -> ProposeChange | str:
    """The change to propose, or the sentence why there is nothing to do."""
    if project.archived:
        return "The repository is archived."
    if project.files[PIPFILE] is None:
        return "There is no Pipfile at the top of the repository."
    if project.branch and not all(author == see.login for author in project.branch.authors):
        return (
            f"A person has committed to {text.BRANCH}; Bolide leaves that branch alone until it is merged or deleted."
        )
    config = repoconfig.parse(project.text(repoconfig.PATH))
    old_text = project.text(LOCK)
    update, lock_text = await _resolve(project, config, see)
    if not update.changes:
        return "Every dependency is at the newest version that fits."
    if lock_text == old_text:
        return "The lock is as it would be made today."
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


async def _resolve(project: Snapshot, config: RepoConfig, see: See) -> tuple[UpdateText, str]:
    """What an update changes, and the text of the new lock."""
    wanted, old = _wanted(project)
    request = ResolveRequest(wanted, old, config.python, All(), see.now - timedelta(days=config.cooldown_days))
    try:
        found = await see.resolver.resolve(request)
    except (Unresolvable, PackageUnknown) as problem:
        raise Refused(str(problem)) from problem
    except (IndexUnreachable, ResolverFailed) as problem:
        raise TryLater(str(problem), after=300) from problem
    moved = changes.diff(old or {}, found.lock, wanted)
    update = UpdateText(
        moved,
        await _reasons(moved, found.required_by, wanted, see),
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


def _wanted(project: Snapshot) -> tuple[pipfile.Pipfile, dict[str, object] | None]:
    try:
        old = project.text(LOCK)
        return pipfile.parse(project.text(PIPFILE)), lockfile.parse(old) if old else None
    except ValueError as problem:
        raise Refused(str(problem)) from problem


async def _reasons(
    moved: tuple[Change, ...], required_by: Mapping[str, tuple[str, ...]], wanted: pipfile.Pipfile, see: See
) -> dict[str, Reason]:
    """For each changed package, who wants it and when its new version came out."""

    async def one(change: Change) -> tuple[str, Reason]:
        parents = ", ".join(required_by.get(change.name, ())[:3])
        if not change.new:
            return change.name, Reason("nothing requires it any more", None)
        why = "newest release that the Pipfile allows" if change.direct else f"required by {parents or 'the Pipfile'}"
        files = (await see.index.project(change.name, wanted.sources[0].url)).release(change.new)
        times = [file.upload_time for file in files if file.upload_time]
        return change.name, Reason(why, min(times).date() if times else None)

    try:
        return dict(await asyncio.gather(*map(one, moved)))
    except (IndexUnreachable, PackageUnknown) as problem:
        raise TryLater(str(problem), after=300) from problem


def _answers(event: Event, project: Snapshot, refusal: str) -> tuple[Comment | Report, ...]:
    """Where a refusal is said: to the person who asked, and on the commit where it stays to be seen."""
    report = Report(project.sha, "Bolide update", "No update could be proposed", refusal, "failure")
    return (report, *_comments(event, refusal))


def _comments(event: Event, sentence: str) -> tuple[Comment, ...]:
    if not isinstance(event, CommandGiven):
        return ()
    return (Comment(event.issue, f"answer {event.comment or 'title'}", sentence),)
