"""Carries out a plan, action by action: the only place from which the bot writes to GitHub."""

import re
from dataclasses import dataclass, field, replace
from typing import assert_never

from bot.core import inside
from bot.core.errors import Refused
from bot.core.events import ChangeProposed, Repository
from bot.core.plan import (
    Action,
    AskEvidence,
    CloseIssue,
    ClosePreview,
    ClosePullRequest,
    Comment,
    DeleteBranch,
    EditPullRequest,
    KeepLabels,
    LookAgain,
    OpenIssue,
    OpenPreview,
    Plan,
    ProposeChange,
    PushImage,
    React,
    Release,
    Report,
    ResumeRuns,
    RollBack,
    SetLabels,
    StartRun,
    TakeApart,
    TrackIssue,
    Watch,
    YankRelease,
)
from bot.core.ports import DeploymentState, Inbox, Reader, Runner, StatusState, Writer
from bot.core.records import Archive, NoArchive, Proposed
from bot.core.stages import Held, ImagePushed, StageReport, Started, Stopped, Superseded, Verified
from bot.core.texts import deployment, evidence, image, preview, update
from bot.core.watching import Watched, WatchList


@dataclass(frozen=True, slots=True)
class Hands:
    """What actions are carried out with, for one repository; `service_url` is where the deployed service answers."""

    repository: Repository
    reader: Reader
    writer: Writer
    inbox: Inbox
    runner: Runner
    watch_list: WatchList
    service_url: str
    archive: Archive = field(default_factory=NoArchive)
    runs_url: str = ""

    def run_url(self, sha: str) -> str:
        """The dashboard's page of a run; the service's address where there is no dashboard."""
        return f"{self.runs_url}/{sha}" if self.runs_url else self.service_url


async def apply(plan: Plan, hands: Hands) -> None:
    """Make every action so, in order; each may be repeated after a crash without a second effect.

    In a comment's body `{proposed}`, `{proposed BRANCH}`, `{released}` and `{opened}` stand for what an earlier action
    made.
    """
    made: dict[str, str] = {}
    for action in plan.actions:
        await _make(action, hands, made)


async def _make(action: Action, hands: Hands, made: dict[str, str]) -> None:
    match action:
        case ProposeChange():
            number = f"#{await _propose(action, hands)}"
            made |= {"{proposed}": number, f"{{proposed {action.branch}}}": number}
        case AskEvidence():
            await _ask_evidence(action, hands)
        case TrackIssue():
            await hands.writer.track(replace(action, body=_filled(action.body, made)))
        case Watch():
            await _watch(action, hands)
        case LookAgain() | TakeApart():
            await _note(action, hands)
        case Comment():
            await hands.writer.comment(replace(action, body=_filled(action.body, made)))
        case Release():
            made["{released}"] = f"[{action.tag}]({await hands.writer.release(action)})"
        case OpenIssue():
            made["{opened}"] = f"#{await hands.writer.open_issue(action)}"
        case StartRun() | RollBack() | ResumeRuns() | OpenPreview() | ClosePreview() | PushImage():
            await _deploy(action, hands)
        case _:
            await _write(action, hands.writer)


async def _note(action: LookAgain | TakeApart, hands: Hands) -> None:
    """Put what is to be done next into the inbox."""
    match action:
        case LookAgain():
            await hands.inbox.put(inside.look_wanted(hands.repository, action.reason))
        case TakeApart(failed):
            await hands.inbox.put(inside.change_failed(failed))
        case _:
            assert_never(action)


async def _watch(action: Watch, hands: Hands) -> None:
    if action.locked or action.schedules:
        seen = (action.locked, action.schedules, action.cooldown_days, action.seen)
        await hands.watch_list.record(Watched(hands.repository, *seen))
    else:
        await hands.watch_list.forget(hands.repository.id)


