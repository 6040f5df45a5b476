"""Users, Apps and installations in GitHub's JSON."""

from urllib.parse import quote

from bot.sandbox.access import role_of
from bot.sandbox.entities import App, Installation, Issue, Json, Repository, User
from bot.sandbox.forge import Forge, node_id
from bot.sandbox.store import Store

USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}


def user(forge: Forge, value: User) -> Json:
    """A `simple-user`."""
    address = forge.api(f"/users/{quote(value.login)}")
    return {
        "login": value.login,
        "id": value.id,
        "node_id": node_id("BOT" if value.is_bot else "U", value.id),
        "avatar_url": forge.page(f"/avatars/{value.id}"),
        "gravatar_id": "",
        "url": address,
        "html_url": profile(forge, value),
        **{name: address + ending for name, ending in USER_LINKS.items()},
        "type": "Bot" if value.is_bot else "User",
        "site_admin": False,
    }


def profile(forge: Forge, value: User) -> str:
    """The page of a user; a bot's is its App's."""
    return forge.page(f"/apps/{value.login.removesuffix('[bot]')}" if value.is_bot else f"/{value.login}")


def user_or_none(forge: Forge, number: int) -> Json | None:
    """A `nullable-simple-user`: null for id 0."""
    return user(forge, forge.user(number)) if number else None


def public_user(forge: Forge, value: User) -> Json:
    """A `public-user`."""
    unknown = ("company", "location", "hireable", "bio", "twitter_username")
    return {
        **user(forge, value),
        **dict.fromkeys(unknown),
        "name": value.name,
        "blog": "",
        "email": value.email,
        "public_repos": sum(r.owner == value.login and not r.private for r in forge.store.all(Repository)),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": value.created,
        "updated_at": value.created,
    }


def private_user(forge: Forge, value: User) -> Json:
    """A `private-user`: what a user sees of themself."""
    private = sum(r.owner == value.login and r.private for r in forge.store.all(Repository))
    return {
        **public_user(forge, value),
        "private_gists": 0,
        "total_private_repos": private,
        "owned_private_repos": private,
        "disk_usage": 0,
        "collaborators": 0,
        "two_factor_authentication": True,
    }


def app(forge: Forge, value: App) -> Json:
    """An `integration`."""
    return {
        "id": value.id,
        "slug": value.slug,
        "node_id": node_id("A", value.id),
        "owner": user(forge, forge.user(value.owner_id)),
        "name": value.name,
        "description": "",
        "external_url": forge.page(f"/apps/{value.slug}"),
        "html_url": forge.page(f"/apps/{value.slug}"),
        "created_at": value.created,
        "updated_at": value.created,
        "permissions": value.permissions,
        "events": list(value.events),
    }


def app_or_none(forge: Forge, number: int) -> Json | None:
    """A `nullable-integration`: null for id 0."""
    found = forge.store.get(App, number) if number else None
    return app(forge, found) if found else None


def installation(forge: Forge, value: Installation) -> Json:
    """An `installation`."""
    owner = forge.user(value.account_id)
    parent = forge.store.get(App, value.app_id)
    return {
        "id": value.id,
        "account": user(forge, owner),
        "repository_selection": "selected",
        "access_tokens_url": forge.api(f"/app/installations/{value.id}/access_tokens"),
        "repositories_url": forge.api("/installation/repositories"),
        "html_url": forge.page(f"/settings/installations/{value.id}"),
        "app_id": value.app_id,
        "app_slug": parent.slug if parent else "",
        "target_id": owner.id,
        "target_type": "User",
        "permissions": value.permissions,
        "events": list(value.events),
        "created_at": value.created,
        "updated_at": value.created,
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": None,
        "suspended_at": None,
    }


def association(store: Store, repository: Repository, value: User) -> str:
    """The `author_association` of a user with a repository."""
    if value.login == repository.owner:
        return "OWNER"
    if role_of(store, repository, value) not in {"none", "read"}:
        return "COLLABORATOR"
    wrote = any(issue.author_id == value.id for issue in store.all(Issue, repository.id))
    return "CONTRIBUTOR" if wrote else "NONE"
