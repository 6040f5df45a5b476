"""The model directory: what is written with a model, and how it is read back and checked."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from training.data import Bytes, Examples, digest
from training.errors import StageError

SCHEMA = 1
OF_ONE_MODEL = (
    "metrics.json",
    "answers.npz",
    "confusion.png",
    "learning-curve.png",
    "misclassified.png",
    "float.tflite",
    "int8.tflite",
    "model.sig",
)
"""What speaks of one model only, and goes when another is written."""


@dataclass(frozen=True, slots=True)
class Golden:
    """The content of golden.json: images and the digits that a model in service must see in them."""

    inputs: Bytes
    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """What the stages after the training read from card.json."""

    model_id: str
    sha256: str
    golden_sha256: str
    data_sha256: str
    config_name: str


def render_golden(examples: Examples) -> bytes:
    """golden.json of some examples."""
    return _json({"inputs": examples.images.tolist(), "labels": examples.labels.tolist()}, indent=None)


def render_card(
    model: bytes, golden: bytes, now: datetime, commit: str | None, data_sha256: str, told: Mapping[str, object]
) -> bytes:
    """card.json of a model; `now` becomes part of the model id, `told` are the keys that the caller knows."""
    sha256 = digest(model)
    return _json(
        {
            "schema": SCHEMA,
            "model_id": f"tf-{now:%y%m%d%H%M%S}-{sha256[:16]}",
            "sha256": sha256,
            "golden_sha256": digest(golden),
            "commit": commit,
            "data_sha256": data_sha256,
            **told,
            "versions": installed(),
            "input": {"dtype": "uint8", "shape": [28, 28]},
            "output": {"dtype": "float32", "shape": [10]},
        }
    )


def installed() -> dict[str, str]:
    """The versions that the weights depend on."""
    packages = ("tensorflow", "keras", "numpy", "ai-edge-litert")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def make_folder(folder: Path) -> None:
    """Makes a folder that can be written; raises StageError now, not after minutes of training."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_file(folder / ".writable", b"")
        (folder / ".writable").unlink()
    except OSError as problem:
        raise StageError(
            f"Cannot write to {folder} ({problem.strerror}): set MODEL_DIR to a folder of yours."
        ) from problem


def write_model(folder: Path, content: Mapping[str, bytes], card: bytes) -> None:
    """Replaces the model in a folder; killed at any moment, it leaves the old model, the new one, or no card."""
    try:
        for stale in ("card.json", *OF_ONE_MODEL):
            (folder / stale).unlink(missing_ok=True)
        for name, file in content.items():
            write_file(folder / name, file)
        write_file(folder / "card.json", card)
    except OSError as problem:
        raise StageError(
            f"Cannot write the model to {folder} ({problem.strerror}): make room, or set MODEL_DIR to another."
        ) from problem


def write_file(path: Path, content: bytes) -> None:
    """Writes the whole file or nothing; it is on the disk when this returns."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def render_metrics(metrics: Mapping[str, object]) -> bytes:
    """metrics.json."""
    return _json(metrics)


def read_card(folder: Path) -> Card:
    """The card of a model directory; raises StageError naming the key that is missing or wrong."""
    path = folder / "card.json"
    document = read_document(path, remedy="run `python -m training.train`")
    config = document.get("config")
    card = Card(
        model_id=_text(document, "model_id", path),
        sha256=_text(document, "sha256", path),
        golden_sha256=_text(document, "golden_sha256", path),
        data_sha256=_text(document, "data_sha256", path),
        config_name=_text(config if isinstance(config, dict) else {}, "name", path),
    )
    if document.get("schema") != SCHEMA:
        raise StageError(f"{path} has schema {document.get('schema')!r}, not {SCHEMA}: run `python -m training.train`.")
    return card


def read_golden(content: bytes) -> Golden:
    """The golden set; raises StageError when it is not 28×28 integers 0–255 beside digits."""
    try:
        document = json.loads(content)
        images = np.array(document["inputs"])
        labels = tuple(int(label) for label in document["labels"])
    except (ValueError, KeyError, TypeError) as problem:
        raise StageError(f"golden.json is not a golden set ({problem}): run `python -m training.train`.") from problem
    fits = (
        images.shape == (len(labels), 28, 28) and images.dtype.kind == "i" and images.min() >= 0 and images.max() <= 255
    )
    if not labels or not fits:
        raise StageError(
            "golden.json does not hold 28×28 integers 0–255 for each label: run `python -m training.train`."
        )
    return Golden(images.astype(np.uint8), labels)


def read_file(path: Path, remedy: str) -> bytes:
    """The content of a file of a model directory; raises StageError with the remedy."""
    try:
        return path.read_bytes()
    except OSError as problem:
        raise StageError(f"Cannot read {path} ({problem.strerror}): {remedy}.") from problem


def read_document(path: Path, remedy: str) -> dict[str, Any]:
    """The JSON object in a file; raises StageError with the remedy."""
    content = read_file(path, remedy)
    try:
        document = json.loads(content)
    except ValueError as problem:
        raise StageError(f"{path} is not JSON ({problem}): {remedy}.") from problem
    if not isinstance(document, dict):
        raise StageError(f"{path} is not a JSON object: {remedy}.")
    return document


def _text(document: dict[str, Any], key: str, path: Path) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise StageError(f"{path} has no text for {key}: run `python -m training.train`.")
    return value


def _json(document: object, indent: int | None = 2) -> bytes:
    return (json.dumps(document, indent=indent) + "\n").encode()
