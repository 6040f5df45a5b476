"""The same Pipfile locked by pipenv and by Bolide within a minute, from the real index: the locks are equal."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.core import pipfile
from bot.core.packages import ResolveRequest
from bot.wiring import packages

pytestmark = [pytest.mark.network, pytest.mark.enable_socket, pytest.mark.timeout(900)]

REPOSITORY = Path(__file__).parents[2]
SAMPLES = REPOSITORY / "tests" / "data" / "pipfiles"
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")  # the machine's own, in place of those that requests brings
TLS = {"REQUESTS_CA_BUNDLE": str(AUTHORITIES), "PIP_CERT": str(AUTHORITIES)} if AUTHORITIES.exists() else {}
QUICK = ("no-source", "flask-exporter", "markers")
SLOW = (
    *("categories", "extras", "full-version", "mixed-case", "platforms", "prereleases"),
    *("ranges", "settings", "tensorflow", "two-sources", "web"),
)
DIFFERENT = {
    ("platforms", "default", "pywin32"): ({"version": "*"}, {"markers": "sys_platform == 'win32'", "version": "*"})
}
"""Sample, section, package → (pipenv's entry, Bolide's); docs/lock-format.md says why."""


def pipenv(project: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **TLS,
        "PATH": "/usr/bin:/bin",
        "HOME": str(project),
        "LANG": "C.UTF-8",
        "PIPENV_CACHE_DIR": str(project.parent / "pipenv-cache"),
        "PIPENV_NOSPIN": "1",
        "PIP_CONFIG_FILE": os.devnull,
        **variables,
    }
    command = [sys.executable, "-m", "pipenv", *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=800)


def project(place: Path, content: bytes) -> Path:
    made = place / "project"
    made.mkdir()
    (made / "Pipfile").write_bytes(content)
    return made


def lock_by_pipenv(place: Path, content: bytes) -> str:
    made = project(place, content)
    done = pipenv(made, "lock", VIRTUAL_ENV=sys.prefix)
    assert done.returncode == 0, done.stderr
    return (made / "Pipfile.lock").read_text()


def lock_by_bolide(place: Path, content: bytes) -> str:
    return asyncio.run(_resolve(place, content))


async def _resolve(place: Path, content: bytes) -> str:
    async with packages.open_packages(place / "state") as found:
        return (await found.resolver.resolve(ResolveRequest(pipfile.parse(content)))).lock_text


def differences(name: str, theirs: str, ours: str) -> dict[tuple[str, str, str], tuple[Any, Any]]:
    """Entry by entry what differs; where nothing does, the texts are equal to the byte."""
    one, other = json.loads(theirs), json.loads(ours)
    found = {
        (name, section, key): (one.get(section, {}).get(key), other.get(section, {}).get(key))
        for section in one.keys() | other.keys()
        for key in one.get(section, {}).keys() | other.get(section, {}).keys()
        if one.get(section, {}).get(key) != other.get(section, {}).get(key)
    }
    assert found or theirs == ours
    return found


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_a_sample_is_locked_as_pipenv_locks_it(name: str, tmp_path: Path) -> None:
    content = (SAMPLES / name / "Pipfile").read_bytes()
    theirs, ours = lock_by_pipenv(tmp_path, content), lock_by_bolide(tmp_path, content)
    expected = {place: entries for place, entries in DIFFERENT.items() if place[0] == name}
    assert differences(name, theirs, ours) == expected


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_this_repository_is_locked_as_pipenv_locks_it(tmp_path: Path) -> None:
    content = (REPOSITORY / "Pipfile").read_bytes()
    assert lock_by_pipenv(tmp_path, content) == lock_by_bolide(tmp_path, content)


def test_every_sample_is_compared() -> None:
    assert {path.parent.name for path in SAMPLES.glob("*/Pipfile")} == {*QUICK, *SLOW}


def test_pipenv_accepts_and_installs_the_lock(tmp_path: Path) -> None:
    made = project(tmp_path, (SAMPLES / "no-source" / "Pipfile").read_bytes())
    (made / "Pipfile.lock").write_text(lock_by_bolide(tmp_path, (made / "Pipfile").read_bytes()))
    before = (made / "Pipfile.lock").read_bytes()
    verified = pipenv(made, "verify", VIRTUAL_ENV=sys.prefix)
    assert verified.returncode == 0, verified.stderr
    installed = pipenv(made, "--python", sys.executable, "sync", "--dev", PIPENV_VENV_IN_PROJECT="1")
    assert installed.returncode == 0, installed.stderr
    asked = [str(made / ".venv/bin/python"), "-c", "import requests; print(requests.__version__)"]
    told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    assert f"=={told}" == json.loads(before)["default"]["requests"]["version"]
    assert (made / "Pipfile.lock").read_bytes() == before
