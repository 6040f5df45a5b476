"""What happened on GitHub, as values; `parse` reads them from a delivery's kind and decoded body."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.core import commands
from bot.core.commands import Command

MOST_COMMITS = 2048
"""GitHub names no more commits than these in a push."""
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


class _Unreadable(Exception):
    """The body lacks what its kind promises."""


def parse(kind: str, body: object, own_login: str) -> tuple[Event, ...] | Ignored:
    """The events in a delivery; `own_login` is the App's own login, whose doings start no work.

    Never raises, whatever the body: what cannot be read is `Ignored` with the reason.
    """
    if not isinstance(body, Mapping):
        return Ignored("the body is not an object")
    reader = _READERS.get(kind)
    if reader is None:
        return Ignored(f"no manager listens to {kind}")
    try:
        if kind not in INTERNAL and _text(body, "sender", "login") == own_login:
            return Ignored("sent by Bolide itself")
        return reader(body)
    except _Unreadable as problem:
        return Ignored(f"unhandled {kind}: {problem}")


def change_proposed(event: ChangeProposed, again: str = "") -> dict[str, Any]:
    """The body of the internal delivery from which `parse` reads the same event again; `again` tells it from others."""
    repository = event.repository
    return {
        "repository": {"id": repository.id, "full_name": repository.name},
        "installation": {"id": repository.installation},
        "number": event.number,
        "base_sha": event.base_sha,
        "head_sha": event.head_sha,
        "lock": event.lock,
        "again": again,
    }


def _installation(body: Mapping[str, Any]) -> tuple[Event, ...] | Ignored:
    action = _text(body, "action")
    field = {
        "created": "repositories",
        "added": "repositories_added",
        "deleted": "repositories",
        "removed": "repositories_removed",
    }.get(action)
    if field is None:
        return Ignored("no repository comes or goes")
    installation = _number(body, "installation", "id")
    found = body.get(field)
    if not isinstance(found, list):
        raise _Unreadable(f"{field} is not a list")
    happened = RepositoryAdded if action in ("created", "added") else RepositoryRemoved
    return tuple(happened(_repository_of(item, installation)) for item in found)


def _push(body: Mapping[str, Any]) -> tuple[Event, ...] | Ignored:
    branch = _text(body, "repository", "default_branch")
    if _text(body, "ref") != f"refs/heads/{branch}":
        return Ignored("not the default branch")
    if body.get("deleted") is True:
        return Ignored("the branch was deleted")
    before = body.get("before")
    from_there = before if isinstance(before, str) else ""
    return (Pushed(_repository(body), branch, _text(body, "after"), from_there, _changed(body)),)


def _changed(body: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The paths that a push changed, None where it does not tell all: it was forced, or has too many commits."""
    commits = body.get("commits")
    if body.get("forced") is not False or not isinstance(commits, list) or not 0 < len(commits) < MOST_COMMITS:
        return None
    lists = [_at(commit, (kind,)) for commit in commits for kind in ("added", "removed", "modified")]
    if not all(isinstance(paths, list) for paths in lists):
        return None
    return tuple(sorted({str(path) for paths in lists if isinstance(paths, list) for path in paths}))


def _pull_request(body: Mapping[str, Any]) -> tuple[Event, ...] | Ignored:
    change, action = body.get("pull_request"), _text(body, "action")
    if not isinstance(change, Mapping):
        raise _Unreadable("pull_request is not an object")
    if action in ("opened", "reopened", "synchronize"):
        return (PullRequestChanged(_repository(body), _number(change, "number")),)
    if action == "edited":
        return _edited(body, change)
    if action != "closed":
        return Ignored("neither an end nor an edit")
    repository = _repository(body)
    if change.get("merged") is not True or (
        _text(change, "base", "ref") != _text(body, "repository", "default_branch")
    ):
        return (PullRequestClosed(repository, _number(change, "number")),)
    merged = PullRequestMerged(
        repository,
        _number(change, "number"),
        _own_branch(repository, change),
        _text(change, "base", "ref"),
        _text(change, "merge_commit_sha"),
        _labels(change),
    )
    return (merged,)


def _edited(body: Mapping[str, Any], change: Mapping[str, Any]) -> tuple[Event, ...] | Ignored:
    branch = _own_branch(_repository(body), change)
    if change.get("state") != "open" or not branch:
        return Ignored("not an open pull request from an own branch")
    return (PullRequestEdited(_repository(body), _number(change, "number"), branch),)


def _own_branch(repository: Repository, change: Mapping[str, Any]) -> str:
    """The branch; empty for a fork's, which may carry any name, that of a release too. A deleted fork is null."""
    return _text(change, "head", "ref") if _at(change, ("head", "repo", "id")) == repository.id else ""


