"""Accuracy and cost of this repository's training beside a well-known example: `python -m bench.bench_training`.

The example is the convolutional network of keras.io's "Simple MNIST convnet": 15 epochs, batches of 128. Each fitting
runs in a process of its own, one after another; the cost is that of fitting alone. `--parts` and `--seeds` run less.
The test set is looked at once for each fitting, after it. The last line of the output is JSON.
"""

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.checkpoint import Checkpoint
from training.config import FULL, HERE, QUICK
from training.data import load_test, load_training

PARTS = ("quick", "keras-io", "full")
Measured = dict[str, float]


def main(arguments: Sequence[str]) -> int:
    """Prints a line for each fitting, then the figures as JSON; parts that were left out are null."""
    parser = argparse.ArgumentParser(prog="python -m bench.bench_training", description=__doc__)
    parser.add_argument(
        "--parts", default=",".join(PARTS), help="some of them, with commas between; default: %(default)s"
    )
    parser.add_argument("--seeds", type=int, default=5, help="fittings of each configuration; default: %(default)s")
    parser.add_argument("--one", nargs=2, metavar=("PART", "SEED"), help=argparse.SUPPRESS)
    told = parser.parse_args(arguments)
    if told.one:
        print(json.dumps(fit_once(told.one[0], int(told.one[1]))))
        return 0
    parts = told.parts.split(",")
    if unknown := sorted({*parts} - {*PARTS}):
        parser.error(f"{unknown[0]} is none of {', '.join(PARTS)}")
    found = {part: [measure(part, seed) for seed in seeds(part, told.seeds)] for part in PARTS if part in parts}
    print(json.dumps(figures(found)))
    return 0


def seeds(part: str, count: int) -> range:
    """The seeds of a part; the example is fitted once, its cost hardly varies."""
    return range(1, 2) if part == "keras-io" else range(1, count + 1)


def measure(part: str, seed: int) -> Measured:
    """One fitting in a process of its own: `accuracy` on the test set, `seconds` and `cpu_seconds` of fitting."""
    command = [sys.executable, "-m", "bench.bench_training", "--one", part, str(seed)]
    # TensorFlow chooses its own convolutions for the example, as it does for whoever runs that.
    chosen = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=chosen)
    if done.returncode:
        raise SystemExit(done.stderr)
    result: Measured = json.loads(done.stdout.splitlines()[-1])
    load = os.getloadavg()[0]
    told = f"{result['accuracy']:.2%}, {result['seconds']:.1f} s, {result['cpu_seconds']:.1f} CPU-s"
    print(f"{part}, seed {seed}: {told} (load {load:.1f})", flush=True)
    return result


def figures(found: dict[str, list[Measured]]) -> dict[str, Any]:
    """The medians, and the ratio to the example; null for what was not measured."""
    quick, full, example = (_medians(found.get(part, [])) for part in ("quick", "full", "keras-io"))
    ratio = example["cpu_seconds"] / quick["cpu_seconds"] if example and quick else None
    return {
        "cores": os.cpu_count(),
        "cpu_ratio_keras_io": round(ratio, 1) if ratio else None,
        "quick_accuracy": quick.get("accuracy"),
        "quick_seconds": quick.get("seconds"),
        "quick_cpu_seconds": quick.get("cpu_seconds"),
        "full_accuracy": full.get("accuracy"),
        "full_seconds": full.get("seconds"),
        "full_cpu_seconds": full.get("cpu_seconds"),
        "keras_io_accuracy": example.get("accuracy"),
        "keras_io_cpu_seconds": example.get("cpu_seconds"),
        "accuracies": {part: [one["accuracy"] for one in results] for part, results in found.items()},
    }


def _medians(results: list[Measured]) -> Measured:
    if not results:
        return {}
    return {name: round(statistics.median(one[name] for one in results), 4) for name in results[0]}


def fit_once(part: str, seed: int) -> Measured:
    """Fits once in this process, then looks at the test set."""
    return fit_example(seed) if part == "keras-io" else fit_ours(part, seed)


def fit_ours(part: str, seed: int) -> Measured:
    """The training of this repository, under one of its configurations."""
    from training.train import train

    config = dataclasses.replace(QUICK if part == "quick" else FULL, seed=seed)
    data = load_training(HERE / "data", config.validation_share)
    with tempfile.TemporaryDirectory() as folder:
        started, started_cpu = time.monotonic(), time.process_time()
        trained = train(data, config, Checkpoint(Path(folder), "bench"))
        whole = {"whole_seconds": time.monotonic() - started, "whole_cpu_seconds": time.process_time() - started_cpu}
    cost = {
        "seconds": sum(epoch.seconds for epoch in trained.epochs),
        "cpu_seconds": sum(epoch.cpu_seconds for epoch in trained.epochs),
    }
    return {"accuracy": _accuracy(trained.model, load_test(HERE / "data").images), **cost, **whole}


def fit_example(seed: int) -> Measured:
    """The example: 32 and 64 filters of 3×3, each with a pool, half of the features dropped, Adam, a tenth held out."""
    del os.environ["TF_ENABLE_ONEDNN_OPTS"]  # which importing our training sets
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    data = load_training(HERE / "data", 0.1)
    images = np.concatenate([data.train.images, data.validation.images])[..., np.newaxis].astype("float32") / 255
    labels = np.eye(10)[np.concatenate([data.train.labels, data.validation.labels])]
    stack = [layers.Input((28, 28, 1))]
    for filters in (32, 64):
        stack += [layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D()]
    model = keras.Sequential([*stack, layers.Flatten(), layers.Dropout(0.5), layers.Dense(10, activation="softmax")])
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    started, started_cpu = time.monotonic(), time.process_time()
    model.fit(images, labels, batch_size=128, epochs=15, validation_split=0.1, verbose=0)
    cost = {"seconds": time.monotonic() - started, "cpu_seconds": time.process_time() - started_cpu}
    return {"accuracy": _accuracy(model, load_test(HERE / "data").images[..., np.newaxis] / np.float32(255)), **cost}


def _accuracy(model: Any, images: Any) -> float:
    digits = model.predict(images, batch_size=500, verbose=0).argmax(axis=1)
    return float((digits == load_test(HERE / "data").labels).mean())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
