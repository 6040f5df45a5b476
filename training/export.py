"""`python -m training.export`: from the fitted weights to the flat graphs that are served, proven to answer alike.

`python -m training.train` ends with the same step.
"""

import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from training.card import make_folder, render_card, render_golden, write_model
from training.command import Stage, run_stage
from training.config import StageSettings
from training.data import Examples, TrainingData, describe, digest, load_training, typical
from training.errors import StageError
from training.fitted import About, read_fitted
from training.inference import FlatGraph
from training.policy import PATH, ExportPolicy, parse_export
from training.signing import NAME, read_signer, sign

STAGE = Stage(
    "export",
    "Makes what is served from the fitted weights in the model directory, and proves that it answers as they do.",
    ("MODEL_DIR", "DATA_DIR", "SIGNING_KEY_FILE"),
)

CHANCE_IMAGES = 3
"""So many may be lost where a share of few images would be less than that; of 5,000 the policy's 0.1 points are 5."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How a flat graph answers beside Keras on the validation images: shares 0–1."""

    keras_agreement: float
    validation_accuracy: float


def run(settings: StageSettings) -> None:
    """The stage: reads weights.npz of MODEL_DIR and DATA_DIR, writes the model; raises StageError."""
    if settings.signing_key is not None:
        read_signer(settings.signing_key)
    make_folder(settings.model_dir)
    weights, about = read_fitted(settings.model_dir)
    data = load_training(settings.data_dir, about.config.validation_share)
    if data.sha256 != about.data_sha256:
        raise StageError(f"{settings.data_dir} is not the data of the training: set DATA_DIR, or train again.")
    from training.model import build  # here, so that what is wrong is said before TensorFlow is loaded

    model = build()
    try:
        model.set_weights(weights)
    except ValueError as problem:
        raise StageError("The weights are of another network: run `python -m training.train`.") from problem
    export(settings, model, about, data)


def export(settings: StageSettings, model: Any, about: About, data: TrainingData) -> None:
    """Writes both forms of a fitted network, golden digits and card, and signs them; raises StageError."""
    from training.graphs import float_graph, int8_graph

    policy = parse_export(PATH.read_text())
    golden = render_golden(typical(data.validation))
    graphs = {"float": float_graph(model), "int8": int8_graph(model, data.train)}
    parity = compare(model, graphs, data.validation, policy)
    served = graphs[policy.serve]
    told = {
        "weights_sha256": about.weights_sha256,
        "served": policy.serve,
        "served_because": policy.because,
        "exports": {
            form: {"sha256": digest(graph.content), "size_bytes": len(graph.content), **asdict(parity[form])}
            for form, graph in graphs.items()
        },
        "config": asdict(about.config),
        "metrics": {
            **asdict(parity[policy.serve]),
            "fit_seconds": about.seconds,
            "fit_cpu_seconds": about.cpu_seconds,
            "peak_memory_mb": about.peak_memory_mb,
        },
        "reference": describe(data.train),
        "learning_curve": [asdict(epoch) for epoch in about.epochs],
    }
    card = render_card(served.content, golden, datetime.now(UTC), about.commit, data.sha256, told)
    others = {f"{form}.tflite": graph.content for form, graph in graphs.items() if form != policy.serve}
    files = {"model.tflite": served.content, **others, "golden.json": golden}
    if settings.signing_key is not None:
        files[NAME] = sign({**files, "card.json": card}, settings.signing_key)
    write_model(settings.model_dir, files, card)
    accuracy = parity[policy.serve].validation_accuracy
    print(f"Validation accuracy {accuracy:.2%} ({policy.serve}); the model is in {settings.model_dir}.", flush=True)


def compare(model: Any, graphs: dict[str, FlatGraph], examples: Examples, policy: ExportPolicy) -> dict[str, Parity]:
    """How each form answers beside Keras; raises StageError for a form that is farther off than the policy allows."""
    expected = np.asarray(model.predict(examples.images, batch_size=500, verbose=0)).argmax(axis=1)
    keras_right = int((expected == examples.labels).sum())
    found = {}
    for form, graph in graphs.items():
        digits = graph.digits(examples.images)
        right = int((digits == examples.labels).sum())
        found[form] = Parity(float((digits == expected).mean()), right / len(examples))
        lost, agreed = keras_right - right, found[form].keras_agreement
        if form == "float" and agreed < policy.least_agreement:
            raise _far_off(
                form, f"agrees with Keras on {agreed:.2%}, fewer than {policy.least_agreement:.1%},", examples
            )
        if lost > max(CHANCE_IMAGES, policy.most_points_lost / 100 * len(examples)):
            points = f"loses {100 * lost / len(examples):.2f} points, more than {policy.most_points_lost:.2f},"
            raise _far_off(form, points, examples)
    return found


def _far_off(form: str, how: str, examples: Examples) -> StageError:
    return StageError(
        f"The {form} form {how} of {len(examples)} images: nothing was written; "
        "check the versions of tensorflow and ai-edge-litert."
    )


if __name__ == "__main__":
    sys.exit(run_stage(STAGE, run, sys.argv[1:]))
