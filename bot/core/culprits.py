"""Which part of a change does not work: a search that says what to try next, from what has been tried."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST = 12
"""How many examinations one search may take."""

Parts = frozenset[str]


@dataclass(frozen=True, slots=True)
class Try:
    """What to try next: these parts of the change, and no others."""

    parts: Parts


@dataclass(frozen=True, slots=True)
class Found:
    """Without `culprits` the change works; each comes with the part that it does not go with, empty where it is alone.

    `rest` is what works, empty where nothing does.
    """

    culprits: tuple[tuple[str, str], ...]
    rest: Parts


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The search took as many examinations as it may."""


class _Needed(Exception):
    """It is not known yet whether these parts work."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.parts = parts


def step(parts: Sequence[str], tried: Mapping[Parts, bool], most: int = MOST) -> Try | Found | GaveUp:
    """What to try next, or what was found; all parts together are known to fail, none to work."""
    known = {**tried, frozenset(parts): False, frozenset[str](): True}
    try:
        return _search(tuple(parts), known)
    except _Needed as needed:
        return Try(needed.parts) if len(tried) < most else GaveUp()


def _search(parts: tuple[str, ...], known: Mapping[Parts, bool]) -> Found:
    culprits: list[tuple[str, str]] = []
    left = parts
    while not _works(frozenset(left), known):
        place = _first_failing(left, frozenset(), known)
        culprit = left[place - 1]
        partner = ""
        if _works(frozenset({culprit}), known):
            partner = left[_first_failing(left[: place - 1], frozenset({culprit}), known) - 1]
        culprits.append((culprit, partner))
        left = tuple(each for each in left if each != culprit)
    return Found(tuple(culprits), frozenset(left))


def _first_failing(parts: tuple[str, ...], beside: Parts, known: Mapping[Parts, bool]) -> int:
    """The length of the shortest beginning of `parts` that fails with those beside it; the whole is known to."""
    works, fails = 0, len(parts)
    while fails - works > 1:
        middle = (works + fails) // 2
        if _works(frozenset(parts[:middle]) | beside, known):
            works = middle
        else:
            fails = middle
    return fails


def _works(parts: Parts, known: Mapping[Parts, bool]) -> bool:
    if parts not in known:
        raise _Needed(parts)
    return known[parts]
