"""The overlay that declares which image a cluster serves, on a branch of this repository or of another."""

from bot.core import kustomize, repoconfig
from bot.core.errors import Refused
from bot.core.plan import CommitFiles, FileChange
from bot.core.ports import ForgeRefused, HeadMoved, Snapshot
from bot.pipelines.course import Cluster, Stop
from bot.pipelines.destination import BRANCH, require_admitted

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
            except ForgeRefused as refusal:
                raise Stop("deploy", f"{self.path} could not be written: {refusal}") from refusal
            return
        raise Stop("deploy", f"{self.path} could not be written: others pushed each of {TRIES} times; deploy again.")

    async def _read(self) -> tuple[str | None, str, str, str]:
        try:
            branch, there = await self._branch()
            text = there.text(self.path)
            declared = kustomize.image_digest(text, self._image, self.path)
        except (Refused, ForgeRefused) as refusal:
            raise Stop("deploy", str(refusal)) from refusal
        return declared, text, branch, there.sha

    async def _branch(self) -> tuple[str, Snapshot]:
        """The branch that the cluster's controller looks at, and its head; who may write is read at the default's."""
        keys, reader = self._cluster.keys, self._cluster.reader
        there = await reader.snapshot((self.path, repoconfig.PATH), branch=keys.branch or BRANCH)
        require_admitted(self._cluster, there)
        if keys.branch in ("", there.default_branch):
            return there.default_branch, there
        if there.branch is None:
            raise Refused(f"`deploy.branch` is {keys.branch}, which {there.name} does not have; create it.")
        return keys.branch, await reader.snapshot((self.path,), branch=BRANCH, sha=there.branch.sha)


def roll_back_message(overlay: str, digest: str, why: str) -> str:
    """The message of the commit that declares an earlier image again."""
    return f"Roll back {overlay} to {digest[:19]}\n\n{why}"
