"""A register of what happened, that every machine which works for a repository sees."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from bot.core.errors import TryLater

Document = Mapping[str, Any]
"""What JSON has: texts, numbers, lists and mappings, in their order."""
Kind = Literal["deployments", "runs", "admissions"]


class RegisterUnavailable(TryLater):
    """The register can be neither read nor written now; one sentence naming it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A document as it was written last, and when."""

    name: str
    document: Document
    changed: datetime


class Register(Protocol):
    """Documents by kind and name, each kept whole or not at all. Raises RegisterUnavailable."""

    async def read(self, kind: Kind, name: str) -> Entry | None:
        """The document; None where there is none, or what is there is damaged."""

    async def change(self, kind: Kind, name: str, change: Callable[[Document | None], Document]) -> None:
        """Keep what `change` makes of the document (None: there is none); nobody else changes it in between."""

    async def newest(self, kind: Kind, most: int) -> tuple[Entry, ...]:
        """The documents that changed last, the latest first, at most so many."""
