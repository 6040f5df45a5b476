"""Rebuilds and redeploys: each new commit of the default branch runs through the stages."""

from bot.core import repoconfig
from bot.core.events import Event, PullRequestMerged, Pushed, RepositoryAdded
from bot.core.plan import Plan, StartRun
from bot.core.see import See
from bot.core.texts import update

NAME = "redeploy"
LISTENS = (RepositoryAdded, Pushed, PullRequestMerged)


async def plan(event: Event, see: See) -> Plan | None:
    """Start the stages for the head of the default branch, as it is now: events come late and in any order."""
    project = await see.reader.snapshot(repoconfig.PATHS, branch=update.BRANCH)
    match event:
        case RepositoryAdded():
            # A repository that says what it serves is brought into service when the App is installed on it.
            if not project.text(repoconfig.PATH):
                return Plan(f"There is no {repoconfig.PATH}; nothing is deployed until there is.")
            return Plan("the App was installed", (StartRun(project.sha, project.sha, None),))
        case Pushed():
            return Plan("the default branch moved", (StartRun(event.sha, project.sha, None),))
        case PullRequestMerged():
            return Plan(f"#{event.number} was merged", (StartRun(event.sha, project.sha, event.number),))
        case _:
            return None
