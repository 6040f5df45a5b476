"""Deployments, releases and webhook deliveries as the sandbox remembers them."""

from dataclasses import dataclass

from bot.sandbox.entities import Json


@dataclass(frozen=True, slots=True)
class Deployment:
    """A request to deploy a commit to an environment."""

    id: int
    repository_id: int
    sha: str
    ref: str
    task: str
    environment: str
    description: str | None
    payload: Json | str
    production: bool
    transient: bool
    creator_id: int
    app_id: int
    created: str
    updated: str

    @property
    def parent(self) -> int:
        """The repository."""
        return self.repository_id

    @property
    def key(self) -> str:
        """The commit."""
        return self.sha


@dataclass(frozen=True, slots=True)
class DeploymentStatus:
    """What became of a deployment."""

    id: int
    deployment_id: int
    state: str
    description: str
    environment: str
    environment_url: str
    log_url: str
    creator_id: int
    app_id: int
    created: str

    @property
    def parent(self) -> int:
        """The deployment."""
        return self.deployment_id

    @property
    def key(self) -> str:
        """The state."""
        return self.state


@dataclass(frozen=True, slots=True)
class Release:
    """A release of a tag."""

    id: int
    repository_id: int
    tag: str
    target: str
    name: str | None
    body: str | None
    draft: bool
    prerelease: bool
    author_id: int
    created: str
    published: str | None

    @property
    def parent(self) -> int:
        """The repository."""
        return self.repository_id

    @property
    def key(self) -> str:
        """The tag."""
        return self.tag


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of a release; `content` is in Base64."""

    id: int
    release_id: int
    name: str
    label: str
    media: str
    content: str
    size: int
    uploader_id: int
    created: str

    @property
    def parent(self) -> int:
        """The release."""
        return self.release_id

    @property
    def key(self) -> str:
        """The name."""
        return self.name


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to hand an event to an App; `status` is empty until the attempt has ended."""

    id: int
    app_id: int
    guid: str
    event: str
    action: str | None
    installation_id: int
    repository_id: int
    payload: str
    created: str
    redelivery: bool = False
    status: str = ""
    status_code: int = 0
    duration: float = 0.0
    request_headers: Json | None = None
    response_headers: Json | None = None
    response_body: str | None = None

    @property
    def parent(self) -> int:
        """The App."""
        return self.app_id

    @property
    def key(self) -> str:
        """The id that all attempts of one event share."""
        return self.guid
