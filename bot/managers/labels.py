"""Labels pull requests by size, title, paths, and those that need a rebase; off unless the configuration names it."""

from bot.core import repoconfig
from bot.core.events import Event, PullRequestChanged, Pushed
from bot.core.labelling import Pull, labelling
from bot.core.plan import Plan, SetLabels
from bot.core.see import See
from bot.core.texts import update

NAME = "labels"
LISTENS = (Pushed, PullRequestChanged)
AGAIN_AFTER = 60.0
"""Seconds after which GitHub should know what can be merged."""


async def plan(event: Event, see: See) -> Plan | None:
    """The labels of the pull request that changed, or of every open one where the default branch moved."""
    project = await see.reader.snapshot(repoconfig.PATHS, branch=update.BRANCH)
    config = repoconfig.read(project)
    if not config.runs(NAME):
        return Plan("Labels are off in the configuration.")
    number = event.number if isinstance(event, PullRequestChanged) else None
    pulls = [pull for pull in await see.reader.open_pulls() if number in (None, pull.number)]
    actions = tuple(action for pull in pulls for action in _set(pull, config))
    waits = AGAIN_AFTER if any(pull.conflicts is None for pull in pulls) else None
    reason = f"{len(actions)} of {len(pulls)} pull requests get other labels."
    return Plan(reason, actions, again_after=waits)


def _set(pull: Pull, config: repoconfig.RepoConfig) -> tuple[SetLabels, ...]:
    found = labelling(pull, config.label_rules)
    return (SetLabels(pull.number, found.add, found.remove),) if found.add or found.remove else ()
