"""The pictures of an evaluation, as PNG."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np

from training.data import Bytes
from training.inference import Probabilities
from training.metrics import Score

mpl.use("agg")

from matplotlib.figure import Figure  # after the backend was chosen

MOST_SHOWN = 40


def draw_confusion(score: Score) -> bytes:
    """The 10×10 counts, row = true digit; mistakes stand out, right answers are grey."""
    figure = Figure(figsize=(6.4, 6), layout="constrained")
    axes = figure.add_subplot()
    counts = np.array(score.confusion)
    mistakes = counts * (1 - np.eye(10, dtype=counts.dtype))
    axes.imshow(mistakes, cmap="Reds", vmin=0, vmax=max(1, mistakes.max()))
    for true, row in enumerate(score.confusion):
        for answer, count in enumerate(row):
            colour = "0.5" if true == answer else "white" if count > mistakes.max() / 2 else "black"
            axes.text(answer, true, str(count) if count else "", ha="center", va="center", color=colour, fontsize=9)
    axes.set(xticks=range(10), yticks=range(10), xlabel="answer", ylabel="true digit")
    axes.set_title(f"{score.accuracy:.2%} of {score.examples} test images are right")
    return _png(figure)


def draw_learning_curve(epochs: Sequence[dict[str, float]]) -> bytes:
    """Loss and mistakes after each epoch, on the images fitted and on those held out for validation."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    numbers = range(1, len(epochs) + 1)
    loss, wrong = figure.subplots(1, 2)
    for prefix, name in (("", "fitted, while it learned"), ("validation_", "validation")):
        loss.plot(numbers, [epoch[f"{prefix}loss"] for epoch in epochs], marker="o", label=name)
        wrong.plot(numbers, [100 * (1 - epoch[f"{prefix}accuracy"]) for epoch in epochs], marker="o", label=name)
    loss.set(xlabel="epoch", ylabel="loss (cross entropy)")
    wrong.set(xlabel="epoch", ylabel="wrong answers, %")
    for axes in (loss, wrong):
        axes.set(xticks=numbers, xlim=(0.5, max(1, len(epochs)) + 0.5))
        axes.set_ylim(bottom=0)
        axes.legend()
    return _png(figure)


def draw_misclassified(images: Bytes, labels: Bytes, probabilities: Probabilities) -> bytes:
    """The wrong answers, the surest first, at most 40: true digit → answer, and its probability."""
    answers = probabilities.argmax(axis=1)
    (wrong,) = np.nonzero(answers != labels)
    sureness = probabilities[wrong, answers[wrong]]
    shown = wrong[np.argsort(-sureness, kind="stable")][:MOST_SHOWN]
    rows = max(1, -(-len(shown) // 8))
    figure = Figure(figsize=(9, 0.6 + 1.3 * rows), layout="constrained")
    figure.suptitle(f"{len(wrong)} of {len(labels)} test images are misread" + _which(len(wrong)), fontsize=11)
    grid = figure.subplots(rows, 8, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, number in zip(grid, shown, strict=False):
        axes.imshow(images[number], cmap="gray_r")
        axes.set_title(f"{labels[number]} → {answers[number]}  {probabilities[number].max():.0%}", fontsize=9)
    return _png(figure)


def _which(count: int) -> str:
    return f"; the {MOST_SHOWN} surest" if count > MOST_SHOWN else ""


def _png(figure: Any) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=100, metadata={"Software": None})
    return content.getvalue()
