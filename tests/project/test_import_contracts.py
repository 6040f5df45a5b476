"""Each import contract of pyproject.toml is seen to fail once: a contract that cannot fail keeps nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
VIOLATIONS = [
    ("The layers of bot import inwards only", "bot/core/events.py", "import bot.managers.update"),
    ("The layers of bot import inwards only", "bot/adapters/inbox.py", "import bot.service.worker"),
    ("The layers of bot import inwards only", "bot/advisor/sieves.py", "import bot.managers.update"),
    ("bot, app and training meet through files only", "app/model.py", "import training.card"),
    ("The core is pure: no clock, environment, files, network or event loop", "bot/core/plan.py", "import time"),
    ("The core is pure: no clock, environment, files, network or event loop", "bot/managers/update.py", "import os"),
    ("The service carries no TensorFlow", "app/model.py", "import tensorflow"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for name in ("app", "bot", "training"):
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.gz"))
    shutil.copy(CHECKOUT / "pyproject.toml", folder)
    return folder


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    command = [str(program), "--no-cache"]
    return subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True)


def test_the_contracts_are_kept_as_they_are(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("contract", "path", "line"), VIOLATIONS, ids=lambda value: str(value)[:40])
def test_a_violation_breaks_its_contract(copy: Path, contract: str, path: str, line: str) -> None:
    module = copy / path
    kept = module.read_text()
    module.write_text(f"{kept}\n{line}\n")
    try:
        done = lint(copy)
    finally:
        module.write_text(kept)
    assert done.returncode == 1
    assert f"{contract} BROKEN" in done.stdout
