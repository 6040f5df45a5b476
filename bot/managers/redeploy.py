"""Rebuilds and redeploys: each new commit of the default branch runs through the stages."""

from bot.core import repoconfig
from bot.core.errors import Refused
from bot.core.events import Event, PullRequestMerged, Pushed, RepositoryAdded
from bot.core.plan import Plan, StartRun
from bot.core.ports import Snapshot
from bot.core.repoconfig import RepoConfig
from bot.core.see import See
from bot.core.texts import update

NAME = "redeploy"
LISTENS = (RepositoryAdded, Pushed, PullRequestMerged)
DECLARED = "Only what a cluster is to serve was declared; nothing is built for that."
ELSEWHERE = "This repository only declares the deployments of others; nothing of its own is built."


async def plan(event: Event, see: See) -> Plan | None:
    """Start the stages for the head of the default branch, as it is now: events come late and in any order."""
    project = await see.reader.snapshot(repoconfig.PATHS, branch=update.BRANCH)
    config = _configuration(project)
    if config.deployments_from and not (config.service or config.training):
        return Plan(ELSEWHERE)
    match event:
        case RepositoryAdded():
            # A repository that says what it serves is brought into service when the App is installed on it.
            if not project.text(repoconfig.PATH):
                return Plan(f"There is no {repoconfig.PATH}; nothing is deployed until there is.")
            return Plan("the App was installed", (StartRun(project.sha, project.sha, None),))
        case Pushed(changed=changed):
            if config.deploy and config.deploy.only_declares(changed or ()):
                return Plan(DECLARED)
            return Plan("the default branch moved", (StartRun(event.sha, project.sha, None),))
        case PullRequestMerged():
            if config.deploy and config.deploy.only_declares(await see.reader.changed_files(event.number)):
                return Plan(DECLARED)
            return Plan(f"#{event.number} was merged", (StartRun(event.sha, project.sha, event.number),))
        case _:
            return None


def _configuration(project: Snapshot) -> RepoConfig:
    """The configuration; what is wrong with it is for the run to say."""
    try:
        return repoconfig.read(project)
    except Refused:
        return RepoConfig()
