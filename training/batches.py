"""The batches of all epochs: which images, and how each is moved, turned and stretched.

All is drawn beforehand from the seed and the number of the epoch: no thread of the pipeline can change it, and an
epoch is the same whether or not the training was interrupted before it.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.config import TrainingConfig
from training.data import Examples

Transforms = NDArray[np.float32]
CENTRE = 13.5


def make_batches(examples: Examples, config: TrainingConfig, steps: int, done: int) -> Any:
    """What is left to fit after `done` epochs, so many batches each: `uint8 [batch, 28, 28]` and labels `[batch]`."""
    size = batch_size(examples, config)
    images, labels = tf.constant(examples.images[..., np.newaxis]), tf.constant(examples.labels)
    randoms = [np.random.default_rng((config.seed, epoch)) for epoch in range(done, config.epochs)]
    order = np.concatenate([random.permutation(len(examples))[: steps * size] for random in randoms])
    indices = tf.data.Dataset.from_tensor_slices(order).batch(size)

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]  # it would write its code to TMPDIR
    def plain(chosen: Any) -> Any:
        return tf.gather(images, chosen)[..., 0], tf.gather(labels, chosen)

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def moved(chosen: Any, transforms: Any) -> Any:
        return transform(tf.gather(images, chosen), transforms)[..., 0], tf.gather(labels, chosen)

    if not config.augments:
        return indices.map(plain).prefetch(2)
    drawn = np.concatenate([draw_transforms(random, steps * size, config) for random in randoms])
    return tf.data.Dataset.zip((indices, tf.data.Dataset.from_tensor_slices(drawn).batch(size))).map(moved).prefetch(2)


def batch_size(examples: Examples, config: TrainingConfig) -> int:
    """The configured size, or all examples where they are fewer."""
    return min(config.batch_size, len(examples))


def draw_transforms(random: np.random.Generator, count: int, config: TrainingConfig) -> Transforms:
    """`float32 [count, 8]`: for each image, where each of its pixels comes from, as `transform` reads it."""
    turn = np.deg2rad(random.uniform(-config.most_turn, config.most_turn, count))
    across, down = np.exp(random.uniform(-config.most_zoom, config.most_zoom, (2, count)))
    shift = random.uniform(-config.most_shift, config.most_shift, (count, 2))
    cosine, sine = np.cos(turn), np.sin(turn)
    rows = np.stack([cosine * across, -sine * down, sine * across, cosine * down], axis=1).reshape(count, 2, 2)
    offset = CENTRE - rows @ np.array([CENTRE, CENTRE]) + shift  # turned and stretched about the middle
    projective = np.zeros((count, 2))
    parts = (rows[:, 0], offset[:, :1], rows[:, 1], offset[:, 1:], projective)
    return np.concatenate(parts, axis=1).astype(np.float32)


def transform(images: Any, transforms: Any) -> Any:
    """Images `uint8 [n, 28, 28, 1]`, moved; what comes from outside of an image is black."""
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=[28, 28],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
