"""What the bot needs of the outside, as Protocols: the contract stands here, the adapters stay silent.

The ports of the package world (index, resolver) stand in `packages.py`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Protocol

from bot.core.errors import Refused, TryLater
from bot.core.events import Actor, Repository
from bot.core.evidence import Examination
from bot.core.labelling import Pull
from bot.core.plan import (
    CloseIssue,
    ClosePullRequest,
    Comment,
    CommitFiles,
    DeleteBranch,
    EditPullRequest,
    KeepLabels,
    OpenIssue,
    OwnBranch,
    ProposeChange,
    React,
    Release,
    Report,
    SetLabels,
    TrackIssue,
    YankRelease,
)
from bot.core.previews import Previewed
from bot.core.recipe import Recipe
from bot.core.stages import ImagePushed, RolledBack, RunResult, StageReport, Stopped


class ForgeUnavailable(Exception):
    """GitHub did not answer, or not now; `after` is the number of seconds that it asked to wait."""

    def __init__(self, message: str, after: float = 30.0) -> None:
        super().__init__(message)
        self.after = after


class ForgeRefused(Exception):
    """GitHub said no for good: the thing is not there, or the App lacks the permission that the message names."""


class HeadMoved(Exception):
    """The branch is no longer at the commit that the change was made for: read again and recompute."""


@dataclass(frozen=True, slots=True)
class BotBranch:
    """The branch that the bot proposes from: its head and who made its commits, and its open pull request."""

    sha: str
    authors: tuple[str, ...]
    pull_request: int | None
    pull_request_body: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A repository at one commit: the wanted files (None: not there), as one GraphQL query reads them.

    `files` holds text; a file that is a link, binary or larger than 10 MB is `Unreadable`.
    """

    node_id: str
    name: str
    default_branch: str
    sha: str
    files: Mapping[str, "str | Unreadable | None"]
    branch: BotBranch | None
    archived: bool
    declined: tuple[str, ...] = ()
    """The bodies of the latest pull requests from the bot's branch that were closed without a merge."""
    others: Mapping[str, "OwnWork"] = field(default_factory=dict)
    """The same of the other branches of the bot's that were asked for."""
    listing: tuple[str, ...] = ()
    """The paths of the files at the top and one folder below the overlays, where they were asked for."""

    tracking: "TrackingIssue | None" = None
    """The bot's issue with the label that was asked for; the oldest where there are several."""
    issues_enabled: bool = True
    open_changes: tuple["OpenChange", ...] = ()
    """The bot's open pull requests, by their branches' names, where the tracking issue was asked for."""

    def own_work(self) -> "OwnWork":
        """The bot's branch that this is seen with, and what of it was declined."""
        return OwnWork(self.branch, self.declined)

    def on(self, branch: str) -> "Snapshot":
        """The same files, seen with another branch of the bot's that was asked for."""
        own = self.others[branch]
        return replace(self, branch=own.branch, declined=own.declined)

    def text(self, path: str) -> str:
        """The file's text, empty where there is no such file; raises Refused where it is no text."""
        content = self.files[path]
        if isinstance(content, Unreadable):
            raise Refused(f"{path} cannot be read: {content.reason}.")
        return content or ""

    def existing(self) -> OwnBranch | None:
        """The bot's branch in the form that ProposeChange takes."""
        return OwnBranch(self.branch.sha, self.branch.pull_request) if self.branch else None


@dataclass(frozen=True, slots=True)
class OwnWork:
    """One branch of the bot's, and the bodies of its latest pull requests that were closed without a merge."""

    branch: BotBranch | None
    declined: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrackingIssue:
    """An issue that the bot keeps: its body may hold words of people; closed, it is not wanted."""

    number: int
    body: str
    open: bool


