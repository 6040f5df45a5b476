"""Releases, until they are merged: what is asked for becomes one pull request, which keeps up with the branch."""

from bot.core import notes, releasekeys, releasing
from bot.core.commands import CancelRelease, RebaseNow, ReleaseNow
from bot.core.errors import Refused
from bot.core.events import CommandGiven, Event, PullRequestEdited, PullRequestMerged, Pushed, Scheduled
from bot.core.plan import (
    Action,
    CloseIssue,
    ClosePullRequest,
    Comment,
    OwnBranch,
    Plan,
    ProposeChange,
    Report,
    Target,
)
from bot.core.ports import BotBranch
from bot.core.releasing import Project
from bot.core.see import See
from bot.core.texts import answer
from bot.core.texts import release as text
from bot.core.texts.markdown import quiet
from bot.core.texts.release import Order
from bot.core.versions import ReleaseKind

NAME = "release"
LISTENS = (ReleaseNow, CancelRelease, RebaseNow, PullRequestMerged, PullRequestEdited, Pushed, Scheduled)
CHECK = "Bolide release"
_LABELLED = "release asked"
"""The key of the comment on a merged pull request whose label asks for a release."""


async def plan(event: Event, see: See) -> Plan | None:
    """The release pull request: opened, renewed or taken back."""
    match event:
        case CommandGiven(command=ReleaseNow() as command):
            order = Order(command.wanted, event.issue, closes=event.comment is None)
            return await _asked(order, answer.key(event), see)
        case CommandGiven(command=CancelRelease()):
            return await _cancelled(event, see)
        case CommandGiven(command=RebaseNow()):
            return await _refreshed(see, event)
        case PullRequestMerged() if wanted := {text.LABELS[label] for label in event.labels if label in text.LABELS}:
            return await _labelled(event, tuple(sorted(wanted)), see)
        case Scheduled(purpose=releasekeys.RELEASE):
            return await _scheduled(see)
        case PullRequestEdited(branch=text.BRANCH) | Pushed():
            return await _refreshed(see)
        case _:
            return None


async def _scheduled(see: See) -> Plan:
    """The release that is due, where something was merged since the last one; nobody asked, so a check says why not."""
    start = await see.reader.snapshot((), branch=text.BRANCH)
    if start.branch and start.branch.pull_request:
        return Plan(f"#{start.branch.pull_request} is open already")
    try:
        project = await releasing.read(see.reader)
        if not project.config.release.schedule:
            return Plan("no release is scheduled any more")
        if not await releasing.has_news(project, see.reader, see.login):
            return Plan("nothing was merged since the last release")
        order = Order(project.config.release.scheduled_kind, None, closes=False)
        change = await _proposal(project, order, see)
    except Refused as refusal:
        said = quiet(str(refusal))
        return Plan(said, (Report(start.sha, CHECK, "No release could be proposed", said, "failure"),))
    return Plan(change.title, (change,))


async def _labelled(event: PullRequestMerged, wanted: tuple[ReleaseKind, ...], see: See) -> Plan:
    """What the labels of a merged pull request ask for, unless they contradict one another."""
    if len(wanted) > 1:
        said = f"The labels ask for {' and '.join(wanted)} releases at once; comment `/release KIND`."
        return Plan(said, (Comment(event.number, _LABELLED, said),))
    return await _asked(Order(wanted[0], event.number, closes=False), _LABELLED, see)


async def _asked(order: Order, key: str, see: See) -> Plan:
    """Answer whoever asked: the proposal, or why there is none."""
    issue = order.issue or 0
    try:
        if order.closes and not await see.reader.issue_is_open(issue):
            return Plan(f"#{issue} was closed before it came to that.")
        project = await releasing.read(see.reader)
        change = await _proposal(project, order, see)
    except Refused as refusal:
        return Plan(str(refusal), (Comment(issue, key, quiet(str(refusal))),))
    said = f"{{proposed}} proposes it as **{change.title}**; merging it tags and publishes."
    return Plan(change.title, (change, *_told_otherwise(project, order, change.title), Comment(issue, key, said)))


