"""The lock that mends what has known advisories, and changes nothing else."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from bot.core.advice import Fix
from bot.core.environments import DEFAULT, Environment
from bot.core.packages import Keep, Only, Unresolvable
from bot.core.ports import Snapshot
from bot.core.relock import Relock, Wish, relock, request_of
from bot.core.repoconfig import RepoConfig
from bot.core.see import See
from bot.core.steering import Ignored, covers

PREFIX = "Security: "
NO_FURTHER = "this only mends what has advisories, and goes no further than it must"


@dataclass(frozen=True, slots=True)
class Mended:
    """The wish and the lock that it gives."""

    wish: Wish
    made: Relock


@dataclass(frozen=True, slots=True)
class Unmended:
    """Why packages that need another version cannot have it, as the rest of a sentence."""

    title: str
    reason: str


def branch_of(environment: Environment) -> str:
    """The branch on which what mends the environment is proposed."""
    return "bolide/security" + ("" if environment.name == DEFAULT else f"@{environment.name}")


async def mend(
    project: Snapshot, config: RepoConfig, environment: Environment, ignored: Sequence[Ignored], see: See
) -> tuple[Mended | None, tuple[Unmended, ...]]:
    """Each affected package at its first version without advisories, or beyond it; and what cannot be mended.

    Neither the cooldown nor limits hold for it.
    """
    wish = Wish(environment, branch=branch_of(environment), prefix=PREFIX)
    told = await see.adviser.fixes(request_of(project, config, wish, see))
    left = [_unmended(fix, "no version without them can be installed") for fix in told if not fix.minimum]
    stays = {fix.package for fix in told for each in ignored if covers(each, fix.package, fix.minimum)}
    left += [_unmended(fix, "it is ignored") for fix in told if fix.package in stays and fix.minimum]
    wanted = [fix for fix in told if fix.minimum and fix.package not in stays]
    if not wanted:
        return None, tuple(left)
    reason = ""
    for sign in ("==", ">="):
        part = _wish(wish, wanted, sign)
        try:
            return Mended(part, _no_further(await relock(project, config, part, see), part.constraints)), tuple(left)
        except Unresolvable as conflict:
            reason = str(conflict)
    return None, (*left, *(_unmended(fix, reason) for fix in wanted))


def _no_further(made: Relock, minimum: Collection[str]) -> Relock:
    """The lock with the true reason where a package that is mended stays below its newest release."""
    return made.explained(lambda held: NO_FURTHER if f"{held.name}=={held.current}" in minimum else "")


def _wish(wish: Wish, wanted: Sequence[Fix], sign: str) -> Wish:
    names = frozenset(fix.package for fix in wanted)
    lines = tuple(f"{fix.package}{sign}{fix.minimum}" for fix in wanted)
    return replace(wish, upgrade=Only(names), constraints=lines, exempt=names)


def _unmended(fix: Fix, reason: str) -> Unmended:
    return Unmended(f"{PREFIX}{fix.package} {fix.current} ({', '.join(fix.advisories[:3])})", reason)


async def checked(project: Snapshot, config: RepoConfig, environment: Environment, see: See) -> str:
    """What came of looking for advisories, in a sentence; that nothing was checked is never that there are none."""
    return (await relock(project, config, Wish(environment, Keep()), see)).update.advice.checked
