"""The twelve bad candidates as changes of a real repository's files: seven models, five services."""

import hashlib
import json
from collections.abc import Callable, Mapping

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from bench.site import given_files
from tests.pipelines.candidates import NAMES

Floats = NDArray[np.float32]
Files = Mapping[str, bytes | str]
_DIGITS = 10


def candidates(model: Mapping[str, bytes], service: Files) -> dict[str, Files]:
    """What each of `NAMES` changes, made from a good model directory and the good service's files."""
    made = {**_models(model), **_services(service)}
    return {name: made[name] for name in NAMES}


def _models(model: Mapping[str, bytes]) -> dict[str, Files]:
    content = model["model.tflite"]
    zero = np.zeros(_DIGITS, np.float32)
    spoilt = {
        "constant": _last_layer(content, lambda weights, bias: (weights * 0, zero)),
        "permuted labels": _last_layer(content, lambda weights, bias: (np.roll(weights, 1, 0), np.roll(bias, 1))),
        "NaN weights": _last_layer(content, lambda weights, bias: (weights * np.float32("nan"), bias)),
        "one class at 0": _last_layer(content, _without_nine),
        "10× larger": content + bytes(9 * len(content)),
        "truncated": content[: len(content) // 2],
    }
    card = json.loads(model["card.json"])
    tampered = json.dumps(card | {"sha256": "0" * 64}).encode()
    made = {name: given_files(_carded(model, changed)) for name, changed in spoilt.items()}
    return {**made, "tampered card": given_files({"card.json": tampered})}


def _without_nine(weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
    lowered = bias.copy()
    lowered[9] = -1e6
    return weights, lowered


def _last_layer(content: bytes, change: Callable[[Floats, Floats], tuple[Floats, Floats]]) -> bytes:
    """The flat graph with other weights [10, features] and bias [10] in the layer that answers."""
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    shapes = {"weights": 2, "bias": 1}
    found: dict[str, Floats] = {}
    for told in interpreter.get_tensor_details():
        kind = next((name for name, rank in shapes.items() if len(told["shape"]) == rank), None)
        if kind and told["dtype"] is np.float32 and told["shape"][0] == _DIGITS:
            values = interpreter.get_tensor(told["index"])
            if content.count(values.tobytes()) == 1:
                found[kind] = values
    for old, new in zip((found["weights"], found["bias"]), change(found["weights"], found["bias"]), strict=True):
        content = content.replace(old.tobytes(), new.astype(np.float32).tobytes())
    return content


def _carded(model: Mapping[str, bytes], content: bytes) -> dict[str, bytes]:
    """The changed graph under a card that names it: a dishonest training would write one too."""
    sha256 = hashlib.sha256(content).hexdigest()
    card = json.loads(model["card.json"])
    card |= {"sha256": sha256, "model_id": f"tf-bad-{sha256[:16]}"}
    served = card.get("served")
    if served in card.get("exports", {}):
        card["exports"][served] |= {"sha256": sha256}
    return {"model.tflite": content, "card.json": json.dumps(card).encode()}


def _services(service: Files) -> dict[str, Files]:
    def edited(path: str, old: str, new: str) -> Files:
        text = service[path]
        told = text if isinstance(text, str) else text.decode()
        if old not in told:
            raise LookupError(f"{path} has no {old!r}: the candidate is to be written again.")
        return {path: told.replace(old, new, 1)}

    health, model = "app/health.py", "app/model.py"
    asked = "            interpreter.set_tensor(entry, image[np.newaxis])\n"
    return {
        "10× slower": edited(model, asked, f"            time.sleep(0.03)\n{asked}"),
        "wrong signature": edited(model, "image[np.newaxis])", "image[np.newaxis].astype(np.float32))"),
        "crash on boot": edited("app/__init__.py", '"""\n', '"""\nraise SystemExit("no")\n'),
        "not ready": edited(health, "jsonify(ready=True, model=model.model_id), 200", 'jsonify(reason="no"), 503'),
        "wrong version": edited(health, "commit=settings.commit", 'commit="0" * 40'),
    }
