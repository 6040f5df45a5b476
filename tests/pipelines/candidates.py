"""Twelve bad models and services, each as what a merge would change in a small repository, and where each must end.

The model is a table from the brightness of a picture to a digit, signed with the key of the repository.
"""

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from bot.core.recipe import Recipe
from bot.core.stages import StageName
from tests.pipelines.workshop import RECIPE

NET = """\
import json, pathlib, time

class Net:
    def __init__(self, folder):
        self.model = json.loads(pathlib.Path(folder, "model.tflite").read_text())

    def predict(self, rows):
        time.sleep(self.model["seconds"])
        bright = sum(1 for value in rows[0] if value > 127)
        return self.model["digits"][int(bright * self.model["weight"]) % 10]
"""

SERVICE = """\
import json, os, pathlib
from flask import Flask, jsonify, request
from shop.net import Net

def create_app():
    app = Flask(__name__)
    net = Net(os.environ["MODEL_DIR"])
    card = json.loads(pathlib.Path(os.environ["MODEL_DIR"], "card.json").read_text())

    @app.get("/readyz")
    def readyz():
        return jsonify(ready=True)

    @app.get("/version")
    def version():
        return jsonify(commit=os.environ["COMMIT"], model=card["model_id"])

    @app.post("/predict")
    def predict():
        return jsonify(prediction=net.predict(request.get_json()["inputs"]))

    return app
"""

TRAIN = """\
import hashlib, json, os, pathlib
from cryptography.hazmat.primitives.serialization import load_pem_private_key

MODEL = {"digits": list(range(10)), "weight": 1.0, "seconds": 0.002, "padding": "x" * 2000}

def main(model=MODEL, key="training/key.pem", cut=None, card_of=None):
    folder = pathlib.Path(os.environ["MODEL_DIR"])
    content = json.dumps(model).encode()
    rows = [[[255] * label + [0] * (28 - label)] + [[0] * 28] * 27 for label in range(10)]
    sha = hashlib.sha256(card_of or content).hexdigest()
    (folder / "model.tflite").write_bytes(content[:cut])
    (folder / "model.sig").write_bytes(load_pem_private_key(pathlib.Path(key).read_bytes(), None).sign(content))
    (folder / "golden.json").write_text(json.dumps({"inputs": rows, "labels": list(range(10))}))
    (folder / "card.json").write_text(json.dumps({"model_id": "tf-" + sha[:16], "sha256": sha}))

if __name__ == "__main__":
    main(**json.loads(pathlib.Path("training/candidate.json").read_text()))
"""

EVALUATE = """\
import json, os, pathlib, statistics, time
from shop.net import Net

def measure(folder):
    net, right, taken = Net(folder), [0] * 10, []
    for label in range(10):
        for _ in range(5):
            begun = time.perf_counter()
            try:
                right[label] += net.predict([[255] * label + [0] * (28 - label)]) == label
            except (ValueError, OverflowError):
                pass
            taken.append(time.perf_counter() - begun)
    size = (folder / "model.tflite").stat().st_size
    return {"recalls": [count / 5 for count in right], "seconds": statistics.median(taken), "size": size}

if __name__ == "__main__":
    folder = pathlib.Path(os.environ["MODEL_DIR"])
    (folder / "metrics.json").write_text(json.dumps(measure(folder)))
"""

GATE = """\
import json, os, pathlib, sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key

folder, production = pathlib.Path(os.environ["MODEL_DIR"]), os.environ.get("PRODUCTION_DIR")
try:
    key = load_pem_public_key(pathlib.Path("training/key.pub").read_bytes())
    key.verify((folder / "model.sig").read_bytes(), (folder / "model.tflite").read_bytes())
except InvalidSignature:
    sys.exit("The signature of the model does not hold.")
new = json.loads((folder / "metrics.json").read_text())
if not sum(new["recalls"]) / 10 >= 0.95:
    sys.exit(f"The accuracy {sum(new['recalls']) / 10} is below the floor 0.95.")
for digit, recall in enumerate(new["recalls"]):
    if not recall >= 0.9:
        sys.exit(f"Only {recall} of the digit {digit} are recognised.")
if production:
    old = json.loads(pathlib.Path(production, "metrics.json").read_text())
    for name in ("seconds", "size"):
        if not new[name] <= 3 * old[name]:
            sys.exit(f"The {name} {new[name]} are more than three times production's {old[name]}.")
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A bad candidate: the files that its merge changes, the stage that stops it, and what is said."""

    name: str
    changes: Mapping[str, str]
    stage: StageName
    said: str
    rolled_back: bool = False
    """Whether it served before it was found out."""


