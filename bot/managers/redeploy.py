"""Rebuilds and redeploys: each new commit of the default branch runs through the stages."""

from bot.core.events import Event, PullRequestMerged, Pushed
from bot.core.plan import Plan, StartRun
from bot.core.see import See

NAME = "redeploy"
LISTENS = (Pushed, PullRequestMerged)


async def plan(event: Event, see: See) -> Plan | None:
    """Start the stages for the commit; a merge also has its pull request told."""
    match event:
        case Pushed():
            return Plan("the default branch moved", (StartRun(event.sha, None),))
        case PullRequestMerged():
            return Plan(f"#{event.number} was merged", (StartRun(event.sha, event.number),))
        case _:
            return None
