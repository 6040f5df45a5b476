"""Make `.venv` from Pipfile.lock with nothing but Python: `python3 -m bot.bootstrap CATEGORY...`.

Debian's Python comes without pip and ensurepip, so the installer is fetched first: the uv wheel that
Pipfile.lock pins, refused unless its sha256 is one that the lock lists.
"""

import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import sysconfig
import urllib.request
import venv
import zipfile
from pathlib import Path
from typing import Any

from bot.core import lockfile

INDEX = os.environ.get("PIP_INDEX_URL") or "https://pypi.org/simple"
SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
FIRST_PYTHON = (3, 11)
_REMEDY = "look at the connection, or set PIP_INDEX_URL to an index that answers."


def main(categories: list[str]) -> int:
    """Install the categories into `.venv` beside Pipfile.lock, nothing when it is already so."""
    if sys.version_info < FIRST_PYTHON:
        print(f"Bolide needs Python 3.11 or newer; {sys.executable} is {platform.python_version()}.", file=sys.stderr)
        return 2
    try:
        lock = lockfile.parse(Path("Pipfile.lock").read_text())
        wanted = lockfile.requirements(lock, categories)
        return _install(lock, wanted)
    except (OSError, ValueError) as problem:
        print(f"The packages of Pipfile.lock could not be installed: {problem}", file=sys.stderr)
        return 1


def _install(lock: dict[str, Any], wanted: str) -> int:
    environment = Path(".venv")
    stamp = environment / "installed.txt"
    if stamp.exists() and stamp.read_text() == wanted:
        return 0
    if not (environment / "bin" / "python").exists():
        venv.create(environment, with_pip=False, symlinks=True)
    uv = _uv(environment, lock)
    requirements = environment / "requirements.txt"
    requirements.write_text(wanted)
    command = [str(uv), "pip", "sync", "--require-hashes", "--no-config", "--system-certs", "--index-url", INDEX]
    if subprocess.run([*command, "--python", str(environment / "bin/python"), str(requirements)]).returncode:
        print("The packages of Pipfile.lock could not be installed; see the lines above, then run it again.")
        return 1
    stamp.write_text(wanted)
    return 0


def _uv(environment: Path, lock: dict[str, Any]) -> Path:
    """The path of the pinned uv, fetched and checked when it is not there in that version."""
    entry = lock["bot"]["uv"]
    version: str = entry["version"].removeprefix("==")
    target = environment / "installer" / version / "uv"
    if target.exists():
        return target
    content = _fetch_wheel("uv", version, set(entry["hashes"]))
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(content)) as wheel:
        name = next(n for n in wheel.namelist() if n.endswith("/scripts/uv"))
        part = target.with_name(f"uv.{os.getpid()}")
        part.write_bytes(wheel.read(name))
    part.chmod(0o755)
    part.replace(target)  # whole or not there: what was cut off is done again
    return target


def _fetch_wheel(name: str, version: str, hashes: set[str]) -> bytes:
    machine = platform.machine()
    libc = "musllinux" if "musl" in (sysconfig.get_config_var("SOABI") or "") else "manylinux"
    try:
        request = urllib.request.Request(f"{INDEX}/{name}/", headers={"Accept": SIMPLE_JSON})
        with urllib.request.urlopen(request, timeout=60) as answer:
            files = json.load(answer)["files"]
    except (OSError, ValueError, LookupError) as problem:
        raise OSError(f"the index {INDEX} gives no list of {name} ({problem}); {_REMEDY}") from problem
    for file in files:
        filename = file["filename"]
        if filename.startswith(f"{name}-{version}-") and libc in filename and filename.endswith(f"{machine}.whl"):
            with urllib.request.urlopen(file["url"], timeout=300) as answer:
                content: bytes = answer.read()
            if f"sha256:{hashlib.sha256(content).hexdigest()}" in hashes:
                return content
            raise SystemExit(f"{filename} from {INDEX} is not what Pipfile.lock pins; nothing was installed.")
    raise SystemExit(f"{INDEX} has no {name} {version} for {libc} on {machine}; install pipenv, run `pipenv sync`.")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
