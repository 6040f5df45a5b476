"""Base images in Containerfiles: those named by tag and digest, and the line with another digest."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from bot.core.errors import Refused

_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_FROM = re.compile(
    r"^[ \t]*FROM[ \t]+(?:--platform=\S{1,60}[ \t]+)?"
    rf"(?P<name>(?:[A-Za-z0-9.-]{{1,200}}(?::\d{{1,5}})?/)?{_PART}(?:/{_PART})*)"
    r":(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127})@(?P<digest>sha256:[0-9a-f]{64})(?=[ \t]|\r?$)",
    re.MULTILINE | re.IGNORECASE,
)
_FILES = re.compile(r"(?:.*/)?(?:Containerfile|Dockerfile)(?:\.[A-Za-z0-9_-]+)?|.*\.(?:Containerfile|Dockerfile)")
DOCKER_HUB = "registry-1.docker.io"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Image:
    """A tag of an image: the registry's host (with port), the repository there, the tag, and the name as written."""

    host: str
    repository: str
    tag: str
    name: str


@dataclass(frozen=True, slots=True)
class Base:
    """An image that a file begins from, and the digest that it is named by."""

    image: Image
    digest: str


class Registry(Protocol):
    """Container registries, asked without an account."""

    async def digest(self, image: Image) -> str:
        """The digest (`sha256:…`) that the tag has now. Raises Refused (not there, not public) and TryLater."""


class NoRegistry:
    """`Registry` where none is asked."""

    async def digest(self, image: Image) -> str:
        """Refused."""
        raise Refused(f"No registry is asked for {image.name} here.")


def is_containerfile(path: str) -> bool:
    """Whether an image is built from a file of this name."""
    return _FILES.fullmatch(path) is not None


def bases(text: str) -> tuple[Base, ...]:
    """The images that the file begins from and names by tag and digest, in order."""
    return tuple(_bases(text))


def _bases(text: str) -> Iterator[Base]:
    for found in _FROM.finditer(text):
        yield Base(_image(found["name"], found["tag"]), found["digest"])


def with_digest(text: str, base: Base, digest: str) -> str:
    """The file with another digest wherever it begins from this image; everything around it is untouched."""
    named = f"{base.image.name}:{base.image.tag}@"
    return text.replace(f"{named}{base.digest}", f"{named}{digest}")


def _image(name: str, tag: str) -> Image:
    first, slash, rest = name.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        if first in ("docker.io", "index.docker.io"):
            return _image_of_hub(rest, tag, name)
        return Image(first, rest, tag, name)
    return _image_of_hub(name, tag, name)


def _image_of_hub(repository: str, tag: str, name: str) -> Image:
    return Image(DOCKER_HUB, repository if "/" in repository else f"library/{repository}", tag, name)
