"""A small repository with a model and a service, the environment that both run in, and a supervisor to serve it."""

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bot.core.recipe import Recipe, ServiceRecipe, TrainingRecipe
from bot.pipelines import release
from bot.pipelines.control import NoSupervisor, Supervisor
from bot.pipelines.release import Release, Trace

CHECKOUT = Path(__file__).parents[2]

SERVICE = """\
import json, os, pathlib
from flask import Flask, jsonify, request

def create_app():
    app = Flask(__name__)
    folder = os.environ.get("MODEL_DIR")
    model = json.loads(pathlib.Path(folder, "model.tflite").read_text()) if folder else {"shift": 0}
    card = json.loads(pathlib.Path(folder, "card.json").read_text()) if folder else {"model_id": None}

    @app.get("/readyz")
    def readyz():
        return jsonify(ready=True, model=card["model_id"])

    @app.get("/version")
    def version():
        return jsonify(commit=os.environ["COMMIT"], lock=os.environ["LOCK_SHA256"], model=card["model_id"])

    @app.post("/predict")
    def predict():
        bright = sum(1 for value in request.get_json()["inputs"][0] if value > 127)
        return jsonify(prediction=(bright + model["shift"]) % 10, model=card["model_id"])

    @app.get("/environment")
    def environment():
        return jsonify(dict(os.environ))

    return app
"""

TRAIN = """\
import hashlib, json, os, pathlib
folder = pathlib.Path(os.environ["MODEL_DIR"])
data = pathlib.Path(os.environ.get("DATA_DIR", "training/data"), "shift.txt").read_bytes()
model = json.dumps({"shift": int(data), "net": NET}).encode()
rows = [[[255] * label + [0] * (28 - label)] + [[0] * 28] * 27 for label in range(10)]
(folder / "model.tflite").write_bytes(model)
(folder / "golden.json").write_text(json.dumps({"inputs": rows, "labels": list(range(10))}))
sha = hashlib.sha256(model).hexdigest()
(folder / "card.json").write_text(json.dumps({
    "schema": 1, "model_id": "tf-260101000000-" + sha[:16], "sha256": sha, "commit": os.environ["COMMIT"],
    "data_sha256": hashlib.sha256(data).hexdigest()}))
print("trained")
"""

EVALUATE = """\
import json, os, pathlib
from training.train import ACCURACY
pathlib.Path(os.environ["MODEL_DIR"], "metrics.json").write_text(json.dumps({"accuracy": ACCURACY}))
"""

GATE = """\
import json, os, pathlib, sys
def accuracy(folder):
    return json.loads(pathlib.Path(folder, "metrics.json").read_text())["accuracy"]
new, production = accuracy(os.environ["MODEL_DIR"]), os.environ.get("PRODUCTION_DIR")
if production and new < accuracy(production) - 0.002:
    sys.exit(f"The accuracy {new} is below production's {accuracy(production)}.")
if new < 0.9:
    sys.exit(f"The accuracy {new} is below the floor 0.9.")
"""

RECIPE = Recipe(
    TrainingRecipe(
        ("packages", "training"),
        ("training",),
        ("python", "-m", "training.train"),
        ("python", "-m", "training.evaluate"),
        ("python", "-m", "training.gate"),
    ),
    ServiceRecipe(("packages", "app"), ("shop",), "shop:create_app()", "/readyz", "/version", "/predict"),
)


def sha(number: int) -> str:
    """A commit id."""
    return hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()


def training_module(*, accuracy: float = 0.99, net: int = 1) -> str:
    head, main = f"ACCURACY = {accuracy}\nNET = {net}\n", TRAIN.replace("\n", "\n    ").rstrip()
    return f"{head}if __name__ == '__main__':\n    {main}\n"


def write_repository(tree: Path, changes: Mapping[str, str] | None = None) -> Path:
    """The repository's files at a commit: the standard ones and what this commit changes."""
    standard = {
        "README.md": "A shop of digits.\n",
        "shop/__init__.py": SERVICE,
        "training/__init__.py": "",
        "training/train.py": training_module(),
        "training/evaluate.py": EVALUATE,
        "training/gate.py": GATE,
        "training/data/shift.txt": "0",
    }
    for name, text in (standard | dict(changes or {})).items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return tree


def lock(**versions: str) -> str:
    """A Pipfile.lock whose app and training pin these versions."""
    app = {"flask": {"version": f"=={versions.get('flask', '3.1.0')}", "hashes": [f"sha256:{'0' * 64}"]}}
    training = {"keras": {"version": f"=={versions.get('keras', '3.0.0')}", "hashes": [f"sha256:{'0' * 64}"]}}
    tools = {"ruff": {"version": f"=={versions.get('ruff', '1.0')}", "hashes": [f"sha256:{'0' * 64}"]}}
    return json.dumps({"_meta": {}, "default": {}, "app": app, "training": training, "develop": tools})


