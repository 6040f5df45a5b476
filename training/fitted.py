"""weights.npz: what `train` hands to `export`, numbers only."""

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.card import read_file, write_file
from training.checkpoint import Epoch
from training.config import TrainingConfig
from training.errors import StageError

NAME = "weights.npz"
Weights = Sequence[NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class About:
    """What the weights are of, what each epoch came to, and what fitting cost."""

    config: TrainingConfig
    commit: str | None
    data_sha256: str
    weights_sha256: str
    epochs: tuple[Epoch, ...]
    seconds: float
    cpu_seconds: float
    peak_memory_mb: float


def fingerprint_weights(weights: Weights) -> str:
    """The sha256 over the shapes and float32 values of the weights, in the order of the layers."""
    total = hashlib.sha256()
    for array in weights:
        total.update(f"{array.shape}".encode())
        total.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
    return total.hexdigest()


def write_fitted(folder: Path, weights: Weights, about: About) -> None:
    """Writes the network's weights, in the order of its layers; raises StageError."""
    content = io.BytesIO()
    arrays: dict[str, Any] = {f"w{number:02}": array for number, array in enumerate(weights)}
    arrays["about"] = np.frombuffer(json.dumps(asdict(about)).encode(), np.uint8)
    np.savez(content, **arrays)
    try:
        write_file(folder / NAME, content.getvalue())
    except OSError as problem:
        raise StageError(f"Cannot write {folder / NAME} ({problem.strerror}): make room and train again.") from problem


def read_fitted(folder: Path) -> tuple[Weights, About]:
    """The weights and what they are of; never runs code from the file. Raises StageError."""
    path, remedy = folder / NAME, "run `python -m training.train`"
    content = read_file(path, remedy)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            told: dict[str, Any] = json.loads(found["about"].tobytes())
            weights = [found[name] for name in sorted(found.files) if name != "about"]
        config = TrainingConfig(**told.pop("config"))
        epochs = tuple(Epoch(**epoch) for epoch in told.pop("epochs"))
        about = About(config=config, epochs=epochs, **told)
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError) as problem:
        raise StageError(f"{path} does not hold the weights of a training ({problem}): {remedy}.") from problem
    if fingerprint_weights(weights) != about.weights_sha256:
        raise StageError(f"{path} does not hold the weights that it says: {remedy}.")
    return weights, about
