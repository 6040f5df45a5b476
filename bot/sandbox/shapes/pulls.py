"""Pull requests in GitHub's JSON."""

from dataclasses import dataclass

from bot.sandbox.entities import Comment, Issue, Json, Pull, Repository
from bot.sandbox.forge import Forge, node_id
from bot.sandbox.git import GitError
from bot.sandbox.gitwrite import Unmergeable, merge_trees
from bot.sandbox.shapes.accounts import association, user, user_or_none
from bot.sandbox.shapes.issues import labels
from bot.sandbox.shapes.repositories import address, owner
from bot.sandbox.shapes.repositories import repository as repository_shape

_ABSENT: Json = {
    "milestone": None,
    "auto_merge": None,
    "active_lock_reason": None,
    "requested_reviewers": [],
    "requested_teams": [],
}
"""What pull requests have on GitHub and not here."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a pull request is, and whether it merges."""

    commits: int
    additions: int
    deletions: int
    files: int
    mergeable: bool | None


def simple(forge: Forge, repository: Repository, issue: Issue, pull: Pull) -> Json:
    """A `pull-request-simple`."""
    url = address(forge, repository, f"/pulls/{pull.number}")
    author = forge.user(issue.author_id)
    assignees = [user(forge, forge.user(number)) for number in issue.assignee_ids]
    links = _links(forge, repository, pull)
    return {
        "url": url,
        "id": pull.id,
        "node_id": node_id("PR", pull.id),
        "html_url": links["html"]["href"],
        "diff_url": f"{links['html']['href']}.diff",
        "patch_url": f"{links['html']['href']}.patch",
        "issue_url": links["issue"]["href"],
        "number": pull.number,
        "state": issue.state,
        "locked": False,
        "title": issue.title,
        "user": user(forge, author),
        "body": issue.body,
        "created_at": issue.created,
        "updated_at": issue.updated,
        "closed_at": issue.closed,
        "merged_at": pull.merged,
        "merge_commit_sha": pull.merge_sha,
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "labels": labels(forge, repository, issue),
        "draft": pull.draft,
        **{f"{name}_url": links[name]["href"] for name in ("commits", "review_comments", "comments", "statuses")},
        "review_comment_url": links["review_comment"]["href"],
        "head": _side(forge, repository, pull.head, pull.head_sha),
        "base": _side(forge, repository, pull.base, pull.base_sha),
        "_links": links,
        **_ABSENT,
        "author_association": association(forge.store, repository, author),
    }


async def full(forge: Forge, repository: Repository, issue: Issue, pull: Pull) -> Json:
    """A `pull-request`, as a single answer and webhooks carry it."""
    size = await extent(forge, repository, issue, pull)
    state = {True: "clean", False: "dirty", None: "unknown"}[size.mergeable]
    return {
        **simple(forge, repository, issue, pull),
        "merged": pull.merged is not None,
        "mergeable": size.mergeable,
        "rebaseable": size.mergeable,
        "mergeable_state": state,
        "merged_by": user_or_none(forge, pull.merged_by_id),
        "comments": len(forge.store.all(Comment, repository.id, pull.key)),
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": size.commits,
        "additions": size.additions,
        "deletions": size.deletions,
        "changed_files": size.files,
    }


async def extent(forge: Forge, repository: Repository, issue: Issue, pull: Pull) -> Extent:
    """The size of a pull request; `mergeable` is null once it is closed."""
    git = forge.git(repository)
    start = await git.merge_base(pull.base_sha, pull.head_sha) or pull.base_sha
    changes = await git.changes(start, pull.head_sha)
    mergeable = None
    if issue.state == "open":
        try:
            await merge_trees(git, f"refs/heads/{pull.base}", pull.head_sha)
            mergeable = True
        except Unmergeable:
            mergeable = False
        except GitError:
            mergeable = None
    return Extent(
        await git.count(pull.head_sha, f"^{start}"),
        sum(change.additions for change in changes),
        sum(change.deletions for change in changes),
        len(changes),
        mergeable,
    )


def _side(forge: Forge, repository: Repository, ref: str, sha: str) -> Json:
    return {
        "label": f"{repository.owner}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user(forge, owner(forge, repository)),
        "repo": repository_shape(forge, repository),
    }


def _links(forge: Forge, repository: Repository, pull: Pull) -> Json:
    url = address(forge, repository, f"/pulls/{pull.number}")
    issue = address(forge, repository, f"/issues/{pull.number}")
    addresses = {
        "self": url,
        "html": forge.page(f"/{repository.full_name}/pull/{pull.number}"),
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": address(forge, repository, "/pulls/comments{/number}"),
        "commits": f"{url}/commits",
        "statuses": address(forge, repository, f"/statuses/{pull.head_sha}"),
    }
    return {name: {"href": href} for name, href in addresses.items()}