NAMES = (
    "constant",
    "permuted labels",
    "NaN weights",
    "one class at 0",
    "10× slower",
    "10× larger",
    "truncated",
    "tampered card",
    "wrong signature",
    "crash on boot",
    "not ready",
    "wrong version",
)
"""The twelve, whatever the repository."""


def recipe() -> Recipe:
    """The recipe of the small repository; its training may see the network that it shares with the service."""
    training = RECIPE.training
    assert training
    return Recipe(replace(training, inputs=("training", "shop/net.py")), RECIPE.service)


def good() -> dict[str, str]:
    """The files of the small repository, whose model and service are in order."""
    return {
        "shop/net.py": NET,
        "shop/__init__.py": SERVICE,
        "training/train.py": TRAIN,
        "training/evaluate.py": EVALUATE,
        "training/gate.py": GATE,
        "training/candidate.json": "{}",
        "training/key.pem": _key()[0],
        "training/key.pub": _key()[1],
        "training/other.pem": _other_key(),
    }


def bad() -> tuple[Candidate, ...]:
    """The twelve."""
    return (
        Candidate("constant", _model(digits=[3] * 10), "gate", "accuracy"),
        Candidate("permuted labels", _model(digits=[*range(1, 10), 0]), "gate", "accuracy"),
        Candidate("NaN weights", _model(weight=math.nan), "gate", "accuracy"),
        Candidate("one class at 0", _model(digits=[0, 1, 2, 3, 4, 5, 6, 7, 8, 8]), "gate", "below the floor"),
        Candidate("10× slower", _service("    def predict():", SLOW), "verify", "times slower", rolled_back=True),
        Candidate("10× larger", _model(padding="x" * 20_000), "gate", "The size"),
        Candidate("truncated", {"training/candidate.json": '{"cut": -9}'}, "train", "not the one that its card names"),
        Candidate("tampered card", _tampered(), "train", "not the one that its card names"),
        Candidate("wrong signature", {"training/candidate.json": '{"key": "training/other.pem"}'}, "gate", "signature"),
        Candidate(
            "crash on boot", _service("    net =", "    raise RuntimeError('boot')\n    net ="), "deploy", "boot"
        ),
        Candidate("not ready", _service("        return jsonify(ready=True)", NOT_READY), "deploy", "/readyz answered"),
        Candidate("wrong version", _service("        return jsonify(commit", OLD_COMMIT), "deploy", "answers commit"),
    )


SLOW = "    def predict():\n        import time; time.sleep(0.3)"
NOT_READY = "        return jsonify(ready=False), 503"
OLD_COMMIT = "        return jsonify(commit='0' * 40, model=card['model_id'])\n        return jsonify(commit"


def _service(line: str, instead: str) -> dict[str, str]:
    """The service with another text in the place of this one."""
    assert line in SERVICE
    return {"shop/__init__.py": SERVICE.replace(line, instead, 1)}


def _model(**changes: object) -> dict[str, str]:
    """The training with another model, as JSON, in which NaN is a number."""
    update = f"MODEL |= json.loads({json.dumps(changes)!r})"
    return {"training/train.py": TRAIN.replace("\n\ndef main", f"\n{update}\n\ndef main", 1)}


def _tampered() -> dict[str, str]:
    main = "    main(**"
    return {"training/train.py": TRAIN.replace(main, "    main(card_of=b'another model', **")}


@functools.cache
def _key() -> tuple[str, str]:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return _pem(private), public.decode()


@functools.cache
def _other_key() -> str:
    return _pem(Ed25519PrivateKey.generate())


def _pem(private: Ed25519PrivateKey) -> str:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
