"""Opening, editing and merging pull requests."""

from dataclasses import dataclass, replace

from bot.sandbox.access import require
from bot.sandbox.actions.issues import check_text, edit_issue, next_number
from bot.sandbox.actions.refs import close_pull, ref_moved
from bot.sandbox.entities import Issue, Json, Pull, Repository
from bot.sandbox.errors import ApiError, conflict, invalid, not_found
from bot.sandbox.forge import Actor, Forge
from bot.sandbox.git import Git, Signature
from bot.sandbox.gitwrite import Stale, Unmergeable, merge_trees, replay, update_ref, write_commit
from bot.sandbox.shapes import pulls

METHODS = ("merge", "squash", "rebase")


@dataclass(frozen=True, slots=True)
class NewPull:
    """What a pull request is opened with; head and base are branches of the repository itself."""

    title: str
    body: str | None
    head: str
    base: str
    draft: bool = False


@dataclass(frozen=True, slots=True)
class Merge:
    """How to merge; the message is made up where it is None."""

    method: str = "merge"
    title: str | None = None
    message: str | None = None
    expected_head: str | None = None


def pull_of(forge: Forge, repository: Repository, number: int) -> tuple[Issue, Pull]:
    """Both halves of a pull request; raises 404."""
    issue = forge.store.one(Issue, repository.id, str(number))
    pull = forge.store.one(Pull, repository.id, str(number))
    if issue is None or pull is None:
        raise not_found()
    return issue, pull


async def open_pull(forge: Forge, actor: Actor, repository: Repository, new: NewPull) -> Pull:
    """The new pull request; raises 422 where GitHub does."""
    check_text("PullRequest", new.title, new.body)
    git = forge.git(repository)
    head = await git.ref(f"refs/heads/{_local(repository, new.head)}")
    base = await git.ref(f"refs/heads/{new.base}")
    if head is None:
        raise invalid("PullRequest", "head")
    if base is None:
        raise invalid("PullRequest", "base")
    branch = head.name.removeprefix("refs/heads/")
    if await git.is_ancestor(head.commit, base.commit):
        raise invalid("PullRequest", "head", message=f"No commits between {new.base} and {branch}")
    if any(pull.head == branch and pull.base == new.base for pull in open_pulls(forge, repository)):
        message = f"A pull request already exists for {repository.owner}:{branch}."
        raise invalid("PullRequest", "head", message=message)
    now, number = forge.now(), next_number(forge, repository)
    author = actor.user.id
    issue = forge.store.add(
        Issue(0, repository.id, number, new.title, new.body, author, now, now, actor.app_id, is_pull=True)
    )
    pull = forge.store.add(Pull(0, repository.id, number, branch, head.commit, new.base, base.commit, draft=new.draft))
    payload = {"number": number, "pull_request": await pulls.full(forge, repository, issue, pull)}
    forge.emit("pull_request", "opened", payload, repository, actor.user)
    return pull


def open_pulls(forge: Forge, repository: Repository) -> list[Pull]:
    """The open pull requests, oldest first."""
    states = {issue.number: issue.state for issue in forge.store.all(Issue, repository.id)}
    return [pull for pull in forge.store.all(Pull, repository.id) if states.get(pull.number) == "open"]


async def edit_pull(forge: Forge, actor: Actor, repository: Repository, number: int, changes: Json) -> Pull:
    """The changed pull request (title, body, state, base)."""
    issue, pull = pull_of(forge, repository, number)
    base = changes.get("base")
    if base:
        found = await forge.git(repository).ref(f"refs/heads/{base}")
        if found is None:
            raise invalid("PullRequest", "base")
        pull = forge.store.put(replace(pull, base=base, base_sha=found.commit))
    if changes.get("state") == "open" and issue.state == "closed" and pull.merged:
        raise invalid("PullRequest", "state", message="state cannot be changed. The pull request is merged.")
    await edit_issue(forge, actor, repository, issue, {k: v for k, v in changes.items() if k != "labels"})
    return pull_of(forge, repository, number)[1]


async def merge_pull(forge: Forge, actor: Actor, repository: Repository, number: int, how: Merge) -> Pull:
    """The merged pull request; raises 405 when it cannot be merged, 409 when the head has moved."""
    require(forge, actor, repository, "contents:write")
    issue, pull = pull_of(forge, repository, number)
    if how.method not in METHODS:
        raise invalid("PullRequest", "merge_method")
    if issue.state != "open" or pull.draft:
        raise ApiError(405, "Pull Request is not mergeable")
    if how.expected_head and how.expected_head != pull.head_sha:
        raise conflict("Head branch was modified. Review and try the merge again.")
    git = forge.git(repository)
    base = await git.ref(f"refs/heads/{pull.base}")
    if base is None:
        raise ApiError(405, "Base branch does not exist")
    try:
        oid = await _merge(forge, actor, git, repository, issue, pull, base.commit, how)
        await update_ref(git, base.name, oid, base.oid)
    except Unmergeable as error:
        raise ApiError(405, "Pull Request is not mergeable") from error
    except Stale as error:
        raise ApiError(405, "Base branch was modified. Review and try the merge again.") from error
    pull = forge.store.put(replace(pull, merged=forge.now(), merged_by_id=actor.user.id, merge_sha=oid))
    await close_pull(forge, actor, repository, issue, pull)
    await ref_moved(forge, actor, repository, base.name, base.oid, oid)
    return pull


async def _merge(
    forge: Forge,
    actor: Actor,
    git: Git,
    repository: Repository,
    issue: Issue,
    pull: Pull,
    base: str,
    how: Merge,
) -> str:
    author, web_flow = forge.signature(actor.user), forge.web_flow()
    if how.method == "rebase":
        start = await git.merge_base(base, pull.head_sha)
        commits = await git.history(pull.head_sha, *([f"^{start}"] if start else []))
        return await replay(git, [commit.oid for commit in reversed(commits)], base, web_flow)
    tree = await merge_trees(git, base, pull.head_sha)
    if how.method == "squash":
        default = await _squashed(git, base, pull)
        title = how.title or f"{issue.title} (#{issue.number})"
        message = f"{title}\n\n{default if how.message is None else how.message}".rstrip() + "\n"
        return await write_commit(git, tree, [base], message, await _squash_author(git, pull, author), web_flow)
    title = how.title or f"Merge pull request #{issue.number} from {repository.owner}/{pull.head}"
    message = f"{title}\n\n{issue.title if how.message is None else how.message}".rstrip() + "\n"
    return await write_commit(git, tree, [base, pull.head_sha], message, author, web_flow)


async def _squashed(git: Git, base: str, pull: Pull) -> str:
    commits = list(reversed(await git.history(pull.head_sha, f"^{base}")))
    if len(commits) == 1:
        return commits[0].message.partition("\n")[2].strip()
    return "\n\n".join(f"* {commit.message}" for commit in commits)


async def _squash_author(git: Git, pull: Pull, merger: Signature) -> Signature:
    tip = await git.commit(pull.head_sha)
    return Signature(tip.author.name, tip.author.email, merger.date) if tip else merger


def _local(repository: Repository, head: str) -> str:
    owner, colon, branch = head.partition(":")
    if not colon:
        return head
    if owner.lower() != repository.owner.lower():
        raise invalid("PullRequest", "head")
    return branch
