"""Repositories in GitHub's JSON."""

from bot.sandbox.access import Granted, role_of
from bot.sandbox.entities import Issue, Json, Repository, User
from bot.sandbox.forge import Actor, Forge, node_id
from bot.sandbox.shapes.accounts import user

LINKS = {
    "forks_url": "/forks",
    "keys_url": "/keys{/key_id}",
    "collaborators_url": "/collaborators{/collaborator}",
    "teams_url": "/teams",
    "hooks_url": "/hooks",
    "issue_events_url": "/issues/events{/number}",
    "events_url": "/events",
    "assignees_url": "/assignees{/user}",
    "branches_url": "/branches{/branch}",
    "tags_url": "/tags",
    "blobs_url": "/git/blobs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "trees_url": "/git/trees{/sha}",
    "statuses_url": "/statuses/{sha}",
    "languages_url": "/languages",
    "stargazers_url": "/stargazers",
    "contributors_url": "/contributors",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "commits_url": "/commits{/sha}",
    "git_commits_url": "/git/commits{/sha}",
    "comments_url": "/comments{/number}",
    "issue_comment_url": "/issues/comments{/number}",
    "contents_url": "/contents/{+path}",
    "compare_url": "/compare/{base}...{head}",
    "merges_url": "/merges",
    "archive_url": "/{archive_format}{/ref}",
    "downloads_url": "/downloads",
    "issues_url": "/issues{/number}",
    "pulls_url": "/pulls{/number}",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "labels_url": "/labels{/name}",
    "releases_url": "/releases{/id}",
    "deployments_url": "/deployments",
}


def address(forge: Forge, value: Repository, path: str = "") -> str:
    """The REST address of something in the repository."""
    return forge.api(f"/repos/{value.full_name}{path}")


def minimal(forge: Forge, value: Repository) -> Json:
    """A `minimal-repository`."""
    return {
        "id": value.id,
        "node_id": node_id("R", value.id),
        "name": value.name,
        "full_name": value.full_name,
        "private": value.private,
        "owner": user(forge, owner(forge, value)),
        "html_url": forge.page(f"/{value.full_name}"),
        "description": value.description or None,
        "fork": False,
        "url": address(forge, value),
        **{name: address(forge, value, ending) for name, ending in LINKS.items()},
    }


def repository(forge: Forge, value: Repository) -> Json:
    """A `repository`, as webhooks and lists carry it."""
    issues = sum(issue.state == "open" for issue in forge.store.all(Issue, value.id))
    clone = forge.page(f"/{value.full_name}.git")
    return {
        **minimal(forge, value),
        "created_at": value.created,
        "updated_at": value.pushed,
        "pushed_at": value.pushed,
        "git_url": clone.replace("http://", "git://", 1),
        "ssh_url": f"git@{forge.base_url.split('//')[1].split(':')[0]}:{value.full_name}.git",
        "clone_url": clone,
        "svn_url": forge.page(f"/{value.full_name}"),
        "homepage": None,
        "size": 0,
        "stargazers_count": 0,
        "watchers_count": 0,
        "language": None,
        "has_issues": value.has_issues,
        "has_projects": False,
        "has_downloads": False,
        "has_wiki": False,
        "has_pages": False,
        "forks_count": 0,
        "mirror_url": None,
        "archived": value.archived,
        "disabled": False,
        "open_issues_count": issues,
        "license": None,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
        "visibility": "private" if value.private else "public",
        "forks": 0,
        "open_issues": issues,
        "watchers": 0,
        "default_branch": value.default_branch,
        "custom_properties": {},
    }


def full(forge: Forge, value: Repository, actor: Actor | None) -> Json:
    """A `full-repository`, with the asker's permissions."""
    shape = {**repository(forge, value), "has_discussions": False, "network_count": 0, "subscribers_count": 0}
    if actor is not None and actor.kind in {"user", "session"}:
        shape["permissions"] = permissions(Granted(role_of(forge.store, value, actor.user)))
    merging = ("allow_merge_commit", "allow_squash_merge", "allow_rebase_merge")
    return {**shape, **dict.fromkeys(merging, True), "delete_branch_on_merge": False, "allow_auto_merge": False}


def with_permissions(forge: Forge, value: Repository, asker: User) -> Json:
    """A `repository`, with the permissions of the asker."""
    return {**repository(forge, value), "permissions": permissions(Granted(role_of(forge.store, value, asker)))}


def permissions(granted: Granted) -> Json:
    """The role as the five flags that GitHub gives."""
    names = {"admin": "admin", "maintain": "maintain", "push": "write", "triage": "triage", "pull": "read"}
    return {name: granted.at_least(role) for name, role in names.items()}


def owner(forge: Forge, value: Repository) -> User:
    """The account that the repository belongs to."""
    found = forge.user_named(value.owner)
    if found is None:
        raise LookupError(f"{value.full_name} has no owner")
    return found
