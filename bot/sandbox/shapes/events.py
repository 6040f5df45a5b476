"""The parts of webhook payloads that differ from REST answers."""

from bot.sandbox.entities import Json, Repository, User
from bot.sandbox.forge import Forge
from bot.sandbox.git import Commit, Signature
from bot.sandbox.gitwrite import ZERO
from bot.sandbox.shapes.commits import account

COMMITS_IN_PUSH = 20


def ref(repository: Repository, name: str, kind: str, event: str) -> Json:
    """The payload of `create` and `delete`."""
    short = name.split("/", 2)[2]
    payload: Json = {"ref": short, "ref_type": kind, "pusher_type": "user"}
    if event == "create":
        payload |= {"master_branch": repository.default_branch, "description": repository.description or None}
    return payload


async def push(forge: Forge, repository: Repository, pusher: User, name: str, before: str, after: str) -> Json:
    """The payload of `push`, with the newest commits."""
    git = forge.git(repository)
    known = [f"^{before}"] if before != ZERO else [f"^refs/heads/{repository.default_branch}"]
    if before == ZERO and name == f"refs/heads/{repository.default_branch}":
        known = []
    commits = [] if after == ZERO else await git.history(after, *known, limit=COMMITS_IN_PUSH)
    tip = None if after == ZERO else await git.commit(after)
    forced = ZERO not in (before, after) and not await git.is_ancestor(before, after)
    return {
        "ref": name,
        "before": before,
        "after": after,
        "created": before == ZERO,
        "deleted": after == ZERO,
        "forced": forced,
        "base_ref": None,
        "compare": forge.page(f"/{repository.full_name}/compare/{before[:12]}...{after[:12]}"),
        "commits": [await _commit(forge, repository, commit) for commit in reversed(commits)],
        "head_commit": await _commit(forge, repository, tip) if tip else None,
        "pusher": {"name": pusher.login, "email": pusher.email},
    }


async def _commit(forge: Forge, repository: Repository, value: Commit) -> Json:
    git = forge.git(repository)
    empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    changes = await git.changes(value.parents[0] if value.parents else empty, value.oid)
    return {
        "id": value.oid,
        "tree_id": value.tree,
        "distinct": True,
        "message": value.message,
        "timestamp": value.committer.date,
        "url": forge.page(f"/{repository.full_name}/commit/{value.oid}"),
        "author": _person(forge, value.author),
        "committer": _person(forge, value.committer),
        "added": [change.path for change in changes if change.status in {"added", "renamed"}],
        "removed": [change.previous or change.path for change in changes if change.status in {"removed", "renamed"}],
        "modified": [change.path for change in changes if change.status in {"modified", "changed"}],
    }


def _person(forge: Forge, value: Signature) -> Json:
    person = {"name": value.name, "email": value.email}
    found = account(forge, value)
    return {**person, "username": found.login} if found else person
