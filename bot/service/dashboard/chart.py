"""When the stages of a run began and ended, as bars in a picture of fixed width."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WIDTH = 560.0
_LEAST = 2.0
"""Pixels of the shortest bar."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A stage's bar: pixels from the left and of width, the seconds that it stands for, and what came out."""

    stage: str
    left: float
    width: float
    seconds: float
    outcome: str


def bars(stages: Mapping[str, Mapping[str, Any]], total: float) -> tuple[Bar, ...]:
    """The bars of the recorded stages in their order; a stage that was skipped is a line."""
    whole = max([total, *(float(stage.get("at", 0.0)) for stage in stages.values()), 0.001])
    made, before = [], 0.0
    for name, stage in stages.items():
        end = float(stage.get("at", before))
        begun = max(0.0, end - float(stage["seconds"])) if "seconds" in stage else before
        if stage.get("outcome") == "skipped":
            begun = end
        if stage.get("outcome") == "started":
            begun, end = end, whole
        width = max(_LEAST, (end - begun) / whole * WIDTH)
        left = min(begun / whole * WIDTH, WIDTH - width)
        seconds = float(stage.get("seconds", end - begun))
        made.append(Bar(name, round(left, 1), round(width, 1), round(seconds, 2), str(stage.get("outcome", ""))))
        before = end
    return tuple(made)
