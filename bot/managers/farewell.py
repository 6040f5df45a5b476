"""Forgets a repository from which the App was taken: its packages are watched for nobody any more."""

from bot.core.events import Event, RepositoryRemoved
from bot.core.plan import Plan, Watch
from bot.core.see import See

NAME = "farewell"
LISTENS = (RepositoryRemoved,)


async def plan(event: Event, see: See) -> Plan | None:
    """Watch nothing for it, and keep no schedule."""
    return Plan("the App is not on this repository any more", (Watch((), (), 0, see.now),))
