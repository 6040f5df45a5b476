"""The pull request with newer digests of base images."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.texts.markdown import bounded, count, harmless, quiet, table
from bot.core.upkeep import mark

KIND = "base-images"
BRANCH = f"bolide/{KIND}"


@dataclass(frozen=True, slots=True)
class Moved:
    """An image by name and tag, and the digests before and now."""

    image: str
    old: str
    new: str


def title(moved: Sequence[Moved]) -> str:
    """What moves, in a line."""
    return f"Update {count(len(moved), 'base image')}"


def body(moved: Sequence[Moved], said: Sequence[str]) -> str:
    """Every digest before and now, and what could not be asked about."""
    rows = [(harmless(each.image), f"`{each.old[7:19]}`", f"`{each.new[7:19]}`") for each in moved]
    more = "".join(f"\n- {quiet(sentence)}" for sentence in said)
    told = f"The tags point at other images now:\n\n{table(('image', 'digest', 'now'), rows)}\n{more}\n"
    return f"{bounded(told, 50_000)}\n\n{mark(KIND, proposal(moved))}\n"


def proposal(moved: Sequence[Moved]) -> str:
    """What tells this proposal from others."""
    return hashlib.sha256(repr(sorted((each.image, each.new) for each in moved)).encode()).hexdigest()