@dataclass(frozen=True, slots=True)
class Installed:
    path: Path
    python: Path


@dataclass
class OneEnvironment:
    """Installs every requirement into the environment of the tests, and remembers what it was asked for."""

    path: Path = Path(sys.prefix)
    asked: list[str] = field(default_factory=list)

    async def install(self, requirements: str, indexes: Mapping[str, str] | None = None) -> Installed:
        self.asked.append(requirements)
        return Installed(self.path, self.path / "bin" / "python")


def small_environment(folder: Path) -> Path:
    """An environment with one package, so that an image of it is small."""
    packages = folder / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True, exist_ok=True)
    (packages / "flask.py").write_text("")
    return folder


@dataclass(frozen=True, slots=True)
class Finished:
    returncode: int
    output_tail: str
    stopped: str | None = None


@dataclass
class Bench:
    """Runs a stage as a plain process, and remembers the commands."""

    commands: list[tuple[str, ...]] = field(default_factory=list)

    async def __call__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        environ: Mapping[str, str],
        readable: Sequence[Path],
        writable: Sequence[Path],
        on_line: Callable[[str], None] | None = None,
    ) -> Finished:
        self.commands.append(tuple(command))
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, cwd=cwd, env=environ, stdout=pipe, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        if on_line:
            for line in output.decode().splitlines():
                on_line(line)
        return Finished(process.returncode or 0, output.decode())


def make_model(folder: Path, *, shift: int = 0, net: int = 1) -> Path:
    """A model directory as the training would write it."""
    folder.mkdir(parents=True)
    model = json.dumps({"shift": shift, "net": net}).encode()
    found = hashlib.sha256(model).hexdigest()
    rows = [[[255] * label + [0] * (28 - label)] + [[0] * 28] * 27 for label in range(10)]
    card = {"model_id": f"tf-{found[:16]}", "sha256": found}
    (folder / "model.tflite").write_bytes(model)
    (folder / "card.json").write_text(json.dumps(card))
    (folder / "golden.json").write_text(json.dumps({"inputs": rows, "labels": list(range(10))}))
    return folder


def make_release(root: Path, number: int, *, service: str = SERVICE, shift: int = 0) -> Release:
    """A sealed release of the shop."""
    tree = write_repository(root / f"tree-{number}", {"shop/__init__.py": service})
    model = make_model(root / f"model-{number}", shift=shift)
    card = release.read_card(model)
    content = hashlib.sha256(str(number).encode()).hexdigest()
    trace = Trace(content, sha(number), "0" * 64, "1" * 64, None, card["model_id"], card["sha256"])
    assert RECIPE.service
    target = root / "releases" / release.name_of(content, sha(number))
    target.parent.mkdir(exist_ok=True)
    return release.seal(target, trace=trace, service=RECIPE.service, tree=tree, model=model, packages=Path(sys.prefix))


@dataclass
class Running:
    """A supervisor in a process of its own."""

    process: asyncio.subprocess.Process
    state: Path
    port: int

    @property
    def ask(self) -> Supervisor:
        return Supervisor(self.state)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def commit(self) -> str | None:
        """The commit that the public address answers, None while there is none."""
        document = await self.get("/version")
        return str(document["commit"]) if "commit" in document else None

    async def get(self, path: str) -> dict[str, Any]:
        try:
            async with aiohttp.ClientSession() as client, client.get(self.url + path) as answer:
                return dict(await answer.json(content_type=None))
        except aiohttp.ClientConnectionError:
            return {}

    async def answers(self, commit: str, *, seconds: float = 60) -> float:
        """Wait until the public address answers the commit; returns the seconds that it took."""
        begun = time.monotonic()
        while await self.commit() != commit:
            assert time.monotonic() - begun < seconds, f"{self.url} does not answer {commit}"
            await asyncio.sleep(0.05)
        return time.monotonic() - begun


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.asynccontextmanager
async def supervising(state: Path, port: int | None = None, *, boot_seconds: float = 60) -> AsyncIterator[Running]:
    """Start a supervisor as its command line does, and stop it in the end."""
    running = await start_supervisor(state, port or free_port(), boot_seconds=boot_seconds)
    try:
        yield running
    finally:
        if running.process.returncode is None:
            running.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(60):
                await running.process.wait()


async def start_supervisor(state: Path, port: int, *, boot_seconds: float = 60) -> Running:
    code = "import sys; from bot.pipelines.supervisor import main; sys.exit(main(sys.argv[1:]))"
    options = ("--state", str(state), "--port", str(port), "--boot-seconds", str(boot_seconds))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, *options, cwd=CHECKOUT, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    )
    running = Running(process, state, port)
    for _ in range(1200):
        with contextlib.suppress(NoSupervisor):
            await running.ask.status()
            return running
        assert process.returncode is None, "the supervisor ended"
        await asyncio.sleep(0.05)
    raise AssertionError("the supervisor does not answer")