async def _deploy(
    action: StartRun | RollBack | ResumeRuns | OpenPreview | ClosePreview | PushImage, hands: Hands
) -> None:
    match action:
        case StartRun():
            await _run(action, hands)
        case RollBack():
            await _roll_back(action, hands)
        case ResumeRuns(issue, key):
            said = deployment.resumed(await hands.runner.frozen(hands.repository))
            await hands.runner.resume(hands.repository)
            await hands.writer.comment(Comment(issue, key, said))
        case PushImage():
            await _push_image(action, hands)
        case OpenPreview():
            await _preview(action, hands)
        case ClosePreview(number):
            if await hands.runner.close_preview(hands.repository, number, hands.reader, hands.writer):
                await hands.writer.comment(Comment(number, preview.KEY, preview.GONE))
        case _:
            assert_never(action)


async def _push_image(action: PushImage, hands: Hands) -> None:
    """Build and push it, and answer with its digest, or with why there is none."""
    try:
        given = (action.sha, action.tag, hands.reader, hands.writer)
        result = await hands.runner.push_image(hands.repository, *given)
    except Refused as refusal:
        said, done = image.refused(str(refusal)), False
    else:
        done = isinstance(result, ImagePushed)
        said = (
            image.delivered(result.repository, action.tag, result.name, action.sha)
            if isinstance(result, ImagePushed)
            else image.failed(result)
        )
    await hands.writer.comment(Comment(action.issue, action.key, said))
    if done:
        await hands.writer.close_issue(CloseIssue(action.issue))


async def _preview(action: OpenPreview, hands: Hands) -> None:
    """Make it and say where it is, or why there is none, in the one comment on the pull request."""
    given = (hands.repository, action.number, action.sha, hands.reader, hands.writer)
    try:
        result = await hands.runner.preview(*given)
    except Refused as refusal:
        said = preview.refused(str(refusal))
    else:
        said = preview.failed(result) if isinstance(result, Stopped) else preview.ready(result)
    await hands.writer.comment(Comment(action.number, preview.KEY, said))


async def _write(
    action: EditPullRequest
    | Report
    | React
    | YankRelease
    | CloseIssue
    | ClosePullRequest
    | KeepLabels
    | SetLabels
    | DeleteBranch,
    writer: Writer,
) -> None:
    match action:
        case EditPullRequest():
            await writer.edit_pull_request(action)
        case Report():
            await writer.report(action)
        case React():
            await writer.react(action)
        case YankRelease():
            await writer.yank(action)
        case CloseIssue():
            await writer.close_issue(action)
        case ClosePullRequest():
            await writer.close_pull_request(action)
        case SetLabels():
            await writer.set_labels(action)
        case KeepLabels():
            await writer.keep_labels(action)
        case DeleteBranch():
            await writer.delete_branch(action)
        case _:
            assert_never(action)


def _filled(body: str, made: dict[str, str]) -> str:
    for name, value in made.items():
        body = body.replace(name, value)
    return body


async def _propose(change: ProposeChange, hands: Hands) -> int:
    """Open or renew the pull request; where it wants evidence, ask for it."""
    opened = await hands.writer.propose(change)
    if snapshot := update.snapshot(change.body):
        made = Proposed(change.branch, change.files, change.body)
        await hands.archive.note(snapshot, hands.repository.name, opened.number, made)
    if change.evidence:
        await _ask_evidence(AskEvidence(opened.number, change.target.sha, opened.head_sha, change.evidence), hands)
    return opened.number


async def _ask_evidence(asked: AskEvidence, hands: Hands) -> None:
    """Put the question into the inbox; where it stands there already, its check run is not set back to waiting."""
    proposed = ChangeProposed(hands.repository, asked.number, asked.base_sha, asked.head_sha, asked.lock)
    if await hands.inbox.put(inside.change_proposed(proposed, asked.again)):
        await hands.writer.report(evidence.waiting(asked.head_sha))


