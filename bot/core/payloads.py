"""The payloads of deliveries, from GitHub or from Bolide's own inbox, as events."""

from collections.abc import Mapping
from typing import Any

from bot.core import phrases
from bot.core.commands import Command
from bot.core.events import (
    CHANGE_FAILED,
    CHANGE_PROPOSED,
    INTERNAL,
    LOOK_WANTED,
    SCHEDULED,
    WORLD_CHANGED,
    Actor,
    ChangeFailed,
    ChangeProposed,
    CommandGiven,
    Event,
    Ignored,
    LookWanted,
    PullRequestChanged,
    PullRequestClosed,
    PullRequestEdited,
    PullRequestMerged,
    Pushed,
    Repository,
    RepositoryAdded,
    RepositoryRemoved,
    Scheduled,
    Tried,
    WorldChanged,
)

MOST_COMMITS = 2048
"""GitHub names no more commits than these in a push."""


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
    command = phrases.in_title(_text(body, "issue", "title"), written)
    match _text(body, "action"):
        case "opened":
            return _given(body, command, None)
        case "edited" if isinstance(before := _at(body, ("changes", "title", "from")), str):
            same = phrases.in_title(before, written) == command
            return Ignored(_AS_BEFORE) if same else _given(body, command, None)
        case _:
            return Ignored("not a new title")


def _comment(body: Mapping[str, Any]) -> tuple[Event, ...] | Ignored:
    command = phrases.in_comment(_text(body, "comment", "body"))
    match _text(body, "action"):
        case "created":
            return _given(body, command, _number(body, "comment", "id"))
        case "edited" if isinstance(before := _at(body, ("changes", "body", "from")), str):
            same = phrases.in_comment(before) == command
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
