"""Creating, moving and deleting references, and committing to branches."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.sandbox.entities import Issue, Json, Pull, Repository
from bot.sandbox.errors import ApiError, conflict, not_found, unprocessable
from bot.sandbox.forge import Actor, Forge
from bot.sandbox.git import Git, GitError, Signature
from bot.sandbox.gitwrite import (
    ZERO,
    Stale,
    TreeChange,
    update_ref,
    valid_ref,
    write_blob,
    write_commit,
    write_tree,
)
from bot.sandbox.shapes import events, pulls

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """Where a reference is to be, and where it must be before (None: anywhere); `ZERO` stands for nowhere."""

    name: str
    after: str
    before: str | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class NewCommit:
    """What a commit through the API adds, removes and says."""

    message: str
    additions: tuple[tuple[str, bytes], ...]
    deletions: tuple[str, ...] = ()
    author: Signature | None = None
    committer: Signature | None = None


async def create_ref(forge: Forge, actor: Actor, repository: Repository, name: str, oid: str) -> None:
    """Create a reference at an existing object; raises 422 where GitHub does."""
    git = forge.git(repository)
    if not name.startswith("refs/") or name.count("/") < 2 or not await valid_ref(git, name):
        raise unprocessable("Reference name is not valid")
    if await git.object(oid) is None:
        raise unprocessable("Object does not exist")
    if name.startswith("refs/heads/") and await git.resolve(oid) != oid:
        raise unprocessable("Object is not a commit")
    try:
        await update_ref(git, name, oid, ZERO)
    except GitError as error:
        raise unprocessable("Reference already exists") from error
    await ref_moved(forge, actor, repository, name, ZERO, oid)


async def move_ref(
    forge: Forge, actor: Actor, repository: Repository, name: str, oid: str, *, force: bool = False
) -> None:
    """Move a reference; without force only forwards."""
    git = forge.git(repository)
    current = await git.ref(name)
    if current is None:
        raise unprocessable("Reference does not exist")
    if await git.object(oid) is None:
        raise unprocessable("Object does not exist")
    if not force and name.startswith("refs/heads/") and not await git.is_ancestor(current.commit, oid):
        raise unprocessable("Update is not a fast forward")
    try:
        await update_ref(git, name, oid, current.oid)
    except Stale as error:
        raise conflict("Reference cannot be updated") from error
    await ref_moved(forge, actor, repository, name, current.oid, oid)


async def delete_ref(forge: Forge, actor: Actor, repository: Repository, name: str) -> None:
    """Delete a reference; the default branch stays."""
    git = forge.git(repository)
    current = await git.ref(name)
    if current is None:
        raise unprocessable("Reference does not exist")
    if name == f"refs/heads/{repository.default_branch}":
        raise unprocessable("Cannot delete the default branch")
    await git.run("update-ref", "-d", name, current.oid)
    await ref_moved(forge, actor, repository, name, current.oid, ZERO)


async def update_refs(forge: Forge, actor: Actor, repository: Repository, updates: Sequence[RefUpdate]) -> None:
    """Make every update, or none where a reference is elsewhere than it must be."""
    git, known = forge.git(repository), {}
    for update in updates:
        current = await git.ref(update.name)
        known[update.name] = current.oid if current else ZERO
        if update.before not in (None, known[update.name]):
            raise unprocessable(f"{update.name} is not at {update.before}.")
    for update in updates:
        if update.after == ZERO:
            await delete_ref(forge, actor, repository, update.name)
        elif known[update.name] == ZERO:
            await create_ref(forge, actor, repository, update.name, update.after)
        else:
            await move_ref(forge, actor, repository, update.name, update.after, force=update.force)


async def commit_to_branch(
    forge: Forge, actor: Actor, repository: Repository, branch: str, new: NewCommit, expected: str | None = None
) -> str:
    """The id of the new tip; raises STALE_DATA when the branch is not at `expected`."""
    git = forge.git(repository)
    current = await git.ref(f"refs/heads/{branch}")
    if current is None and (expected is not None or await git.refs("refs/heads/")):
        raise not_found(f"No ref found for branch {branch!r}.")
    old = current.oid if current else ZERO
    if expected is not None and expected != old:
        raise _stale(expected)
    tree = await _tree(git, old if current else None, new)
    author = new.author or forge.signature(actor.user)
    parents = [old] if current else []
    oid = await write_commit(git, tree, parents, new.message, author, new.committer or forge.web_flow())
    try:
        await update_ref(git, f"refs/heads/{branch}", oid, old)
    except Stale as error:
        raise _stale(expected or old) from error
    await ref_moved(forge, actor, repository, f"refs/heads/{branch}", old, oid)
    return oid


async def ref_moved(forge: Forge, actor: Actor, repository: Repository, name: str, before: str, after: str) -> None:
    """Tell what follows from a moved reference: push, create, delete, pull requests that grew or were merged."""
    repository = forge.store.put(replace(repository, pushed=forge.now()))
    kind = {"refs/heads/": "branch", "refs/tags/": "tag"}.get(name[: name.index("/", 5) + 1])
    if kind is None:
        return
    if ZERO in (before, after):
        event = "create" if before == ZERO else "delete"
        forge.emit(event, None, events.ref(repository, name, kind, event), repository, actor.user)
    push = await events.push(forge, repository, actor.user, name, before, after)
    forge.emit("push", None, push, repository, actor.user)
    if kind == "branch":
        await _update_pulls(forge, actor, repository, name.removeprefix("refs/heads/"), before, after)


async def _update_pulls(
    forge: Forge, actor: Actor, repository: Repository, branch: str, before: str, after: str
) -> None:
    for pull in forge.store.all(Pull, repository.id):
        issue = forge.store.one(Issue, repository.id, pull.key)
        if issue is None or issue.state != "open":
            continue
        if pull.head == branch and after != ZERO:
            base = await forge.git(repository).ref(f"refs/heads/{pull.base}")
            # What the pull request consists of is reckoned anew, from where its base is now.
            pull = forge.store.put(replace(pull, head_sha=after, base_sha=base.commit if base else pull.base_sha))
            issue = forge.store.put(replace(issue, updated=forge.now()))
            payload: Json = {"number": pull.number, "before": before, "after": after}
            payload["pull_request"] = await pulls.full(forge, repository, issue, pull)
            forge.emit("pull_request", "synchronize", payload, repository, actor.user)
        elif pull.base == branch and after != ZERO:
            await _close_if_pushed(forge, actor, repository, issue, pull, after)
        elif pull.head == branch:
            await close_pull(forge, actor, repository, issue, pull)


async def _close_if_pushed(
    forge: Forge, actor: Actor, repository: Repository, issue: Issue, pull: Pull, tip: str
) -> None:
    git = forge.git(repository)
    if await git.is_ancestor(pull.head_sha, tip):
        merged = replace(pull, merged=forge.now(), merged_by_id=actor.user.id, merge_sha=tip)
        await close_pull(forge, actor, repository, issue, forge.store.put(merged))


async def close_pull(forge: Forge, actor: Actor, repository: Repository, issue: Issue, pull: Pull) -> Issue:
    """Close a pull request, merged or not, and tell so."""
    now = forge.now()
    issue = forge.store.put(replace(issue, state="closed", closed=now, updated=now, closed_by_id=actor.user.id))
    payload = {"number": pull.number, "pull_request": await pulls.full(forge, repository, issue, pull)}
    forge.emit("pull_request", "closed", payload, repository, actor.user)
    return issue


async def _tree(git: Git, base: str | None, new: NewCommit) -> str:
    modes = {entry.path: entry.mode for entry in await git.tree(base, recursive=True)} if base else {}
    missing = [path for path in new.deletions if path not in modes]
    if missing:
        raise unprocessable(f"A path was requested for deletion which does not exist as of commit oid `{base}`")
    changes = [TreeChange(path, None) for path in new.deletions]
    for path, content in new.additions:
        mode = modes.get(path, "100644")
        changes.append(TreeChange(path, await write_blob(git, content), "100644" if mode == "040000" else mode))
    try:
        return await write_tree(git, base, changes)
    except GitError as error:
        raise unprocessable(f"A path was requested which is not valid: {error}") from error


def _stale(expected: str) -> ApiError:
    return conflict(f'Expected branch to point to "{expected}" but it did not. Pull and try again.')
