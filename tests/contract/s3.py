"""A real S3 server for tests: SeaweedFS, from a development package, with keys of its own."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

WEED = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "weed"


class S3Server:
    """One server with the bucket `models`, on loopback; it is asked until it answers."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bolide-s3-"))
        self.key_id, self.secret = secrets.token_hex(8), secrets.token_urlsafe(24)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return when the port is open."""
        config = {
            "identities": [
                {
                    "name": "bolide",
                    "credentials": [{"accessKey": self.key_id, "secretKey": self.secret}],
                    "actions": ["Admin"],
                }
            ]
        }
        (self.folder / "s3.json").write_text(json.dumps(config))
        options = {
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "dir": str(self.folder),
            "bucket": "models",
            "s3.port": str(self.port),
            **{f"{part}.port": str(free_port()) for part in ("master", "filer", "volume")},
            **{f"{part}.port.grpc": str(free_port()) for part in ("master", "filer", "volume", "s3")},
            "s3.config": str(self.folder / "s3.json"),
            "admin.ui": "false",
            "webdav": "false",
        }
        command = [str(WEED), "mini", *(f"-{name}={value}" for name, value in options.items())]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, env={"PATH": os.defpath, "HOME": str(self.folder)}
            )
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None:
                break
            time.sleep(0.1)
        raise AssertionError((self.folder / "log").read_text()[-2000:])

    def kill(self) -> None:
        """End it at once."""
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def remove(self) -> None:
        """End it and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def free_port() -> int:
    """A port on loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
