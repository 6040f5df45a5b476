"""What attestations (PEP 740) came to: who published a file, whether that was verified; and the port that looks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.core.packages import File


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who published a file: a repository, a project or an account at a service, and the workflow that did it."""

    kind: str
    place: str
    workflow: str = ""

    def __str__(self) -> str:
        """As a sentence has it, such as "pallets/flask (GitHub, publish.yaml)"."""
        return f"{self.place} ({', '.join(filter(None, (self.kind, self.workflow)))})"


@dataclass(frozen=True, slots=True)
class Verified:
    """Every attestation of the file is valid and is of this very file; by whom it was published, in order."""

    publishers: tuple[Publisher, ...]

    def __str__(self) -> str:
        """Who published it."""
        return " and ".join(map(str, self.publishers))


@dataclass(frozen=True, slots=True)
class NotVerified:
    """There is an attestation that does not hold, and why: a clause without a full stop."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unchecked:
    """The index tells of attestations that could not be looked at, and why: a clause without a full stop."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unattested:
    """The index tells of no attestation of the file."""


Attested = Verified | NotVerified | Unchecked | Unattested


@dataclass(frozen=True, slots=True)
class Artefact:
    """A locked file that its index has, and what came of looking at its attestations."""

    package: str
    version: str
    filename: str
    sha256: str
    attested: Attested


class Attestations(Protocol):
    """Looks at the attestations that an index has of files, and verifies them."""

    async def of(self, files: Iterable[File]) -> Mapping[str, Attested]:
        """What was found of each file, by its sha256; never raises: what could not be done is Unchecked."""
        ...


class NoAttestations:
    """`Attestations` where nothing is looked at."""

    async def of(self, files: Iterable[File]) -> Mapping[str, Attested]:
        """That those that there are were not looked at."""
        unchecked = Unchecked("nothing here verifies attestations")
        return {file.sha256: unchecked if file.provenance else Unattested() for file in files}
