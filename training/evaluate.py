"""`python -m training.evaluate`: the one look at the test set, through the exported model; writes metrics.json."""

import os
import resource
import sys
import time

import numpy as np

from training.card import read_card, read_file, write_metrics
from training.config import StageSettings
from training.data import Bytes, digest, load_test
from training.errors import StageError, exit_status
from training.inference import FlatGraph
from training.metrics import score

LATENCY_SAMPLE = 500


def run(settings: StageSettings) -> None:
    """The stage: reads MODEL_DIR and DATA_DIR, writes metrics.json; raises StageError."""
    content = read_file(settings.model_dir / "model.tflite", remedy="run `python -m training.train`")
    if digest(content) != read_card(settings.model_dir).sha256:
        raise StageError(f"{settings.model_dir / 'model.tflite'} is not the model of its card: train again.")
    test = load_test(settings.data_dir)
    graph = FlatGraph(content)
    started, started_cpu = time.monotonic(), time.process_time()
    result = score(test.labels, graph.digits(test.images))
    seconds, cpu_seconds = time.monotonic() - started, time.process_time() - started_cpu
    p50, p99 = latency_us(graph, test.images[:LATENCY_SAMPLE])
    metrics = {
        "schema": 1,
        "model_sha256": digest(content),
        "accuracy": result.accuracy,
        "per_class_recall": result.per_class_recall,
        "confusion": result.confusion,
        "examples": result.examples,
        "seconds": round(seconds, 4),
        "cpu_seconds": round(cpu_seconds, 4),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "latency_us": {"p50": p50, "p99": p99},
        "size_bytes": len(content),
    }
    write_metrics(settings.model_dir, metrics)
    print(f"Test accuracy {result.accuracy:.2%} on {result.examples} images; one image takes {p50:.0f} µs (median).")


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
    sys.exit(exit_status(lambda: run(StageSettings.from_env(os.environ))))
