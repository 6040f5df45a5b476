"""`python -m training.evaluate`: the one look at the test set, through the exported model.

Writes metrics.json, answers.npz and three pictures.
"""

import resource
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from training.answers import NAME, Answers, render_answers
from training.card import read_card, read_document, read_file, render_metrics, write_file
from training.command import Stage, run_stage
from training.config import StageSettings
from training.data import Bytes, Examples, digest, load_test
from training.errors import StageError
from training.inference import FlatGraph, Probabilities
from training.metrics import calibration, score

STAGE = Stage(
    "evaluate",
    "Looks at the test set through the exported model; writes metrics.json and the pictures.",
    ("MODEL_DIR", "DATA_DIR"),
)

LATENCY_SAMPLE = 500


def run(settings: StageSettings) -> None:
    """The stage: reads MODEL_DIR and DATA_DIR, writes what it found beside the model; raises StageError."""
    folder = settings.model_dir
    content = read_file(folder / "model.tflite", remedy="run `python -m training.train`")
    if digest(content) != read_card(folder).sha256:
        raise StageError(f"{folder / 'model.tflite'} is not the model of its card: train again.")
    test = load_test(settings.data_dir)
    graph = FlatGraph(content)
    started, started_cpu = time.monotonic(), time.process_time()
    probabilities = graph.probabilities(test.images)
    cost = {"seconds": time.monotonic() - started, "cpu_seconds": time.process_time() - started_cpu}
    metrics = measure(graph, test, probabilities, cost)
    answers = render_answers(Answers(test.labels, probabilities.argmax(axis=1).astype(np.uint8)))
    metrics |= {"answers_sha256": digest(answers), "exports": measure_exports(folder, test)}
    write(folder, metrics, {NAME: answers, **draw(folder, test, probabilities)})
    p50 = metrics["latency_us"]["p50"]
    print(f"Test accuracy {metrics['accuracy']:.2%} on {len(test)} images; one image takes {p50:.0f} µs (median).")


def measure(graph: FlatGraph, test: Examples, probabilities: Probabilities, cost: dict[str, float]) -> dict[str, Any]:
    """What metrics.json says of the model that is served."""
    digits = probabilities.argmax(axis=1)
    result = score(test.labels, digits)
    p50, p99 = latency_us(graph, test.images[:LATENCY_SAMPLE])
    return {
        "schema": 1,
        "model_sha256": digest(graph.content),
        "accuracy": result.accuracy,
        "per_class_recall": result.per_class_recall,
        "confusion": result.confusion,
        "examples": result.examples,
        "calibration": asdict(calibration(digits == test.labels, probabilities.max(axis=1))),
        **{name: round(value, 4) for name, value in cost.items()},
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "latency_us": {"p50": p50, "p99": p99},
        "size_bytes": len(graph.content),
    }


def measure_exports(folder: Path, test: Examples) -> dict[str, Any]:
    """Accuracy, latency and size of each form that the card names; raises StageError where a file is not the card's."""
    card = read_document(folder / "card.json", remedy="run `python -m training.train`")
    told: dict[str, Any] = {}
    for form, about in card.get("exports", {}).items():
        path = folder / ("model.tflite" if form == card.get("served") else f"{form}.tflite")
        graph = FlatGraph(read_file(path, remedy="run `python -m training.export`"))
        if digest(graph.content) != about["sha256"]:
            raise StageError(f"{path} is not the {form} form of its card: run `python -m training.export`.")
        p50, p99 = latency_us(graph, test.images[:LATENCY_SAMPLE])
        accuracy = score(test.labels, graph.digits(test.images)).accuracy
        told[form] = {"accuracy": accuracy, "latency_us": {"p50": p50, "p99": p99}, "size_bytes": len(graph.content)}
    return told


def draw(folder: Path, test: Examples, probabilities: Probabilities) -> dict[str, bytes]:
    """The pictures by file name."""
    from training import plots  # here, so that the memory it takes is not counted as the model's

    card = read_document(folder / "card.json", remedy="run `python -m training.train`")
    return {
        "confusion.png": plots.draw_confusion(score(test.labels, probabilities.argmax(axis=1))),
        "learning-curve.png": plots.draw_learning_curve(card.get("learning_curve", [])),
        "misclassified.png": plots.draw_misclassified(test.images, test.labels, probabilities),
    }


def write(folder: Path, metrics: dict[str, Any], beside: dict[str, bytes]) -> None:
    """Writes all, metrics.json last; raises StageError when the folder cannot be written."""
    try:
        for name, content in beside.items():
            write_file(folder / name, content)
        write_file(folder / "metrics.json", render_metrics(metrics))
    except OSError as problem:
        raise StageError(
            f"Cannot write the test result to {folder} ({problem.strerror}): make room and evaluate again."
        ) from problem


def latency_us(graph: FlatGraph, images: Bytes) -> tuple[float, float]:
    """The median and the 99th percentile of one answer to one image, in microseconds."""
    ask = graph.asker()
    ask(images[0])  # the first answer also sets the runtime up
    taken = []
    for image in images:
        started = time.perf_counter_ns()
        ask(image)
        taken.append((time.perf_counter_ns() - started) / 1000)
    p50, p99 = np.percentile(taken, (50, 99)).round(1).tolist()
    return p50, p99


if __name__ == "__main__":
    sys.exit(run_stage(STAGE, run, sys.argv[1:]))
