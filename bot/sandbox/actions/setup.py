"""Registering Apps, creating users and repositories, installing."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from bot.sandbox.actions.refs import NewCommit, commit_to_branch
from bot.sandbox.entities import ROLES, App, Collaborator, Installation, Json, Repository, Token, User
from bot.sandbox.errors import invalid, not_found
from bot.sandbox.forge import Actor, Emitted, Forge, digest, node_id, stamp
from bot.sandbox.gitwrite import create_bare, import_repository
from bot.sandbox.shapes import accounts

LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9]|-(?=[A-Za-z0-9])){0,38}")
NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
RESERVED = frozenset(
    {"api", "login", "settings", "apps", "avatars", "static", "_sandbox", "repositories", "organizations"}
)
TOKEN_LIFE = 3600  # seconds
PERMISSIONS = {
    "metadata": "read",
    "contents": "write",
    "issues": "write",
    "pull_requests": "write",
    "checks": "write",
    "statuses": "write",
    "deployments": "write",
}
EVENTS = (
    "check_run",
    "create",
    "delete",
    "deployment",
    "deployment_status",
    "issue_comment",
    "issues",
    "pull_request",
    "push",
    "release",
    "status",
)


@dataclass(frozen=True, slots=True)
class NewApp:
    """What an App is registered with; the public key is PEM."""

    slug: str
    owner: str
    public_key: str
    webhook_url: str = ""
    webhook_secret: str = ""


def is_login(text: str) -> bool:
    """Whether GitHub would take it as the name of an account, and the sandbox has no other use for it."""
    return bool(LOGIN.fullmatch(text)) and text not in RESERVED


def is_repository_name(text: str) -> bool:
    """Whether GitHub would take it as the name of a repository."""
    return bool(NAME.fullmatch(text)) and not text.endswith((".git", ".lock"))


def create_user(forge: Forge, login: str, name: str | None = None, *, is_bot: bool = False) -> User:
    """The user of that login, made if there is none; raises 422 for a login that GitHub refuses."""
    found = forge.user_named(login)
    if found is not None:
        return found
    if not is_login(login.removesuffix("[bot]") if is_bot else login):
        raise invalid("User", "login")
    user = forge.store.add(User(0, login, name or login, "", forge.now(), is_bot))
    return forge.store.put(replace(user, email=f"{user.id}+{login}@users.noreply.github.com"))


def create_token(forge: Forge, user: User) -> str:
    """A personal token of the user, without an end."""
    secret = f"ghp_{secrets.token_urlsafe(27)}"
    forge.store.add(Token(0, digest(secret), user.id, 0, (), {}, ""))
    return secret


def create_installation_token(
    forge: Forge, app: App, installation: Installation, repository_ids: tuple[int, ...], permissions: Json
) -> tuple[str, Token]:
    """A token of the installation for one hour, narrowed to the repositories and permissions."""
    secret = f"ghs_{secrets.token_urlsafe(27)}"
    expires = stamp(forge.clock() + timedelta(seconds=TOKEN_LIFE))
    row = Token(0, digest(secret), app.bot_id, installation.id, repository_ids, permissions, expires)
    return secret, forge.store.add(row)


def register_app(forge: Forge, new: NewApp) -> App:
    """The App of that slug, registered, or changed to the given key and webhook."""
    found = forge.store.one(App, 0, new.slug)
    changes = {
        "public_key": new.public_key,
        "webhook_url": new.webhook_url,
        "webhook_secret": new.webhook_secret,
    }
    if found is not None:
        return forge.store.put(replace(found, **changes))  # type: ignore[arg-type]
    owner = create_user(forge, new.owner)
    bot = create_user(forge, f"{new.slug}[bot]", is_bot=True)
    app = App(
        0, new.slug, new.slug.title(), owner.id, bot.id, permissions=PERMISSIONS, events=EVENTS, created=forge.now(),
        **changes,
    )  # fmt: skip
    return forge.store.add(app)


async def create_repository(
    forge: Forge, full_name: str, *, private: bool = False, description: str = "", default_branch: str = "main"
) -> Repository:
    """A new repository without commits; raises 422 for a name that is malformed or taken."""
    owner, _, name = full_name.partition("/")
    if not is_repository_name(name):
        raise invalid("Repository", "name")
    user = create_user(forge, owner)
    if forge.repository(full_name) is not None:
        raise invalid("Repository", "name", message="name already exists on this account")
    now = forge.now()
    repository = forge.store.add(
        Repository(0, user.login, name, private, description, default_branch, False, True, now, now)  # noqa: FBT003
    )
    await create_bare(forge.git(repository).path, default_branch)
    return repository


async def push_files(
    forge: Forge, repository: Repository, user: User, files: Mapping[str, bytes | str], message: str, branch: str = ""
) -> str:
    """The commit in which the person sets these files on the branch (the default branch if empty)."""
    additions = tuple((path, text.encode() if isinstance(text, str) else text) for path, text in files.items())
    who = forge.signature(user)
    new = NewCommit(message, additions, author=who, committer=who)
    branch = branch or repository.default_branch
    return await commit_to_branch(forge, Actor(user, "user"), repository, branch, new)


async def import_revision(forge: Forge, repository: Repository, source: Path, revision: str = "HEAD") -> None:
    """Make a revision of a local git repository (an absolute path) the default branch."""
    await import_repository(forge.git(repository), source, repository.default_branch, revision)


def set_role(forge: Forge, repository: Repository, user: User, role: str) -> None:
    """Give a collaborator a role; `none` takes it away."""
    if role not in ROLES:
        raise invalid("Collaborator", "role")
    found = forge.store.one(Collaborator, repository.id, str(user.id))
    if found is not None:
        forge.store.remove(found)
    if role != "none":
        forge.store.add(Collaborator(0, repository.id, user.id, role))


def install_app(forge: Forge, app: App, account: User, repositories: list[Repository]) -> Installation:
    """The App on these repositories of the account: new, or added to what it is already on."""
    ids = tuple(repository.id for repository in repositories)
    found = forge.store.one(Installation, app.id, str(account.id))
    named = [_repository(repository) for repository in repositories]
    if found is None:
        row = Installation(0, app.id, account.id, ids, app.permissions, app.events, forge.now())
        made = forge.store.add(row)
        _tell(forge, "installation", "created", made, account, {"repositories": named})
        return made
    added = tuple(number for number in ids if number not in found.repository_ids)
    changed = forge.store.put(replace(found, repository_ids=found.repository_ids + added))
    payload = {
        "repository_selection": "selected",
        "repositories_added": [shape for shape in named if shape["id"] in added],
        "repositories_removed": [],
        "requester": None,
    }
    _tell(forge, "installation_repositories", "added", changed, account, payload)
    return changed


def user_or_404(forge: Forge, login: str) -> User:
    """The user of that login; raises 404."""
    found = forge.user_named(login)
    if found is None:
        raise not_found()
    return found


def _repository(value: Repository) -> Json:
    return {
        "id": value.id,
        "node_id": node_id("R", value.id),
        "name": value.name,
        "full_name": value.full_name,
        "private": value.private,
    }


def _tell(forge: Forge, event: str, action: str, made: Installation, sender: User, payload: Json) -> None:
    shape = {"installation": accounts.installation(forge, made), **payload}
    forge.emitted(Emitted(event, action, shape, None, sender, made))