@dataclass(frozen=True, slots=True)
class OpenChange:
    """An open pull request from a branch of the bot's, and when it was opened."""

    branch: str
    number: int
    title: str
    opened: datetime


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that is there but is no text to read, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as the bot reads it again; the body is what a person may have edited meanwhile."""

    number: int
    url: str
    title: str
    body: str
    head_sha: str
    open: bool
    merged: "Merge | None" = None
    fork: bool = False
    """Whether its branch lies in another repository, or in none any more."""


@dataclass(frozen=True, slots=True)
class Merge:
    """How a pull request ended: the commit that merged it, when, and its branch, empty where that was a fork's."""

    sha: str
    at: datetime
    branch: str


@dataclass(frozen=True, slots=True)
class CommitSummary:
    """A commit: sha, whole message, author's name, their login (empty: no account is known), the parents' shas."""

    sha: str
    message: str
    author: str
    login: str
    parents: tuple[str, ...]

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.split("\n", 1)[0].rstrip()


@dataclass(frozen=True, slots=True)
class History:
    """Commits, newest first, at most 250 of `total`.

    `since` is the commit that they follow and `page` the comparison's web page; both are empty at the beginning.
    """

    commits: tuple[CommitSummary, ...]
    total: int
    since: str
    page: str


@dataclass(frozen=True, slots=True)
class MergedPull:
    """A merged pull request: `sha` is the commit that it became, `branch` its own branch (empty: a fork's)."""

    number: int
    title: str
    body: str
    labels: tuple[str, ...]
    author: str
    branch: str
    sha: str


CheckState = Literal["passed", "pending", "failed"]


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """A check run or status of a commit, and where it stands."""

    name: str
    state: CheckState


Permission = Literal["admin", "write", "read", "none"]
"""Maintain counts as write, triage as read."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account may do in a repository now, and the login that it has now (empty: there is no such account)."""

    login: str
    permission: Permission


class Reader(Protocol):
    """Reads one repository with a token that can only read it. Raises ForgeUnavailable and ForgeRefused."""

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
        """The files at `sha` (default: the default branch's head) and the bot's `branch`, in one request.

        `more` names other branches of the bot's; `overlays` is a folder: with it, `listing` is filled.
        `tracked` is the label of the bot's tracking issue: with it, `tracking` and `open_changes` are.
        Raises ForgeRefused where the name belongs to another repository by now.
        """

    async def pull_request(self, number: int) -> PullRequest:
        """The pull request as it is now."""

    async def history(self, sha: str, since: str | None) -> History:
        """The commits reachable from `sha` but not from the tag `since` (None: all there are)."""

    async def merged_pulls(self) -> tuple[MergedPull, ...]:
        """The pull requests that were merged, the latest first, of the 300 that changed last."""

    async def checks(self, sha: str) -> tuple[CheckOutcome, ...]:
        """The latest check run of each name, and the latest status of each context, of the commit."""

    async def issue_is_open(self, number: int) -> bool:
        """Whether the issue, or pull request, is open."""

    async def release_url(self, tag: str) -> str | None:
        """The page of the tag's published GitHub Release, None without one."""

    async def tags(self) -> tuple[str, ...]:
        """The repository's tag names."""

    async def standing(self, actor: Actor) -> Standing:
        """The account with this numeric id as it stands now; the login that the event names does not count."""

    async def open_pulls(self) -> tuple[Pull, ...]:
        """The fifty newest open pull requests."""

    async def paths(self, sha: str) -> tuple[str, ...]:
        """The paths of all files at the commit; GitHub gives about the first 100,000."""

    async def tarball(self, sha: str) -> bytes:
        """The repository's files at the commit, as a gzipped tar with one top folder; at most 200 MB."""


