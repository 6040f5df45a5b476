"""What a manager wants done, as data: `apply` alone carries it out, and each action twice is the same as once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.core.events import ChangeFailed
from bot.core.labels import Label
from bot.core.schedules import Schedule
from bot.core.watching import Locked


@dataclass(frozen=True, slots=True)
class FileChange:
    """The new text of one file."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where a change goes: the repository's GraphQL id, the base branch and the commit it was read at."""

    node_id: str
    branch: str
    sha: str


@dataclass(frozen=True, slots=True)
class OwnBranch:
    """The bot's branch as it was read: its head, and the open pull request from it."""

    sha: str
    pull_request: int | None


@dataclass(frozen=True, slots=True)
class ProposeChange:
    """One commit on a branch of the bot's, on top of the target, and the open pull request for it.

    `existing` is the branch as it was read: it is moved to the target first. `evidence` is the path of the lock
    whose examination is asked for once the pull request is open.
    """

    target: Target
    branch: str
    existing: OwnBranch | None
    files: tuple[FileChange, ...]
    message: str
    title: str
    body: str
    evidence: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskEvidence:
    """The examination of a proposed lock has been asked for; `base_sha` … `head_sha` is the change.

    `lock` is its path. It is asked for once, unless `again` differs: the key of the command that wants it repeated.
    """

    number: int
    base_sha: str
    head_sha: str
    lock: str
    again: str = ""


@dataclass(frozen=True, slots=True)
class EditPullRequest:
    """The pull request carries this body (and title, where one is given)."""

    number: int
    body: str
    title: str | None = None


@dataclass(frozen=True, slots=True)
class CommitFiles:
    """One commit on a branch, as the direct child of `sha`."""

    branch: str
    sha: str
    files: tuple[FileChange, ...]
    message: str


Conclusion = Literal["success", "failure", "neutral"]


@dataclass(frozen=True, slots=True)
class Report:
    """The check run `name` on a commit; without a conclusion it is still running."""

    sha: str
    name: str
    title: str
    summary: str
    conclusion: Conclusion | None


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment of the bot's on an issue or pull request; the same `key` edits the comment in place."""

    issue: int
    key: str
    body: str


@dataclass(frozen=True, slots=True)
class React:
    """A reaction on the comment, or on the issue itself, that gave a command."""

    issue: int
    comment: int | None
    content: Literal["eyes", "rocket", "confused"]


@dataclass(frozen=True, slots=True)
class Asset:
    """A text file that a GitHub Release carries; `media` is its media type."""

    name: str
    media: str
    text: str


@dataclass(frozen=True, slots=True)
class Release:
    """An annotated tag on the commit and the GitHub Release from it, with its files."""

    tag: str
    sha: str
    name: str
    notes: str
    prerelease: bool = False
    assets: tuple[Asset, ...] = ()


@dataclass(frozen=True, slots=True)
class YankRelease:
    """The GitHub Release of the tag says, first of all, that it should not be used; `warning` is Markdown."""

    tag: str
    warning: str


@dataclass(frozen=True, slots=True)
class OpenIssue:
    """The one issue of the bot's with this key is there; an open one is left as it is, a closed one stays closed."""

    key: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class CloseIssue:
    """The issue, or pull request, is closed: as completed, or as not planned."""

    issue: int
    completed: bool = True


@dataclass(frozen=True, slots=True)
class ClosePullRequest:
    """The pull request is closed without a merge, and its branch, which only the bot has committed to, is gone.

    `sha` is where that was seen; both stay as they are where somebody has pushed to the branch meanwhile.
    """

    number: int
    branch: str
    sha: str


@dataclass(frozen=True, slots=True)
class TrackIssue:
    """The bot's tracking issue carries this body; without a number it is opened, with title and label.

    `reopened`: it is open from now on; otherwise a closed one stays closed.
    """

    number: int | None
    title: str
    label: str
    body: str
    reopened: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """What the repository locks and has on its schedule is watched from now on; nothing of both ends it."""

    locked: tuple[Locked, ...]
    schedules: tuple[tuple[str, Schedule], ...]
    cooldown_days: int
    seen: datetime


@dataclass(frozen=True, slots=True)
class LookAgain:
    """The dependencies are looked at once more, for this reason; the same reason once."""

    reason: str


@dataclass(frozen=True, slots=True)
class KeepLabels:
    """The repository has these labels; one that is there already stays as it is."""

    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class TakeApart:
    """The search for what does not work in a change goes on; each step of it is taken once."""

    failed: ChangeFailed


@dataclass(frozen=True, slots=True)
class SetLabels:
    """The issue or pull request has these labels, and those not; others stay."""

    number: int
    add: tuple[str, ...]
    remove: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeleteBranch:
    """The bot's branch is gone, unless it has moved from `sha` meanwhile (empty: wherever it is)."""

    branch: str
    sha: str = ""


@dataclass(frozen=True, slots=True)
class StartRun:
    """The stages from training to deployment run for `head`, where the default branch is.

    `sha` is the commit that asked for it: an earlier one is recorded as superseded.
    """

    sha: str
    head: str
    number: int | None
    order: str = ""
    """The key of the command that wants it though the commit's run has ended; empty: such a run stands."""
    retrain: bool = False
    """The model is trained though nothing that it is made of has changed."""


@dataclass(frozen=True, slots=True)
class RollBack:
    """The version before serves again; `key` is that of the command, which is obeyed once, and of its answer."""

    issue: int
    key: str
    by: str
    """The login of who gave it."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ResumeRuns:
    """Runs are deployed again; the answer to the command carries this key."""

    issue: int
    key: str


@dataclass(frozen=True, slots=True)
class OpenPreview:
    """The pull request's commit is served beside production, and the comment on it says where."""

    number: int
    sha: str


@dataclass(frozen=True, slots=True)
class PushImage:
    """The image of this commit is in the registry under this tag; the issue has its digest and is closed then."""

    issue: int
    key: str
    tag: str
    sha: str


@dataclass(frozen=True, slots=True)
class ClosePreview:
    """The pull request has no preview any more."""

    number: int


Action = (
    ProposeChange
    | AskEvidence
    | EditPullRequest
    | Report
    | Comment
    | React
    | Release
    | YankRelease
    | OpenIssue
    | CloseIssue
    | ClosePullRequest
    | TrackIssue
    | Watch
    | LookAgain
    | TakeApart
    | DeleteBranch
    | KeepLabels
    | SetLabels
    | StartRun
    | RollBack
    | ResumeRuns
    | OpenPreview
    | ClosePreview
    | PushImage
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done and why; without actions, `reason` says why there is nothing to do."""

    reason: str
    actions: tuple[Action, ...] = ()
    again_after: float | None = None
    """Seconds after which the manager wants to plan anew, for the same event: something was away."""
