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
    most_shift: float = 0.0
    """Each image is moved by at most so many pixels, across and down."""
    most_turn: float = 0.0
    """Each image is turned by at most so many degrees."""
    most_zoom: float = 0.0
    """Each image is stretched across and down by factors from exp(-most_zoom) to exp(most_zoom)."""
    seed: int = 1

    @property
    def augments(self) -> bool:
        """Whether images are changed at all."""
        return bool(self.most_shift or self.most_turn or self.most_zoom)


QUICK = TrainingConfig(name="quick", epochs=1, batch_size=64, peak_learning_rate=0.02)
STANDARD = TrainingConfig(
    name="standard",
    epochs=5,
    batch_size=128,
    peak_learning_rate=0.02,
    most_shift=1.0,
    most_turn=7.0,
    most_zoom=0.07,
)
FULL = TrainingConfig(
    name="full",
    epochs=16,
    batch_size=128,
    peak_learning_rate=0.01,
    most_shift=1.5,
    most_turn=10.0,
    most_zoom=0.1,
)
CONFIGURATIONS = {config.name: config for config in (QUICK, STANDARD, FULL)}
"""By name: for the evidence of an update, for each merge, and for the last tenths of a percent."""


@dataclass(frozen=True, slots=True)
class StageSettings:
    """The variables of docs/formats.md, read and checked."""

    model_dir: Path
    production_dir: Path | None
    data_dir: Path
    commit: str | None
    config: TrainingConfig
    tensorboard_dir: Path | None = None
    signing_key: Path | None = None
    verifying_key: Path | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "StageSettings":
        """The settings of one stage; raises StageError naming the variable that is missing or wrong."""
        model_dir = environ.get("MODEL_DIR", "")
        if not model_dir:
            raise StageError("MODEL_DIR is not set: set it to the model directory, for example MODEL_DIR=/tmp/model.")
        return cls(
            model_dir=Path(model_dir),
            production_dir=_path(environ, "PRODUCTION_DIR"),
            data_dir=Path(environ.get("DATA_DIR") or HERE / "data"),
            commit=environ.get("COMMIT") or None,
            config=_config(environ),
            tensorboard_dir=_path(environ, "TENSORBOARD_DIR"),
            signing_key=_path(environ, "SIGNING_KEY_FILE"),
            verifying_key=_path(environ, "VERIFYING_KEY_FILE"),
        )


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None


def _config(environ: Mapping[str, str]) -> TrainingConfig:
    match environ.get("QUICK", ""):
        case "1":
            return QUICK
        case "" | "0":
            name = environ.get("TRAINING") or STANDARD.name
            if name not in CONFIGURATIONS:
                raise StageError(
                    f"TRAINING is {name!r}: set it to one of {', '.join(CONFIGURATIONS)}, or leave it unset."
                )
            return CONFIGURATIONS[name]
        case other:
            raise StageError(f"QUICK is {other!r}: set it to 1 for the short training, or leave it unset.")
