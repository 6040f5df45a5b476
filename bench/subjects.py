"""What the app is measured against, each in an environment of its own that is made from pinned requirements."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.loads import Subject

CHECKOUT = Path(__file__).parents[1]
PEERS = CHECKOUT / "bench" / "peers"
KERAS = """
import sys
from pathlib import Path
from training.fitted import read_fitted
from training.model import build
model = build()
model.set_weights(read_fitted(Path(sys.argv[1]))[0])
model.save(sys.argv[2])
"""


class NotMade(Exception):
    """An environment cannot be made; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Room:
    """Where environments and models of a run are, and the body of one request."""

    folder: Path
    model: Path
    body: bytes

    @classmethod
    def of(cls, folder: Path, model: Path) -> "Room":
        """The room with the model in every form that a peer wants."""
        image = json.loads((model / "golden.json").read_text())["inputs"][7]
        if not (folder / "digits.keras").exists():
            made = [sys.executable, "-c", KERAS, str(model), str(folder / "digits.keras")]
            subprocess.run(made, cwd=CHECKOUT, check=True, capture_output=True)
        return cls(folder, model, json.dumps({"inputs": image}).encode())

    def install(self, name: str, requirements: str) -> Path:
        """The folder of commands of an environment; raises NotMade."""
        target = self.folder / "environments" / name
        if not (target / "made").exists():
            shutil.rmtree(target, ignore_errors=True)
            uv, listed = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv", self.folder / f"{name}.txt"
            listed.write_text(requirements)
            python = str(target / "bin" / "python")
            compiled = (
                ["--compile-bytecode"] if name == "serving" else []
            )  # as the bot does it; else only the start is slower
            for command in (
                [uv, "venv", "-q", "--python", sys.executable, str(target)],
                [uv, "pip", "install", "-q", "--no-build", *compiled, "--python", python, "-r", str(listed)],
            ):
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise NotMade(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "uv failed")
            (target / "made").touch()
        return target / "bin"

    def environ(self, commands: Path) -> dict[str, str]:
        """What every server finds in its environment."""
        return {
            "PATH": f"{commands}:/usr/bin:/bin",
            "HOME": str(self.folder),
            "PYTHONPATH": f"{PEERS}:{CHECKOUT}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "MODEL_DIR": str(self.model),
            "COMMIT": "0" * 40,
            "KERAS_MODEL": str(self.folder / "digits.keras"),
            "LITE_MODEL": str(self.model / "model.tflite"),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "DO_NOT_TRACK": "1",
            "BENTOML_DO_NOT_TRACK": "true",
            "BENTOML_HOME": str(self.folder / "bentoml"),
        }


def serving_requirements() -> str:
    """What the service's image installs: two categories of the lock, by hash."""
    lock = json.loads((CHECKOUT / "Pipfile.lock").read_text())
    lines = []
    for name, entry in sorted({**lock["default"], **lock["app"]}.items()):
        marker = f" ; {entry['markers']}" if "markers" in entry else ""
        lines.append(f"{name}{entry['version']}{marker} " + " ".join(f"--hash={digest}" for digest in entry["hashes"]))
    return "\n".join(lines) + "\n"


def app(room: Room) -> tuple[Subject, ...]:
    """The app as it is deployed, and its server's hello-world: by Flask, and without it."""
    commands = room.install("serving", serving_requirements())
    environ, python = room.environ(commands), str(commands / "python")
    serve = (python, "-m", "app.serve", "--port", "{port}")
    hello = (python, "-m", "uvicorn", "--loop", "asyncio", "--no-access-log", "--log-level", "warning")
    hello += ("--port", "{port}", "--lifespan", "off")
    return (
        Subject("bolide", serve, environ, body=room.body),
        Subject("hello-flask", (*hello, "hello_asgi:flask"), environ, path="/"),
        Subject("hello-bare", (*hello, "hello_asgi:bare"), environ, path="/"),
    )


