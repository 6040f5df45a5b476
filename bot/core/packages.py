"""What the package index knows and what a resolver answers: values, ports and the errors that they may raise."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from bot.core.advice import Advice, RecommendationType
from bot.core.errors import Refused, TryLater
from bot.core.pipfile import Pipfile
from bot.core.uvproject import UvFiles

FileKind = Literal["wheel", "sdist", "other"]


class IndexUnreachable(TryLater):
    """One sentence naming the index, the package and why no usable answer came; trying later may help."""


class IndexUnsuitable(Refused):
    """The index answers, but not with what Bolide reads (PEP 691), or not with what the release claims."""


class PackageUnknown(Refused):
    """One sentence naming the package and the index that does not have it."""


class Unresolvable(Refused):
    """One sentence in the resolver's words; only a change of the Pipfile or of the index helps."""


class Conflict(Unresolvable):
    """No set of versions satisfies every requirement."""


class NeedsBuild(Unresolvable):
    """A package has no wheel for the target, and the bot never builds one."""


class ResolverFailed(TryLater):
    """The resolver ran out of time or memory, or ended without an answer; one sentence with its last words."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a release; `sha256` is hex or empty, `size` is bytes; None where the index does not tell."""

    filename: str
    version: str
    sha256: str
    size: int | None
    upload_time: datetime | None
    requires_python: str
    yanked: bool
    kind: FileKind
    url: str
    has_metadata: bool
    provenance: str = ""
    """Where the index has the attestations of the file (PEP 740); empty where it tells of none."""


@dataclass(frozen=True, slots=True)
class Project:
    """All that one index has of one package: version in PEP 440's normal form → its files, yanked ones too."""

    name: str
    releases: Mapping[str, tuple[File, ...]]

    @property
    def files(self) -> tuple[File, ...]:
        """Every file of every release."""
        return tuple(file for release in self.releases.values() for file in release)

    def release(self, version: str) -> tuple[File, ...]:
        """The files of one version, wheels and sdists and others; none where the index does not have it."""
        return self.releases.get(version, ())


class Index(Protocol):
    """A package index, read through the simple API (PEP 691, PEP 700)."""

    async def project(self, name: str, url: str, *, fresh: bool = False) -> Project:
        """The package on the index at `url`, `fresh` without a cache; raises PackageUnknown or IndexUnreachable."""
        ...

    async def projects(self, wanted: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], "Project | str"]:
        """Several pages at once, by (package, address of its index); one that the index does not have has no releases.

        Where the index is not one that can be read, the sentence that says why. Raises IndexUnreachable.
        """
        ...

    async def metadata(self, file: File) -> str:
        """The core metadata of a wheel, without fetching all of it; raises IndexUnreachable."""
        ...


@dataclass(frozen=True, slots=True)
class All:
    """Upgrade everything to the newest versions that fit."""


@dataclass(frozen=True, slots=True)
class Only:
    """Upgrade the named packages; keep every other pin that still fits."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Keep:
    """Upgrade nothing that still fits: add what is missing, drop what nobody asks for."""


Upgrade = All | Only | Keep


@dataclass(frozen=True, slots=True)
class ThothHost:
    """A host that speaks Thoth's API, with its port where it has one, and whether its certificate is verified."""

    name: str
    tls_verify: bool


@dataclass(frozen=True, slots=True)
class ResolveRequest:
    """What to resolve; `cutoff` excludes younger files, except that a current pin is never downgraded for its age.

    `constraints` are PEP 508 lines that hold for whatever is chosen; `exempt` names packages that the cut-off spares.
    """

    pipfile: Pipfile
    old_lock: Mapping[str, Any] | None = None
    python: str = ""  # "3.11" or "3.11.2"; empty: what the Pipfile requires, else the resolver's own
    upgrade: Upgrade = All()
    cutoff: datetime | None = None
    constraints: tuple[str, ...] = ()
    exempt: frozenset[str] = frozenset()
    recommendation: RecommendationType = "stable"
    thoth: ThothHost | None = None
    """The host that is asked for the lock, instead of the own resolver."""
    uv: UvFiles | None = None
    """A project that uv itself locks; the Pipfile is then what its pyproject.toml wants."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A direct requirement that is not at the newest release, and the one reason that keeps it there."""

    name: str
    current: str
    latest: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """A new lock: its text as pipenv writes it, its values, and how it came about."""

    lock_text: str
    lock: Mapping[str, Any]
    required_by: Mapping[str, tuple[str, ...]]
    held_back: tuple[HeldBack, ...]
    notes: tuple[str, ...]
    resolver: str
    seconds: float
    advice: Advice = field(default_factory=Advice)


class Resolver(Protocol):
    """Turns a Pipfile into a lock without running any code of the repository or of a package."""

    async def resolve(self, request: ResolveRequest) -> Resolution:
        """The new lock; raises Unresolvable, IndexUnreachable, PackageUnknown, ResolverFailed or PipfileError."""
        ...
