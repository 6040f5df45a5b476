"""A repository at one commit, with the bot's own work in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.core.errors import Refused
from bot.core.plan import OwnBranch


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that is there but is no text to read, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class BotBranch:
    """The branch that the bot proposes from: its head and who made its commits, and its open pull request."""

    sha: str
    authors: tuple[str, ...]
    pull_request: int | None
    pull_request_body: str

    def only_by(self, login: str) -> bool:
        """Whether nobody else has committed to it."""
        return all(author == login for author in self.authors)


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
