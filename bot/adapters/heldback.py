"""Which packages of the manifest are not at their newest release, who keeps them, and which may be tried again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from packaging.utils import canonicalize_name

from bot.adapters.releases import Releases
from bot.core import blocking
from bot.core.candidates import NOT_ALLOWED, Target, held_back
from bot.core.locking import Pin
from bot.core.packages import All, HeldBack, Keep, Only, ResolveRequest, Upgrade

TRIES = 3
"""How many newest releases that the resolver passed over are tried again, each by itself."""

Pins = Mapping[str, Pin]


def is_kept(upgrade: Upgrade, name: str) -> bool:
    """Whether the package stays where it is, as long as that fits."""
    match upgrade:
        case All():
            return False
        case Only(names):
            return name not in {canonicalize_name(asked_for) for asked_for in names}
        case Keep():
            return True


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held back in one category; `environment` is what markers are evaluated with."""

    releases: Releases
    request: ResolveRequest
    category: str
    target: Target
    environment: Mapping[str, str]

    async def told(self, pins: Pins) -> list[HeldBack]:
        """What may move and is not at its newest release, with who does not allow that where metadata tell."""
        return [await self._explained(held, pins) for held in await self._held(pins)]

    async def possible(self, pins: Pins, constraints: Iterable[str]) -> list[str]:
        """Newest releases to which nothing objects but versions that the resolver happened to take, as constraints."""
        told = tuple(constraints)
        open_to_all = [
            held
            for held in await self._held(pins)
            if held.reason == NOT_ALLOWED and blocking.allowed(held.name, held.latest, told)
        ]
        free = [f"{held.name}=={held.latest}" for held in open_to_all if not await self._objection(held, pins)]
        return free[:TRIES]

    async def _held(self, pins: Pins) -> list[HeldBack]:
        found = []
        for name, requirement in self.request.pipfile.categories[self.category].items():
            if name in pins and not is_kept(self.request.upgrade, name):
                project = await self.releases.project(name)
                found.append(held_back(requirement, pins[name].version, project, self.target, self.request.cutoff))
        return [each for each in found if each]

    async def _explained(self, held: HeldBack, pins: Pins) -> HeldBack:
        if held.reason != NOT_ALLOWED:
            return held
        reason = await self._objection(held, pins)
        if not reason:
            lines = await self.releases.requires(held.name, held.latest)
            reason = blocking.demand(lines, pins[held.name].extras, pins, self.environment)
        return replace(held, reason=reason or held.reason)

    async def _objection(self, held: HeldBack, pins: Pins) -> str:
        """What a locked package asks that excludes the newest release, or empty."""
        for name in pins[held.name].required_by:
            if parent := pins.get(name):
                lines = await self.releases.requires(name, parent.version)
                if said := blocking.objection(held.name, held.latest, parent, lines, self.environment):
                    return said
        return ""
