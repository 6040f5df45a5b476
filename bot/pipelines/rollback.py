"""Going back to the version before, on command: on this machine by the supervisor, in a cluster by a commit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.core.errors import Refused
from bot.core.stages import RolledBack
from bot.pipelines.control import Kept, NoSupervisor
from bot.pipelines.course import Cluster, Deployer, Stop
from bot.pipelines.deployments import Chosen, Deployed, Deployments, Past
from bot.pipelines.overlay import Overlay, roll_back_message

NOTHING_BEFORE = "No version before this one is known, so there is nothing to roll back to."


class Place(Protocol):
    """Where versions serve; both methods raise Refused."""

    @property
    def url(self) -> str:
        """Where a cluster serves them; empty for this machine."""
        ...

    async def serving(self) -> str:
        """The name of the release or image that serves, empty where nothing does."""
        ...

    async def bring_back(self, version: Deployed) -> None:
        """Let this version serve."""
        ...


@dataclass(frozen=True, slots=True)
class Here:
    """A machine whose supervisor serves one of the releases of a folder."""

    deployer: Deployer
    releases: Path
    url: str = ""

    async def serving(self) -> str:
        """As the protocol has it."""
        try:
            serving = (await self.deployer.status()).serving
        except NoSupervisor as problem:
            raise Refused(str(problem)) from problem
        return serving.release.name if serving else ""

    async def bring_back(self, version: Deployed) -> None:
        """As the protocol has it."""
        try:
            answer = await self.deployer.deploy(self.releases / version.name)
        except NoSupervisor as problem:
            raise Refused(str(problem)) from problem
        if isinstance(answer, Kept):
            raise Refused(f"Commit {version.commit[:8]} cannot serve again: {answer.sentence}")


@dataclass(frozen=True, slots=True)
class InCluster:
    """A cluster, which takes the image's digest from an overlay on the default branch."""

    cluster: Cluster

    @property
    def url(self) -> str:
        """As the protocol has it."""
        return self.cluster.keys.url

    async def serving(self) -> str:
        """As the protocol has it."""
        try:
            declared = await Overlay(self.cluster).declared()
        except Stop as stop:
            raise Refused(stop.failure.sentence) from stop
        return f"{self.cluster.keys.image}@{declared}"

    async def bring_back(self, version: Deployed) -> None:
        """As the protocol has it."""
        digest = version.name.partition("@")[2]
        message = roll_back_message(self.cluster.keys.overlay, digest, f"A maintainer asked for {version.commit}.")
        try:
            await Overlay(self.cluster).declare(digest, message)
        except Stop as stop:
            raise Refused(stop.failure.sentence) from stop


async def roll_back(place: Place, repository: int, order: str, deployments: Deployments) -> RolledBack:
    """Bring the version before back; an order that chose one already brings the same again. Raises Refused."""
    past, name = await deployments.read(repository), await place.serving()
    chosen = past.orders.get(order) or _choose(past, name)
    # Chosen before it is done: whoever repeats the order after a crash goes back one step, not two.
    await deployments.change(repository, lambda known: known.ordered(order, chosen))
    await place.bring_back(Deployed(chosen.commit, chosen.name))
    if name != chosen.name:
        await deployments.change(repository, lambda known: known.without(name))
    return RolledBack(chosen.commit, chosen.name, chosen.taken, place.url)


def _choose(past: Past, name: str) -> Chosen:
    """The version to go back to from the one of this name. Raises Refused."""
    if (below := past.under(name)) is None:
        raise Refused(NOTHING_BEFORE)
    return Chosen(below.commit, below.name, past.commit_of(name))
