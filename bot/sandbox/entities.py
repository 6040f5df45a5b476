"""What the sandbox remembers beside git: one frozen value for each kind of row, found by parent and key."""

from dataclasses import dataclass, field, replace
from typing import Any

Json = dict[str, Any]
ROLES = ("none", "read", "triage", "write", "maintain", "admin")


@dataclass(frozen=True, slots=True)
class User:
    """A person, or the bot account of an App."""

    id: int
    login: str
    name: str
    email: str
    created: str
    is_bot: bool = False

    @property
    def parent(self) -> int:
        """Users have no parent."""
        return 0

    @property
    def key(self) -> str:
        """The login, which GitHub compares without case."""
        return self.login.lower()


@dataclass(frozen=True, slots=True)
class App:
    """A registered GitHub App; the private half of the key never comes here."""

    id: int
    slug: str
    name: str
    owner_id: int
    bot_id: int
    public_key: str
    webhook_url: str
    webhook_secret: str = field(repr=False)
    permissions: Json
    events: tuple[str, ...]
    created: str

    def with_key(self, public_key: str) -> "App":
        """The same App with another key."""
        return replace(self, public_key=public_key)

    @property
    def parent(self) -> int:
        """Apps have no parent."""
        return 0

    @property
    def key(self) -> str:
        """The slug."""
        return self.slug


@dataclass(frozen=True, slots=True)
class Installation:
    """An App on some repositories of one account."""

    id: int
    app_id: int
    account_id: int
    repository_ids: tuple[int, ...]
    permissions: Json
    events: tuple[str, ...]
    created: str

    @property
    def parent(self) -> int:
        """The App."""
        return self.app_id

    @property
    def key(self) -> str:
        """The account."""
        return str(self.account_id)


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a person, or of an installation (then narrowed and short-lived); only its digest is kept."""

    id: int
    digest: str
    user_id: int
    installation_id: int
    repository_ids: tuple[int, ...]
    permissions: Json
    expires: str

    @property
    def parent(self) -> int:
        """Tokens are looked up by digest alone."""
        return 0

    @property
    def key(self) -> str:
        """The sha256 of the token."""
        return self.digest


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository; its content is the bare git repository of the same id."""

    id: int
    owner: str
    name: str
    private: bool
    description: str
    default_branch: str
    archived: bool
    has_issues: bool
    created: str
    pushed: str

    @property
    def full_name(self) -> str:
        """OWNER/NAME."""
        return f"{self.owner}/{self.name}"

    @property
    def parent(self) -> int:
        """Repositories are looked up by full name alone."""
        return 0

    @property
    def key(self) -> str:
        """The full name, without case."""
        return self.full_name.lower()


@dataclass(frozen=True, slots=True)
class Collaborator:
    """The role of a user in a repository."""

    id: int
    repository_id: int
    user_id: int
    role: str

    @property
    def parent(self) -> int:
        """The repository."""
        return self.repository_id

    @property
    def key(self) -> str:
        """The user."""
        return str(self.user_id)


@dataclass(frozen=True, slots=True)
class Label:
    """A label of a repository."""

    id: int
    repository_id: int
    name: str
    color: str
    description: str | None

    @property
    def parent(self) -> int:
        """The repository."""
        return self.repository_id

    @property
    def key(self) -> str:
        """The name, without case."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue, or the issue half of a pull request."""

    id: int
    repository_id: int
    number: int
    title: str
    body: str | None
    author_id: int
    created: str
    updated: str
    app_id: int = 0
    state: str = "open"
    state_reason: str | None = None
    label_ids: tuple[int, ...] = ()
    assignee_ids: tuple[int, ...] = ()
    is_pull: bool = False
    closed: str | None = None
    closed_by_id: int = 0

    @property
    def parent(self) -> int:
        """The repository."""
        return self.repository_id

    @property
    def key(self) -> str:
        """The number."""
        return str(self.number)


@dataclass(frozen=True, slots=True)
class Pull:
    """The git half of a pull request."""

    id: int
    repository_id: int
    number: int
    head: str
    head_sha: str
    base: str
    base_sha: str
    draft: bool = False
    merged: str | None = None
    merged_by_id: int = 0
    merge_sha: str | None = None

    @property
    def parent(self) -> int:
        """The repository."""
        return self.repository_id

    @property
    def key(self) -> str:
        """The number."""
        return str(self.number)


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on an issue or pull request."""

    id: int
    repository_id: int
    number: int
    author_id: int
    body: str
    created: str
    updated: str
    app_id: int = 0

    @property
    def parent(self) -> int:
        """The repository."""
        return self.repository_id

    @property
    def key(self) -> str:
        """The number of the issue."""
        return str(self.number)


@dataclass(frozen=True, slots=True)
class Reaction:
    """A reaction to an issue or comment."""

    id: int
    subject_id: int
    user_id: int
    content: str
    created: str

    @property
    def parent(self) -> int:
        """The issue or comment."""
        return self.subject_id

    @property
    def key(self) -> str:
        """One of a kind for each user."""
        return f"{self.user_id}:{self.content}"


@dataclass(frozen=True, slots=True)
class CheckSuite:
    """The check runs of one App on one commit."""

    id: int
    repository_id: int
    app_id: int
    head_sha: str
    created: str
    updated: str

    @property
    def parent(self) -> int:
        """The repository."""
        return self.repository_id

    @property
    def key(self) -> str:
        """The commit."""
        return self.head_sha


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One check of an App on a commit."""

    id: int
    repository_id: int
    suite_id: int
    app_id: int
    head_sha: str
    name: str
    status: str
    conclusion: str | None
    started: str
    completed: str | None
    external_id: str
    details_url: str | None
    output: Json

    @property
    def parent(self) -> int:
        """The repository."""
        return self.repository_id

    @property
    def key(self) -> str:
        """The commit."""
        return self.head_sha


@dataclass(frozen=True, slots=True)
class Status:
    """A status of a commit in a context; the newest of a context counts."""

    id: int
    repository_id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator_id: int
    created: str

    @property
    def parent(self) -> int:
        """The repository."""
        return self.repository_id

    @property
    def key(self) -> str:
        """The commit."""
        return self.sha
