"""Reading one repository: everything at one commit, in one query."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from bot.adapters.github.graphql import OPEN_PULLS, Unprocessable, own_ones, read_project
from bot.adapters.github.publication import published
from bot.adapters.github.session import RepositorySession
from bot.core.events import Actor
from bot.core.labelling import Pull
from bot.core.ports import (
    BotBranch,
    CheckOutcome,
    CheckState,
    CommitSummary,
    ForgeRefused,
    History,
    Merge,
    MergedPull,
    OpenChange,
    OwnWork,
    Permission,
    PullRequest,
    Snapshot,
    Standing,
    TrackingIssue,
    Unreadable,
)

LARGEST_TARBALL = 200 * 1024 * 1024
_LARGEST_FILE = 10 * 1024 * 1024
_MOST_COMMITS = 250
_LINK, _SUBMODULE = 0o120000, 0o160000


class GitHubReader:
    """`ports.Reader`."""

    def __init__(self, session: RepositorySession, login: str) -> None:
        self._session = session
        self._login = login

    async def snapshot(
        self,
        paths: Sequence[str],
        *,
        branch: str,
        sha: str | None = None,
        more: Sequence[str] = (),
        overlays: str = "",
        tracked: str = "",
    ) -> Snapshot:
        """The files at `sha` (default: the default branch's head) and the bot's branches, in one request."""
        owner, _, name = self._session.repository.name.partition("/")
        variables = {"owner": owner, "name": name}
        for n, own in enumerate((branch, *more)):
            variables |= {f"own{n}": f"refs/heads/{own}", f"branch{n}": own}
        variables |= {f"p{n}": path for n, path in enumerate(paths)}
        extras = {key: value for key, value in (("overlays", overlays), ("tracked", tracked)) if value}
        variables |= {**extras, **({"at": sha} if sha is not None else {})}
        query = read_project(paths, 1 + len(more), fixed=sha is not None, extras=tuple(extras))
        try:
            data = await self._session.read_graphql("ReadProject", query, variables)
        except Unprocessable as problem:
            raise ForgeRefused(f"{self._session.repository.name}: {problem}") from problem
        there = data["repository"]
        if there and there["databaseId"] != self._session.repository.id:
            raise ForgeRefused(f"{self._session.repository.name} is the name of another repository by now.")
        found = _snapshot(self._session.repository.name, there, tuple(paths), sha)
        found = replace(found, files={path: await self._whole(content) for path, content in found.files.items()})
        others = {name: _own(there, n) for n, name in enumerate(more, start=1)}
        if tracked:
            found = replace(found, issues_enabled=there["hasIssuesEnabled"], open_changes=tuple(_open_changes(there)))
        return replace(found, others=others, tracking=_tracking(there, self._login) if tracked else None)

    async def _whole(self, content: str | Unreadable | None) -> str | Unreadable | None:
        """The text of a file, of which GraphQL gives the first 512 kB only: one request more where it is longer."""
        if not isinstance(content, _Cut):
            return content
        blob = await self._session.read(f"{self._session.path}/git/blobs/{content.oid}")
        try:
            return base64.b64decode(blob.data["content"]).decode()
        except ValueError:
            return Unreadable("it is not UTF-8")

    async def pull_request(self, number: int) -> PullRequest:
        """The pull request as it is now."""
        answer = await self._session.read(f"{self._session.path}/pulls/{number}")
        return pull_request(answer.data)

    async def changed_files(self, number: int) -> tuple[str, ...]:
        """The paths that the pull request changes, both names of what it moves; of very many the first hundred."""
        files = await self._session.read_all(f"{self._session.path}/pulls/{number}/files", pages=1)
        names = (str(file[key]) for file in files for key in ("filename", "previous_filename") if key in file)
        return tuple(sorted(set(names)))

    async def history(self, sha: str, since: str | None) -> History:
        """The commits reachable from `sha` but not from the tag `since` (None: all there are)."""
        if since is None:
            found = await self._session.read_all(f"{self._session.path}/commits?sha={quote(sha)}", pages=3)
            return History(tuple(map(_commit, found))[:_MOST_COMMITS], len(found), "", "")
        return await self._compared(f"{quote(since, safe='')}...{quote(sha)}")

    async def _compared(self, span: str) -> History:
        answer = await self._session.read(f"{self._session.path}/compare/{span}?per_page=100")
        found = list(map(_commit, answer.data["commits"]))
        for _ in range(20):
            if answer.following is None:
                break
            answer = await self._session.read(answer.following)
            found.extend(map(_commit, answer.data["commits"]))
        last = answer.data
        commits = tuple(reversed(found))[:_MOST_COMMITS]
        return History(commits, int(last["total_commits"]), str(last["base_commit"]["sha"]), str(last["html_url"]))

    async def merged_pulls(self) -> tuple[MergedPull, ...]:
        """The pull requests that were merged, the latest first, of the 300 that changed last."""
        path = f"{self._session.path}/pulls?state=closed&sort=updated&direction=desc"
        found = [pull for pull in await self._session.read_all(path, pages=3) if pull["merged_at"]]
        return tuple(map(_merged_pull, sorted(found, key=lambda pull: str(pull["merged_at"]), reverse=True)))

    async def checks(self, sha: str) -> tuple[CheckOutcome, ...]:
        """The latest check run of each name, and the latest status of each context, of the commit."""
        path = f"{self._session.path}/commits/{quote(sha)}"
        runs = await self._session.read_all(f"{path}/check-runs?filter=latest", within="check_runs")
        statuses = await self._session.read_all(f"{path}/status", within="statuses")
        found = [CheckOutcome(run["name"], _run_state(run)) for run in runs]
        found += [CheckOutcome(status["context"], _STATUS_STATES[status["state"]]) for status in statuses]
        return tuple(found)

    async def issue_is_open(self, number: int) -> bool:
        """Whether the issue, or pull request, is open."""
        return bool((await self._session.read(f"{self._session.path}/issues/{number}")).data["state"] == "open")

    async def release_url(self, tag: str) -> str | None:
        """The page of the tag's published GitHub Release, None without one."""
        found = await published(self._session, tag)
        return str(found["html_url"]) if found else None

    async def tags(self) -> tuple[str, ...]:
        """The repository's tag names."""
        return tuple(str(tag["name"]) for tag in await self._session.read_all(f"{self._session.path}/tags"))

    async def standing(self, actor: Actor) -> Standing:
        """The account with this numeric id as it stands now; the login that the event names does not count."""
        account = await self._session.read(f"user/{actor.id}", missing_is_fine=True)
        if account.status == 404:
            return Standing("", "none")
        login = str(account.data["login"])
        path = f"{self._session.path}/collaborators/{quote(login, safe='')}/permission"
        answer = await self._session.read(path, missing_is_fine=True)
        if answer.status == 404:
            return Standing(login, "none")
        # A login can pass to another account between the two questions; its id cannot.
        if (answer.data.get("user") or {}).get("id") != actor.id:
            return Standing("", "none")
        return Standing(login, _PERMISSIONS.get(str(answer.data.get("permission")), "none"))

    async def open_pulls(self) -> tuple[Pull, ...]:
        """The fifty newest open pull requests."""
        owner, _, name = self._session.repository.name.partition("/")
        data = await self._session.read_graphql("OpenPulls", OPEN_PULLS, {"owner": owner, "name": name})
        found = data["repository"]
        if not found or found["databaseId"] != self._session.repository.id:
            raise ForgeRefused(f"{self._session.repository.name} is not there, or the App is not installed on it.")
        return tuple(_pull(node) for node in found["pullRequests"]["nodes"])

    async def paths(self, sha: str) -> tuple[str, ...]:
        """The paths of all files at the commit; GitHub gives about the first 100,000."""
        answer = await self._session.read(f"{self._session.path}/git/trees/{quote(sha)}?recursive=1")
        return tuple(str(entry["path"]) for entry in answer.data["tree"] if entry["type"] == "blob")

    async def tarball(self, sha: str) -> bytes:
        """The repository's files at the commit, as a gzipped tar with one top folder; at most 200 MB."""
        return await self._session.download(f"{self._session.path}/tarball/{quote(sha)}", LARGEST_TARBALL)


_STATUS_STATES: Mapping[str, CheckState] = {
    "success": "passed",
    "pending": "pending",
    "failure": "failed",
    "error": "failed",
}
_PERMISSIONS: Mapping[str, Permission] = {
    "admin": "admin",
    "maintain": "write",
    "write": "write",
    "triage": "read",
    "read": "read",
}


def pull_request(data: Mapping[str, Any]) -> PullRequest:
    """A pull request from its REST form."""
    return PullRequest(
        number=data["number"],
        url=data["html_url"],
        title=data["title"],
        body=data["body"] or "",
        head_sha=data["head"]["sha"],
        open=data["state"] == "open",
        merged=_merge(data) if data.get("merged_at") else None,
        fork=not _own_branch(data),
    )


def _merge(data: Mapping[str, Any]) -> Merge:
    return Merge(str(data["merge_commit_sha"]), datetime.fromisoformat(data["merged_at"]), _own_branch(data))


def _own_branch(data: Mapping[str, Any]) -> str:
    """The branch that it is from, empty for a fork's."""
    theirs, ours = data["head"]["repo"], data["base"]["repo"]
    return str(data["head"]["ref"]) if theirs and theirs["id"] == ours["id"] else ""


def _merged_pull(data: Mapping[str, Any]) -> MergedPull:
    return MergedPull(
        number=data["number"],
        title=data["title"],
        body=data["body"] or "",
        labels=tuple(label["name"] for label in data["labels"]),
        author=(data["user"] or {}).get("login", ""),
        branch=_own_branch(data),
        sha=str(data["merge_commit_sha"]),
    )


def _run_state(run: Mapping[str, Any]) -> CheckState:
    if run["status"] != "completed":
        return "pending"
    return "passed" if run["conclusion"] in ("success", "neutral", "skipped") else "failed"


def _snapshot(name: str, data: Mapping[str, Any] | None, paths: tuple[str, ...], sha: str | None) -> Snapshot:
    if data is None:
        raise ForgeRefused(f"{name} is not there, or the App is not installed on it.")
    default = data["defaultBranchRef"]
    if default is None:
        raise ForgeRefused(f"{name} is empty; push a first commit to it.")
    commit = data["at"] if sha is not None else default["target"]
    if not commit or "oid" not in commit:
        raise ForgeRefused(f"{name} has no commit {sha}.")
    work = _own(data, 0)
    return Snapshot(
        node_id=data["id"],
        name=data["nameWithOwner"],
        default_branch=default["name"],
        sha=commit["oid"],
        files={path: _content(commit[f"f{n}"]) for n, path in enumerate(paths)},
        branch=work.branch,
        archived=data["isArchived"],
        declined=work.declined,
        listing=tuple(sorted(_listing(commit))),
    )


def _listing(commit: Mapping[str, Any]) -> Iterator[str]:
    """The files at the top and in the folders of the overlays, where they were asked for."""
    yield from (entry["name"] for entry in (commit.get("tree") or {}).get("entries", ()) if entry["type"] == "blob")
    overlays = commit.get("overlays") or {}
    for folder in (overlays.get("object") or {}).get("entries", ()):
        for entry in (folder["object"] or {}).get("entries", ()):
            if entry["type"] == "blob":
                yield f"{overlays['path']}/{folder['name']}/{entry['name']}"


def _tracking(data: Mapping[str, Any], login: str) -> TrackingIssue | None:
    """The oldest of the labelled issues that the bot itself opened; GraphQL leaves `[bot]` out of a bot's login."""
    own = {"__typename": "Bot", "login": login.removesuffix("[bot]")}
    found = (node for node in data["tracking"]["nodes"] if node["author"] == own)
    return next((TrackingIssue(node["number"], node["body"], node["state"] == "OPEN") for node in found), None)


def _open_changes(data: Mapping[str, Any]) -> Iterator[OpenChange]:
    for ref in data["proposals"]["nodes"]:
        for node in own_ones(ref["associatedPullRequests"]):
            opened = datetime.fromisoformat(node["createdAt"])
            yield OpenChange(f"bolide/{ref['name'].removeprefix('bolide/')}", node["number"], node["title"], opened)


def _pull(node: Mapping[str, Any]) -> Pull:
    return Pull(
        number=node["number"],
        title=node["title"],
        lines=node["additions"] + node["deletions"],
        paths=tuple(str(file["path"]) for file in (node["files"] or {"nodes": []})["nodes"]),
        labels=tuple(str(label["name"]) for label in (node["labels"] or {"nodes": []})["nodes"]),
        conflicts={"MERGEABLE": False, "CONFLICTING": True}.get(node["mergeable"]),
    )


@dataclass(frozen=True, slots=True)
class _Cut(Unreadable):
    """A file of which only a part was given; `oid` names the whole."""

    oid: str


def _content(entry: Mapping[str, Any] | None) -> str | Unreadable | None:
    if entry is None:
        return None
    if entry["mode"] == _LINK:
        return Unreadable("it is a symbolic link")
    if entry["mode"] == _SUBMODULE or entry["type"] != "blob":
        return Unreadable("it is no file")
    blob = entry["object"]
    if blob["byteSize"] > _LARGEST_FILE:
        return Unreadable(f"it is larger than {_LARGEST_FILE} bytes")
    if blob["isBinary"] or blob["text"] is None:
        return Unreadable("it is binary")
    if blob["isTruncated"]:
        return _Cut("GitHub gives only a part of it", str(blob["oid"]))
    return str(blob["text"])


def _own(data: Mapping[str, Any], n: int) -> OwnWork:
    """The bot's branch number `n` of the query, and what of it was declined."""
    return OwnWork(_branch(data, n), tuple(str(node["body"]) for node in own_ones(data[f"closed{n}"])))


def _branch(data: Mapping[str, Any], n: int) -> BotBranch | None:
    ref = data[f"ref{n}"]
    if ref is None:
        return None
    sha = ref["target"]["oid"]
    open_ones = own_ones(data[f"open{n}"])
    if open_ones:
        commits = [node["commit"] for node in open_ones[0]["commits"]["nodes"]]
        authors = tuple(_author(commit) for commit in commits)
        return BotBranch(sha, authors, open_ones[0]["number"], open_ones[0]["body"])
    # A branch without a commit of its own, or whose work has been merged, has nobody's work waiting on it.
    merged = [node["headRefOid"] for node in own_ones(data[f"merged{n}"])]
    done = sha in (data["defaultBranchRef"]["target"]["oid"], *merged)
    return BotBranch(sha, () if done else (_author(ref["target"]),), None, "")


def _author(commit: Mapping[str, Any]) -> str:
    return str((commit.get("author") or {}).get("name") or "")


def _commit(data: Mapping[str, Any]) -> CommitSummary:
    commit = data["commit"]
    return CommitSummary(
        sha=data["sha"],
        message=str(commit["message"]),
        author=str((commit.get("author") or {}).get("name") or ""),
        login=str((data.get("author") or {}).get("login") or ""),
        parents=tuple(parent["sha"] for parent in data["parents"]),
    )
