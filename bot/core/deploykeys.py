"""The keys below `deploy` in the configuration: where images go, what declares them, where the service answers.

What declares them may lie in another repository, which must say itself whose images it takes: `deployments_from`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from bot.core import kustomize
from bot.core.kinds import BRANCH, FOLDER, IMAGE, REPOSITORY, Text, Whole
from bot.core.sections import Needed

_ADDRESS = Text(
    r"https?://[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?",
    "write the service's address, such as https://digits.example.org.",
)


@dataclass(frozen=True, slots=True)
class DeployKeys:
    """How a cluster gets the service: the image's digest is committed, and a GitOps controller takes it from there."""

    image: Annotated[str, IMAGE, "the repository that images are pushed to", Needed("registry.example.org/a/b")] = ""
    overlay: Annotated[
        str, FOLDER, "the kustomize overlay that declares the image", Needed("manifests/app/overlays/prod")
    ] = ""
    url: Annotated[str, _ADDRESS, "where the deployed service answers", Needed("https://digits.example.org")] = ""
    preview_url: Annotated[
        str, _ADDRESS, "where the service of the overlay `preview` beside it answers; none: no previews"
    ] = ""
    patience_minutes: Annotated[int, Whole(1, 120, "minutes"), "how long the cluster may take to roll it out"] = 10
    answers: Annotated[
        int, Whole(1, 1000, "answers"), "how many answers in a row, each on a new connection, must be of the new commit"
    ] = 20
    repository: Annotated[
        str, REPOSITORY, "the repository that holds the overlay and names this one in `deployments_from`; default: this"
    ] = ""
    branch: Annotated[str, BRANCH, "the branch that declares what is served; default: that repository's default"] = ""

    @property
    def place(self) -> str:
        """The overlay as a person finds it."""
        branch = f" on {self.branch}" if self.branch else ""
        return f"{self.overlay}{branch}{f' of {self.repository}' if self.repository else ''}"

    @property
    def preview_overlay(self) -> str:
        """The overlay `preview` beside that of production; empty without previews."""
        folder = f"{self.overlay.rpartition('/')[0]}/preview".lstrip("/")
        return folder if self.preview_url and folder != self.overlay else ""

    def only_declares(self, changed: Iterable[str]) -> bool:
        """Whether of these paths, all that changed, none is more than the declaration of what is served."""
        overlays = filter(None, (self.overlay, self.preview_overlay))
        paths = set(changed)
        return bool(paths) and paths <= {f"{overlay}/{kustomize.FILE}" for overlay in overlays}


@dataclass(frozen=True, slots=True)
class GuestKeys:
    """A repository whose deployments this one declares, and where."""

    repository: Annotated[
        str, REPOSITORY, "the repository that may set the digests of its images here", Needed("ada/digits")
    ] = ""
    below: Annotated[str, FOLDER, "the folder that its overlays lie in", Needed("apps/digits")] = ""
    id: Annotated[
        int, Whole(0, 2**53), "GitHub's number of that repository, which counts instead of its name; 0: not told"
    ] = 0


def admitting(guests: Iterable[GuestKeys], repository: str, number: int, folder: str) -> GuestKeys | None:
    """The guest that is the repository of this name and number, with this folder or one above it."""

    def same(guest: GuestKeys) -> bool:
        return guest.id == number if guest.id else guest.repository.lower() == repository.lower()

    return next((guest for guest in guests if same(guest) and f"{folder}/".startswith(f"{guest.below}/")), None)