async def _run(action: StartRun, hands: Hands) -> None:
    """Run the stages; statuses as they go, a Deployment when something is deployed, a word on the pull request."""
    progress = _Progress(action.head, hands)
    try:
        result = await hands.runner.run(
            *(hands.repository, action.head, hands.reader, hands.writer, progress.report),
            order=action.order,
            retrain=action.retrain,
        )
    except Refused as refusal:
        await _conclude(action, action.head, "failure", str(refusal), deployment.refused(str(refusal)), hands)
        return
    sentence = deployment.sentence(result)
    # A run that ended before a crash reports nothing when it is asked again: its Deployment is looked up here.
    match result:
        case Verified():
            await progress.deployment("success", sentence, result.url)
        case Stopped(stage="deploy" | "verify"):
            await progress.deployment("failure", sentence, result.url)
            await _tell_roll_back(result, hands)
        case Held():
            await hands.writer.open_issue(deployment.freeze(result.since))
        case _:
            pass
    state: StatusState = "failure" if isinstance(result, Stopped | Held) else "success"
    await _conclude(action, action.head, state, sentence, deployment.comment(result, hands.service_url), hands)
    if action.sha != action.head:
        await hands.runner.overtaken(hands.repository, action.sha, action.head)
        overtaken = deployment.sentence(Superseded(action.sha, action.head))
        await hands.writer.status(action.sha, "bolide", state, overtaken, hands.run_url(action.sha))


async def _tell_roll_back(result: Stopped, hands: Hands) -> None:
    """After an automatic roll-back: the Deployment of before is the active one, and a freeze is asked about."""
    if re.fullmatch("[0-9a-f]{40}", result.back):
        number = await hands.writer.deployment(result.back, deployment.ENVIRONMENT)
        await hands.writer.deployment_state(number, "success", "serves again", result.url or hands.service_url)
    if result.back and (since := await hands.runner.frozen(hands.repository)):
        await hands.writer.open_issue(deployment.freeze(since))


async def _roll_back(action: RollBack, hands: Hands) -> None:
    """Go back, and say so: to whoever asked, on the commit, and on the Deployments of both versions."""
    why = f"{action.by} asked for it in #{action.issue}{f', “{action.reason}”' if action.reason else ''}"
    result = await hands.runner.roll_back(hands.repository, action.key, why, hands.reader, hands.writer)
    url = result.url or hands.service_url
    writer, said = hands.writer, deployment.rolled_back(result, url)
    if result.taken:
        taken = await writer.deployment(result.taken, deployment.ENVIRONMENT)
        await writer.deployment_state(taken, "inactive", f"rolled back (#{action.issue})", url)
        sentence = f"Rolled back on command (#{action.issue}); {result.sha[:8]} serves again."
        await writer.status(result.taken, deployment.CONTEXT, "failure", sentence, url)
    number = await writer.deployment(result.sha, deployment.ENVIRONMENT)
    await writer.deployment_state(number, "success", f"serves again (#{action.issue})", url)
    await writer.comment(Comment(action.issue, action.key, said))


async def _conclude(action: StartRun, sha: str, state: StatusState, sentence: str, comment: str, hands: Hands) -> None:
    """Say how a run ended: on the commit, and on the pull request whose merge asked for it."""
    await hands.writer.status(sha, "bolide", state, sentence, hands.run_url(sha))
    if action.number:
        await hands.writer.comment(Comment(action.number, deployment.COMMENT_KEY, comment))


class _Progress:
    """Writes where a run stands; the Deployment is begun when its stage is."""

    def __init__(self, sha: str, hands: Hands) -> None:
        self._sha, self._hands = sha, hands

    async def report(self, stage: StageReport) -> None:
        state, description = deployment.status(stage.outcome)
        context, url = deployment.context(stage.stage), self._hands.run_url(self._sha) if self._hands.runs_url else None
        await self._hands.writer.status(self._sha, context, state, description, url)
        if stage.stage == "deploy" and isinstance(stage.outcome, Started):
            await self.deployment("in_progress", "switching the service to this commit")

    async def deployment(self, state: DeploymentState, description: str, url: str = "") -> None:
        writer = self._hands.writer
        number = await writer.deployment(self._sha, deployment.ENVIRONMENT)
        run = self._hands.run_url(self._sha) if self._hands.runs_url else ""
        await writer.deployment_state(number, state, description, url or self._hands.service_url, run)
