"""The unmodified thamos of PyPI against a started server: it advises, writes the lock, and checks provenance."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.adapters.environments import Environments, own_uv
from bot.adapters.thoth_client import PROJECT, install
from tests.adapters.package_index import PackageIndex

CHECKOUT = Path(__file__).parents[2]
TOKEN = "a-token-that-nobody-guesses"


@dataclass(slots=True)
class Desk:
    """A project of somebody's, the client, and the environment that it is started with."""

    project: Path
    thamos: Path
    environ: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.thamos), *arguments]
        return subprocess.run(
            command, cwd=self.project, env=self.environ, capture_output=True, text=True, timeout=120, check=False
        )

    def lock(self) -> dict[str, dict[str, dict[str, object]]]:
        found: dict[str, dict[str, dict[str, object]]] = json.loads((self.project / "Pipfile.lock").read_text())
        return found


@pytest.fixture
async def index() -> AsyncIterator[PackageIndex]:
    async with PackageIndex().serve() as held:
        held.add("app", "1.0", "lib>=1")
        held.add("app", "2.0", "lib>=1")
        held.add("lib", "1.5")
        held.add("tool", "0.1")
        yield held


def started(environ: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bot", "thoth"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=CHECKOUT, env=environ, stdout=pipe, stderr=pipe, text=True)


@pytest.fixture
async def desk(tmp_path: Path, index: PackageIndex) -> AsyncIterator[Desk]:
    made = await install(Environments(tmp_path / "thoth", uv=own_uv(), python=Path(sys.executable)), PROJECT)
    settings = {"BOLIDE_STATE_DIR": str(tmp_path / "state"), "BOLIDE_ALLOWED_HOSTS": "127.0.0.1"}
    plain = {"PATH": os.defpath, "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    environ = {**plain, **settings, "BOLIDE_THOTH_PORT": "0", "BOLIDE_THOTH_TOKEN": TOKEN}
    server = started(environ)
    assert server.stdout is not None
    assert server.stdout.readline().startswith("Thoth's API is on https://127.0.0.1:")
    host, verify = server.stdout.readline(), server.stdout.readline()
    project = tmp_path / "project"
    project.mkdir()
    (project / ".thoth.yaml").write_text(f"{host}{verify}runtime_environments: [{{name: default}}]\n")
    (project / "Pipfile").write_text(pipfile(index.url))
    client = {"THAMOS_NO_PROGRESSBAR": "1", "THAMOS_NO_EMOJI": "1", "THAMOS_TOKEN": TOKEN}
    yield Desk(project, made.path / "bin" / "thamos", {**plain, **client, "COLUMNS": "400"})
    server.send_signal(signal.SIGTERM)
    _, said = server.communicate(timeout=30)
    assert server.returncode == 0, said
    assert TOKEN not in said


def pipfile(url: str) -> str:
    source = f'[[source]]\nurl = "{url}"\nverify_ssl = true\nname = "own"\n\n'
    return f'{source}[packages]\napp = "*"\n\n[dev-packages]\ntool = "*"\n\n[requires]\npython_version = "3.11"\n'


def verified(project: Path, text: str) -> subprocess.CompletedProcess[str]:
    """`pipenv verify` on the Pipfile as its owner wrote it."""
    (project / "Pipfile").write_text(text)
    environ = {"PATH": os.defpath, "HOME": str(project), "LANG": "C.UTF-8", "VIRTUAL_ENV": sys.prefix}
    command = [sys.executable, "-m", "pipenv", "verify"]
    return subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.network
@pytest.mark.enable_socket
async def test_thamos_advises_and_checks_provenance(desk: Desk, index: PackageIndex) -> None:
    told = await asyncio.to_thread(desk.run, "advise")
    assert told.returncode == 0, told.stderr
    assert "app (new) → 2.0: the Pipfile names it" in told.stdout
    pins = {name: entry["version"] for name, entry in desk.lock()["default"].items()}
    assert pins == {"app": "==2.0", "lib": "==1.5"}
    assert desk.lock()["default"]["lib"]["hashes"] == index.hashes("lib", "1.5")
    clean = await asyncio.to_thread(verified, desk.project, pipfile(index.url))
    assert clean.returncode == 0, clean.stderr

    passed = await asyncio.to_thread(desk.run, "provenance-check")
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "INSECURE-SOURCE" in passed.stdout  # the test's index has no TLS
    tampered = desk.lock()
    tampered["default"]["lib"]["hashes"] = [f"sha256:{'0' * 64}"]
    (desk.project / "Pipfile.lock").write_text(json.dumps(tampered))
    failed = await asyncio.to_thread(desk.run, "provenance-check")
    assert failed.returncode == 4
    assert "INVALID-ARTIFACT-HASH" in failed.stdout

    (desk.project / "Pipfile").write_text(pipfile(index.url).replace('app = "*"', 'app = "==9"'))
    unsolved = await asyncio.to_thread(desk.run, "advise")
    assert (unsolved.returncode, "app==9" in unsolved.stdout) == (4, True)
    desk.environ["THAMOS_TOKEN"] = "a-token-of-somebody-else"
    stranger = await asyncio.to_thread(desk.run, "advise")
    assert (stranger.returncode, "THAMOS_TOKEN" in stranger.stderr) == (1, True)
