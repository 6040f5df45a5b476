"""`python -m training.export`: from the fitted weights to the flat graph that is served, proven to answer alike.

`python -m training.train` ends with the same step.
"""

import contextlib
import io
import os
import sys
import warnings
from datetime import UTC, datetime
from typing import Any

import numpy as np
import tensorflow as tf

from training.card import make_folder, render_card, render_golden, write_model
from training.config import StageSettings
from training.data import Bytes, TrainingData, load_test, load_training, typical
from training.errors import StageError, exit_status
from training.fitted import About, read_fitted
from training.inference import FlatGraph
from training.model import build

LEAST_AGREEMENT = 0.999
PARITY_SAMPLE = 2000


def run(settings: StageSettings) -> None:
    """The stage: reads weights.npz of MODEL_DIR and DATA_DIR, writes the model; raises StageError."""
    make_folder(settings.model_dir)
    weights, about = read_fitted(settings.model_dir)
    data = load_training(settings.data_dir, about.config.validation_share)
    if data.sha256 != about.data_sha256:
        raise StageError(f"{settings.data_dir} is not the data of the training: set DATA_DIR, or train again.")
    model = build()
    try:
        model.set_weights(weights)
    except ValueError as problem:
        raise StageError("The weights are of another network: run `python -m training.train`.") from problem
    export(settings, model, about, data)


def export(settings: StageSettings, model: Any, about: About, data: TrainingData) -> None:
    """Writes model, golden digits and card of a fitted network; raises StageError."""
    golden = render_golden(typical(load_test(settings.data_dir)))
    graph = flat_graph(model)
    parity = agreement(model, graph, data.validation.images[:PARITY_SAMPLE])
    accuracy = float((graph.digits(data.validation.images) == data.validation.labels).mean())
    metrics = {
        "validation_accuracy": accuracy,
        "keras_agreement": parity,
        "fit_seconds": about.seconds,
        "fit_cpu_seconds": about.cpu_seconds,
        "peak_memory_mb": about.peak_memory_mb,
    }
    card = render_card(graph.content, golden, datetime.now(UTC), about.config, about.commit, data.sha256, metrics)
    write_model(settings.model_dir, graph.content, golden, card)
    print(f"Validation accuracy {accuracy:.2%}; the model is in {settings.model_dir}.", flush=True)


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


if __name__ == "__main__":
    sys.exit(exit_status(lambda: run(StageSettings.from_env(os.environ))))
