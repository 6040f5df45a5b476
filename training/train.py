"""`python -m training.train`: trains the digit model on MNIST and writes the model directory."""

import resource
import sys
from dataclasses import dataclass
from typing import Any

from training.card import make_folder
from training.checkpoint import Checkpoint, Epoch, make_stamp
from training.command import Stage, run_stage
from training.config import StageSettings, TrainingConfig
from training.data import TrainingData, load_training
from training.fitted import About, fingerprint_weights, write_fitted
from training.signing import read_signer

STAGE = Stage(
    "train",
    "Trains the digit model on MNIST and writes the model directory; goes on where it was interrupted.",
    ("MODEL_DIR", "DATA_DIR", "TRAINING", "QUICK", "TENSORBOARD_DIR", "SIGNING_KEY_FILE", "COMMIT"),
)


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted Keras model and what each epoch came to."""

    model: Any
    epochs: tuple[Epoch, ...]


def train(data: TrainingData, config: TrainingConfig, checkpoint: Checkpoint, tensorboard: Any = None) -> Trained:
    """Fits the network; deterministic for one machine, one set of versions and one configuration."""
    import keras
    import tensorflow as tf

    from training.fit import Watching, fit
    from training.model import build

    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    model = build()
    return Trained(model, fit(model, data, config, checkpoint, Watching(sys.stdout.isatty(), tensorboard)))


def run(settings: StageSettings) -> None:
    """The stage: reads DATA_DIR, writes MODEL_DIR; raises StageError."""
    config = settings.config
    if settings.signing_key is not None:
        read_signer(settings.signing_key)
    data = load_training(settings.data_dir, config.validation_share)
    make_folder(settings.model_dir)
    _say(
        f"Training ({config.name}): {len(data.train)} images, {config.epochs} epoch(s), batches of {config.batch_size}."
    )
    checkpoint = Checkpoint(settings.model_dir, make_stamp(config, data.sha256))
    trained = train(data, config, checkpoint, settings.tensorboard_dir)
    weights = trained.model.get_weights()
    about = About(
        config=config,
        commit=settings.commit,
        data_sha256=data.sha256,
        weights_sha256=fingerprint_weights(weights),
        epochs=trained.epochs,
        seconds=round(sum(epoch.seconds for epoch in trained.epochs), 3),
        cpu_seconds=round(sum(epoch.cpu_seconds for epoch in trained.epochs), 3),
        peak_memory_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    )
    _say(f"Fitted in {about.seconds:.1f} s ({about.cpu_seconds:.1f} CPU-s): weights {about.weights_sha256[:16]}.")
    write_fitted(settings.model_dir, weights, about)
    checkpoint.discard()

    from training.export import export

    export(settings, trained.model, about, data)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(run_stage(STAGE, run, sys.argv[1:]))
