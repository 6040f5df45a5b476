"""A GitHub in memory: small, stateful, proven by the suite that the real adapter passes (tests/contract)."""

import gzip
import hashlib
import io
import itertools
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from bot.core import labelling
from bot.core.events import Actor, Repository
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
from bot.core.ports import (
    BotBranch,
    CheckOutcome,
    CheckState,
    CommitSummary,
    DeploymentState,
    ForgeRefused,
    ForgeUnavailable,
    HeadMoved,
    History,
    Merge,
    MergedPull,
    OpenChange,
    OwnWork,
    Permission,
    PullRequest,
    Snapshot,
    Standing,
    StatusState,
    TrackingIssue,
    Unreadable,
)

LOGIN = "bolide[bot]"
Files = Mapping[str, str | Unreadable]


@dataclass(frozen=True, slots=True)
class Commit:
    sha: str
    parent: str
    files: Files
    author: str
    subject: str


@dataclass(slots=True)
class Pull:
    number: int
    title: str
    body: str
    branch: str
    state: str = "open"
    opened: datetime = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    labels: tuple[str, ...] = ()
    author: str = "ada"
    sha: str = ""
    head: str = ""
    fork: bool = False
    merged_at: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass(slots=True)
class Issue:
    number: int
    title: str
    label: str
    body: str


@dataclass(slots=True)
class MemoryRepository:
    """One repository: what people do to it and what the bot has done to it."""

    name: str = "ada/digits"
    id: int = 7
    archived: bool = False
    issues_enabled: bool = True
    issues: dict[int, Issue] = field(default_factory=dict)
    now: datetime = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    pulls: dict[int, Pull] = field(default_factory=dict)
    open_issues: set[int] = field(default_factory=set)
    comments: dict[tuple[int, str], str] = field(default_factory=dict)
    reactions: list[React] = field(default_factory=list)
    checks: dict[tuple[str, str], Report] = field(default_factory=dict)
    tag_commits: dict[str, str] = field(default_factory=dict)
    releases: dict[str, str] = field(default_factory=dict)
    assets: dict[str, dict[str, str]] = field(default_factory=dict)
    prereleases: set[str] = field(default_factory=set)
    yanked: set[str] = field(default_factory=set)
    own_issues: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    outcomes: dict[str, dict[str, CheckOutcome]] = field(default_factory=dict)
    statuses: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    deployments: list[tuple[str, str]] = field(default_factory=list)
    deployment_states: list[tuple[int, str, str]] = field(default_factory=list)
    permissions: dict[int, Permission] = field(default_factory=dict)
    pull_labels: dict[int, tuple[str, ...]] = field(default_factory=dict)
    conflicts: dict[int, bool | None] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    logins: dict[int, str] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    tracked: list[str] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @property
    def value(self) -> Repository:
        return Repository(self.id, self.name, 1)

    @property
    def head(self) -> str:
        return self.branches["main"]

    def push(self, files: Files, *, author: str = "ada", subject: str = "Go on", branch: str = "main") -> str:
        """A commit of somebody's on a branch, on top of what is there; an empty text takes a file out."""
        parent = self.branches.get(branch, self.branches.get("main", ""))
        before = self.commits[parent].files if parent else {}
        after = {path: text for path, text in {**before, **files}.items() if text != ""}
        told = repr((parent, sorted(after.items(), key=str), author, subject))
        sha = hashlib.sha1(told.encode(), usedforsecurity=False).hexdigest()
        self.commits[sha] = Commit(sha, parent, after, author, subject)
        self.branches[branch] = sha
        return sha

    def issue(self) -> int:
        number = next(self._numbers)
        self.open_issues.add(number)
        return number

    def open_pull(self, branch: str, title: str, body: str, author: str = "ada") -> Pull:
        number = next(self._numbers)
        self.pulls[number] = Pull(number, title, body, branch, opened=self.now, author=author)
        return self.pulls[number]

    def merge(self, number: int) -> str:
        """The pull request is merged by squashing; the merge's commit."""
        pull = self.pulls[number]
        pull.state, pull.head = "merged", self.branches[pull.branch]
        files = self.commits[pull.head].files
        pull.sha = self.push(files, subject=f"{pull.title} (#{number})", author=pull.author)
        return pull.sha

    def judge(self, sha: str, outcome: CheckOutcome) -> None:
        """A check of somebody's says how the commit fares."""
        self.outcomes.setdefault(sha, {})[outcome.name] = outcome

    def text(self, sha: str, path: str) -> str:
        content = self.commits[sha].files[path]
        assert isinstance(content, str)
        return content

    def history(self, sha: str) -> list[Commit]:
        found = []
        while sha:
            found.append(self.commits[sha])
            sha = self.commits[sha].parent
        return found


