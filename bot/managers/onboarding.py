"""Proposes a configuration to a repository that has none, and makes the labels that Bolide's commands know."""

from bot.core import onboarding
from bot.core.errors import Refused
from bot.core.events import Event, Pushed, RepositoryAdded
from bot.core.labels import OURS
from bot.core.plan import FileChange, KeepLabels, Plan, ProposeChange, Target
from bot.core.ports import Snapshot
from bot.core.repoconfig import PATH
from bot.core.see import See
from bot.core.texts import onboarding as text

NAME = "onboarding"
LISTENS = (RepositoryAdded, Pushed)


async def plan(event: Event, see: See) -> Plan | None:
    """The pull request with a configuration, once; or why there is none."""
    start = await see.reader.snapshot(onboarding.CONFIGURED_BY, branch=onboarding.BRANCH)
    if said := _idle(start):
        return Plan(said)
    paths = await see.reader.paths(start.sha)
    wanted = onboarding.worth_reading(paths)
    project = await see.reader.snapshot(wanted, branch=onboarding.BRANCH, sha=start.sha)
    found = onboarding.look(paths, {path: _text(project, path) for path in wanted})
    if not found.anything:
        return Plan("Nothing was found that Bolide could do here.")
    proposal = ProposeChange(
        Target(project.node_id, project.default_branch, project.sha),
        onboarding.BRANCH,
        project.existing(),
        (FileChange(PATH, onboarding.configuration(found)),),
        text.MESSAGE,
        text.TITLE,
        text.body(found),
    )
    return Plan(text.TITLE, (KeepLabels(OURS), proposal))


def _idle(project: Snapshot) -> str | None:
    """Why no configuration is proposed."""
    if project.archived:
        return "The repository is archived."
    configured = next((path for path in onboarding.CONFIGURED_BY if project.files[path] is not None), None)
    if configured:
        return f"The repository is set up by {configured}."
    if project.declined:
        return "A configuration was proposed, and its pull request was closed; Bolide works without."
    if project.branch and project.branch.pull_request:
        return f"#{project.branch.pull_request} proposes a configuration."
    return None


def _text(project: Snapshot, path: str) -> str:
    """The file's text, empty where it is no text to read."""
    try:
        return project.text(path)
    except Refused:
        return ""
