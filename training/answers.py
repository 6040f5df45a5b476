"""answers.npz: what a model answered to each test image, so that two models can be compared image by image."""

import io
import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data import Bytes
from training.errors import StageError

NAME = "answers.npz"


@dataclass(frozen=True, slots=True)
class Answers:
    """The true digits `uint8 [n]` and the answers `uint8 [n]`, in the order of the test set."""

    labels: Bytes
    digits: Bytes

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which answers are right, `[n]`."""
        right: NDArray[np.bool_] = self.labels == self.digits
        return right


def render_answers(answers: Answers) -> bytes:
    """answers.npz, packed: some 5 kB for 10,000 images; the same answers give the same bytes."""
    content = io.BytesIO()
    np.savez_compressed(content, labels=answers.labels, digits=answers.digits)
    return content.getvalue()


def parse_answers(content: bytes) -> Answers:
    """The answers in a file; never runs code from it. Raises StageError."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            answers = Answers(found["labels"], found["digits"])
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as problem:
        raise StageError(f"answers.npz holds no answers ({problem}): run `python -m training.evaluate`.") from problem
    if not answers.labels.dtype == answers.digits.dtype == np.uint8 or answers.labels.shape != answers.digits.shape:
        raise StageError("answers.npz does not hold one digit for each label: run `python -m training.evaluate`.")
    return answers
