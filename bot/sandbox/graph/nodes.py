"""Repositories, releases and deployments as GraphQL nodes, and any node by its id."""

from typing import Any

from bot.sandbox.access import Granted, role_of
from bot.sandbox.entities import Comment, Issue, Label, Pull, Repository, User
from bot.sandbox.errors import not_found
from bot.sandbox.forge import node_id
from bot.sandbox.graph import gitnodes, issuenodes
from bot.sandbox.graph.view import Node, View, actor, connection, resolve
from bot.sandbox.records import Deployment, DeploymentStatus, Release
from bot.sandbox.shapes.repositories import owner

PERMISSIONS = {"read": "READ", "triage": "TRIAGE", "write": "WRITE", "maintain": "MAINTAIN", "admin": "ADMIN"}


def repository(view: View, value: Repository) -> Node:
    """A Repository."""
    role = role_of(view.forge.store, value, view.actor.user)
    return {
        "__typename": "Repository",
        "id": node_id("R", value.id),
        "databaseId": value.id,
        "name": value.name,
        "nameWithOwner": value.full_name,
        "owner": actor(view.forge, owner(view.forge, value)),
        "url": view.forge.page(f"/{value.full_name}"),
        "isArchived": value.archived,
        "isPrivate": value.private,
        "hasIssuesEnabled": value.has_issues,
        "description": value.description or None,
        "createdAt": value.created,
        "pushedAt": value.pushed,
        "updatedAt": value.pushed,
        "viewerPermission": PERMISSIONS.get(role) if Granted(role).at_least("read") else None,
        **_git(view, value),
        **_conversations(view, value),
        **_releases(view, value),
    }


def release(view: View, value: Repository, found: Release) -> Node:
    """A Release."""
    newest = latest(view, value)

    async def tag_commit(_info: Any) -> Node | None:
        commit = await view.forge.git(value).commit(f"refs/tags/{found.tag}")
        return gitnodes.commit(view, value, commit) if commit else None

    return {
        "__typename": "Release",
        "id": node_id("RE", found.id),
        "databaseId": found.id,
        "name": found.name,
        "tagName": found.tag,
        "description": found.body,
        "isDraft": found.draft,
        "isPrerelease": found.prerelease,
        "isLatest": newest is not None and newest.id == found.id,
        "createdAt": found.created,
        "publishedAt": found.published,
        "url": view.forge.page(f"/{value.full_name}/releases/tag/{found.tag}"),
        "author": actor(view.forge, view.forge.user(found.author_id)),
        "tagCommit": tag_commit,
    }


def latest(view: View, value: Repository) -> Release | None:
    """The newest full release."""
    found = reversed(view.forge.store.all(Release, value.id))
    return next((each for each in found if not each.draft and not each.prerelease), None)


def _git(view: View, value: Repository) -> Node:
    git = view.forge.git(value)

    async def get_object(_info: Any, expression: str | None = None, oid: str | None = None) -> Node | None:
        if not view.readable(value, "contents"):
            return None
        return gitnodes.git_object(view, value, await git.object(expression or oid or ""))

    async def default(_info: Any) -> Node | None:
        return gitnodes.ref(view, value, await git.ref(f"refs/heads/{value.default_branch}"))

    async def ref(_info: Any, qualified_name: str) -> Node | None:
        names = [qualified_name, f"refs/heads/{qualified_name}", f"refs/tags/{qualified_name}"]
        found = [await git.ref(name) for name in names]
        return gitnodes.ref(view, value, next((each for each in found if each), None))

    async def refs(_info: Any, ref_prefix: str, query: str | None = None, **arguments: Any) -> Node:
        found = [each for each in await git.refs(ref_prefix) if (query or "") in each.name]
        if (arguments.get("order_by") or {}).get("field") == "TAG_COMMIT_DATE":
            dates = {each.name: await _date(view, value, each.commit) for each in found}
            found.sort(key=lambda each: dates[each.name])
        if arguments.get("direction") == "DESC" or (arguments.get("order_by") or {}).get("direction") == "DESC":
            found.reverse()
        return connection(found, lambda each: gitnodes.ref(view, value, each), **arguments)

    async def empty(_info: Any) -> bool:
        return not await git.refs("refs/heads/")

    return {"object": get_object, "defaultBranchRef": default, "ref": ref, "refs": refs, "isEmpty": empty}


async def _date(view: View, value: Repository, sha: str) -> str:
    commit = await view.forge.git(value).commit(sha)
    return commit.committer.date if commit else ""


