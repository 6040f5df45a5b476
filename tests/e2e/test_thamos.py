"""The unmodified thamos of PyPI against a started server: it advises, writes the lock, and checks provenance."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest

from bot.adapters.environments import Environments
from bot.adapters.pypi import SimpleIndex
from bot.adapters.thoth_client import PROJECT, ThothOr, client_environments, install
from bot.core import changes
from bot.core import pipfile as pipfile_values
from bot.core.errors import Refused
from bot.core.packages import Resolution, ResolveRequest, ThothHost
from tests.adapters.package_index import PackageIndex

CHECKOUT = Path(__file__).parents[2]
TOKEN = "a-token-that-nobody-guesses"


@dataclass(slots=True)
class Desk:
    """A project of somebody's, the client, and the environment that it is started with."""

    project: Path
    thamos: Path
    environ: dict[str, str]
    host: str

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.thamos), *arguments]
        return subprocess.run(
            command, cwd=self.project, env=self.environ, capture_output=True, text=True, timeout=120, check=False
        )

    def lock(self) -> dict[str, dict[str, dict[str, object]]]:
        found: dict[str, dict[str, dict[str, object]]] = json.loads((self.project / "Pipfile.lock").read_text())
        return found


class Nobody:
    """A resolver that must not be asked."""

    async def resolve(self, request: ResolveRequest) -> Resolution:
        raise AssertionError("the own resolver was asked")


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


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Environments:
    """Where the client is installed, once for all stories."""
    return client_environments(tmp_path_factory.mktemp("client"))


@pytest.fixture
async def desk(tmp_path: Path, index: PackageIndex, client: Environments, token: str) -> AsyncIterator[Desk]:
    made = await install(client, PROJECT)
    allowed = {"BOLIDE_ALLOWED_HOSTS": "127.0.0.1", "BOLIDE_ADVISORIES": "none"}
    plain = {"PATH": os.defpath, "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    settings = {"BOLIDE_STATE_DIR": str(tmp_path / "state"), "BOLIDE_THOTH_PORT": "0", "BOLIDE_THOTH_TOKEN": token}
    server = started({**plain, **allowed, **settings})
    assert server.stdout is not None
    assert server.stdout.readline().startswith("Thoth's API is on https://127.0.0.1:")
    host, verify = server.stdout.readline(), server.stdout.readline()
    project = tmp_path / "project"
    project.mkdir()
    (project / ".thoth.yaml").write_text(f"{host}{verify}runtime_environments: [{{name: default}}]\n")
    (project / "Pipfile").write_text(pipfile(index.url))
    told = {"THAMOS_NO_PROGRESSBAR": "1", "THAMOS_NO_EMOJI": "1", "THAMOS_TOKEN": token}
    program = made.path / "bin" / "thamos"
    yield Desk(project, program, {**plain, **told, "COLUMNS": "400"}, host.removeprefix("host: ").strip())
    server.send_signal(signal.SIGTERM)
    _, said = server.communicate(timeout=30)
    assert server.returncode == 0, said
    assert not token or token not in said


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
@pytest.mark.parametrize("token", [TOKEN])
async def test_thamos_advises_and_checks_provenance(desk: Desk, index: PackageIndex) -> None:
    told = await asyncio.to_thread(desk.run, "advise")
    assert told.returncode == 0, told.stderr
    assert "app (new) → 2.0: the project names it." in told.stdout
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


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.enable_socket
@pytest.mark.parametrize("token", [""])
async def test_a_repository_may_have_its_lock_advised_by_such_a_host(
    desk: Desk, index: PackageIndex, client: Environments, tmp_path: Path
) -> None:
    allowed = frozenset({"127.0.0.1"})
    wanted = pipfile_values.parse(pipfile(index.url), allowed)
    request = ResolveRequest(wanted, recommendation="latest", thoth=ThothHost(desk.host, tls_verify=False))
    async with aiohttp.ClientSession() as session:
        pages = SimpleIndex(session, tmp_path / "pages", allowed_hosts=allowed)
        resolver = ThothOr(Nobody(), client, pages, allowed)
        found = await resolver.resolve(request)
        impossible = pipfile_values.parse(pipfile(index.url).replace('app = "*"', 'app = "==9"'), allowed)
        with pytest.raises(Refused, match=r"gives no advice: .*app==9"):
            await resolver.resolve(replace(request, pipfile=impossible))
    assert {name: entry["version"] for name, entry in found.lock["default"].items()} == {"app": "==2.0", "lib": "==1.5"}
    assert list(found.lock["develop"]) == ["tool"]
    assert changes.is_current(wanted, found.lock)
    assert changes.shortfalls(wanted, found.lock) == ()
    assert found.required_by["lib"] == ("app",)
    assert "Thoth: app (new) → 2.0: the project names it." in found.notes
    assert found.resolver == f"Thoth at {desk.host}"
