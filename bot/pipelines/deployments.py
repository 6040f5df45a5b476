"""What was deployed, what was taken back, and whether deployments wait for a person: one document a repository."""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from bot.core.ports import Document, Register

KEPT = 20
FREEZING = 2
"""So many automatic roll-backs ..."""
WITHIN = timedelta(hours=1)
"""... within this time end automatic deployments until a person resumes them."""
_RELEASE = re.compile(r"([0-9a-f]{16})-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Deployed:
    """A version that was verified: its commit, and the name of its release or image."""

    commit: str
    name: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """The version that a command went back to, and the commit of the one that it took back, empty where unknown."""

    commit: str
    name: str
    taken: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """What happened to a repository's service: verified versions, the newest last, and contents that were taken back.

    `rolled_back` are the times of automatic roll-backs; `frozen` is since when deployments wait, empty where they do
    not; `orders` are the commands that rolled back, each with the version that it chose.
    """

    deployed: tuple[Deployed, ...] = ()
    taken_back: tuple[str, ...] = ()
    rolled_back: tuple[str, ...] = ()
    frozen: str = ""
    orders: dict[str, Chosen] = field(default_factory=dict)

    def before(self, commit: str) -> Deployed | None:
        """The version that was verified last, other than those of this commit."""
        others = [version for version in self.deployed if version.commit != commit]
        return others[-1] if others else None

    def commit_of(self, name: str) -> str:
        """The commit of the verified version of this name, empty where it is unknown."""
        return next((known.commit for known in self.deployed if known.name == name), "")

    def under(self, name: str) -> Deployed | None:
        """The version to go back to from the one of this name: the one below it, or the last where it is unknown."""
        names = [version.name for version in self.deployed]
        below = self.deployed[: names.index(name)] if name in names else self.deployed
        return below[-1] if below else None

    def took_back(self, name: str) -> bool:
        """Whether this release or image holds what was taken back, for whichever commit it was made."""
        return content(name) in self.taken_back

    def verified(self, version: Deployed) -> "Past":
        """After a version was verified."""
        kept = [known for known in self.deployed if known.name != version.name]
        return replace(self, deployed=(*kept, version)[-KEPT:])

    def without(self, name: str) -> "Past":
        """After the version of this name was taken back."""
        kept = tuple(known for known in self.deployed if known.name != name)
        return replace(self, deployed=kept, taken_back=(*self.taken_back, content(name))[-KEPT:])

    def after_roll_back(self, name: str, now: datetime) -> "Past":
        """After an automatic roll-back of the version of this name: two within an hour freeze deployments."""
        recent = [time for time in self.rolled_back if now - datetime.fromisoformat(time) < WITHIN]
        times = (*recent, now.isoformat(timespec="seconds"))
        frozen = self.frozen or (times[-1] if len(times) >= FREEZING else "")
        return replace(self.without(name), rolled_back=times, frozen=frozen)

    def resumed(self) -> "Past":
        """After a person allowed deployments again, of what was taken back too."""
        return replace(self, taken_back=(), rolled_back=(), frozen="")

    def ordered(self, order: str, chosen: Chosen) -> "Past":
        """After a command chose the version to go back to."""
        return replace(self, orders=dict([*self.orders.items(), (order, chosen)][-KEPT:]))


def content(name: str) -> str:
    """What is equal for two releases of the same content; an image's name is its content's."""
    release = _RELEASE.fullmatch(name)
    return release[1] if release else name


class Deployments:
    """What happened to each repository's service, in the register; its methods raise RegisterUnavailable."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def read(self, repository: int) -> Past:
        """What is known of the repository with this id; nothing where its document is missing or damaged."""
        found = await self._register.read("deployments", str(repository))
        return _past(found.document if found else None)

    async def change(self, repository: int, change: Callable[[Past], Past]) -> None:
        """Keep what `change` makes of it."""
        await self._register.change("deployments", str(repository), lambda told: asdict(change(_past(told))))


def _past(told: Document | None) -> Past:
    if told is None:
        return Past()
    try:
        return Past(
            tuple(Deployed(**version) for version in told["deployed"]),
            tuple(map(str, told["taken_back"])),
            tuple(map(str, told["rolled_back"])),
            str(told["frozen"]),
            {str(order): Chosen(**version) for order, version in told["orders"].items()},
        )
    except (KeyError, TypeError, AttributeError):
        return Past()
