"""Models made in a cluster: one PipelineRun for a commit, its files handed over through the object store."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.core import tekton
from bot.core.errors import Refused
from bot.core.pipelineruns import PipelineRuns, RunEnded
from bot.core.recipe import TrainingRecipe
from bot.core.tekton import Order
from bot.pipelines import pod
from bot.pipelines.named import LinkedObjects, carry_out, link_seconds
from bot.pipelines.store import pack, unpack

SCRIPT = Path(pod.__file__)
"""The program of the pods that fetch and keep."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A model to make: from which files, with what beside it."""

    repository: str
    sha: str
    key: str
    """Equal for runs that would come to the same."""
    tree: Path
    lock_sha256: str
    recipe: TrainingRecipe
    variables: Mapping[str, str]
    known: Path | None
    """A model that was made before; only the gate runs then."""
    production: Path | None
    image: str = ""
    """The training's own image, by digest; empty where there is none."""


class ClusterMaker:
    """Makes models by PipelineRuns; what a run needs and gives lies in the object store under the run's name.

    Its steps run in `image`, or where that is empty in the training's own.
    """

    def __init__(
        self, runs: PipelineRuns, objects: LinkedObjects, image: str, index_url: str, *, hours: float = 2.0
    ) -> None:
        self._runs, self._objects, self._image, self._index, self._hours = runs, objects, image, index_url, hours

    async def make(self, wanted: Wanted, into: Path) -> RunEnded:
        """How the run ended; if well and nothing was known, the model's files are in `into`.

        The run is joined, begun anew or cancelled as `carry_out` says. Raises Refused, files.UnsoundTree and what the
        ports raise.
        """
        name = run_name(wanted.repository, wanted.sha, wanted.key)
        ended = await carry_out(self._runs, await self._document(name, wanted), self._hours)
        if ended.succeeded and wanted.known is None:
            content = await self._objects.get(f"runs/{name}/model.tar")
            if content is None:
                raise Refused(f"The PipelineRun {name} ended well and kept no model; look at its task `keep`.")
            await asyncio.to_thread(unpack, content, into)
        return ended

    async def _document(self, name: str, wanted: Wanted) -> Mapping[str, object]:
        image = self._image or wanted.image
        if not image:
            raise Refused("There is no image for the stages: name a repository for it as `training.image`.")
        parameters = {
            "commit": wanted.sha,
            "source-url": await self._lend(f"runs/{name}/source.tar", wanted.tree, wanted.recipe.inputs),
            "image": image,
            "index-url": self._index,
            "lock-sha256": wanted.lock_sha256,
        }
        if wanted.known:
            parameters["known-url"] = await self._lend(f"runs/{name}/known.tar", wanted.known)
        else:
            parameters["model-url"] = await self._objects.link(
                f"runs/{name}/model.tar", "PUT", link_seconds(self._hours)
            )
        if wanted.production:
            parameters["production-url"] = await self._lend(f"runs/{name}/production.tar", wanted.production)
            parameters["production-dir"] = tekton.PRODUCTION
        order = Order(name, parameters, wanted.variables, hours=max(1, round(self._hours)))
        return tekton.complete_run(wanted.recipe, await asyncio.to_thread(SCRIPT.read_text), order)

    async def _lend(self, name: str, folder: Path, inputs: tuple[str, ...] = ()) -> str:
        covered = (*inputs, "Pipfile.lock") if inputs else ()
        await self._objects.put(name, await asyncio.to_thread(pack, folder, covered))
        return await self._objects.link(name, "GET", link_seconds(self._hours))


def run_name(repository: str, sha: str, key: str) -> str:
    """The run's name, 63 characters at most: repository, commit, and what tells two runs of a commit apart."""
    plain = re.sub("[^a-z0-9]+", "-", repository.lower()).strip("-")[:38].strip("-")
    return f"{plain}-{sha[:12]}-{key[:8]}"
