"""Carries out a plan, action by action: the only place from which the bot writes to GitHub."""

import json
from dataclasses import dataclass, replace
from typing import assert_never

from bot.core.events import CHANGE_PROPOSED, ChangeProposed, Repository, change_proposed
from bot.core.plan import (
    Action,
    CloseIssue,
    Comment,
    DeleteBranch,
    EditPullRequest,
    Plan,
    ProposeChange,
    React,
    Release,
    Report,
    StartRun,
)
from bot.core.ports import Delivery, DeploymentState, Inbox, Reader, Runner, StatusState, Writer
from bot.core.stages import StageReport, Started, Stopped, Verified
from bot.core.texts import deployment, evidence


@dataclass(frozen=True, slots=True)
class Hands:
    """What actions are carried out with, for one repository; `service_url` is where the deployed service answers."""

    repository: Repository
    reader: Reader
    writer: Writer
    inbox: Inbox
    runner: Runner
    service_url: str


async def apply(plan: Plan, hands: Hands) -> None:
    """Make every action so, in order; each may be repeated after a crash without a second effect.

    In a comment's body `{proposed}` and `{released}` stand for what an earlier action of the plan made.
    """
    made: dict[str, str] = {}
    for action in plan.actions:
        await _make(action, hands, made)


async def _make(action: Action, hands: Hands, made: dict[str, str]) -> None:
    writer = hands.writer
    match action:
        case ProposeChange():
            made["{proposed}"] = f"#{await _propose(action, hands)}"
        case EditPullRequest():
            await writer.edit_pull_request(action)
        case Report():
            await writer.report(action)
        case Comment():
            await writer.comment(replace(action, body=_filled(action.body, made)))
        case React():
            await writer.react(action)
        case Release():
            made["{released}"] = f"[{action.tag}]({await writer.release(action)})"
        case CloseIssue():
            await writer.close_issue(action)
        case DeleteBranch():
            await writer.delete_branch(action)
        case StartRun():
            await _run(action, hands)
        case _:
            assert_never(action)


def _filled(body: str, made: dict[str, str]) -> str:
    for name, value in made.items():
        body = body.replace(name, value)
    return body


async def _propose(change: ProposeChange, hands: Hands) -> int:
    """Open or renew the pull request; where it wants evidence, ask for it by way of the inbox."""
    opened = await hands.writer.propose(change)
    if change.evidence:
        proposed = ChangeProposed(hands.repository, opened.number, change.target.sha, opened.head_sha)
        await hands.writer.report(evidence.waiting(opened.head_sha))
        body = json.dumps(change_proposed(proposed)).encode()
        await hands.inbox.put(Delivery(f"evidence-{opened.head_sha}", CHANGE_PROPOSED, body))
    return opened.number


async def _run(action: StartRun, hands: Hands) -> None:
    """Run the stages; statuses as they go, a Deployment when something is deployed, a word on the pull request."""
    progress = _Progress(action.sha, hands)
    result = await hands.runner.run(hands.repository, action.sha, hands.reader, progress.report)
    match result:
        case Verified():
            await progress.deployment("success", deployment.sentence(result))
        case Stopped():
            await progress.deployment("failure", deployment.sentence(result))
        case _:
            pass
    state: StatusState = "failure" if isinstance(result, Stopped) else "success"
    await hands.writer.status(action.sha, "bolide", state, deployment.sentence(result), hands.service_url)
    if action.number:
        body = deployment.comment(result, hands.service_url)
        await hands.writer.comment(Comment(action.number, deployment.COMMENT_KEY, body))


class _Progress:
    """Writes where a run stands; the Deployment is begun when its stage is."""

    def __init__(self, sha: str, hands: Hands) -> None:
        self._sha, self._hands = sha, hands
        self._deployment: int | None = None

    async def report(self, stage: StageReport) -> None:
        state, description = deployment.status(stage.outcome)
        await self._hands.writer.status(self._sha, deployment.context(stage.stage), state, description, None)
        if stage.stage == "deploy" and isinstance(stage.outcome, Started):
            self._deployment = await self._hands.writer.deployment(self._sha, deployment.ENVIRONMENT)
            await self.deployment("in_progress", "switching the service to this commit")

    async def deployment(self, state: DeploymentState, description: str) -> None:
        if self._deployment is not None:
            url = self._hands.service_url
            await self._hands.writer.deployment_state(self._deployment, state, description, url)
