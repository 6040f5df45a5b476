"""The port to a cluster that runs pipelines: what the bot asks of it, and how a run can end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bot.core.errors import Refused, TryLater


class ClusterUnavailable(TryLater):
    """The cluster's API does not answer; one sentence naming it."""


class ClusterRefused(Refused):
    """The cluster's API answers no; one sentence with its reason and the remedy."""


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """How one task of a run ended; `log_tail` is the end of the failing step's output."""

    name: str
    succeeded: bool
    seconds: float
    log_tail: str = ""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """How a run ended: the cluster's reason and message in its words, and its tasks in the order of their start."""

    succeeded: bool
    reason: str
    message: str
    tasks: tuple[TaskEnded, ...]


class PipelineRuns(Protocol):
    """Runs of pipelines in a cluster, by name. Raises ClusterUnavailable and ClusterRefused."""

    async def create(self, document: Mapping[str, Any]) -> bool:
        """Begun; False where a run of that name is there already."""

    async def end(self, name: str) -> RunEnded:
        """How it ended, waiting until it has."""

    async def cancel(self, name: str) -> None:
        """Its pods are told to stop; one that ended or is gone stays as it is."""

    async def remove(self, name: str) -> None:
        """It is gone with all its pods, and the name is free."""
