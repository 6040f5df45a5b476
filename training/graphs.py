"""A Keras model as flat graphs of LiteRT: operators and numbers, no code."""

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from training.data import Examples
from training.inference import FlatGraph
from training.model import without_scale

CALIBRATION_IMAGES = 500


def float_graph(model: Any) -> FlatGraph:
    """The model as one float32 LiteRT graph: weights and operators, no code."""
    return _convert(tf.lite.TFLiteConverter.from_keras_model(model))


def int8_graph(model: Any, examples: Examples) -> FlatGraph:
    """The model with 8-bit weights and activations, their ranges taken from training images."""
    converter = tf.lite.TFLiteConverter.from_keras_model(without_scale(model))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type, converter.inference_output_type = tf.uint8, tf.float32

    def calibration() -> Iterator[list[Any]]:
        # Black and white bound the range: 256 grey levels stay 256 levels.
        yield [np.array([0, 255], np.float32).repeat(392).reshape(1, 28, 28)]
        for image in examples.images[:CALIBRATION_IMAGES].astype(np.float32):
            yield [image[np.newaxis]]

    converter.representative_dataset = calibration
    return _convert(converter)


def _convert(converter: Any) -> FlatGraph:
    # The converter speaks of its own future and its temporary folder.
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return FlatGraph(bytes(converter.convert()))
