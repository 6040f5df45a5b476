"""checkpoint.npz: all that a training needs to go on after its last whole epoch, numbers only."""

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.card import installed, write_file
from training.config import HERE, TrainingConfig
from training.errors import StageError

NAME = "checkpoint.npz"


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch came to: losses, shares of right answers 0–1, and its cost."""

    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The checkpoint in a folder; one that was made by other code, data, versions or settings is not used."""

    folder: Path
    stamp: str

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder / NAME

    def keep(self, variables: Sequence[Any], epochs: tuple[Epoch, ...]) -> None:
        """Replaces the checkpoint, whole or not at all; raises StageError when it cannot be written."""
        about = json.dumps({"stamp": self.stamp, "epochs": [asdict(epoch) for epoch in epochs]})
        arrays: dict[str, Any] = {f"v{number:03}": np.asarray(one) for number, one in enumerate(variables)}
        arrays["about"] = np.frombuffer(about.encode(), np.uint8)
        content = io.BytesIO()
        np.savez(content, **arrays)
        try:
            write_file(self.path, content.getvalue())
        except OSError as problem:
            raise StageError(
                f"Cannot write {self.path} ({problem.strerror}): make room, or set MODEL_DIR to another folder."
            ) from problem

    def restore(self, variables: Sequence[Any]) -> tuple[Epoch, ...]:
        """Sets the variables to those kept and returns the epochs done; none, and says why, where it cannot be used."""
        try:
            content = self.path.read_bytes()
        except OSError:
            return ()
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as found:
                about = json.loads(found["about"].tobytes())
                if about["stamp"] != self.stamp:
                    print(f"{self.path} is of other code, data, versions or settings: starting anew.", flush=True)
                    return ()
                epochs = tuple(Epoch(**epoch) for epoch in about["epochs"])
                values = [found[f"v{number:03}"] for number in range(len(variables))]
        except (ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError) as problem:
            print(f"{self.path} is damaged ({problem}): starting anew.", flush=True)
            return ()
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        print(f"Going on after epoch {len(epochs)} of an interrupted training.", flush=True)
        return epochs

    def discard(self) -> None:
        """Removes the checkpoint: its training is complete."""
        self.path.unlink(missing_ok=True)


def make_stamp(config: TrainingConfig, data_sha256: str) -> str:
    """The hash of all that the weights depend on: this package's code, data, settings and installed versions."""
    code = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(HERE.glob("*.py"))}
    told = {"code": code, "config": asdict(config), "data": data_sha256, "versions": installed()}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
