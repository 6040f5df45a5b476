"""GitHub: one repository is read, written, or asked for by the App."""

from collections.abc import Sequence
from typing import Literal, Protocol

from bot.core.events import Actor, Repository
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
    ProposeChange,
    React,
    Release,
    Report,
    SetLabels,
    TrackIssue,
    YankRelease,
)
from bot.core.ports.answers import CheckOutcome, History, MergedPull, PullRequest, Standing
from bot.core.ports.snapshot import Snapshot


class ForgeUnavailable(Exception):
    """GitHub did not answer, or not now; `after` is the number of seconds that it asked to wait."""

    def __init__(self, message: str, after: float = 30.0) -> None:
        super().__init__(message)
        self.after = after


class ForgeRefused(Exception):
    """GitHub said no for good: the thing is not there, or the App lacks the permission that the message names."""


class HeadMoved(Exception):
    """The branch is no longer at the commit that the change was made for: read again and recompute."""


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

    async def changed_files(self, number: int) -> tuple[str, ...]:
        """The paths that the pull request changes, both names of what it moves; of very many the first hundred."""

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


StatusState = Literal["pending", "success", "failure", "error"]


DeploymentState = Literal["in_progress", "success", "failure", "inactive"]


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
        """Close it without a merge, and delete its branch. Raises HeadMoved where that is elsewhere by now."""

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


class Forge(Protocol):
    """GitHub as the App sees it."""

    @property
    def login(self) -> str:
        """The App's own login, such as `bolide[bot]`."""

    async def locate(self, name: str) -> Repository:
        """The repository OWNER/NAME. Raises ForgeRefused where the App is not installed on it, ForgeUnavailable."""

    def reader(self, repository: Repository, purpose: str = "") -> Reader:
        """Reads with a token narrowed to the repository and to reading; `purpose` shows in GitHub's logs."""

    def writer(self, repository: Repository, purpose: str = "") -> Writer:
        """Writes with a token narrowed to the repository and to what the actions need; `purpose` as above."""
