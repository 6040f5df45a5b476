"""What happened on GitHub or in Bolide itself, as values."""

from dataclasses import dataclass

from bot.core.commands import Command

CHANGE_PROPOSED = "bolide.change_proposed"
"""The kind of the delivery that Bolide puts into its own inbox after it has proposed a change."""
SCHEDULED, WORLD_CHANGED, LOOK_WANTED = "bolide.scheduled", "bolide.world_changed", "bolide.look_wanted"
CHANGE_FAILED = "bolide.change_failed"
INTERNAL = frozenset({CHANGE_PROPOSED, SCHEDULED, WORLD_CHANGED, LOOK_WANTED, CHANGE_FAILED})
"""The kinds that only Bolide puts into the inbox: GitHub's have no dot, and the web door takes none with one."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of an installation; `id` survives a rename, `name` is OWNER/NAME."""

    id: int
    name: str
    installation: int


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: the sender of the event, not the author of the issue."""

    id: int
    login: str
    bot: bool = False


@dataclass(frozen=True, slots=True)
class RepositoryAdded:
    """The App was installed on a repository."""

    repository: Repository


@dataclass(frozen=True, slots=True)
class RepositoryRemoved:
    """The App is not on a repository any more: it can be neither read nor written."""

    repository: Repository


@dataclass(frozen=True, slots=True)
class Pushed:
    """The default branch moved from `before` to `sha`; `changed` are the paths, None where they are not all known."""

    repository: Repository
    branch: str
    sha: str
    before: str = ""
    changed: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class PullRequestMerged:
    """A pull request was merged into the default branch as commit `sha`; `branch` is empty where it is a fork's."""

    repository: Repository
    number: int
    branch: str
    base: str
    sha: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PullRequestClosed:
    """A pull request ended otherwise than by a merge into the default branch."""

    repository: Repository
    number: int


@dataclass(frozen=True, slots=True)
class PullRequestEdited:
    """A person changed title or text of an open pull request from one of the repository's own branches."""

    repository: Repository
    number: int
    branch: str


@dataclass(frozen=True, slots=True)
class PullRequestChanged:
    """A pull request was opened, or its commits are others now."""

    repository: Repository
    number: int


@dataclass(frozen=True, slots=True)
class CommandGiven:
    """A command was given by the title of an issue (`comment` is None) or in a comment, new or edited into it."""

    repository: Repository
    issue: int
    comment: int | None
    actor: Actor
    command: Command


@dataclass(frozen=True, slots=True)
class ChangeProposed:
    """Bolide opened or renewed a pull request whose lock wants evidence; `base_sha` … `head_sha` is the change."""

    repository: Repository
    number: int
    base_sha: str
    head_sha: str
    lock: str


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What the repository has on its schedule for this purpose, such as `updates`, is due."""

    repository: Repository
    purpose: str


@dataclass(frozen=True, slots=True)
class WorldChanged:
    """Something happened to packages that the repository locks: a release, a yanked or exchanged file, an advisory."""

    repository: Repository
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LookWanted:
    """Something that Bolide itself did, such as to note what is ignored, asks for another look."""

    repository: Repository
    reason: str


@dataclass(frozen=True, slots=True)
class Tried:
    """A part of a change that was examined by itself: its packages, whether it works, and what was said of it."""

    names: frozenset[str]
    works: bool
    said: str


@dataclass(frozen=True, slots=True)
class ChangeFailed:
    """A proposed lock does not work where today's does, or somebody wants to know; `tried` is what is known so far.

    `again` tells the search from an earlier one for the same change.
    """

    repository: Repository
    number: int
    base_sha: str
    head_sha: str
    lock: str
    tried: tuple[Tried, ...] = ()
    again: str = ""


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing for any manager, and why."""

    reason: str


Event = (
    RepositoryAdded
    | RepositoryRemoved
    | Pushed
    | PullRequestMerged
    | PullRequestClosed
    | PullRequestEdited
    | PullRequestChanged
    | CommandGiven
    | ChangeProposed
    | Scheduled
    | WorldChanged
    | LookWanted
    | ChangeFailed
)
