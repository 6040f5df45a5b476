"""Accuracy and cost of this repository's training beside a well-known example: `python -m bench.bench_training`.

The example is the convolutional network of keras.io's "Simple MNIST convnet": 15 epochs, batches of 128. Each fitting
runs in a process of its own, one after another; the cost is that of fitting alone. `--parts` and `--seeds` run less;
`--report docs/benchmarks` is written after each part, and the parts that were left out stay as they are there. The
test set is looked at once for each fitting, after it. The last line of the output is JSON.
"""

import argparse
import dataclasses
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench import training_report
from bench.training_report import Fitting, Part
from training.checkpoint import Checkpoint
from training.config import CONFIGURATIONS, HERE
from training.data import load_test, load_training

EXAMPLE = "keras-io"
PARTS = ("quick", EXAMPLE, "standard", "full")


def main(arguments: Sequence[str]) -> int:
    """Prints a line for each fitting, then the figures as JSON; parts that were left out are null."""
    parser = argparse.ArgumentParser(prog="python -m bench.bench_training", description=__doc__)
    parser.add_argument(
        "--parts", default=",".join(PARTS), help="some of them, with commas between; default: %(default)s"
    )
    parser.add_argument("--seeds", type=int, default=5, help="fittings of each configuration; default: %(default)s")
    parser.add_argument(
        "--report", type=Path, help="the folder to write training.md, training.json and training.svg to"
    )
    parser.add_argument("--one", nargs=2, metavar=("PART", "SEED"), help=argparse.SUPPRESS)
    told = parser.parse_args(arguments)
    if told.one:
        print(json.dumps(dataclasses.asdict(fit_once(told.one[0], int(told.one[1])))))
        return 0
    parts = told.parts.split(",")
    if unknown := sorted({*parts} - {*PARTS}):
        parser.error(f"{unknown[0]} is none of {', '.join(PARTS)}")
    found: dict[str, Part] = {}
    for part in (part for part in PARTS if part in parts):
        found[part] = measure_part(part, told.seeds)
        if told.report:
            report(told.report, found)
    print(json.dumps(figures(found)))
    return 0


def report(folder: Path, found: Mapping[str, Part]) -> None:
    """Write what was found, with what the report there says of the other parts."""
    known = training_report.read(folder)
    whole = {part: found.get(part) or known[part] for part in PARTS if part in found or part in known}
    training_report.write(folder, whole, figures(whole))


def measure_part(part: str, seeds: int) -> Part:
    """All fittings of a part; the example is fitted once, its cost hardly varies."""
    load = os.getloadavg()[0]
    fittings = tuple(measure(part, seed) for seed in range(1, 2 if part == EXAMPLE else seeds + 1))
    return Part(f"{os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f} before it", fittings)


def measure(part: str, seed: int) -> Fitting:
    """One fitting in a process of its own."""
    command = [sys.executable, "-m", "bench.bench_training", "--one", part, str(seed)]
    # TensorFlow chooses its own convolutions for the example, as it does for whoever runs that.
    chosen = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=chosen)
    if done.returncode:
        raise SystemExit(done.stderr)
    result = Fitting.of(json.loads(done.stdout.splitlines()[-1]))
    load = os.getloadavg()[0]
    told = f"{result.accuracy:.2%}, {result.seconds:.1f} s, {result.cpu_seconds:.1f} CPU-s"
    print(f"{part}, seed {seed}: {told} (load {load:.1f})", flush=True)
    return result


def figures(found: Mapping[str, Part]) -> dict[str, Any]:
    """The medians, and the ratio to the example; null for what was not measured."""
    medians = {part: _medians(found[part].fittings) if part in found else {} for part in PARTS}
    quick, example = medians["quick"], medians[EXAMPLE]
    ratio = example["cpu_seconds"] / quick["cpu_seconds"] if example and quick else None
    told: dict[str, Any] = {"cores": os.cpu_count(), "cpu_ratio_keras_io": round(ratio, 1) if ratio else None}
    for part in ("quick", "standard", "full"):
        for name in ("accuracy", "seconds", "cpu_seconds"):
            told[f"{part}_{name}"] = medians[part].get(name)
    told |= {f"keras_io_{name}": example.get(name) for name in ("accuracy", "cpu_seconds")}
    return told | {"accuracies": {part: [one.accuracy for one in all_.fittings] for part, all_ in found.items()}}


def _medians(fittings: Sequence[Fitting]) -> dict[str, float]:
    names = ("accuracy", "seconds", "cpu_seconds")
    return {name: round(statistics.median(getattr(one, name) for one in fittings), 4) for name in names}


def fit_once(part: str, seed: int) -> Fitting:
    """Fits once in this process, then looks at the test set."""
    return fit_example(seed) if part == EXAMPLE else fit_ours(part, seed)


def fit_ours(part: str, seed: int) -> Fitting:
    """The training of this repository, under one of its configurations."""
    from training.train import train

    config = dataclasses.replace(CONFIGURATIONS[part], seed=seed)
    data = load_training(HERE / "data", config.validation_share)
    with tempfile.TemporaryDirectory() as folder:
        trained = train(data, config, Checkpoint(Path(folder), "bench"))
    return Fitting(
        _accuracy(trained.model, load_test(HERE / "data").images),
        sum(epoch.seconds for epoch in trained.epochs),
        sum(epoch.cpu_seconds for epoch in trained.epochs),
        tuple(epoch.validation_accuracy for epoch in trained.epochs),
    )


def fit_example(seed: int) -> Fitting:
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
    past = model.fit(images, labels, batch_size=128, epochs=15, validation_split=0.1, verbose=0)
    seconds, cpu_seconds = time.monotonic() - started, time.process_time() - started_cpu
    accuracy = _accuracy(model, load_test(HERE / "data").images[..., np.newaxis] / np.float32(255))
    return Fitting(accuracy, seconds, cpu_seconds, tuple(past.history["val_accuracy"]))


def _accuracy(model: Any, images: Any) -> float:
    digits = model.predict(images, batch_size=500, verbose=0).argmax(axis=1)
    return float((digits == load_test(HERE / "data").labels).mean())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
