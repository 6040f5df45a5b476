"""Commands about what is deployed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetrainNow:
    """Train, evaluate and deploy the default branch though nothing that the model is made of has changed."""


@dataclass(frozen=True, slots=True)
class RetestNow:
    """Gather the pull request's evidence anew; elsewhere, take the default branch through its stages again."""


@dataclass(frozen=True, slots=True)
class DeliverImage:
    """Build the service's image of a release's tag, push it, and say its digest."""

    tag: str


@dataclass(frozen=True, slots=True)
class PreviewNow:
    """Let the pull request's service answer beside production, until the pull request is closed."""


@dataclass(frozen=True, slots=True)
class RollBackNow:
    """Let the version before serve again, in the environment of this name or in the only one."""

    environment: str = ""


@dataclass(frozen=True, slots=True)
class ResumeDeployments:
    """Deploy by itself again, after roll-backs made that wait."""
