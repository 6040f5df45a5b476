"""`python -m bot image`, with the real buildah and a real registry."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.core import repoconfig
from tests.contract.registry import PRESENT, REASON, Registry

BASE = "registry.example.org/python@sha256:" + "a" * 64
NAME = "registry.example.org/ada/training"
CONFIG = """\
training:
  categories: [training]
  inputs: [train.py]
  train: [python, train.py]
"""
LOCK = json.dumps({"_meta": {"sources": []}, "default": {"flask": {"version": "==3.1"}}, "training": {}})


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "digits"
    (folder / ".github").mkdir(parents=True)
    (folder / repoconfig.PATH).write_text(CONFIG)
    (folder / "Pipfile.lock").write_text(LOCK)
    (folder / "train.py").write_text("print('trained')\n")
    return folder


def committed(folder: Path) -> str:
    """The commit of all files of a folder that is a clone of ada/digits now."""

    def git(*words: str) -> str:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        return subprocess.run(
            ["git", "-C", str(folder), *identity, *words], check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "--quiet")
    git("remote", "add", "origin", "https://github.com/ada/digits.git")
    git("add", "--all")
    git("commit", "--quiet", "--message", "All")
    return git("rev-parse", "HEAD")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "registry") as registry:
        yield registry


@pytest.mark.skipif(not PRESENT, reason=REASON)
def test_the_image_of_a_training_is_pushed_and_told_by_digest(
    checkout: Path,
    registry: Registry,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "os-release").write_text("ID=test\n")
    base, record = registry.base(tmp_path / "base"), tmp_path / "record"
    monkeypatch.setenv("BOLIDE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("BOLIDE_BASE_IMAGE", base)
    name = f"{registry.host}/ada/training"
    assert main(["image", "training", name, str(checkout), "--record", str(record)]) == 0
    told = capsys.readouterr().out.strip()
    assert told.startswith(f"{name}@sha256:")
    configuration = registry.manifest(told)
    assert configuration["User"] == "10001:10001"
    assert configuration["Entrypoint"] == ["python3"]
    assert "REQUIREMENTS_SHA256=" in str(configuration["Env"])
    # The folder is no checkout, so that no commit is claimed; what is not of the training is not in its bill.
    statement = json.loads((record / "provenance.json").read_text())
    build = statement["predicate"]["buildDefinition"]
    assert {next(iter(one["digest"])) for one in build["resolvedDependencies"]} == {"sha256"}
    assert json.loads((record / "sbom.json").read_text())["components"] == []

    commit = committed(checkout)
    assert main(["image", "training", name, str(checkout), "--record", str(tmp_path / "again")]) == 0
    assert capsys.readouterr().out.strip() == told
    statement = json.loads((tmp_path / "again" / "provenance.json").read_text())
    materials = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert materials[0] == {"uri": "git+https://github.com/ada/digits", "digest": {"gitCommit": commit}}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("training", "Training", "--base", BASE), "'Training' is no image repository"),
        (("training", NAME), "is not named by its digest"),
        (("training", NAME, "nowhere", "--base", BASE), "Pipfile.lock cannot be read"),
        (("bot", NAME, "--base", BASE), "Pipfile.lock has no category 'bot'"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_built(
    checkout: Path,
    given: tuple[str, ...],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(checkout)
    assert main(["image", *given]) == 1
    assert sentence in capsys.readouterr().err
    assert not (checkout / ".bolide").exists()


def test_a_folder_without_a_training_is_told_so(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / repoconfig.PATH).write_text("{}\n")
    assert main(["image", "training", NAME, str(checkout), "--base", BASE]) == 1
    assert "has no `training`" in capsys.readouterr().err
    (checkout / repoconfig.PATH).write_text(CONFIG.replace("  inputs: [train.py]\n", ""))
    assert main(["image", "training", NAME, str(checkout), "--base", BASE]) == 1
    assert "`training.inputs` names no paths" in capsys.readouterr().err