def _conversations(view: View, value: Repository) -> Node:
    store = view.forge.store

    def numbered(number: int, kinds: tuple[bool, ...], name: str) -> Node:
        found = store.one(Issue, value.id, str(number))
        if found is None or found.is_pull not in kinds:
            raise not_found(f"Could not resolve to {name} with the number of {number}.")
        return issuenodes.issue(view, value, found)

    def label(_info: Any, name: str) -> Node | None:
        found = store.one(Label, value.id, name.lower())
        return issuenodes.label(view, value, found) if found else None

    def labels(_info: Any, query: str | None = None, **arguments: Any) -> Node:
        found = [each for each in store.all(Label, value.id) if (query or "").lower() in each.name.lower()]
        return connection(found, lambda each: issuenodes.label(view, value, each), **arguments)

    return {
        "issue": lambda _info, number: numbered(number, (False,), "an Issue"),
        "pullRequest": lambda _info, number: numbered(number, (True,), "a PullRequest"),
        "issueOrPullRequest": lambda _info, number: numbered(number, (False, True), "an issue or pull request"),
        "issues": lambda _info, **arguments: issuenodes.issues(view, value, **arguments),
        "pullRequests": lambda _info, **arguments: issuenodes.pulls(view, value, **arguments),
        "label": label,
        "labels": labels,
    }


def _releases(view: View, value: Repository) -> Node:
    store = view.forge.store

    def newest(_info: Any) -> Node | None:
        found = latest(view, value)
        return release(view, value, found) if found else None

    def tagged(_info: Any, tag_name: str) -> Node | None:
        found = store.one(Release, value.id, tag_name)
        return release(view, value, found) if found else None

    def releases(_info: Any, order_by: dict[str, str] | None = None, **arguments: Any) -> Node:
        found = list(store.all(Release, value.id))
        if order_by is None or order_by["direction"] == "DESC":
            found.reverse()
        return connection(found, lambda each: release(view, value, each), **arguments)

    def deployments(_info: Any, environments: list[str] | None = None, **arguments: Any) -> Node:
        found = [
            each for each in store.all(Deployment, value.id) if not environments or each.environment in environments
        ]
        if _last_first(arguments):
            found.reverse()
        return connection(found, lambda each: _deployment(view, each), **arguments)

    return {"latestRelease": newest, "release": tagged, "releases": releases, "deployments": deployments}


def _last_first(arguments: dict[str, Any]) -> bool:
    return bool((arguments.get("order_by") or {}).get("direction") == "DESC")


def _deployment(view: View, value: Deployment) -> Node:
    statuses = view.forge.store.all(DeploymentStatus, value.id)
    last = statuses[-1] if statuses else None
    state = {"success": "ACTIVE"}.get(last.state, last.state.upper()) if last else "PENDING"
    return {
        "id": node_id("DE", value.id),
        "databaseId": value.id,
        "environment": value.environment,
        "state": state,
        "createdAt": value.created,
        "commitOid": value.sha,
        "description": value.description,
        "latestStatus": last
        and {
            "id": node_id("DES", last.id),
            "state": last.state.upper(),
            "description": last.description,
            "environmentUrl": last.environment_url or None,
            "logUrl": last.log_url or None,
            "createdAt": last.created,
        },
    }


async def node(view: View, identity: str) -> Node | None:
    """The node of an id, if the actor may see it; raises NOT_FOUND."""
    prefix, parts = resolve(identity)
    missing = not_found(f"Could not resolve to a node with the global id of '{identity}'")
    store = view.forge.store
    if not parts[0].isdecimal():
        raise missing
    number = int(parts[0])
    if prefix in {"U", "BOT"}:
        user = store.get(User, number)
        if user is None:
            raise missing
        return actor(view.forge, user)
    half = store.get(Issue, number) or store.get(Pull, number) or store.get(Comment, number) or store.get(Label, number)
    owned = half or store.get(Release, number)
    found = store.get(Repository, owned.repository_id if owned else number)
    if found is None or not view.readable(found):
        raise missing
    return await _in_repository(view, found, prefix, number, parts) or _raise(missing)


async def _in_repository(view: View, found: Repository, prefix: str, number: int, parts: list[str]) -> Node | None:
    store, git = view.forge.store, view.forge.git(found)
    match prefix:
        case "R":
            return repository(view, found)
        case "I" if issue := store.get(Issue, number):
            return issuenodes.issue(view, found, issue)
        case "PR" if pull := store.get(Pull, number):
            return issuenodes.pull(view, found, pull)
        case "IC" if comment := store.get(Comment, number):
            return issuenodes.comment(view, found, comment)
        case "LA" if label := store.get(Label, number):
            return issuenodes.label(view, found, label)
        case "RE" if made := store.get(Release, number):
            return release(view, found, made)
        case "REF":
            return gitnodes.ref(view, found, await git.ref(parts[1]))
        case "C" | "B" | "T" | "TAG":
            return gitnodes.git_object(view, found, await git.object(parts[1]))
        case _:
            return None


def _raise(error: Exception) -> Node:
    raise error