class Writer(Protocol):
    """Writes to one repository. Each method makes it so: a second call, also after a crash, changes nothing more.

    Raises ForgeUnavailable, ForgeRefused, and HeadMoved where it is said.
    """

    async def propose(self, change: ProposeChange) -> PullRequest:
        """Commit to the bot's branch by compare-and-swap and open its pull request; two requests. Raises HeadMoved."""

    async def commit(self, change: CommitFiles) -> str:
        """The commit that is the branch's head now, made by compare-and-swap. Raises HeadMoved."""

    async def edit_pull_request(self, edit: EditPullRequest) -> None:
        """Set body and title."""

    async def report(self, report: Report) -> None:
        """Create or renew the check run of this name on this commit."""

    async def comment(self, comment: Comment) -> None:
        """Create or edit the one comment with this key (kept in it as a hidden marker)."""

    async def react(self, reaction: React) -> None:
        """Add the reaction."""

    async def release(self, release: Release) -> str:
        """Create annotated tag and Release, published with its files; the Release's URL.

        ForgeRefused when the tag is on another commit.
        """

    async def yank(self, yank: YankRelease) -> None:
        """Put the warning above the notes, and take the Release off the latest place. ForgeRefused without one."""

    async def open_issue(self, wanted: OpenIssue) -> int:
        """Open the issue with this key (kept in it as a hidden marker) unless there is one; its number."""

    async def track(self, issue: TrackIssue) -> None:
        """Set the tracking issue's body; without a number, open one with its title and label unless there is one."""

    async def close_pull_request(self, close: ClosePullRequest) -> None:
        """Close it without a merge, and delete its branch."""

    async def close_issue(self, close: CloseIssue) -> None:
        """Close it."""

    async def set_labels(self, labels: SetLabels) -> None:
        """Add these labels and take those away."""

    async def keep_labels(self, keep: KeepLabels) -> None:
        """Create the labels that are not there, by their names in any case."""

    async def delete_branch(self, delete: DeleteBranch) -> None:
        """Delete it; gone already is fine."""

    async def status(self, sha: str, context: str, state: "StatusState", description: str, url: str | None) -> None:
        """Set the commit status of this context; the description is cut to GitHub's 140 characters."""

    async def deployment(self, sha: str, environment: str) -> int:
        """The id of the Deployment of this commit to this environment, created when it is not there."""

    async def deployment_state(
        self, deployment: int, state: "DeploymentState", description: str, url: str, log: str = ""
    ) -> None:
        """Add a state to the Deployment; `url` is where it answers, `log` the page of its run."""


StatusState = Literal["pending", "success", "failure", "error"]
DeploymentState = Literal["in_progress", "success", "failure", "inactive"]


class Forge(Protocol):
    """GitHub as the App sees it."""

    @property
    def login(self) -> str:
        """The App's own login, such as `bolide[bot]`."""

    def reader(self, repository: Repository, purpose: str = "") -> Reader:
        """Reads with a token narrowed to the repository and to reading; `purpose` shows in GitHub's logs."""

    def writer(self, repository: Repository, purpose: str = "") -> Writer:
        """Writes with a token narrowed to the repository and to what the actions need; `purpose` as above."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook delivery as received: `id` is GitHub's delivery GUID, `body` the raw JSON bytes."""

    id: str
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Job:
    """One manager's share of one delivery, leased to one worker; `token` fences a worker that lost its lease."""

    delivery: Delivery
    manager: str
    attempts: int
    token: int


class LeaseLost(Exception):
    """The lease of this job ran out and another worker has it: this worker's outcome does not count."""


class InboxUnavailable(Exception):
    """The inbox cannot be read or written now (disk full, locked, closed); nothing was stored."""


