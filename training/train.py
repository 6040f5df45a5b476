"""`python -m training.train`: trains the digit model on MNIST and writes the model directory."""

import os
import resource
import sys
import time
from dataclasses import dataclass
from typing import Any

from training.card import make_folder
from training.config import StageSettings, TrainingConfig
from training.data import TrainingData, load_test, load_training
from training.errors import exit_status
from training.fitted import About, write_fitted


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted Keras model and what fitting it cost."""

    model: Any
    seconds: float
    cpu_seconds: float


def train(data: TrainingData, config: TrainingConfig) -> Trained:
    """Fits the network; deterministic for one machine, one set of versions and one configuration."""
    import keras
    import tensorflow as tf

    from training.model import build, fit

    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    model = build()
    started, started_cpu = time.monotonic(), time.process_time()
    fit(model, data.train, config)
    return Trained(model, time.monotonic() - started, time.process_time() - started_cpu)


def run(settings: StageSettings) -> None:
    """The stage: reads DATA_DIR, writes MODEL_DIR; raises StageError."""
    config = settings.config
    data = load_training(settings.data_dir, config.validation_share)
    load_test(settings.data_dir)  # its fault is told now, not after minutes of training
    make_folder(settings.model_dir)
    _say(
        f"Training ({config.name}): {len(data.train)} images, {config.epochs} epoch(s), batches of {config.batch_size}."
    )
    trained = train(data, config)
    _say(f"Fitted in {trained.seconds:.1f} s ({trained.cpu_seconds:.1f} CPU-s); exporting.")
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    seconds, cpu_seconds = round(trained.seconds, 3), round(trained.cpu_seconds, 3)
    about = About(config, settings.commit, data.sha256, seconds, cpu_seconds, peak)
    write_fitted(settings.model_dir, trained.model.get_weights(), about)

    from training.export import export

    export(settings, trained.model, about, data)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(exit_status(lambda: run(StageSettings.from_env(os.environ))))
