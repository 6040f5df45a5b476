"""Writing to one repository: each method makes it so, and looks before it does a thing that twice would be two."""

from typing import Any
from urllib.parse import quote

from bot.adapters.github import graphql
from bot.adapters.github.line import Unclear
from bot.adapters.github.making import Maker
from bot.adapters.github.proposal import Proposal, write_commit
from bot.adapters.github.publication import Publication, mark_yanked
from bot.adapters.github.session import RepositorySession
from bot.core.plan import (
    CloseIssue,
    ClosePullRequest,
    Comment,
    CommitFiles,
    DeleteBranch,
    EditPullRequest,
    KeepLabels,
    OpenIssue,
    ProposeChange,
    React,
    Release,
    Report,
    SetLabels,
    TrackIssue,
    YankRelease,
)
from bot.core.ports import DeploymentState, ForgeRefused, ForgeUnavailable, HeadMoved, PullRequest, StatusState

LONGEST_BODY = 60_000
"""Characters; GitHub takes 65,536, and some room is left for what it appends."""
_DESCRIPTION = 140  # characters of a status' description


class GitHubWriter:
    """`ports.Writer`."""

    def __init__(self, session: RepositorySession, login: str, app_id: int) -> None:
        self._session = session
        self._maker = Maker(session)
        self._login = login
        self._app_id = app_id

    async def propose(self, change: ProposeChange) -> PullRequest:
        """Commit to the bot's branch by compare-and-swap and open its pull request; two requests. Raises HeadMoved."""
        _bound(change.body, f"the body of {change.title!r}")
        opened = await Proposal(self._session, change).make()
        if change.labels:
            data = {"labels": list(change.labels)}
            path = f"{self._session.path}/issues/{opened.number}/labels"
            self._session.accept(await self._session.repeat("POST", path, data), f"labels of #{opened.number}")
        return opened

    async def commit(self, change: CommitFiles) -> str:
        """The commit that is the branch's head now, made by compare-and-swap. Raises HeadMoved."""
        try:
            made = await write_commit(self._session, change, graphql.ADD_COMMIT, {})
        except Unclear as problem:  # it may have been made: whoever asks again reads first what is there
            raise ForgeUnavailable(f"{problem}.") from problem
        except graphql.Unprocessable as problem:
            raise ForgeRefused(f"{self._session.repository.name}: GitHub refused the commit: {problem}.") from problem
        return str(made["commit"]["oid"])

    async def edit_pull_request(self, edit: EditPullRequest) -> None:
        """Set body and title."""
        _bound(edit.body, f"the body of pull request {edit.number}")
        data = {"body": edit.body} if edit.title is None else {"body": edit.body, "title": edit.title}
        await self._maker.change("PATCH", f"pulls/{edit.number}", data)

    async def report(self, report: Report) -> None:
        """Create or renew the check run of this name on this commit."""
        _bound(report.summary, f"the summary of check run {report.name!r}")
        data: dict[str, Any] = {"status": "in_progress", "output": {"title": report.title, "summary": report.summary}}
        if report.conclusion is not None:
            data |= {"status": "completed", "conclusion": report.conclusion}
        new = {"name": report.name, "head_sha": report.sha, **data}
        path = f"commits/{quote(report.sha)}/check-runs?check_name={quote(report.name, safe='')}&filter=latest"

        async def look() -> int | None:
            runs = (await self._session.read(f"{self._session.path}/{path}")).data["check_runs"]
            return next((run["id"] for run in runs if (run.get("app") or {}).get("id") == self._app_id), None)

        async def create() -> None:
            await self._maker.create("check-runs", new)

        known = await self._maker.once(look, create)
        if known is not None:
            await self._maker.change("PATCH", f"check-runs/{known}", data)

    async def comment(self, comment: Comment) -> None:
        """Create or edit the one comment with this key (kept in it as a hidden marker)."""
        marker = f"<!-- bolide:{comment.key} -->"
        body = f"{comment.body}\n\n{marker}"
        _bound(body, f"the comment on {comment.issue}")
        path = f"issues/{comment.issue}/comments"

        async def look() -> dict[str, Any] | None:
            comments = await self._session.read_all(f"{self._session.path}/{path}")
            own = [item for item in comments if (item.get("user") or {}).get("login") == self._login]
            return next((item for item in own if marker in (item.get("body") or "")), None)

        async def create() -> None:
            await self._maker.create(path, {"body": body})

        known = await self._maker.once(look, create)
        if known is not None and known["body"] != body:
            await self._maker.change("PATCH", f"issues/comments/{known['id']}", {"body": body})

    async def react(self, reaction: React) -> None:
        """Add the reaction; GitHub keeps one of a kind for each account."""
        on = f"{reaction.issue}" if reaction.comment is None else f"comments/{reaction.comment}"
        await self._maker.change("POST", f"issues/{on}/reactions", {"content": reaction.content})

    async def release(self, release: Release) -> str:
        """Create annotated tag and Release, published with its files; the Release's URL."""
        _bound(release.notes, f"the notes of {release.tag}")
        return await Publication(self._session, self._maker, release).make()

    async def yank(self, yank: YankRelease) -> None:
        """Put the warning above the notes, and take the Release off the latest place. ForgeRefused without one."""
        await mark_yanked(self._session, self._maker, yank)

    async def open_issue(self, wanted: OpenIssue) -> int:
        """Open the issue with this key (kept in it as a hidden marker) unless there is one; its number."""
        marker = f"<!-- bolide:{wanted.key} -->"
        body = f"{wanted.body}\n\n{marker}"
        _bound(body, f"the issue {wanted.title!r}")

        async def look() -> int | None:
            path = f"{self._session.path}/issues?state=all&creator={quote(self._login, safe='')}"
            found = await self._session.read_all(path, pages=3)
            return next((item["number"] for item in found if marker in (item["body"] or "")), None)

        async def create() -> None:
            await self._maker.create("issues", {"title": wanted.title, "body": body})

        return int(await self._maker.make_sure(look, create))

    async def track(self, issue: TrackIssue) -> None:
        """Set the tracking issue's body; without a number, open one with its title and label unless there is one."""
        _bound(issue.body, f"the issue {issue.title!r}")
        query = f"issues?labels={quote(issue.label, safe='')}&state=all&direction=asc"

        async def look() -> int | None:
            if issue.number is not None:
                return issue.number
            found = await self._session.read_all(f"{self._session.path}/{query}", pages=1)
            own = (item["number"] for item in found if (item.get("user") or {}).get("login") == self._login)
            return next(own, None)

        async def create() -> None:
            await self._maker.create("issues", {"title": issue.title, "body": issue.body, "labels": [issue.label]})

        known = await self._maker.once(look, create)
        if known is not None:
            state = {"state": "open"} if issue.reopened else {}
            await self._maker.change("PATCH", f"issues/{known}", {"body": issue.body, **state})

    async def close_pull_request(self, close: ClosePullRequest) -> None:
        """Close it without a merge, and delete its branch. Raises HeadMoved where that is elsewhere by now."""
        if await self._place(close.branch) not in (close.sha, None):
            raise HeadMoved(f"{self._session.repository.name}: somebody has pushed to {close.branch}.")
        await self._maker.change("PATCH", f"pulls/{close.number}", {"state": "closed"})
        await self.delete_branch(DeleteBranch(close.branch, close.sha))

    async def set_labels(self, labels: SetLabels) -> None:
        """Add these labels and take those away."""
        place = f"{self._session.path}/issues/{labels.number}/labels"
        if labels.add:
            answer = await self._session.repeat("POST", place, {"labels": list(labels.add)})
            self._session.accept(answer, f"labels of #{labels.number}")
        for name in labels.remove:
            answer = await self._session.repeat("DELETE", f"{place}/{quote(name, safe='')}")
            if answer.status != 404:
                self._session.accept(answer, f"labels of #{labels.number}")

    async def keep_labels(self, keep: KeepLabels) -> None:
        """Create the labels that are not there, by their names in any case."""
        there = await self._session.read_all(f"{self._session.path}/labels")
        known = {str(label["name"]).lower() for label in there}
        for label in keep.labels:
            if label.name.lower() in known:
                continue
            data = {"name": label.name, "color": label.color, "description": label.description}
            answer = await self._session.repeat("POST", f"{self._session.path}/labels", data)
            if not (answer.status == 422 and "already_exists" in answer.sentence):
                self._session.accept(answer, f"the label {label.name!r}")

    async def close_issue(self, close: CloseIssue) -> None:
        """Close it."""
        reason = "completed" if close.completed else "not_planned"
        await self._maker.change("PATCH", f"issues/{close.issue}", {"state": "closed", "state_reason": reason})

    async def delete_branch(self, delete: DeleteBranch) -> None:
        """Delete it; gone already is fine."""
        if delete.sha and await self._place(delete.branch) != delete.sha:
            return
        path = f"{self._session.path}/git/refs/heads/{quote(delete.branch)}"
        answer = await self._session.repeat("DELETE", path)
        if answer.status != 404 and not (answer.status == 422 and "does not exist" in answer.sentence):
            self._session.accept(answer, f"deleting {delete.branch}")

    async def _place(self, branch: str) -> str | None:
        """The commit that a branch is at, None where it is gone."""
        path = f"{self._session.path}/git/ref/heads/{quote(branch)}"
        found = await self._session.read(path, missing_is_fine=True)
        return None if found.status == 404 else str(found.data["object"]["sha"])

    async def status(self, sha: str, context: str, state: StatusState, description: str, url: str | None) -> None:
        """Set the commit status of this context; the description is cut to GitHub's 140 characters."""
        data = {"state": state, "context": context, "description": _cut(description)}
        await self._maker.change("POST", f"statuses/{quote(sha)}", data if url is None else {**data, "target_url": url})

    async def deployment(self, sha: str, environment: str) -> int:
        """The id of the Deployment of this commit to this environment, created when it is not there."""
        query = f"deployments?sha={quote(sha)}&environment={quote(environment, safe='')}"

        async def look() -> int | None:
            found = (await self._session.read(f"{self._session.path}/{query}")).data
            return int(found[0]["id"]) if found else None

        async def create() -> None:
            # The commit has been merged: neither merge the base into it nor wait for checks.
            data = {"ref": sha, "environment": environment, "auto_merge": False, "required_contexts": []}
            await self._maker.create("deployments", data)

        return await self._maker.make_sure(look, create)

    async def deployment_state(
        self, deployment: int, state: DeploymentState, description: str, url: str, log: str = ""
    ) -> None:
        """Add a state to the Deployment, unless it is the latest."""
        path = f"deployments/{deployment}/statuses"
        data = {"state": state, "description": _cut(description), "environment_url": url}
        if log:
            data["log_url"] = log

        async def look() -> bool | None:
            latest = (await self._session.read(f"{self._session.path}/{path}")).data[:1]
            return True if latest and all(latest[0].get(key) == value for key, value in data.items()) else None

        async def create() -> None:
            await self._maker.create(path, data)

        await self._maker.once(look, create)


def _bound(text: str, what: str) -> None:
    if len(text) > LONGEST_BODY:
        raise ForgeRefused(f"{what} has {len(text)} characters, more than {LONGEST_BODY}; shorten it.")


def _cut(text: str) -> str:
    return text if len(text) <= _DESCRIPTION else text[: _DESCRIPTION - 1] + "…"
