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
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


@contextlib.contextmanager
def served(model_dir: Path, commit: str, log: Path) -> Iterator[str]:
    """The URL of the service as it is deployed: gunicorn on a listening socket that it inherits."""
    variables = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("COV")}
    variables |= {"MODEL_DIR": str(model_dir), "COMMIT": commit, "LOCK_SHA256": "10c4", "HOME": str(log.parent)}
    with socket.create_server(("127.0.0.1", 0)) as door, log.open("wb") as file:
        os.set_inheritable(door.fileno(), True)  # noqa: FBT003  # its only form
        url = f"http://127.0.0.1:{door.getsockname()[1]}"
        command = [sys.executable, "-m", "gunicorn", "--workers", "1", "--threads", "4", "--graceful-timeout", "5"]
        command += ["--no-control-socket", "--bind", f"fd://{door.fileno()}", "app:create_app()"]
        with subprocess.Popen(
            command, cwd=CHECKOUT, env=variables, stdout=file, stderr=file, pass_fds=[door.fileno()]
        ) as server:
            try:
                wait_for(f"{url}/livez")
                yield url
            finally:
                server.terminate()
                status = server.wait(timeout=20)
        assert status == 0, log.read_text()


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
