"""This repository's own lock, as the tools that read it see it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bot.core import changes, lockfile, pipfile

CHECKOUT = Path(__file__).parents[2]


def verify(project: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(project),
        "LANG": "C.UTF-8",
        "PIPENV_CACHE_DIR": str(project / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "VIRTUAL_ENV": sys.prefix,
    }
    command = [sys.executable, "-m", "pipenv", "verify"]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=120)


def test_pipenv_verifies_the_lock(tmp_path: Path) -> None:
    for name in ("Pipfile", "Pipfile.lock"):
        shutil.copy(CHECKOUT / name, tmp_path)
    verified = verify(tmp_path)
    assert verified.returncode == 0, verified.stderr
    with (tmp_path / "Pipfile").open("a") as more:
        more.write('\n[another]\nsix = "*"\n')
    assert verify(tmp_path).returncode == 1


def test_the_lock_meets_every_requirement() -> None:
    wanted = pipfile.parse((CHECKOUT / "Pipfile").read_bytes())
    lock = lockfile.parse((CHECKOUT / "Pipfile.lock").read_text())
    assert changes.is_current(wanted, lock)
    assert changes.shortfalls(wanted, lock) == ()