def peers(room: Room) -> dict[str, Subject | str]:
    """The peers, or the reason why one cannot be measured."""
    makers = {
        "naive": ("tensorflow", ("gunicorn", "-b", "127.0.0.1:{port}", "-w", "1", "naive:app")),
        "flask-compiled": ("tensorflow", ("gunicorn", "-b", "127.0.0.1:{port}", "-w", "1", "compiled:app")),
        "fastapi": ("fastapi", ("uvicorn", "--no-access-log", "--port", "{port}", "fast:app")),
        "mlserver": ("mlserver", ("mlserver", "start", str(_mlserver_folder(room)))),
        "bentoml": (
            "bentoml",
            ("bentoml", "serve", "bentoml_service:Digits", "--host", "127.0.0.1", "--port", "{port}"),
        ),
    }
    found: dict[str, Subject | str] = {}
    for name, (requirements, command) in makers.items():
        try:
            commands = room.install(requirements, (PEERS / f"{requirements}.txt").read_text())
        except NotMade as reason:
            found[name] = str(reason)
            continue
        words = (str(commands / command[0]), *command[1:])
        found[name] = Subject(name, words, room.environ(commands), body=room.body, slow=name == "naive")
        if name == "mlserver":
            found[name] = _mlserver(words, room.environ(commands), room.body)
        if name == "bentoml":
            found[name] = Subject(name, (*words, "--working-dir", str(PEERS)), room.environ(commands), body=room.body)
    return found


def servers(room: Room) -> dict[str, Subject | str]:
    """The same Flask app on each server that could carry it."""
    on = ("-b", "127.0.0.1:{port}", "-w", "1")
    makers: dict[str, tuple[str, ...]] = {
        "gunicorn-sync": ("gunicorn", *on),
        "gunicorn-gthread": ("gunicorn", *on, "-k", "gthread", "--threads", "4"),
        "waitress": ("waitress-serve", "--listen", "127.0.0.1:{port}"),
        "cheroot": ("python", str(PEERS / "cheroot_server.py"), "{port}"),
        "granian": (*("granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}"), *_GRANIAN),
        "uwsgi": ("pyuwsgi", "--http-socket", "127.0.0.1:{port}", *_UWSGI, "--module"),
    }
    try:
        commands = room.install("servers", (PEERS / "servers.txt").read_text())
    except NotMade as reason:
        return {"servers": str(reason)}
    environ = room.environ(commands)
    found: dict[str, Subject | str] = {}
    for name, (program, *words) in makers.items():
        called = "flask_app:app" if name in ("granian", "uwsgi", "waitress", "cheroot") else "app:create_app()"
        start = (str(commands / program), *words)
        found[name] = Subject(name, (*start, called), environ, body=room.body)
        found[f"{name}-hello"] = Subject(f"{name}-hello", (*start, "hello:app"), environ, path="/")
    return found


_GRANIAN = ("--workers", "1", "--blocking-threads", "1")
_UWSGI = ("--master", "--processes", "1", "--disable-logging", "--die-on-term", "--add-header", "Connection: close")


def _mlserver_folder(room: Room) -> Path:
    folder = room.folder / "mlserver"
    folder.mkdir(exist_ok=True)
    settings = {"name": "digits", "implementation": "mlserver_model.Digits"}
    (folder / "model-settings.json").write_text(json.dumps(settings))
    return folder


def _mlserver(command: tuple[str, ...], environ: Mapping[str, str], body: bytes) -> Subject:
    image = json.loads(body)["inputs"]
    tensor = {
        "name": "image",
        "shape": [1, 28, 28],
        "datatype": "UINT8",
        "data": [pixel for row in image for pixel in row],
    }
    shell = f"MLSERVER_HTTP_PORT={{port}} exec {command[0]} start {command[2]}"
    given = {**environ, "MLSERVER_PARALLEL_WORKERS": "0", "MLSERVER_HOST": "127.0.0.1", "MLSERVER_DEBUG": "false"}
    given |= {
        "MLSERVER_GRPC_PORT": str(30000 + os.getpid() % 9000),
        "MLSERVER_METRICS_PORT": str(40000 + os.getpid() % 9000),
    }
    asked = json.dumps({"inputs": [tensor]}).encode()
    return Subject("mlserver", ("/bin/sh", "-c", shell), given, path="/v2/models/digits/infer", body=asked)
