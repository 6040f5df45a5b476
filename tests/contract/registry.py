"""A real container registry for tests, and a base image in it; Debian's docker-registry and buildah."""

import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from tests.contract.s3 import free_port

PRESENT = all(shutil.which(program) for program in ("docker-registry", "buildah"))
REASON = "needs a registry and buildah (apt install docker-registry buildah)"

_CONFIG = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


class Registry:
    """A registry on loopback, without TLS and without a password."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        folder.mkdir(parents=True)
        (folder / "config.yml").write_text(_CONFIG.format(root=folder / "data", port=self.port))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """Its name in an image's name."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Return when it answers."""
        with (self.folder / "log").open("ab") as log:
            command = ["docker-registry", "serve", str(self.folder / "config.yml")]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        """End it."""
        if self._process:
            self._process.terminate()
            self._process.wait(10)

    def base(self, root: Path) -> str:
        """The digest name of an image that holds the files of `root` and nothing else."""
        storage = ["--root", str(self.folder / "s"), "--runroot", str(self.folder / "r"), "--storage-driver", "vfs"]

        def buildah(*arguments: str) -> str:
            done = subprocess.run(["buildah", *storage, *arguments], check=True, capture_output=True, text=True)
            return done.stdout.strip()

        container = buildah("from", "scratch")
        buildah("add", container, str(root), "/")
        buildah("commit", "--timestamp", "0", container, "base")
        told = self.folder / "base.digest"
        name = f"{self.host}/base"
        buildah("push", "--tls-verify=false", "--digestfile", str(told), "base", f"docker://{name}:1")
        return f"{name}@{told.read_text().strip()}"

    def manifest(self, name: str) -> dict[str, object]:
        """The configuration of an image, as a client that pulls it by digest reads it."""
        import json

        done = subprocess.run(
            ["skopeo", "inspect", "--config", "--tls-verify=false", f"docker://{name}"],
            check=True,
            capture_output=True,
            text=True,
        )
        found: dict[str, object] = json.loads(done.stdout)["config"]
        return found
