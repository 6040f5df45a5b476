"""What true and predicted digits come to: counts, shares, calibration, and the comparison of two models; pure."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DIGITS = 10
BINS = 15


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


@dataclass(frozen=True, slots=True)
class Bin:
    """The answers whose probability lies in (low, high]: how many, how sure they are, and how often right."""

    low: float
    high: float
    examples: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well probabilities tell how often the answers are right; 0 is perfect, 1 the worst."""

    expected_error: float
    """The mean distance between probability and share of right answers, bins weighted by their examples (ECE)."""
    bins: tuple[Bin, ...]
    """The bins that hold answers."""


def calibration(right: NDArray[np.bool_], confidence: NDArray[np.floating]) -> Calibration:
    """The calibration over equally wide bins of answers `[n]`: which are right, and the probability of each, 0–1."""
    places = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    bins = []
    for place in np.unique(places):
        chosen = places == place
        sure, share = float(confidence[chosen].mean(dtype=np.float64)), float(right[chosen].mean())
        bins.append(Bin(place.item() / BINS, (place.item() + 1) / BINS, int(chosen.sum()), sure, share))
    error = math.fsum(found.examples * abs(found.confidence - found.accuracy) for found in bins)
    return Calibration(error / max(1, len(right)), tuple(bins))


@dataclass(frozen=True, slots=True)
class Pairs:
    """The examples on which exactly one of two models is right."""

    lost: int
    """Those that production has right and the candidate wrong."""
    won: int

    @property
    def p_value(self) -> float:
        """McNemar's exact test, one-sided: how probable so many losses are among these if both are equally good."""
        unequal = self.lost + self.won
        cases = sum(math.comb(unequal, lost) for lost in range(self.lost, unequal + 1))
        return float(cases / 2**unequal)


def pair(candidate: NDArray[np.bool_], production: NDArray[np.bool_]) -> Pairs:
    """Compares what two models have right, both `[n]` in the same order; raises ValueError when lengths differ."""
    if candidate.shape != production.shape:
        raise ValueError(f"{candidate.shape} answers beside {production.shape}")
    return Pairs(lost=int((production & ~candidate).sum()), won=int((candidate & ~production).sum()))
