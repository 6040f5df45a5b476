"""The training as a Kubeflow pipeline: what the stages come to when Kubeflow's own SDK compiles and runs them."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from uv import find_uv_bin

from tests.pipelines.workshop import sha, training_module, write_repository

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "training" / "requirements-kubeflow.txt"
COMPILED = ROOT / "manifests" / "pipeline" / "kubeflow" / "model.yaml"


@pytest.fixture(scope="module")
def sdk() -> Path:
    """An environment with Kubeflow's SDK, made once for these requirements; the test is skipped where it cannot be."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bolide-tests"
    folder = cache / f"kubeflow-{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]}"
    if not (folder / "complete").exists():
        uv = find_uv_bin()
        subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, folder], check=True)
        target = ["--python", str(folder / "bin" / "python"), "--require-hashes", "-r", str(REQUIREMENTS)]
        command = [uv, "pip", "install", "-q", "--system-certs", *target]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"Kubeflow's SDK cannot be installed: {done.stderr[-300:]}")
        (folder / "complete").touch()
    return folder / "bin"


def training_pipeline(sdk: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"PATH": f"{sdk}:{os.environ['PATH']}"}
    command = [sdk / "python", "-m", "training.pipeline", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=240, check=False)


def described(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = next(yaml.safe_load_all(path.read_text()))
    return document


def test_the_compiled_pipeline_has_the_stages_in_their_order() -> None:
    stages = [one for one in json.loads((ROOT / "training" / "stages.json").read_text())["stages"] if one["command"]]
    tasks = described(COMPILED)["root"]["dag"]["tasks"].values()
    by_name = {task["taskInfo"]["name"]: task for task in tasks}
    assert by_name.keys() == {stage["name"] for stage in stages}
    for stage in stages:
        command = by_name[stage["name"]]["inputs"]["parameters"]["command"]["runtimeValue"]["constant"]
        assert command == stage["command"]
        before = [by_name[name] for name in stage["after"]]
        assert by_name[stage["name"]].get("dependentTasks", []) == [
            task["componentRef"]["name"].removeprefix("comp-") for task in before
        ]


def test_compiled_steps_have_their_images_by_digest_and_install_nothing() -> None:
    for executor in described(COMPILED)["deploymentSpec"]["executors"].values():
        assert "@sha256:" in executor["container"]["image"]
        assert "pip install" not in json.dumps(executor)


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.enable_socket
class TestTheSdk:
    def test_it_compiles_what_is_checked_in(self, sdk: Path, tmp_path: Path) -> None:
        done = training_pipeline(sdk, "compile", tmp_path / "model.yaml")
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "model.yaml").read_text() == COMPILED.read_text(), "run `make kubeflow`"

    def test_its_local_runner_makes_a_model(self, sdk: Path, tmp_path: Path) -> None:
        tree = write_repository(tmp_path / "tree")
        given = ["--commit", sha(1), "--python", sys.executable, "--source", str(tree)]
        done = training_pipeline(sdk, "run", tmp_path / "models", *given)
        assert done.returncode == 0, done.stderr
        models = list((tmp_path / "models").rglob("metrics.json"))
        assert models
        assert json.loads((models[0].parent / "card.json").read_text())["commit"] == sha(1)

    def test_a_model_that_the_gate_refuses_fails_the_pipeline(self, sdk: Path, tmp_path: Path) -> None:
        tree = write_repository(tmp_path / "tree", {"training/train.py": training_module(accuracy=0.5)})
        done = training_pipeline(sdk, "run", tmp_path / "models", "--python", sys.executable, "--source", tree)
        assert done.returncode != 0
        assert "The accuracy 0.5 is below the floor 0.9." in done.stdout + done.stderr
