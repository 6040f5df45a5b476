"""How the network learns: AdamW under a triangular learning rate, a checkpoint after each epoch."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from training.batches import batch_size, make_batches
from training.checkpoint import Checkpoint, Epoch
from training.config import TrainingConfig
from training.data import TrainingData
from training.errors import StageError

STEPS_AT_ONCE = range(20, 41)
"""Steps in one call into TensorFlow: between calls Python costs as much as a step."""


@dataclass(frozen=True, slots=True)
class Watching:
    """How the progress is shown: a bar for a person at a terminal, and TensorBoard's logs where a folder is given."""

    bar: bool = False
    tensorboard: Path | None = None

    def callbacks(self) -> list[Any]:
        """What Keras calls besides the keeper of the checkpoints."""
        if self.tensorboard is None:
            return []
        return [keras.callbacks.TensorBoard(str(self.tensorboard), write_graph=False)]


def fit(
    model: Any, data: TrainingData, config: TrainingConfig, checkpoint: Checkpoint, watching: Watching
) -> tuple[Epoch, ...]:
    """Trains the model in place, from the checkpoint on where there is one; returns what each epoch came to.

    The same data, configuration and versions give the same weights on one machine, however often it was interrupted.
    Raises StageError when the training diverges or a checkpoint cannot be written.
    """
    at_once, calls = group_steps(len(data.train) // batch_size(data.train, config))
    steps = at_once * calls
    schedule = Triangle(config.peak_learning_rate, steps * config.epochs, config.warmup_share)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=config.weight_decay)
    optimizer.build(model.trainable_variables)
    model.compile(
        optimizer=optimizer,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # five times slower here: one compilation costs more than an epoch
        steps_per_execution=at_once,
    )
    keeper = Keeper(checkpoint, model, optimizer)
    if len(keeper.epochs) < config.epochs:
        model.fit(
            make_batches(data.train, config, steps, len(keeper.epochs)),
            initial_epoch=len(keeper.epochs),
            epochs=config.epochs,
            steps_per_epoch=steps,
            validation_data=(data.validation.images, data.validation.labels),
            validation_batch_size=500,
            shuffle=False,
            callbacks=[keeper, *watching.callbacks()],
            verbose=1 if watching.bar else 2,
        )
    return keeper.epochs


def group_steps(steps: int) -> tuple[int, int]:
    """Steps in one call and calls in an epoch, as nearly all steps as can be.

    A call that reached into the next epoch would move all that comes after: no epoch may end within a call.
    """
    at_once = steps if steps < STEPS_AT_ONCE.stop else min(STEPS_AT_ONCE, key=lambda count: steps % count)
    return at_once, steps // at_once


class Keeper(keras.callbacks.Callback):  # type: ignore[misc]  # keras ships no types
    """Writes a checkpoint after each epoch; raises StageError when the loss is no number any more."""

    def __init__(self, checkpoint: Checkpoint, model: Any, optimizer: Any) -> None:
        super().__init__()
        self._checkpoint, self._variables = checkpoint, [*model.variables, *optimizer.variables]
        self.epochs = checkpoint.restore(self._variables)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Notes when the epoch began."""
        self._begun = time.monotonic(), time.process_time()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keeps what was reached."""
        told = {name: float(value) for name, value in logs.items()}
        if not math.isfinite(told["loss"]) or not math.isfinite(told["val_loss"]):
            raise StageError(
                f"The training diverged in epoch {epoch + 1} (loss {told['loss']}): "
                "lower peak_learning_rate in training/config.py."
            )
        begun, begun_cpu = self._begun
        reached = Epoch(
            loss=told["loss"],
            accuracy=told["accuracy"],
            validation_loss=told["val_loss"],
            validation_accuracy=told["val_accuracy"],
            seconds=round(time.monotonic() - begun, 3),
            cpu_seconds=round(time.process_time() - begun_cpu, 3),
        )
        self.epochs = (*self.epochs, reached)
        self._checkpoint.keep(self._variables, self.epochs)


class Triangle(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # keras ships no types
    """A learning rate that rises linearly from 0 to its peak and falls linearly back to 0 at the last step."""

    def __init__(self, peak: float, steps: int, warmup_share: float) -> None:
        self.peak, self.steps, self.warmup_share = peak, steps, warmup_share

    def __call__(self, step: Any) -> Any:
        """The rate at a step, counted from 0."""
        done = (tf.cast(step, tf.float32) + 1) / (self.steps + 1)
        return self.peak * tf.minimum(done / self.warmup_share, (1 - done) / (1 - self.warmup_share))

    def get_config(self) -> dict[str, Any]:
        """The three numbers it was built from, for Keras."""
        return {"peak": self.peak, "steps": self.steps, "warmup_share": self.warmup_share}
