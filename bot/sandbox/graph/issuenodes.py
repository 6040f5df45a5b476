"""Issues, pull requests, comments and labels as GraphQL nodes."""

from typing import Any

from bot.sandbox.actions.pulls import pull_of
from bot.sandbox.entities import Comment, Issue, Label, Pull, Reaction, Repository
from bot.sandbox.errors import not_found
from bot.sandbox.forge import node_id
from bot.sandbox.git import Commit
from bot.sandbox.graph import gitnodes
from bot.sandbox.graph.view import Node, View, actor, connection
from bot.sandbox.shapes.accounts import association
from bot.sandbox.shapes.pulls import Extent, extent

CONTENTS = {
    "THUMBS_UP": "+1",
    "THUMBS_DOWN": "-1",
    "LAUGH": "laugh",
    "HOORAY": "hooray",
    "CONFUSED": "confused",
    "HEART": "heart",
    "ROCKET": "rocket",
    "EYES": "eyes",
}
KINDS = {"added": "ADDED", "removed": "DELETED", "modified": "MODIFIED", "renamed": "RENAMED", "copied": "COPIED"}
ORDERS = {"CREATED_AT": "created", "UPDATED_AT": "updated", "COMMENTS": "number"}


def issue(view: View, repository: Repository, value: Issue) -> Node:
    """An Issue, or the pull request that it is half of."""
    if value.is_pull:
        return pull(view, repository, pull_of(view.forge, repository, value.number)[1])
    reason = value.state_reason.upper() if value.state_reason else None
    return {
        **_conversation(view, repository, value, "issues"),
        "__typename": "Issue",
        "id": node_id("I", value.id),
        "databaseId": value.id,
        "state": value.state.upper(),
        "stateReason": reason,
    }


def pull(view: View, repository: Repository, value: Pull) -> Node:
    """A PullRequest."""
    half, _ = pull_of(view.forge, repository, value.number)
    return {
        **_conversation(view, repository, half, "pull"),
        "__typename": "PullRequest",
        "id": node_id("PR", value.id),
        "databaseId": value.id,
        "state": "MERGED" if value.merged else half.state.upper(),
        "headRefName": value.head,
        "headRefOid": value.head_sha,
        "baseRefName": value.base,
        "baseRefOid": value.base_sha,
        "merged": value.merged is not None,
        "mergedAt": value.merged,
        "mergedBy": actor(view.forge, view.forge.user(value.merged_by_id)) if value.merged_by_id else None,
        "isDraft": value.draft,
        "isCrossRepository": False,  # there are no forks here
        **_merging(view, repository, half, value),
        **_content(view, repository, value),
    }


def _merging(view: View, repository: Repository, half: Issue, value: Pull) -> Node:
    git = view.forge.git(repository)

    async def size() -> Extent:
        return await extent(view.forge, repository, half, value)

    async def mergeable(_info: Any) -> str:
        return {True: "MERGEABLE", False: "CONFLICTING", None: "UNKNOWN"}[(await size()).mergeable]

    async def number(name: str) -> int:
        return int(getattr(await size(), name))

    async def side(name: str) -> Node | None:
        return gitnodes.ref(view, repository, await git.ref(f"refs/heads/{name}"))

    async def merge_commit(_info: Any) -> Node | None:
        found = await git.commit(value.merge_sha) if value.merge_sha else None
        return gitnodes.commit(view, repository, found) if found else None

    return {
        "headRef": lambda _info: side(value.head),
        "baseRef": lambda _info: side(value.base),
        "mergeCommit": merge_commit,
        "mergeable": mergeable,
        "additions": lambda _info: number("additions"),
        "deletions": lambda _info: number("deletions"),
        "changedFiles": lambda _info: number("files"),
    }


def pulls(view: View, repository: Repository, **arguments: Any) -> Node:
    """The pull requests that the arguments select."""
    found = []
    for value in view.forge.store.all(Pull, repository.id):
        half, _ = pull_of(view.forge, repository, value.number)
        state = "MERGED" if value.merged else half.state.upper()
        chosen = (
            (not arguments.get("states") or state in arguments["states"])
            and arguments.get("head_ref_name") in (None, value.head)
            and arguments.get("base_ref_name") in (None, value.base)
            and _labelled(view, half, arguments.get("labels"))
        )
        if chosen:
            found.append((half, value))
    found.sort(key=lambda both: _order(both[0], arguments), reverse=_descending(arguments))
    return connection(found, lambda both: pull(view, repository, both[1]), **arguments)


def issues(view: View, repository: Repository, **arguments: Any) -> Node:
    """The issues that the arguments select."""
    wanted = arguments.get("states")
    found = [
        value
        for value in view.forge.store.all(Issue, repository.id)
        if not value.is_pull
        and (not wanted or value.state.upper() in wanted)
        and _labelled(view, value, arguments.get("labels"))
        and _matches(view, value, arguments.get("filter_by"))
    ]
    found.sort(key=lambda each: _order(each, arguments), reverse=_descending(arguments))
    return connection(found, lambda each: issue(view, repository, each), **arguments)


