"""How far what callers send has moved away from what the model was trained on."""

import math
import threading
from bisect import bisect
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WINDOW = 2000
"""So many of the latest images are compared."""
LEAST = 100
"""Of fewer images nothing is said: chance alone moves them."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The training images: the inner edges of ten ranges of mean brightness, and the shares of ranges and digits."""

    edges: tuple[float, ...]
    brightness: tuple[float, ...]
    digits: tuple[float, ...]

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Reference":
        """The `reference` of a card; raises ValueError, TypeError or KeyError when it is none."""
        edges = tuple(float(edge) for edge in told["brightness"]["edges"])
        brightness = tuple(float(share) for share in told["brightness"]["shares"])
        digits = tuple(float(share) for share in told["digits"])
        if len(edges) + 1 != len(brightness) or len(digits) != 10 or list(edges) != sorted(edges):
            raise ValueError("the edges and shares of reference do not fit one another")
        return cls(edges, brightness, digits)


class Drift:
    """The latest images against the reference; safe to note from many threads."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._lock = threading.Lock()
        self._seen: deque[tuple[int, int]] = deque()
        self._ranges = [0] * len(reference.brightness)
        self._digits = [0] * len(reference.digits)

    def note(self, brightness: float, digit: int) -> None:
        """Take one more image into account: its mean grey 0–255, and the digit that the model saw."""
        place = bisect(self._reference.edges, brightness)
        with self._lock:
            if len(self._seen) == WINDOW:
                old_place, old_digit = self._seen.popleft()
                self._ranges[old_place] -= 1
                self._digits[old_digit] -= 1
            self._seen.append((place, digit))
            self._ranges[place] += 1
            self._digits[digit] += 1

    def brightness(self) -> float:
        """The PSI of the mean brightness; NaN below `LEAST` images."""
        return self._index(self._reference.brightness, self._ranges)

    def digits(self) -> float:
        """The PSI of the digits that the model saw; NaN below `LEAST` images."""
        return self._index(self._reference.digits, self._digits)

    def _index(self, expected: Sequence[float], counts: Sequence[int]) -> float:
        with self._lock:
            return stability_index(expected, counts) if len(self._seen) >= LEAST else math.nan


def stability_index(expected: Sequence[float], counts: Sequence[int]) -> float:
    """The population stability index of counts against expected shares; half a count is added to each, so it is finite.

    Below 0.1 is taken as stable, above 0.25 as another population.
    """
    total, ranges = sum(counts), len(counts)
    found = [(count + 0.5) / (total + 0.5 * ranges) for count in counts]
    wanted = [(share * total + 0.5) / (sum(expected) * total + 0.5 * ranges) for share in expected]
    return math.fsum((new - old) * math.log(new / old) for new, old in zip(found, wanted, strict=True))
