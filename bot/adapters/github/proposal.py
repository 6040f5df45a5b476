"""A change becomes one commit on the bot's branch and one open pull request, whatever was there and whatever fails."""

import asyncio
import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.adapters.github import graphql
from bot.adapters.github.graphql import Unprocessable
from bot.adapters.github.line import Unclear
from bot.adapters.github.session import PAUSES, RepositorySession
from bot.core.plan import CommitFiles, FileChange, ProposeChange
from bot.core.ports import ForgeRefused, ForgeUnavailable, HeadMoved, PullRequest

NEXT = "-next"
"""What the branch is called on which the commit is made that the bot's branch then moves to, in one step.

Moving the bot's branch to its base first would make GitHub close the pull request, as one without commits."""


NOWHERE = "0" * 40
"""The commit of a branch that is to be gone."""


@dataclass(frozen=True, slots=True)
class _Head:
    """A branch: its GraphQL id, its commit, and whether that commit is the wanted one."""

    id: str
    sha: str
    wanted: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """What there is of the proposal; `pull_request` as GraphQL gives it."""

    own: _Head | None
    next: _Head | None
    pull_request: Mapping[str, Any] | None


class Proposal:
    """One change on its way into a pull request."""

    def __init__(self, session: RepositorySession, change: ProposeChange) -> None:
        self._session = session
        self._change = change

    async def make(self) -> PullRequest:
        """The open pull request; two requests when nothing was there and nothing fails. Raises HeadMoved."""
        if self._change.existing is None:
            try:
                head = await self._start(self._change.branch)
                return await self._open(("create",), {}, head)
            except (Unclear, Unprocessable, HeadMoved):
                pass  # something is there, or may be: look, and go on from there
        for pause in PAUSES:
            await asyncio.sleep(pause)
            try:
                return await self._converge()
            except (Unclear, Unprocessable) as problem:
                reason: Exception = problem
        if isinstance(reason, Unprocessable):
            raise ForgeRefused(f"{self._session.repository.name}: GitHub refused the change: {reason}.") from reason
        raise ForgeUnavailable(f"{reason}.") from reason

    async def _converge(self) -> PullRequest:
        """Look at what there is and do what is left."""
        found = await self._look()
        own, existing = found.own, self._change.existing
        steps: tuple[str, ...] = ()
        inputs: dict[str, dict[str, Any]] = {}
        if own is None:
            head = await self._start(self._change.branch)
        elif own.wanted:
            head = own.sha
        elif own.sha == self._change.target.sha:
            head = (await self._commit(graphql.ADD_COMMIT, self._change.branch, {})).sha
        elif existing is not None and own.sha == existing.sha:
            head = (await self._prepare(found)).sha
            steps, inputs = ("move",), {"move": self._move(own.sha, head)}
        else:
            raise HeadMoved(f"{self._session.repository.name}: {self._change.branch} is at {own.sha[:8]} by now.")
        return await self._publish(found, steps, inputs, head)

    def _move(self, seen: str, head: str) -> dict[str, Any]:
        """The bot's branch to the new commit, unless somebody pushed since it was seen; the one beside it goes."""
        name = f"refs/heads/{self._change.branch}"
        moved = {"name": name, "beforeOid": seen, "afterOid": head, "force": True}
        gone = {"name": name + NEXT, "beforeOid": head, "afterOid": NOWHERE}
        return {"repositoryId": self._change.target.node_id, "refUpdates": [moved, gone]}

    async def _publish(
        self, found: _Found, steps: tuple[str, ...], inputs: dict[str, dict[str, Any]], head: str
    ) -> PullRequest:
        if not steps and found.next is not None:
            steps, inputs = ("drop",), {"drop": {"refId": found.next.id}}
        known, change = found.pull_request, self._change
        if known is None:
            return await self._open((*steps, "create"), inputs, head)
        if steps or (known["title"], known["body"]) != (change.title, change.body):
            inputs["update"] = {"pullRequestId": known["id"], "title": change.title, "body": change.body}
            return await self._open((*steps, "update"), inputs, head)
        return _pull_request(known, head)

    async def _open(self, steps: tuple[str, ...], inputs: dict[str, dict[str, Any]], head: str) -> PullRequest:
        change = self._change
        if "create" in steps:
            inputs["create"] = {
                "repositoryId": change.target.node_id,
                "baseRefName": change.target.branch,
                "headRefName": change.branch,
                "title": change.title,
                "body": change.body,
            }
        data = await self._session.graphql("OpenPullRequest", graphql.open_pull_request(steps), inputs)
        return _pull_request(data[steps[-1]]["pullRequest"], head)

    async def _prepare(self, found: _Found) -> _Head:
        """The wanted commit on the branch beside the bot's."""
        if found.next is not None and found.next.wanted:
            return found.next
        if found.next is not None:
            await self._session.graphql("DeleteRef", graphql.DELETE_REF, {"ref": {"refId": found.next.id}})
        return await self._begin(self._change.branch + NEXT)

    async def _start(self, branch: str) -> str:
        return (await self._begin(branch)).sha

    async def _begin(self, branch: str) -> _Head:
        """The branch, made at the target, with the commit on it."""
        target = self._change.target
        ref = {"repositoryId": target.node_id, "name": f"refs/heads/{branch}", "oid": target.sha}
        return await self._commit(graphql.WRITE_COMMIT, branch, {"ref": ref})

    async def _commit(self, document: str, branch: str, variables: Mapping[str, Any]) -> _Head:
        wanted = CommitFiles(branch, self._change.target.sha, self._change.files, self._change.message)
        made = await write_commit(self._session, wanted, document, variables)
        return _Head(made["ref"]["id"], made["commit"]["oid"], wanted=True)

    async def _look(self) -> _Found:
        owner, _, name = self._session.repository.name.partition("/")
        branch = self._change.branch
        variables = {"owner": owner, "name": name, "branch": branch}
        variables |= {"own": f"refs/heads/{branch}", "next": f"refs/heads/{branch}{NEXT}"}
        variables |= {f"p{n}": file.path for n, file in enumerate(self._change.files)}
        query = graphql.read_branch(len(self._change.files))
        data = (await self._session.read_graphql("ReadBranch", query, variables))["repository"]
        opened = graphql.own_ones(data["pullRequests"])
        return _Found(self._head(data["own"]), self._head(data["next"]), opened[0] if opened else None)

    def _head(self, ref: Mapping[str, Any] | None) -> _Head | None:
        if ref is None:
            return None
        commit, change = ref["target"], self._change
        parents = [parent["oid"] for parent in commit["parents"]["nodes"]]
        files = [(commit[f"f{n}"] or {}).get("oid") for n in range(len(change.files))]
        wanted = (
            parents == [change.target.sha]
            and commit["message"].strip() == change.message.strip()
            and files == [_blob_id(file.text) for file in change.files]
        )
        return _Head(ref["id"], commit["oid"], wanted)


async def write_commit(
    session: RepositorySession, change: CommitFiles, document: str, variables: Mapping[str, Any]
) -> Mapping[str, Any]:
    """What `createCommitOnBranch` answers. Raises HeadMoved, Unclear, Unprocessable and what a session raises."""
    headline, _, rest = change.message.partition("\n")
    commit = {
        "branch": {"repositoryNameWithOwner": session.repository.name, "branchName": change.branch},
        "expectedHeadOid": change.sha,
        "message": {"headline": headline, "body": rest.strip("\n")},
        "fileChanges": {"additions": [_addition(file) for file in change.files]},
    }
    data = await session.graphql("WriteCommit", document, {**variables, "commit": commit})
    made: Mapping[str, Any] = data["createCommitOnBranch"]
    return made


def _addition(file: FileChange) -> dict[str, str]:
    return {"path": file.path, "contents": base64.b64encode(file.text.encode()).decode()}


def _blob_id(text: str) -> str:
    """The id that git gives to a file with this text."""
    content = text.encode()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _pull_request(data: Mapping[str, Any], head: str) -> PullRequest:
    # The head that GitHub names may lag behind the push; the one just made does not.
    return PullRequest(data["number"], data["url"], data["title"], data["body"], head, data["state"] == "OPEN")
