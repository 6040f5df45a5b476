"""weights.npz: what `train` hands to `export`, numbers only."""

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.card import read_file, write_file
from training.config import TrainingConfig
from training.errors import StageError

NAME = "weights.npz"


@dataclass(frozen=True, slots=True)
class About:
    """What the weights are of, and what fitting them cost."""

    config: TrainingConfig
    commit: str | None
    data_sha256: str
    seconds: float
    cpu_seconds: float
    peak_memory_mb: float


def write_fitted(folder: Path, weights: list[NDArray[np.float32]], about: About) -> None:
    """Writes the network's weights, in the order of its layers; raises StageError."""
    content = io.BytesIO()
    arrays: dict[str, Any] = {f"w{number:02}": array for number, array in enumerate(weights)}
    arrays["about"] = np.frombuffer(json.dumps(asdict(about)).encode(), np.uint8)
    np.savez(content, **arrays)
    try:
        write_file(folder / NAME, content.getvalue())
    except OSError as problem:
        raise StageError(f"Cannot write {folder / NAME} ({problem.strerror}).") from problem


def read_fitted(folder: Path) -> tuple[list[NDArray[np.float32]], About]:
    """The weights and what they are of; never runs code from the file. Raises StageError."""
    path, remedy = folder / NAME, "run `python -m training.train`"
    content = read_file(path, remedy)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            told: dict[str, Any] = json.loads(found["about"].tobytes())
            weights = [found[name] for name in sorted(found.files) if name != "about"]
        config = TrainingConfig(**told.pop("config"))
        return weights, About(config=config, **told)
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as problem:
        raise StageError(f"{path} does not hold the weights of a training ({problem}): {remedy}.") from problem
