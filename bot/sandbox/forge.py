"""The sandbox's one context: store, repositories, clock, addresses, and the events that writes leave behind."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.sandbox.entities import App, Installation, Json, Repository, Token, User
from bot.sandbox.errors import not_found
from bot.sandbox.git import Git, Signature
from bot.sandbox.store import Store

API = "/api/v3"
GRAPHQL = "/api/graphql"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a person, or an App's bot with the permissions and repositories of its token."""

    user: User
    kind: str  # "user" | "session" | "installation" | "app"
    app: App | None = None
    installation: Installation | None = None
    token: Token | None = None

    @property
    def app_id(self) -> int:
        """The App that acts, 0 for a person."""
        return self.app.id if self.app else 0


@dataclass(frozen=True, slots=True)
class Emitted:
    """An event that a write left behind, before it is turned into deliveries."""

    event: str
    action: str | None
    payload: Json
    repository: Repository | None
    sender: User
    installation: Installation | None = None


@dataclass(slots=True)
class Forge:
    """What every part of the sandbox is given."""

    store: Store
    root: Path
    base_url: str
    clock: Callable[[], datetime]
    emitted: Callable[[Emitted], None] = field(default=lambda _: None)

    def now(self) -> str:
        """The time as GitHub writes it."""
        return stamp(self.clock())

    def later(self, seconds: int) -> str:
        """The time in some seconds as GitHub writes it."""
        return stamp(self.clock() + timedelta(seconds=seconds))

    def api(self, path: str) -> str:
        """The REST address of a path."""
        return f"{self.base_url}{API}{path}"

    def page(self, path: str) -> str:
        """The page address of a path."""
        return f"{self.base_url}{path}"

    def git(self, repository: Repository) -> Git:
        """The bare repository."""
        return Git(self.root / "git" / f"{repository.id}.git")

    def user(self, number: int) -> User:
        """The user of that id; deleted accounts do not exist here."""
        found = self.store.get(User, number)
        if found is None:
            raise not_found()
        return found

    def user_named(self, login: str) -> User | None:
        """The user of that login, without case."""
        return self.store.one(User, 0, login.lower())

    def repository(self, full_name: str) -> Repository | None:
        """The repository OWNER/NAME, without case."""
        return self.store.one(Repository, 0, full_name.lower())

    def signature(self, user: User) -> Signature:
        """The user as author of a commit made now."""
        return Signature(user.name, user.email, self.now())

    def web_flow(self) -> Signature:
        """GitHub's own committer, for commits made through the API or the pages."""
        return Signature("GitHub", "noreply@github.com", self.now())

    def emit(self, event: str, action: str | None, payload: Json, repository: Repository, sender: User) -> None:
        """Tell the Apps that listen to the repository."""
        self.emitted(Emitted(event, action, payload, repository, sender))


def stamp(when: datetime) -> str:
    """A time as GitHub writes it: UTC, whole seconds, Z."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def node_id(prefix: str, *parts: int | str) -> str:
    """The opaque GraphQL id of a thing."""
    text = ":".join(str(part) for part in parts)
    return f"{prefix}_{base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}"


def read_node_id(text: str) -> tuple[str, list[str]] | None:
    """The prefix and parts of a node id, or None when it is not one."""
    prefix, _, rest = text.partition("_")
    try:
        return prefix, base64.urlsafe_b64decode(rest + "=" * (-len(rest) % 4)).decode().split(":")
    except ValueError:
        return None


def digest(secret: str) -> str:
    """What the store keeps instead of a token."""
    return hashlib.sha256(secret.encode()).hexdigest()