def _labels(change: Mapping[str, Any]) -> tuple[str, ...]:
    found = change.get("labels")
    names = [_at(label, ("name",)) for label in found if isinstance(label, Mapping)] if isinstance(found, list) else []
    return tuple(name for name in names if isinstance(name, str))


def _issue(body: Mapping[str, Any]) -> tuple[Event, ...] | Ignored:
    text = _at(body, ("issue", "body"))
    written = text if isinstance(text, str) else ""
    command = commands.in_title(_text(body, "issue", "title"), written)
    match _text(body, "action"):
        case "opened":
            return _given(body, command, None)
        case "edited" if isinstance(before := _at(body, ("changes", "title", "from")), str):
            same = commands.in_title(before, written) == command
            return Ignored(_AS_BEFORE) if same else _given(body, command, None)
        case _:
            return Ignored("not a new title")


def _comment(body: Mapping[str, Any]) -> tuple[Event, ...] | Ignored:
    command = commands.in_comment(_text(body, "comment", "body"))
    match _text(body, "action"):
        case "created":
            return _given(body, command, _number(body, "comment", "id"))
        case "edited" if isinstance(before := _at(body, ("changes", "body", "from")), str):
            same = commands.in_comment(before) == command
            return Ignored(_AS_BEFORE) if same else _given(body, command, _number(body, "comment", "id"))
        case _:
            return Ignored("not a new text")


_AS_BEFORE = "the command is as before the edit"


def _given(body: Mapping[str, Any], command: Command | None, comment: int | None) -> tuple[Event, ...] | Ignored:
    if command is None:
        return Ignored("no command")
    # Who edits somebody else's text into a command gives that command: it is the sender who must be allowed.
    bot = _text(body, "sender", "type") != "User"
    actor = Actor(_number(body, "sender", "id"), _text(body, "sender", "login"), bot)
    return (CommandGiven(_repository(body), _number(body, "issue", "number"), comment, actor, command),)


def _proposed(body: Mapping[str, Any]) -> tuple[Event, ...]:
    repository, number = _repository(body), _number(body, "number")
    texts = (_text(body, name) for name in ("base_sha", "head_sha", "lock"))
    return (ChangeProposed(repository, number, *texts),)


def _scheduled(body: Mapping[str, Any]) -> tuple[Event, ...]:
    return (Scheduled(_repository(body), _text(body, "purpose")),)


def _world_changed(body: Mapping[str, Any]) -> tuple[Event, ...]:
    packages = body.get("packages")
    if not isinstance(packages, list):
        raise _Unreadable("packages is not a list")
    return (WorldChanged(_repository(body), tuple(map(str, packages))),)


def _look_wanted(body: Mapping[str, Any]) -> tuple[Event, ...]:
    return (LookWanted(_repository(body), _text(body, "reason")),)


def _change_failed(body: Mapping[str, Any]) -> tuple[Event, ...]:
    try:
        told = body["tried"]
        tried = tuple(Tried(frozenset(one["names"]), bool(one["works"]), str(one["said"])) for one in told)
    except (KeyError, TypeError) as problem:
        raise _Unreadable("tried is not a list of what was tried") from problem
    base, head = _text(body, "base_sha"), _text(body, "head_sha")
    change = (_repository(body), _number(body, "number"), base, head, _text(body, "lock"))
    return (ChangeFailed(*change, tried, _text(body, "again")),)


_READERS = {
    "installation": _installation,
    "installation_repositories": _installation,
    "push": _push,
    "pull_request": _pull_request,
    "issues": _issue,
    "issue_comment": _comment,
    CHANGE_PROPOSED: _proposed,
    SCHEDULED: _scheduled,
    WORLD_CHANGED: _world_changed,
    LOOK_WANTED: _look_wanted,
    CHANGE_FAILED: _change_failed,
}


def _repository(body: Mapping[str, Any]) -> Repository:
    return _repository_of(body.get("repository"), _number(body, "installation", "id"))


def _repository_of(value: object, installation: int) -> Repository:
    if not isinstance(value, Mapping):
        raise _Unreadable("repository is not an object")
    return Repository(_number(value, "id"), _text(value, "full_name"), installation)


def _at(body: object, path: tuple[str, ...]) -> object:
    value: object = body
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _text(body: Mapping[str, Any], *path: str) -> str:
    value = _at(body, path)
    if not isinstance(value, str):
        raise _Unreadable(f"{'.'.join(path)} is not text")
    return value


def _number(body: Mapping[str, Any], *path: str) -> int:
    value = _at(body, path)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Unreadable(f"{'.'.join(path)} is not a number")
    return value
