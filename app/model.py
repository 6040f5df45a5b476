"""The model in service: checked against its card before it is loaded, then asked by many threads."""

import hashlib
import json
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from app.drift import Drift, Reference
from app.png import SIDE, Grey

DIGITS = 10
FILES = ("card.json", "model.tflite", "golden.json")
"""What a model is loaded from, and what its signature covers."""


class ModelError(Exception):
    """There is no model to serve; the message is one sentence that names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model sees in an image: `digit` 0–9, ten probabilities 0–1, and the milliseconds it took."""

    digit: int
    probabilities: tuple[float, ...]
    latency_ms: float

    @property
    def probability(self) -> float:
        """The probability of the digit."""
        return self.probabilities[self.digit]


class DigitModel:
    """A loaded model; safe to ask from many threads, because each has an interpreter of its own."""

    def __init__(self, content: bytes, model_id: str, drift: Drift | None = None) -> None:
        self.model_id = model_id
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.drift = drift
        self._content = content
        self._own = threading.local()

    def answer(self, image: Grey) -> Answer:
        """The answer to one image; raises ModelError when the graph fails or answers with what is no probability."""
        started = time.perf_counter()
        try:
            interpreter, entry, result = self._interpreter()
            interpreter.set_tensor(entry, image[np.newaxis])
            interpreter.invoke()
            found = interpreter.get_tensor(result)
        except (RuntimeError, ValueError) as problem:
            raise ModelError(f"The model {self.model_id} fails ({problem}): train and deploy again.") from problem
        shares: list[float] = found.ravel().tolist()
        # Their sum is finite only when each is: they have 32 bits, it has 64.
        if found.shape != (1, DIGITS) or not math.isfinite(sum(shares)):
            raise ModelError(f"The model {self.model_id} answers with no ten probabilities: train and deploy again.")
        taken = 1000 * (time.perf_counter() - started)
        return Answer(shares.index(max(shares)), tuple(shares), taken)

    def _interpreter(self) -> tuple[Any, int, int]:
        loaded: tuple[Any, int, int] | None = getattr(self._own, "loaded", None)
        if loaded is None:
            interpreter = Interpreter(model_content=self._content, num_threads=1)
            interpreter.allocate_tensors()
            entry, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
            if (entry["dtype"], result["dtype"]) != (np.uint8, np.float32):
                raise ValueError("it does not take uint8 and answer float32")
            loaded = self._own.loaded = interpreter, entry["index"], result["index"]
        return loaded


def load(folder: Path | None, verifying_key: Path | None = None) -> DigitModel:
    """The model of a model directory, after it has answered a golden digit rightly; raises ModelError.

    With a public key, what is loaded are bytes whose signature holds.
    """
    if folder is None:
        raise ModelError("MODEL_DIR is not set: set it to a model directory.")
    files = {name: _content(folder / name) for name in FILES}
    if verifying_key is not None:
        _require_signed(folder, files, verifying_key)
    told, content, golden = (files[name] for name in FILES)
    card = _document(told, "card.json")
    for name, found, key in (("model.tflite", content, "sha256"), ("golden.json", golden, "golden_sha256")):
        if hashlib.sha256(found).hexdigest() != card.get(key):
            raise ModelError(f"{name} in {folder} does not have the sha256 of its card: train and deploy again.")
    model_id = card.get("model_id")
    if not isinstance(model_id, str) or not model_id:
        raise ModelError(f"card.json in {folder} has no model_id: train and deploy again.")
    model = DigitModel(content, model_id, _drift(card))
    _check(model, _document(golden, "golden.json"))
    return model


def _require_signed(folder: Path, files: Mapping[str, bytes], verifying_key: Path) -> None:
    from app.signature import NAME, BadSignature, read, verify  # most start without a key, and without this

    try:
        verify(read(folder / NAME), files, read(verifying_key))
    except BadSignature as problem:
        remedy = "train and deploy again, or correct VERIFYING_KEY_FILE"
        raise ModelError(f"The signature of the model in {folder} does not hold ({problem}): {remedy}.") from problem


def _drift(card: dict[str, Any]) -> Drift | None:
    if "reference" not in card:
        return None
    try:
        return Drift(Reference.of(card["reference"]))
    except (ValueError, TypeError, KeyError) as problem:
        raise ModelError(f"The reference in card.json is malformed ({problem}): train and deploy again.") from problem


def _check(model: DigitModel, golden: dict[str, Any]) -> None:
    try:
        image, label = np.array(golden["inputs"][0], dtype=np.uint8).reshape(SIDE, SIDE), int(golden["labels"][0])
    except (KeyError, IndexError, TypeError, ValueError, OverflowError) as problem:
        raise ModelError(f"golden.json holds no golden digit ({problem}): train and deploy again.") from problem
    digit = model.answer(image).digit
    if digit != label:
        raise ModelError(f"The model {model.model_id} takes the golden {label} for a {digit}: train and deploy again.")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise ModelError(f"Cannot read {path} ({problem.strerror}): set MODEL_DIR to a model directory.") from problem


def _document(content: bytes, name: str) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as problem:
        raise ModelError(f"{name} is not JSON ({problem}): train and deploy again.") from problem
    if not isinstance(document, dict):
        raise ModelError(f"{name} is not a JSON object: train and deploy again.")
    return document
