"""The bot's update pull requests that are open: whose they are, and how one ends that is no longer wanted."""

import re
from collections.abc import Collection

from bot.core.environments import DEFAULT, Environment
from bot.core.plan import Action, ClosePullRequest, Comment, EditPullRequest, ProposeChange
from bot.core.ports import OpenChange, OwnWork
from bot.core.texts import update as text

_BATCH = re.compile(r"bolide/(?:group|major|transitive|security)(?:-|@|$)")
_LIMITED = re.compile(r"bolide/(?:update|group|major|transitive)(?:-|@|$)")
OBSOLETE = "What this proposes is no longer to be done, or is done elsewhere; Bolide closes it."

Ending = Comment | EditPullRequest | ClosePullRequest


def is_limited(branch: str) -> bool:
    """Whether a pull request from a branch of this name counts where their number is limited."""
    return bool(_LIMITED.match(branch))


def is_update(branch: str) -> bool:
    """Whether updates are proposed on a branch of this name."""
    return bool(_LIMITED.match(branch) or _BATCH.match(branch))


def belongs(branch: str, environment: Environment) -> bool:
    """Whether it is a branch on which updates of this environment are proposed."""
    if branch == environment.branch:
        return True
    name = branch.partition("@")[2] or DEFAULT
    return name == environment.name and bool(_BATCH.match(branch))


def strays(changes: Collection[OpenChange], environments: Collection[Environment]) -> tuple[OpenChange, ...]:
    """The pull requests of environments that are not among these."""
    ours = (each for each in changes if is_update(each.branch))
    return tuple(each for each in ours if not any(belongs(each.branch, one) for one in environments))


def ending(change: OpenChange, work: OwnWork, login: str) -> tuple[Ending, ...]:
    """What closes a pull request that is no longer wanted; nothing where a person has committed to it.

    Its text no longer names a lock, so that this does not count as somebody's word against the lock.
    """
    branch = work.branch
    if branch is None or not branch.only_by(login):
        return ()
    return (
        Comment(change.number, "obsolete", OBSOLETE),
        EditPullRequest(change.number, text.retired(branch.pull_request_body)),
        ClosePullRequest(change.number, change.branch, branch.sha),
    )


def after(changes: Collection[OpenChange], environment: Environment, actions: Collection[Action]) -> tuple[str, ...]:
    """The environment's pull requests that are open after the actions, by their branches' names."""
    there = {each.branch: f"#{each.number}" for each in changes if belongs(each.branch, environment)}
    for action in actions:
        match action:
            case ProposeChange(branch=branch):
                there.setdefault(branch, f"{{proposed {branch}}}")
            case ClosePullRequest(branch=branch):
                there.pop(branch)
    return tuple(there[branch] for branch in sorted(there))
