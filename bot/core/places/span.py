"""A place where a version stands, as a span of a file's text."""

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.version import Version

from bot.core.errors import Refused


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file a version stands: what the place is called, and the characters from `start` to `end`.

    `numbers`: the span holds the numbers of a Python tuple, divided by commas, instead of a text.
    """

    name: str
    version: str
    start: int
    end: int
    numbers: bool = False

    def written(self, version: str) -> str:
        """What stands there for a version; raises Refused for one that a tuple of numbers cannot hold."""
        if not self.numbers:
            return version
        found = Version(version)
        if str(found) != ".".join(map(str, found.release)):
            raise Refused(f"{self.name} is a tuple of numbers and cannot say {version}; make it a text.")
        return ", ".join(map(str, found.release))


def rewrite(text: str, places: Iterable[Place], version: str) -> str:
    """The text with the version in each of the places."""
    for place in sorted(places, key=lambda place: place.start, reverse=True):
        text = f"{text[: place.start]}{place.written(version)}{text[place.end :]}"
    return text
