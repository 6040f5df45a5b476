"""What GitHub answers about pull requests, commits, checks and people."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Merge:
    """How a pull request ended: the commit that merged it, when, and its branch, empty where that was a fork's."""

    sha: str
    at: datetime
    branch: str


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
