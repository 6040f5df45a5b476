"""The network and how it learns: three convolutions, 29,322 parameters, AdamW under a triangular learning rate."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from training.config import TrainingConfig
from training.data import Examples


def build() -> Any:
    """An untrained network that scales its input: `uint8 [n, 28, 28]` grey → `float32 [n, 10]` probabilities."""
    return keras.Sequential(
        [
            layers.Input((28, 28), dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Reshape((28, 28, 1)),
            # A stride instead of a pool: this layer sees most pixels, and so costs half as much.
            layers.Conv2D(16, 5, strides=2, activation="relu", kernel_initializer="he_normal"),
            layers.Conv2D(32, 3, kernel_initializer="he_normal"),
            layers.MaxPooling2D(),  # before the activation, with which it commutes: a quarter of the work
            layers.ReLU(),
            layers.Conv2D(64, 3, kernel_initializer="he_normal"),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ],
        name="digits",
    )


def fit(model: Any, examples: Examples, config: TrainingConfig) -> None:
    """Trains the model in place; the same examples, configuration and versions give the same weights on one machine."""
    batch = min(config.batch_size, len(examples))
    steps = config.epochs * (len(examples) // batch)
    model.compile(
        optimizer=keras.optimizers.AdamW(
            Triangle(config.peak_learning_rate, steps, config.warmup_share), weight_decay=config.weight_decay
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # five times slower here: one compilation costs more than an epoch
    )
    model.fit(
        _batches(examples, batch, config),
        epochs=config.epochs,
        steps_per_epoch=steps // config.epochs,
        shuffle=False,
        verbose=2,
    )


def _batches(examples: Examples, batch: int, config: TrainingConfig) -> Any:
    """All epochs' batches, each moved by some pixels; order and moves are drawn beforehand.

    So no thread of the pipeline can change them.
    """
    random = np.random.default_rng(config.seed)
    whole, margin = len(examples) // batch * batch, config.most_shift
    order = np.concatenate([random.permutation(len(examples))[:whole] for _ in range(config.epochs)])
    corners = random.integers(0, 2 * margin + 1, size=(len(order) // batch, 2))
    images = tf.constant(np.pad(examples.images, ((0, 0), (margin, margin), (margin, margin))))
    labels = tf.constant(examples.labels)

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]  # it would write its code to TMPDIR
    def gather(indices: Any, corner: Any) -> Any:
        window = tf.slice(tf.gather(images, indices), (0, corner[0], corner[1]), (batch, 28, 28))
        return window, tf.gather(labels, indices)

    batches = tf.data.Dataset.from_tensor_slices(order).batch(batch, drop_remainder=True)
    return tf.data.Dataset.zip((batches, tf.data.Dataset.from_tensor_slices(corners))).map(gather).prefetch(2)


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