class Killed(BaseException):
    """The bot's process ends here."""


@dataclass(slots=True)
class MemoryForge:
    """`ports.Forge` over one repository; `outages` calls fail first, `before_propose` happens just before a write.

    With `dies_after` the bot is killed when it has called so often.
    """

    repository: MemoryRepository
    outages: int = 0
    asked: list[str] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    dies_after: int | None = None
    before_propose: list[Callable[[], object]] = field(default_factory=list)
    others: "dict[str, MemoryForge]" = field(default_factory=dict)
    """The other repositories that the App is on, by their names."""

    @property
    def login(self) -> str:
        return LOGIN

    def reader(self, repository: Repository, purpose: str = "") -> "MemoryReader":
        return MemoryReader(self.others.get(repository.name, self))

    def writer(self, repository: Repository, purpose: str = "") -> "MemoryWriter":
        return MemoryWriter(self.others.get(repository.name, self))

    async def locate(self, name: str) -> Repository:
        found = {self.repository.name: self, **self.others}.get(name)
        if found is None:
            raise ForgeRefused(f"The App is not installed on {name}; install it there.")
        return found.repository.value

    def touch(self, method: str) -> MemoryRepository:
        self.asked.append(method)
        if self.dies_after is not None:
            self.dies_after -= 1
            if self.dies_after < 0:
                raise Killed
        if self.outages > 0:
            self.outages -= 1
            raise ForgeUnavailable("GitHub answered 502.", after=7)
        if method in self.refusals:
            raise ForgeRefused(self.refusals[method])
        return self.repository


