"""What a training run is told: the configuration that shapes the model, and where its files are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from training.errors import StageError

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Everything besides data and versions that the weights depend on; written to the model card."""

    name: str
    epochs: int
    batch_size: int
    peak_learning_rate: float
    weight_decay: float = 0.01
    warmup_share: float = 0.3
    """The share of all steps in which the learning rate rises, before it falls to zero."""
    validation_share: float = 1 / 12
    """The last part of the training set, never fitted: 5,000 of 60,000 images."""
    most_shift: int = 0
    """Each batch is moved by at most so many pixels, across and down: it helps from the second epoch on."""
    seed: int = 1


QUICK = TrainingConfig(name="quick", epochs=1, batch_size=64, peak_learning_rate=0.01)
FULL = TrainingConfig(name="full", epochs=4, batch_size=128, peak_learning_rate=0.01, most_shift=2)


@dataclass(frozen=True, slots=True)
class StageSettings:
    """The variables of docs/formats.md, read and checked."""

    model_dir: Path
    production_dir: Path | None
    data_dir: Path
    commit: str | None
    config: TrainingConfig

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "StageSettings":
        """The settings of one stage; raises StageError naming the variable that is missing or wrong."""
        model_dir = environ.get("MODEL_DIR", "")
        if not model_dir:
            raise StageError("MODEL_DIR is not set: set it to the model directory, for example MODEL_DIR=/tmp/model.")
        production = environ.get("PRODUCTION_DIR", "")
        return cls(
            model_dir=Path(model_dir),
            production_dir=Path(production) if production else None,
            data_dir=Path(environ.get("DATA_DIR") or HERE / "data"),
            commit=environ.get("COMMIT") or None,
            config=_config(environ),
        )


def _config(environ: Mapping[str, str]) -> TrainingConfig:
    match environ.get("QUICK", ""):
        case "1":
            return QUICK
        case "" | "0":
            return FULL
        case other:
            raise StageError(f"QUICK is {other!r}: set it to 1 for the short training, or leave it unset.")