def comment(view: View, repository: Repository, value: Comment) -> Node:
    """An IssueComment."""
    half = view.forge.store.one(Issue, repository.id, value.key)
    if half is None:
        raise not_found()
    author = view.forge.user(value.author_id)
    kind = "pull" if half.is_pull else "issues"
    return {
        "__typename": "IssueComment",
        "id": node_id("IC", value.id),
        "databaseId": value.id,
        "body": value.body,
        "author": actor(view.forge, author),
        "authorAssociation": association(view.forge.store, repository, author),
        "createdAt": value.created,
        "updatedAt": value.updated,
        "url": view.forge.page(f"/{repository.full_name}/{kind}/{value.number}#issuecomment-{value.id}"),
        "issue": lambda _info: issue(view, repository, half),
        "pullRequest": lambda _info: issue(view, repository, half) if half.is_pull else None,
        "repository": lambda _info: gitnodes.repository_of(view, repository),
    }


def label(view: View, repository: Repository, value: Label) -> Node:
    """A Label."""
    return {
        "__typename": "Label",
        "id": node_id("LA", value.id),
        "name": value.name,
        "color": value.color,
        "description": value.description,
        "url": view.forge.page(f"/{repository.full_name}/labels/{value.name}").replace(" ", "%20"),
    }


def reaction(view: View, value: Reaction) -> Node:
    """A Reaction."""
    names = {rest: name for name, rest in CONTENTS.items()}
    return {
        "id": node_id("REA", value.id),
        "databaseId": value.id,
        "content": names[value.content],
        "createdAt": value.created,
        "user": actor(view.forge, view.forge.user(value.user_id)),
    }


def _conversation(view: View, repository: Repository, value: Issue, kind: str) -> Node:
    forge = view.forge
    author = forge.user(value.author_id)
    comments = forge.store.all(Comment, repository.id, value.key)
    found = [each for number in value.label_ids if (each := forge.store.get(Label, number))]
    return {
        "number": value.number,
        "title": value.title,
        "body": value.body or "",
        "closed": value.state == "closed",
        "closedAt": value.closed,
        "createdAt": value.created,
        "updatedAt": value.updated,
        "locked": False,
        "url": forge.page(f"/{repository.full_name}/{kind}/{value.number}"),
        "author": actor(forge, author),
        "authorAssociation": association(forge.store, repository, author),
        "labels": lambda _info, **arguments: connection(found, lambda each: label(view, repository, each), **arguments),
        "comments": lambda _info, **arguments: connection(
            comments, lambda each: comment(view, repository, each), **arguments
        ),
        "repository": lambda _info: gitnodes.repository_of(view, repository),
    }


def _content(view: View, repository: Repository, value: Pull) -> Node:
    git = view.forge.git(repository)

    async def start() -> str:
        return await git.merge_base(value.base_sha, value.head_sha) or value.base_sha

    def pull_commit(each: Commit) -> Node:
        identity = node_id("PRC", value.id, each.oid)
        return {"id": identity, "commit": gitnodes.commit(view, repository, each)}

    async def commits(_info: Any, **arguments: Any) -> Node:
        found = list(reversed(await git.history(value.head_sha, f"^{await start()}")))
        return connection(found, pull_commit, **arguments)

    async def files(_info: Any, **arguments: Any) -> Node:
        found = await git.changes(await start(), value.head_sha)
        return connection(
            found,
            lambda each: {
                "path": each.path,
                "additions": each.additions,
                "deletions": each.deletions,
                "changeType": KINDS.get(each.status, "CHANGED"),
            },
            **arguments,
        )

    return {"commits": commits, "files": files}


def _labelled(view: View, value: Issue, wanted: list[str] | None) -> bool:
    names = {each.name for number in value.label_ids if (each := view.forge.store.get(Label, number))}
    return not wanted or bool(names & set(wanted))


def _matches(view: View, value: Issue, wanted: dict[str, Any] | None) -> bool:
    if not wanted:
        return True
    login = view.forge.user(value.author_id).login.removesuffix("[bot]")
    states = wanted.get("states")
    return (
        wanted.get("created_by") in (None, login)
        and (not states or value.state.upper() in states)
        and _labelled(view, value, wanted.get("labels"))
        and value.updated >= (wanted.get("since") or "")
    )


def _order(value: Issue, arguments: dict[str, Any]) -> tuple[Any, int]:
    order = arguments.get("order_by") or {"field": "CREATED_AT"}
    return getattr(value, ORDERS.get(order["field"], "created")), value.number


def _descending(arguments: dict[str, Any]) -> bool:
    order = arguments.get("order_by")
    return bool(order and order["direction"] == "DESC")
