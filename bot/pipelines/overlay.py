"""The overlay that declares which image a cluster serves, on the default branch of a repository."""

from bot.core import kustomize
from bot.core.errors import Refused
from bot.core.plan import CommitFiles, FileChange
from bot.core.ports import HeadMoved
from bot.pipelines.course import Cluster, Stop

BRANCH = "bolide/deploy"
"""Nothing is proposed from it: the digest is committed where the cluster's controller looks."""
TRIES = 5
"""How often the declaration is written anew when others push to the branch meanwhile."""


class Overlay:
    """Reads and writes the digest, by compare-and-swap; both raise Stop."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._image = cluster, cluster.keys.image
        self.path = f"{cluster.keys.overlay}/{kustomize.FILE}"

    async def declared(self) -> str | None:
        """The digest that is declared now."""
        return (await self._read())[0]

    async def declare(self, digest: str, message: str) -> None:
        """Commit the digest, whoever pushes meanwhile; nothing where it is declared already."""
        for _ in range(TRIES):
            declared, text, branch, head = await self._read()
            if declared == digest:
                return
            changed = kustomize.set_image_digest(text, self._image, digest, self.path)
            try:
                change = CommitFiles(branch, head, (FileChange(self.path, changed),), message)
                await self._cluster.writer.commit(change)
            except HeadMoved:
                continue
            return
        raise Stop("deploy", f"{self.path} could not be written: others pushed each of {TRIES} times; deploy again.")

    async def _read(self) -> tuple[str | None, str, str, str]:
        snapshot = await self._cluster.reader.snapshot((self.path,), branch=BRANCH)
        try:
            text = snapshot.text(self.path)
            declared = kustomize.image_digest(text, self._image, self.path)
        except Refused as refusal:
            raise Stop("deploy", str(refusal)) from refusal
        return declared, text, snapshot.default_branch, snapshot.sha


def roll_back_message(overlay: str, digest: str, why: str) -> str:
    """The message of the commit that declares an earlier image again."""
    return f"Roll back {overlay} to {digest[:19]}\n\n{why}"
