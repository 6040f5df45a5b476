"""Locks tried out in a cluster: each pair in a pod of its own, where nothing of Bolide's lies but its program."""

import asyncio
import contextlib
import hashlib
import re
import tarfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from io import BytesIO

from bot.core.errors import Refused
from bot.core.evidence import Examination
from bot.core.evidencerun import evidence_run
from bot.core.examining import Order, read_answer, render
from bot.core.interpreter import agree
from bot.core.pipelineruns import PipelineRuns, RunEnded
from bot.core.recipe import Recipe
from bot.core.tekton import Order as RunOrder
from bot.pipelines.named import LinkedObjects, carry_out, link_seconds


@dataclass(frozen=True, slots=True)
class Outfit:
    """What every examination is given: Bolide's image by digest, the index, the hosts that locks may name."""

    image: str
    python: str
    """The version of the Python that locks are made for here, which the image must have too."""
    index_url: str = "https://pypi.org/simple"
    allowed_hosts: Collection[str] = ()


class PodLaboratory:
    """The `Laboratory` port through PipelineRuns; order and answer travel through the object store, by links."""

    def __init__(self, runs: PipelineRuns, objects: LinkedObjects, outfit: Outfit, *, hours: float = 2.0) -> None:
        self._runs, self._objects, self._outfit, self._hours = runs, objects, outfit, hours

    @property
    def python(self) -> str:
        """The Python that locks are tried out with: that of the image, which is this process's own."""
        return self._outfit.python

    async def examine_pair(
        self, tarball: bytes, before: str, after: str, recipe: Recipe
    ) -> tuple[Examination, Examination]:
        """What was measured with each of the two lock texts in a pod, as far as its answer can be one.

        The run is named after the tree and what is tried out on it, so that it is joined after a restart; it is removed
        once it has answered, and the same order again is a new one. Raises Refused where the cluster does not let it
        be, where it fails or takes too long, and for what is no answer; ClusterUnavailable and ObjectsUnavailable.
        """
        order = render(Order(before, after, recipe))
        name = await asyncio.to_thread(_run_name, tarball, order, self._outfit)
        ended = await carry_out(self._runs, await self._document(name, tarball, order), self._hours)
        if not ended.succeeded:
            raise Refused(_failure(name, ended))
        content = await self._objects.get(_answer(name))
        await self._runs.remove(name)
        if content is None:
            raise Refused(f"The PipelineRun {name} ended well and kept no answer.")
        answer = read_answer(content)
        if not agree(_minor(answer.python), _minor(self._outfit.python)):
            told = f"BOLIDE_EVIDENCE_IMAGE has Python {answer.python} and this Bolide {self._outfit.python}"
            raise Refused(f"{told}; build it with the same.")
        return answer.before, answer.after

    async def _document(self, name: str, tarball: bytes, order: bytes) -> Mapping[str, object]:
        seconds = link_seconds(self._hours)
        urls = {"answer-url": await self._objects.link(_answer(name), "PUT", seconds)}
        for parameter, file, content in (
            ("source-url", "source.tar", tarball),
            ("order-url", "order.json", order),
        ):
            await self._objects.put(f"runs/{name}/{file}", content)
            urls[parameter] = await self._objects.link(f"runs/{name}/{file}", "GET", seconds)
        told = {
            "image": self._outfit.image,
            "index-url": self._outfit.index_url,
            "allowed-hosts": ",".join(sorted(self._outfit.allowed_hosts)),
        }
        return evidence_run(RunOrder(name, {**told, **urls}, hours=max(1, round(self._hours))))


def _answer(name: str) -> str:
    return f"runs/{name}/answer.json"


def _run_name(tarball: bytes, order: bytes, outfit: Outfit) -> str:
    """63 characters at most: the folder that the tree is packed in, which names repository and commit, and a hash."""
    top = ""
    with contextlib.suppress(tarfile.TarError, OSError, EOFError), tarfile.open(fileobj=BytesIO(tarball)) as archive:
        first = archive.next()
        top = first.name.split("/")[0] if first else ""
    told = hashlib.sha256(order + f"\n{outfit}\n{top}".encode() + (b"" if top else tarball)).hexdigest()
    plain = re.sub("[^a-z0-9]+", "-", top.lower()).strip("-")[-40:].strip("-") or "tree"
    return f"evidence-{plain}-{told[:12]}"


def _failure(name: str, ended: RunEnded) -> str:
    broken = next((task for task in ended.tasks if not task.succeeded), None)
    said = [line.strip() for line in broken.log_tail.splitlines() if line.strip()] if broken else []
    why = said[-1][:300] if said else f"{ended.reason}: {ended.message}"
    return f"The locks were not tried out: the PipelineRun {name} did not end well. {why}"


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
