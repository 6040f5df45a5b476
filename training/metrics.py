"""What true and predicted digits come to: counts and shares; pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DIGITS = 10


@dataclass(frozen=True, slots=True)
class Score:
    """How often which digit was taken for which: row = true digit, column = prediction."""

    confusion: tuple[tuple[int, ...], ...]

    @property
    def examples(self) -> int:
        """How many examples were counted."""
        return sum(map(sum, self.confusion))

    @property
    def accuracy(self) -> float:
        """The share of right answers, 0–1; 0 where nothing was counted."""
        right = sum(row[digit] for digit, row in enumerate(self.confusion))
        return right / self.examples if self.examples else 0.0

    @property
    def per_class_recall(self) -> tuple[float, ...]:
        """For each digit, the share of its examples that was recognised, 0–1; 0 where it has no example."""
        return tuple(row[digit] / sum(row) if sum(row) else 0.0 for digit, row in enumerate(self.confusion))


def score(labels: NDArray[np.integer], predictions: NDArray[np.integer]) -> Score:
    """The score of predictions, both `[n]` digits 0–9; raises ValueError when the lengths differ."""
    if labels.shape != predictions.shape:
        raise ValueError(f"{labels.shape} labels but {predictions.shape} predictions")
    cells = np.bincount(labels.astype(np.int64) * DIGITS + predictions.astype(np.int64), minlength=DIGITS * DIGITS)
    return Score(tuple(map(tuple, cells.reshape(DIGITS, DIGITS).tolist())))
