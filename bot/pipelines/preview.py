"""Previews of pull requests: a supervisor of their own on a free port, or an overlay of their own in the cluster."""

import asyncio
import contextlib
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from bot.core.errors import Refused
from bot.core.plan import CommitFiles
from bot.core.previews import Doing, Previewed
from bot.core.stages import StageReport, Stopped
from bot.pipelines import probation, redeploy, release
from bot.pipelines.control import NoSupervisor, Status, Supervisor
from bot.pipelines.course import Cluster, Committer, RunRequest, Stop, Workshop
from bot.pipelines.examination import Expected, Service
from bot.pipelines.files import UnsoundTree
from bot.pipelines.overlay import Overlay

NO_ADDRESS = (
    "Previews in a cluster need `deploy.preview_url` in the configuration: where the preview overlay's service answers."
)


class Use(Protocol):
    """What processes use."""

    @property
    def cpu_seconds(self) -> float:
        """All they have used so far."""
        ...

    @property
    def memory_mb(self) -> float:
        """What they hold now."""
        ...


@dataclass(frozen=True, slots=True)
class Ground:
    """Where previews live: a folder, what starts a supervisor for a state folder there, and what measures a server."""

    folder: Path
    start: Callable[[Path], Awaitable[None]]
    gauge: Callable[[int], Use]

    def place(self, repository: int, number: int) -> Path:
        """The folder of a pull request's preview."""
        return self.folder / f"{repository}-{number}"


@dataclass(frozen=True, slots=True)
class OnlyBelow:
    """Commits files of one folder; any other is refused, whatever asked for it."""

    inner: Committer
    folder: str

    async def commit(self, change: CommitFiles) -> str:
        """As the port has it. Raises Refused."""
        outside = [file.path for file in change.files if not file.path.startswith(f"{self.folder}/")]
        if outside or not self.folder:
            raise Refused(f"A preview may not write {', '.join(outside)}: it is not in {self.folder}.")
        return await self.inner.commit(change)


def beside(cluster: Cluster) -> Cluster:
    """The cluster's preview overlay, which lies beside that of production; its writer reaches nothing else."""
    keys, folder = cluster.keys, cluster.keys.preview_overlay
    if not folder:
        raise Refused(NO_ADDRESS)
    own = replace(keys, overlay=folder, url=keys.preview_url)
    return Cluster(own, cluster.reader, OnlyBelow(cluster.writer, folder), cluster.guest)


async def open_preview(ground: Ground, workshop: Workshop, request: RunRequest, number: int) -> Previewed | Stopped:
    """Take the commit through the stages into a place of its own; production is asked only. Raises Refused."""
    place = ground.place(request.number, number)
    await asyncio.to_thread(place.mkdir, parents=True, exist_ok=True)
    if request.cluster:
        own = beside(request.cluster)
        result = await redeploy.run(replace(workshop, probation=0), replace(request, cluster=own), say_nothing)
        if isinstance(result, Stopped):
            return result
        sides = [
            await _ask(Service(keys.url.rstrip("/")), _ready(request)) for keys in (own.keys, request.cluster.keys)
        ]
        return Previewed(request.sha, own.keys.url, None, *sides)
    state, releases = place / "service", place / "releases"
    for folder in (state, releases):
        await asyncio.to_thread(folder.mkdir, exist_ok=True)
    await ground.start(state)
    there = replace(workshop, deployer=Supervisor(state), releases=releases, public_url=None, probation=0.0)
    result = await redeploy.run(there, request, say_nothing)
    if isinstance(result, Stopped):
        return result
    return await _compare(request, await there.deployer.status(), workshop, ground)


async def close_preview(ground: Ground, repository: int, number: int, cluster: Cluster | None) -> bool:
    """End it and remove what it left; False where there was none. In a cluster its overlay shows production's image."""
    place = ground.place(repository, number)
    if not await asyncio.to_thread(place.is_dir):
        return False
    if cluster:
        with contextlib.suppress(Stop, Refused):
            if digest := await Overlay(cluster).declared():
                await Overlay(beside(cluster)).declare(digest, f"Close the preview of #{number}")
    with contextlib.suppress(NoSupervisor):
        await Supervisor(place / "service").stop()
    await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
    return True


async def _compare(request: RunRequest, status: Status, workshop: Workshop, ground: Ground) -> Previewed:
    """The preview's figures and production's, for the same questions."""
    serving = status.serving
    if serving is None:
        raise Refused("The repository has no service to preview.")
    try:
        expected = Expected.of(await asyncio.to_thread(release.inspect, serving.release))
    except (release.Unsound, UnsoundTree, OSError) as error:
        raise Refused(str(error)) from error
    other = None
    with contextlib.suppress(NoSupervisor):
        there = await workshop.deployer.status()
        pid = there.serving.pid if there.serving else None
        other = await _ask(Service(there.url), expected, ground, pid)
    own = await _ask(Service(status.url), expected, ground, serving.pid)
    return Previewed(request.sha, status.url, serving.model, own, other)


async def _ask(
    service: Service, expected: Expected, ground: Ground | None = None, pid: int | None = None
) -> Doing | None:
    before = await asyncio.to_thread(ground.gauge, pid) if ground and pid else None
    figures = await probation.measure(service, expected)
    if figures is None:
        return None
    if not ground or not pid or not before:
        return Doing(figures.median, figures.error_rate)
    after = await asyncio.to_thread(ground.gauge, pid)
    cpu = (after.cpu_seconds - before.cpu_seconds) / figures.asked
    return Doing(figures.median, figures.error_rate, cpu, after.memory_mb)


async def say_nothing(line: StageReport) -> None:
    """Previews set no commit status for their stages: those are production's."""


def _ready(request: RunRequest) -> Expected:
    """The questions for a service elsewhere: whether it is ready."""
    ready = request.recipe.service.ready if request.recipe.service else ""
    return Expected(request.sha, None, (), ready, "", "")