class Inbox(Protocol):
    """Deliveries and the jobs made of them, on disk. A job's `lane` (repository and manager) runs one at a time.

    Every method raises InboxUnavailable.
    """

    async def put(self, delivery: Delivery) -> bool:
        """Committed to disk when this returns; False when the id, or a body of the same kind and content, was there."""

    async def route(self, delivery_id: str, lanes: Mapping[str, str], note: str) -> None:
        """Replace the delivery's unrouted state by one job for each manager → lane; no lanes: done with the note."""

    async def lease_delivery(self, seconds: float) -> Delivery | None:
        """The oldest delivery that is not routed yet, hidden from others for `seconds`."""

    async def lease_job(self, seconds: float) -> Job | None:
        """The oldest job that is due, whose lane has no leased job; hidden from others for `seconds`."""

    async def renew(self, job: Job, seconds: float) -> None:
        """Keep the lease. Raises LeaseLost."""

    async def finish(self, job: Job, note: str) -> None:
        """Done. Raises LeaseLost."""

    async def postpone(self, job: Job, after: float, note: str) -> None:
        """Due again after so many seconds, one attempt more. Raises LeaseLost."""

    async def park(self, job: Job, note: str) -> None:
        """Set aside until a person looks: nothing else waits for it. Raises LeaseLost."""

    async def probe(self) -> None:
        """Return when a write was committed just now."""


class ObjectsUnavailable(TryLater):
    """The object store does not answer, or refuses; one sentence naming it."""


class Objects(Protocol):
    """A flat store of objects by name, such as a bucket. Raises ObjectsUnavailable."""

    async def get(self, name: str) -> bytes | None:
        """The whole content; None where there is no such object."""

    async def put(self, name: str, content: bytes) -> None:
        """Stored, all of it, when this returns; what had the name is replaced."""


class Laboratory(Protocol):
    """Examines locks in isolation, on an unpacked tree of the repository."""

    @property
    def python(self) -> str:
        """The Python that locks are tried out with, such as "3.11.2"."""

    async def examine_pair(
        self, tarball: bytes, before: str, after: str, recipe: Recipe
    ) -> tuple[Examination, Examination]:
        """What was measured with each of the two lock texts on the same tree."""


class Deployed(Protocol):
    """Knows the model that serves."""

    async def model_files(self, repository: Repository) -> Mapping[str, str]:
        """Name → text of what describes the repository's deployed model; empty where none of it serves here."""


class Runner(Protocol):
    """Runs the stages of a commit: train, evaluate, package, deploy, verify."""

    async def run(
        self,
        repository: Repository,
        sha: str,
        reader: Reader,
        writer: Writer,
        report: Callable[[StageReport], Awaitable[None]],
        *,
        order: str = "",
        retrain: bool = False,
    ) -> RunResult:
        """Run what is not done yet, on the files that `reader` gives; what serves stays when anything fails.

        `writer` declares what a cluster is to serve, where the repository is deployed to one.

        A commit that ended already for the same `order` gives its recorded result and reports nothing. `retrain`:
        the model is made again. Raises HeadMoved where the branch moves on while a run waits for a storm of merges to
        end.
        """
        ...

    async def overtaken(self, repository: Repository, sha: str, by: str) -> None:
        """Write down that a merge was left to the run of a newer commit."""
        ...

    async def roll_back(self, repository: Repository, order: str, reader: Reader, writer: Writer) -> RolledBack:
        """Let the version before serve again; the same `order` again is the same version. Raises Refused."""

    async def frozen(self, repository: Repository) -> str:
        """Since when deployments wait for a person, after two roll-backs within an hour; empty where they do not."""

    async def resume(self, repository: Repository) -> None:
        """Deploy again, what was taken back too."""

    async def preview(
        self, repository: Repository, number: int, sha: str, reader: Reader, writer: Writer
    ) -> Previewed | Stopped:
        """Serve a commit of a pull request beside production, by the default branch's configuration.

        Production is not touched. Raises Refused.
        """
        ...

    async def push_image(
        self, repository: Repository, sha: str, tag: str, reader: Reader, writer: Writer
    ) -> ImagePushed | Stopped:
        """Build the service's image of a commit and push it under this tag. Raises Refused."""
        ...

    async def close_preview(self, repository: Repository, number: int, reader: Reader, writer: Writer) -> bool:
        """End the preview of the pull request; False where there is none."""
        ...


Now = Callable[[], datetime]
"""The clock, as an argument; aware, in UTC."""
