"""What people command, as values."""

from dataclasses import dataclass
from datetime import date

from bot.core.versions import Wanted


@dataclass(frozen=True, slots=True)
class UpdateNow:
    """Look for updates now, in the environment of this name, or in each one."""

    environment: str = ""


@dataclass(frozen=True, slots=True)
class SecureNow:
    """Propose what fixes known vulnerabilities, now."""


@dataclass(frozen=True, slots=True)
class AdviseNow:
    """Say what speaks against the lock of the environment of this name, or of each one, and what is better."""

    environment: str = ""


@dataclass(frozen=True, slots=True)
class ExplainPackage:
    """Say why the package is locked as it is."""

    package: str


@dataclass(frozen=True, slots=True)
class IgnorePackage:
    """Propose no newer version of the package, of those in `specifier` or of all, until the day if there is one."""

    package: str
    specifier: str = ""
    until: date | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UnignorePackage:
    """Propose newer versions of the package again."""

    package: str


@dataclass(frozen=True, slots=True)
class RebaseNow:
    """Make the pull request's change anew, from the default branch as it is."""


@dataclass(frozen=True, slots=True)
class RecheckNow:
    """Gather the pull request's evidence anew."""


@dataclass(frozen=True, slots=True)
class BisectNow:
    """Find which part of the pull request's change does not work."""


@dataclass(frozen=True, slots=True)
class TellStatus:
    """Say what is open, waiting, held back and ignored."""


@dataclass(frozen=True, slots=True)
class TellInfo:
    """Say what is installed: each environment with its dependency graph."""


@dataclass(frozen=True, slots=True)
class CheckProvenance:
    """Look whether each locked file is one that its index has."""


@dataclass(frozen=True, slots=True)
class ReleaseNow:
    """Propose the next release of this kind, or of this very version."""

    wanted: Wanted


@dataclass(frozen=True, slots=True)
class CancelRelease:
    """Close the open release pull request and forget it."""


@dataclass(frozen=True, slots=True)
class YankRelease:
    """Say of a published release that nobody should use it, and why."""

    version: str
    reason: str


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
    """Let the version before serve again, in the environment of this name or in the only one; the reason is kept."""

    environment: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ResumeDeployments:
    """Deploy by itself again, after roll-backs made that wait."""


@dataclass(frozen=True, slots=True)
class Help:
    """Say which commands there are."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Text that was meant for Bolide as a command and is none; `text` is its first word, `reason` what is wrong."""

    text: str
    reason: str = ""


Command = (
    UpdateNow
    | SecureNow
    | AdviseNow
    | ExplainPackage
    | IgnorePackage
    | UnignorePackage
    | RebaseNow
    | RecheckNow
    | BisectNow
    | TellStatus
    | TellInfo
    | CheckProvenance
    | ReleaseNow
    | CancelRelease
    | YankRelease
    | DeliverImage
    | PreviewNow
    | RetrainNow
    | RetestNow
    | RollBackNow
    | ResumeDeployments
    | Help
    | Unknown
)