def _told_otherwise(project: Project, order: Order, title: str) -> tuple[Action, ...]:
    """Tell who asked for the release that is open already when another order takes its place."""
    before = text.parse(project.snapshot.branch.pull_request_body) if project.snapshot.branch else None
    if before is None or before.order.issue in (None, order.issue):
        return ()
    said = f"#{order.issue} asked for another release: the pull request is **{title}** now."
    return (Comment(before.order.issue or 0, "release replaced", said),)


async def _proposal(project: Project, order: Order, see: See) -> ProposeChange:
    """The pull request for the order on the branch as it is; a person's edits of the notes stay."""
    snapshot = project.snapshot
    branch = _own(snapshot.branch, see)
    version = await releasing.next_version(project, order.wanted, see.reader, see.now.date())
    made = await releasing.make_notes(project, version, see.reader, see.login)
    written = await _with_edits(branch, made, see)
    return ProposeChange(
        Target(snapshot.node_id, snapshot.default_branch, snapshot.sha),
        text.BRANCH,
        OwnBranch(branch.sha, branch.pull_request) if branch else None,
        releasing.files(project, version, written, see.now.date()),
        text.title(version),
        text.title(version),
        text.body(order, version, project.current, snapshot.sha, made, written),
    )


def _own(branch: BotBranch | None, see: See) -> BotBranch | None:
    if branch and not branch.only_by(see.login):
        raise Refused(f"A person has committed to {text.BRANCH}; merge it, or delete the branch and ask again.")
    return branch


async def _with_edits(branch: BotBranch | None, made: str, see: See) -> str:
    """The notes, with what a person made of those in the open pull request."""
    if branch is None or branch.pull_request is None:
        return made
    opened = text.parse(branch.pull_request_body)
    if opened is None or not opened.edited:
        return made
    project = await releasing.read(see.reader, opened.base_sha)
    version = await releasing.next_version(project, opened.order.wanted, see.reader, see.now.date())
    before = await releasing.make_notes(project, version, see.reader, see.login)
    return notes.merge(before, opened.notes, made)


async def _refreshed(see: See, event: CommandGiven | None = None) -> Plan | None:
    """Keep the open release pull request up to date; without one there is nothing to do."""
    start = await see.reader.snapshot((), branch=text.BRANCH)
    number = start.branch.pull_request if start.branch else None
    if start.branch is None or number is None or (event and event.issue != number):
        return None if event else Plan("no release is open")
    opened = text.parse(start.branch.pull_request_body)
    if opened is None:
        return Plan("a person has taken the release's text over")
    try:
        project = await releasing.read(see.reader)
        change = await _proposal(project, opened.order, see)
    except Refused as refusal:
        return Plan(str(refusal), (Comment(number, text.STATE, quiet(str(refusal))),))
    return Plan(f"#{number} is {change.title}", (change,))


async def _cancelled(event: CommandGiven, see: See) -> Plan:
    """Close the open release pull request, and the issue that asked for it."""
    start = await see.reader.snapshot((), branch=text.BRANCH)
    number = start.branch.pull_request if start.branch else None
    if start.branch is None or number is None:
        said = "No release is open, so there is nothing to cancel."
        return Plan(said, (Comment(event.issue, answer.key(event), said),))
    opened = text.parse(start.branch.pull_request_body)
    said = f"The release of #{number} is cancelled; nothing was tagged."
    actions: list[Action] = [ClosePullRequest(number, text.BRANCH, start.branch.sha)]
    actions.append(Comment(event.issue, answer.key(event), said))
    if opened and opened.order.closes and opened.order.issue:
        actions.append(Comment(opened.order.issue, "release cancelled", said))
        actions.append(CloseIssue(opened.order.issue, completed=False))
    return Plan(said, tuple(actions))
