"""What was last read of a repository, kept so that a look at one that has not changed asks GitHub nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.core.events import Event, Pushed, Repository
from bot.core.plan import AskEvidence, Comment, Plan, React, Report, StartRun, Watch
from bot.core.ports import Snapshot

_LOCAL = AskEvidence | Watch
"""Actions that cost GitHub nothing where they have been done before."""
_UNSEEN = AskEvidence | Watch | Comment | React | Report | StartRun
"""Actions after which a snapshot would be the same."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a snapshot was asked for, whatever the commit."""

    paths: tuple[str, ...]
    branch: str
    more: tuple[str, ...]
    overlays: str
    tracked: str


class Mirror(Protocol):
    """The latest snapshots of each repository, never handed across installations. Raises InboxUnavailable."""

    async def recall(
        self, repository: Repository, question: Question, sha: str | None, now: datetime
    ) -> Snapshot | None:
        """The answer to this question at `sha` (default: the default branch's head), where it is known and fresh."""

    async def keep(
        self, repository: Repository, question: Question, seen: Snapshot, now: datetime, *, head: bool
    ) -> None:
        """Remember a snapshot; `head` tells that its commit is the default branch's head now."""

    async def advance(self, repository: Repository, before: str, after: str, changed: Sequence[str] | None) -> None:
        """The default branch moved; what is known stays known where none of the `changed` paths is among it.

        None stands for a change that is not known.
        """

    async def forget(self, repository: Repository) -> None:
        """Know nothing of the repository any more."""


def is_quiet(plan: Plan | None) -> bool:
    """Whether a plan that was made on what is known asks GitHub for nothing, so that it needs no fresh look."""
    return plan is None or all(isinstance(action, _LOCAL) for action in plan.actions)


def outdates(plan: Plan) -> bool:
    """Whether a plan, once carried out, makes what is known untrue."""
    return not all(isinstance(action, _UNSEEN) for action in plan.actions)


def concerns(changed: Iterable[str], question: Question) -> bool:
    """Whether a change of these paths could change the answer to the question."""
    return any(
        path in question.paths or (question.overlays and _is_listed(path, question.overlays)) for path in changed
    )


def expected(event: Event) -> str | None:
    """The head that what is known must be at for this event; None: whatever it is."""
    return event.sha if isinstance(event, Pushed) else None


def _is_listed(path: str, overlays: str) -> bool:
    return "/" not in path or path.startswith(f"{overlays}/")
