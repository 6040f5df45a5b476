"""The network: three convolutions, 29,658 parameters; it scales its input itself."""

from typing import Any

import keras
from keras import layers

LEVELS = 256
"""Grey levels are divided by a power of two, so that the scale can move into the weights without rounding."""


def build(*, scaled: bool = True) -> Any:
    """An untrained network `uint8 [n, 28, 28]` grey → `float32 [n, 10]` probabilities.

    With `scaled=False` the input is `float32` and is not divided: for the form whose weights carry the scale.
    """
    entry = [layers.Input((28, 28), dtype="uint8"), layers.Rescaling(1 / LEVELS)]
    return keras.Sequential(
        [
            *(entry if scaled else [layers.Input((28, 28), dtype="float32")]),
            layers.Reshape((28, 28, 1)),
            # A stride instead of a pool: this layer sees most pixels, and so costs half as much.
            *_convolution(16, 5, strides=2),
            *_convolution(32, 3, pool=True),
            *_convolution(64, 3),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ],
        name="digits",
    )


def without_scale(model: Any) -> Any:
    """The same function of `float32` grey levels 0–255, its scale in the first convolution's weights."""
    weights = model.get_weights()
    weights[0] = weights[0] / LEVELS
    twin = build(scaled=False)
    twin.set_weights(weights)
    return twin


def _convolution(filters: int, size: int, strides: int = 1, *, pool: bool = False) -> list[Any]:
    return [
        layers.Conv2D(filters, size, strides=strides, use_bias=False, kernel_initializer="he_normal"),
        # Before what follows, which then has a quarter of the work.
        *([layers.MaxPooling2D()] if pool else []),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
    ]