@dataclass(slots=True)
class MemoryReader:
    """`ports.Reader`."""

    _forge: MemoryForge

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
        there = self._forge.touch("snapshot")
        if "main" not in there.branches:
            raise ForgeRefused(f"{there.name} is empty; push a first commit to it.")
        commit = there.commits.get(sha or there.head)
        if commit is None:
            raise ForgeRefused(f"{there.name} has no commit {sha}.")
        files = {path: commit.files.get(path) for path in paths}
        own, others = self._work(there, branch), {name: self._work(there, name) for name in more}
        listing = tuple(sorted(path for path in commit.files if _is_listed(path, overlays))) if overlays else ()
        seen = (files, own.branch, there.archived, own.declined, others, listing)
        found = Snapshot("R_7", there.name, "main", commit.sha, *seen)
        return replace(found, **self._tracked(there, tracked)) if tracked else found

    def _tracked(self, there: MemoryRepository, label: str) -> dict[str, Any]:
        labelled = [issue for issue in there.issues.values() if issue.label == label]
        issue = next(iter(labelled), None)
        opened = [pull for pull in there.pulls.values() if pull.state == "open" and pull.branch.startswith("bolide/")]
        return {
            "tracking": TrackingIssue(issue.number, issue.body, issue.number in there.open_issues) if issue else None,
            "issues_enabled": there.issues_enabled,
            "open_changes": tuple(OpenChange(p.branch, p.number, p.title, p.opened) for p in opened),
        }

    def _work(self, there: MemoryRepository, name: str) -> OwnWork:
        closed = tuple(pull.body for pull in there.pulls.values() if (pull.branch, pull.state) == (name, "closed"))
        return OwnWork(self._branch(there, name), closed[-5:])

    def _branch(self, there: MemoryRepository, name: str) -> BotBranch | None:
        if name not in there.branches:
            return None
        main = {commit.sha for commit in there.history(there.head)}
        authors = tuple(commit.author for commit in there.history(there.branches[name]) if commit.sha not in main)
        opened = [pull for pull in there.pulls.values() if pull.branch == name and pull.state == "open"]
        number, body = (opened[0].number, opened[0].body) if opened else (None, "")
        return BotBranch(there.branches[name], authors, number, body)

    async def pull_request(self, number: int) -> PullRequest:
        there = self._forge.touch("pull_request")
        pull = there.pulls.get(number)
        if pull is None:
            raise ForgeRefused(f"{there.name} has no pull request {number}.")
        return _seen(there, pull)

    async def changed_files(self, number: int) -> tuple[str, ...]:
        there = self._forge.touch("changed_files")
        pull = there.pulls.get(number)
        if pull is None:
            raise ForgeRefused(f"{there.name} has no pull request {number}.")
        own = there.history(pull.head or there.branches[pull.branch])
        main = {commit.sha for commit in there.history(there.head)}
        before = next((commit.files for commit in own if commit.sha in main), {})
        after = own[0].files
        return tuple(sorted(path for path in {*before, *after} if before.get(path) != after.get(path)))

    async def history(self, sha: str, since: str | None) -> History:
        there = self._forge.touch("history")
        if since is not None and since not in there.tag_commits:
            raise ForgeRefused(f"{there.name} has no tag {since}.")
        known = {commit.sha for commit in there.history(there.tag_commits[since])} if since else set()
        fresh = [commit for commit in there.history(sha) if commit.sha not in known]
        told = tuple(
            CommitSummary(
                commit.sha, commit.subject, commit.author, commit.author, (commit.parent,) if commit.parent else ()
            )
            for commit in fresh
        )
        if not since:
            return History(told[:250], len(told), "", "")
        page = f"https://github.example/{there.name}/compare/{since}...{sha}"
        return History(told[:250], len(told), there.tag_commits[since], page)

    async def merged_pulls(self) -> tuple[MergedPull, ...]:
        there = self._forge.touch("merged_pulls")
        merged = [pull for pull in there.pulls.values() if pull.state == "merged"]
        return tuple(
            MergedPull(pull.number, pull.title, pull.body, pull.labels, pull.author, pull.branch, pull.sha)
            for pull in reversed(merged)
        )

    async def checks(self, sha: str) -> tuple[CheckOutcome, ...]:
        there = self._forge.touch("checks")
        states: dict[str, CheckState] = {"success": "passed", "pending": "pending"}
        ends: dict[str | None, CheckState] = {"success": "passed", "neutral": "passed", None: "pending"}
        runs = [(name, run) for (at, name), run in there.checks.items() if at == sha]
        own = [CheckOutcome(name, ends.get(run.conclusion, "failed")) for name, run in runs]
        contexts = [(name, state) for (at, name), (state, _) in there.statuses.items() if at == sha]
        told = [CheckOutcome(name, states.get(state, "failed")) for name, state in contexts]
        return (*there.outcomes.get(sha, {}).values(), *own, *told)

    async def issue_is_open(self, number: int) -> bool:
        there = self._forge.touch("issue_is_open")
        pull = there.pulls.get(number)
        return pull.state == "open" if pull else number in there.open_issues

    async def release_url(self, tag: str) -> str | None:
        there = self._forge.touch("release_url")
        return _release_page(there, tag) if tag in there.releases else None

    async def tags(self) -> tuple[str, ...]:
        return tuple(self._forge.touch("tags").tag_commits)

    async def standing(self, actor: Actor) -> Standing:
        there = self._forge.touch("standing")
        return Standing(there.logins.get(actor.id, ""), there.permissions.get(actor.id, "none"))

    async def open_pulls(self) -> tuple[labelling.Pull, ...]:
        there = self._forge.touch("open_pulls")
        return tuple(_labelled(there, pull) for pull in there.pulls.values() if pull.state == "open")

    async def paths(self, sha: str) -> tuple[str, ...]:
        return tuple(sorted(self._forge.touch("paths").commits[sha].files))

    async def tarball(self, sha: str) -> bytes:
        there = self._forge.touch("tarball")
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for path, content in there.commits[sha].files.items():
                data = content.encode() if isinstance(content, str) else b""
                member = tarfile.TarInfo(f"digits-{sha[:7]}/{path}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        return gzip.compress(packed.getvalue(), mtime=0)


@dataclass(slots=True)
class MemoryWriter:
    """`ports.Writer`; what really changed something is noted in the repository's `writes`."""

    _forge: MemoryForge

    async def propose(self, change: ProposeChange) -> PullRequest:
        there = self._forge.touch("propose")
        if self._forge.before_propose:
            self._forge.before_propose.pop(0)()
        self._commit(there, change)
        opened = [pull for pull in there.pulls.values() if pull.branch == change.branch and pull.state == "open"]
        pull = opened[0] if opened else there.open_pull(change.branch, change.title, change.body, LOGIN)
        if not opened:
            there.writes.append(f"open #{pull.number}")
        elif (pull.title, pull.body) != (change.title, change.body):
            pull.title, pull.body = change.title, change.body
            there.writes.append(f"edit #{pull.number}")
        pull.labels = tuple(dict.fromkeys((*pull.labels, *change.labels)))
        return _seen(there, pull)

    async def commit(self, change: CommitFiles) -> str:
        there = self._forge.touch("commit")
        if self._forge.before_propose:
            self._forge.before_propose.pop(0)()
        now = there.branches.get(change.branch, "")
        if now != change.sha:
            raise HeadMoved(f"{there.name}: {change.branch} is at {now[:8]} by now.")
        files = {file.path: file.text for file in change.files}
        return there.push(files, author=LOGIN, subject=change.message, branch=change.branch)

    def _commit(self, there: MemoryRepository, change: ProposeChange) -> None:
        now = there.branches.get(change.branch)
        wanted = {**there.commits[change.target.sha].files, **{file.path: file.text for file in change.files}}
        if now is not None:
            commit = there.commits[now]
            if (commit.parent, dict(commit.files), commit.subject) == (change.target.sha, wanted, change.message):
                return
            if now not in (change.target.sha, change.existing.sha if change.existing else ""):
                raise HeadMoved(f"{there.name}: {change.branch} is at {now[:8]} by now.")
        if change.target.branch not in there.branches:
            raise HeadMoved(f"{there.name}: {change.target.branch} is gone.")
        there.branches[change.branch] = change.target.sha
        files = {file.path: file.text for file in change.files}
        there.push(files, author=LOGIN, subject=change.message, branch=change.branch)
        there.writes.append(f"commit {change.branch}")

    async def edit_pull_request(self, edit: EditPullRequest) -> None:
        there = self._forge.touch("edit_pull_request")
        pull = there.pulls[edit.number]
        pull.body = _bounded(edit.body)
        pull.title = pull.title if edit.title is None else edit.title
        there.writes.append(f"edit #{edit.number}")

    async def report(self, report: Report) -> None:
        _bounded(report.summary)
        self._forge.touch("report").checks[report.sha, report.name] = report

    async def comment(self, comment: Comment) -> None:
        there, place = self._forge.touch("comment"), (comment.issue, comment.key)
        if there.comments.get(place) != _bounded(comment.body):
            there.writes.append(f"comment on #{comment.issue}: {comment.key}")
            there.comments[place] = comment.body

    async def react(self, reaction: React) -> None:
        there = self._forge.touch("react")
        if reaction not in there.reactions:
            there.reactions.append(reaction)

    async def release(self, release: Release) -> str:
        there = self._forge.touch("release")
        _bounded(release.notes)
        commit = there.tag_commits.setdefault(release.tag, release.sha)
        if commit != release.sha:
            raise ForgeRefused(f"{release.tag} is on {commit[:8]} already, not on {release.sha[:8]}; choose another.")
        if release.tag not in there.releases:
            there.releases[release.tag] = release.notes
            there.assets[release.tag] = {asset.name: asset.text for asset in release.assets}
            there.prereleases |= {release.tag} if release.prerelease else set()
            there.writes.append(f"release {release.tag}")
        return _release_page(there, release.tag)

    async def yank(self, yank: YankRelease) -> None:
        there = self._forge.touch("yank")
        if yank.tag not in there.releases:
            raise ForgeRefused(f"{there.name} has no GitHub Release of {yank.tag}.")
        if yank.tag not in there.yanked:
            there.yanked.add(yank.tag)
            there.releases[yank.tag] = f"{yank.warning}\n\n{there.releases[yank.tag]}"
            there.writes.append(f"yank {yank.tag}")

    async def open_issue(self, wanted: OpenIssue) -> int:
        there = self._forge.touch("open_issue")
        _bounded(wanted.body)
        if wanted.key not in there.own_issues:
            number = there.issue()
            there.own_issues[wanted.key] = (number, wanted.title, wanted.body)
            there.writes.append(f"open issue #{number}")
        return there.own_issues[wanted.key][0]

    async def track(self, issue: TrackIssue) -> None:
        there = self._forge.touch("track")
        if not there.issues_enabled:
            raise ForgeRefused("Issues are disabled for this repo.")
        _bounded(issue.body)
        there.tracked.append(issue.body)
        known = [each.number for each in there.issues.values() if each.label == issue.label]
        number = issue.number or next(iter(known), None) or there.issue()
        there.issues.setdefault(number, Issue(number, issue.title, issue.label, "")).body = issue.body
        if issue.reopened:
            there.open_issues.add(number)

    async def close_pull_request(self, close: ClosePullRequest) -> None:
        there = self._forge.touch("close_pull_request")
        if there.branches.get(close.branch, close.sha) != close.sha:
            raise HeadMoved(f"{there.value.name}: somebody has pushed to {close.branch}.")
        if there.pulls[close.number].state == "open":
            there.pulls[close.number].state = "closed"
            there.writes.append(f"close #{close.number}")
        there.branches.pop(close.branch, None)

    async def set_labels(self, labels: SetLabels) -> None:
        there = self._forge.touch("set_labels")
        kept = [name for name in there.pull_labels.get(labels.number, ()) if name not in labels.remove]
        there.pull_labels[labels.number] = (*kept, *(name for name in labels.add if name not in kept))
        there.writes.append(f"labels of #{labels.number}")

    async def keep_labels(self, keep: KeepLabels) -> None:
        there = self._forge.touch("keep_labels")
        for label in keep.labels:
            if label.name.lower() not in {name.lower() for name in there.labels}:
                there.labels[label.name] = label.description
                there.writes.append(f"label {label.name}")

    async def close_issue(self, close: CloseIssue) -> None:
        there = self._forge.touch("close_issue")
        if close.issue in there.open_issues:
            there.open_issues.discard(close.issue)
            there.writes.append(f"close #{close.issue}")

    async def delete_branch(self, delete: DeleteBranch) -> None:
        there = self._forge.touch("delete_branch")
        if there.branches.get(delete.branch) in ((delete.sha,) if delete.sha else there.branches.values()):
            del there.branches[delete.branch]
            there.writes.append(f"delete {delete.branch}")

    async def status(self, sha: str, context: str, state: StatusState, description: str, url: str | None) -> None:
        self._forge.touch("status").statuses[sha, context] = (state, description)

    async def deployment(self, sha: str, environment: str) -> int:
        there = self._forge.touch("deployment")
        if (sha, environment) not in there.deployments:
            there.deployments.append((sha, environment))
        return there.deployments.index((sha, environment)) + 1

    async def deployment_state(
        self, deployment: int, state: DeploymentState, description: str, url: str, log: str = ""
    ) -> None:
        there = self._forge.touch("deployment_state")
        latest = [entry for entry in there.deployment_states if entry[0] == deployment][-1:]
        if latest != [(deployment, state, description)]:
            there.deployment_states.append((deployment, state, description))


def _labelled(there: MemoryRepository, pull: Pull) -> labelling.Pull:
    """The pull request with its lines as GitHub counts them, roughly: of the files that differ."""
    before, after = there.commits[there.head].files, there.commits[there.branches[pull.branch]].files
    changed = tuple(sorted(path for path in {*before, *after} if before.get(path) != after.get(path)))
    lines = sum(str(files.get(path, "")).count("\n") for files in (before, after) for path in changed)
    labels = there.pull_labels.get(pull.number, ())
    conflicts = there.conflicts.get(pull.number, False)
    return labelling.Pull(pull.number, pull.title, lines, changed, labels, conflicts)


def _seen(there: MemoryRepository, pull: Pull) -> PullRequest:
    url = f"https://github.example/{there.name}/pull/{pull.number}"
    head = pull.head or there.branches.get(pull.branch, "")
    merged = Merge(pull.sha, pull.merged_at, pull.branch) if pull.state == "merged" else None
    return PullRequest(pull.number, url, pull.title, pull.body, head, pull.state == "open", merged, pull.fork)


def _release_page(there: MemoryRepository, tag: str) -> str:
    return f"https://github.example/{there.name}/releases/tag/{tag}"


def _is_listed(path: str, overlays: str) -> bool:
    folder = path.rpartition("/")[0]
    return not folder or folder.rpartition("/")[0] == overlays


def _bounded(body: str) -> str:
    if len(body) > 60_000:
        raise ForgeRefused(f"the body has {len(body)} characters, more than 60000; shorten it.")
    return body
