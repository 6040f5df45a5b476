"""A store of objects, such as a bucket."""

from typing import Protocol

from bot.core.errors import TryLater


class ObjectsUnavailable(TryLater):
    """The object store does not answer, or refuses; one sentence naming it."""


class Objects(Protocol):
    """A flat store of objects by name, such as a bucket. Raises ObjectsUnavailable."""

    async def get(self, name: str) -> bytes | None:
        """The whole content; None where there is no such object."""

    async def put(self, name: str, content: bytes) -> None:
        """Stored, all of it, when this returns; what had the name is replaced."""
