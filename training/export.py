"""From the trained Keras model to the flat graph that is served, and the proof that both answer alike."""

import contextlib
import io
import warnings
from typing import Any

import numpy as np
import tensorflow as tf

from training.data import Bytes
from training.errors import StageError
from training.inference import FlatGraph

LEAST_AGREEMENT = 0.999


def flat_graph(model: Any) -> FlatGraph:
    """The model as one float32 LiteRT graph: weights and operators, no code."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # the converter speaks of its own future and its temporary folder
        return FlatGraph(bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert()))


def agreement(model: Any, graph: FlatGraph, images: Bytes) -> float:
    """The share of images to which Keras and LiteRT give the same digit; raises StageError below 99.9 %."""
    expected = np.asarray(model.predict(images, batch_size=500, verbose=0)).argmax(axis=1)
    share = float((expected == graph.digits(images)).mean())
    if share < LEAST_AGREEMENT:
        raise StageError(
            f"The exported model agrees with Keras on {share:.2%} of {len(images)} images, fewer than "
            f"{LEAST_AGREEMENT:.1%}: nothing was written; check the versions of tensorflow and ai-edge-litert."
        )
    return share
