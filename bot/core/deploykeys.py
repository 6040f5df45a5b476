"""The keys below `deploy` in the configuration: where images go, what declares them, where the service answers."""

from dataclasses import dataclass
from typing import Annotated

from bot.core.kinds import FOLDER, Text, Whole
from bot.core.sections import Needed

_IMAGE = Text(
    r"[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*){1,8}",
    "write a repository without tag or digest, such as registry.example.org/team/name.",
)
_ADDRESS = Text(
    r"https?://[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?",
    "write the service's address, such as https://digits.example.org.",
)


@dataclass(frozen=True, slots=True)
class DeployKeys:
    """How a cluster gets the service: the image's digest is committed, and a GitOps controller takes it from there."""

    image: Annotated[str, _IMAGE, "the repository that images are pushed to", Needed("registry.example.org/a/b")] = ""
    overlay: Annotated[
        str, FOLDER, "the kustomize overlay that declares the image", Needed("manifests/app/overlays/prod")
    ] = ""
    url: Annotated[str, _ADDRESS, "where the deployed service answers", Needed("https://digits.example.org")] = ""
    preview_url: Annotated[
        str, _ADDRESS, "where the service of the overlay `preview` beside it answers; none: no previews"
    ] = ""
    patience_minutes: Annotated[int, Whole(1, 120, "minutes"), "how long the cluster may take to roll it out"] = 10
