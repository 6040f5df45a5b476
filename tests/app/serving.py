"""A real server process on a loopback port that the test owns."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]


HAND_OVER = """
import os, sys
descriptor = int(sys.argv[1])
if descriptor != 3:
    os.dup2(descriptor, 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.executable, [sys.executable, "-m", "app.serve"])
"""


@dataclass(frozen=True, slots=True)
class Served:
    """A service that runs: where it answers, its process, and the file with its log."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """The access log so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


@contextlib.contextmanager
def serving(model_dir: Path, commit: str, log: Path, verifying_key: Path | None = None) -> Iterator[Served]:
    """The service as it is deployed: on a listening socket that it is handed."""
    variables = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("COV")}
    variables |= {"MODEL_DIR": str(model_dir), "COMMIT": commit, "LOCK_SHA256": "10c4", "HOME": str(log.parent)}
    variables |= {"VERIFYING_KEY_FILE": str(verifying_key)} if verifying_key else {}
    with socket.create_server(("127.0.0.1", 0)) as door, log.open("wb") as file:
        url = f"http://127.0.0.1:{door.getsockname()[1]}"
        command = [sys.executable, "-c", HAND_OVER, str(door.fileno())]
        with subprocess.Popen(
            command, cwd=CHECKOUT, env=variables, stdout=file, stderr=file, pass_fds=[door.fileno()]
        ) as server:
            try:
                wait_for(f"{url}/livez")
                yield Served(url, server, log)
            finally:
                server.terminate()
                status = server.wait(timeout=60)
        assert status == 0, log.read_text()


@contextlib.contextmanager
def served(model_dir: Path, commit: str, log: Path) -> Iterator[str]:
    """The URL of the service as it is deployed."""
    with serving(model_dir, commit, log) as service:
        yield service.url


def wait_for(url: str, seconds: float = 60) -> None:
    """Returns when the URL answers; raises TimeoutError otherwise."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):  # noqa: S310  # loopback
            return
        time.sleep(0.05)
    raise TimeoutError(url)


def predict(url: str, body: object) -> int:
    """The digit that the service answers."""
    request = urllib.request.Request(  # noqa: S310  # loopback
        f"{url}/predict", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # loopback
        return int(json.load(answer)["prediction"])
