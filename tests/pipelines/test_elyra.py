"""The training as an Elyra pipeline: the document, and what Elyra's own command line makes of it."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from uv import find_uv_bin

from bot.core.elyra import render
from bot.core.errors import Refused
from bot.core.recipe import TrainingRecipe
from tests.pipelines.workshop import RECIPE, sha, training_module, write_repository

ROOT = Path(__file__).parents[2]
PIPELINE = ROOT / "training" / "mnist.pipeline"
ELYRA = "elyra==4.1.1"
assert RECIPE.training
TRAINING: TrainingRecipe = RECIPE.training


def nodes(text: str) -> list[dict[str, Any]]:
    (pipeline,) = json.loads(text)["pipelines"]
    found: list[dict[str, Any]] = pipeline["nodes"]
    return found


def test_each_node_runs_a_file_that_is_there_after_the_one_before() -> None:
    found = nodes(PIPELINE.read_text())
    assert [node["app_data"]["label"] for node in found] == ["train", "evaluate", "gate"]
    for node, before in zip(found, [None, *found], strict=False):
        parameters = node["app_data"]["component_parameters"]
        assert (PIPELINE.parent / parameters["filename"]).is_file()
        links = [link["node_id_ref"] for link in node["inputs"][0].get("links", [])]
        assert links == ([before["id"]] if before else [])


@pytest.mark.parametrize(
    "command", [("python", "-m", "other.train"), ("./train",), ("python", "-m", "training.a", "b")]
)
def test_a_stage_that_is_no_file_of_the_folder_is_refused(command: tuple[str, ...]) -> None:
    with pytest.raises(Refused, match="Elyra runs one Python file in training"):
        render(replace(TRAINING, train=command), "training", "image")
    assert nodes(render(replace(TRAINING, train=("python", "training/fit.py")), "training", "image"))


@pytest.fixture(scope="module")
def elyra() -> Path:
    """Elyra's command line, in an environment of its own that is made once; skipped where it cannot be installed."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bolide-tests"
    folder = cache / ELYRA.replace("==", "-")
    if not (folder / "complete").exists():
        uv, python = find_uv_bin(), str(folder / "bin" / "python")
        subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, folder], check=True)
        command = [uv, "pip", "install", "-q", "--system-certs", "--python", python, ELYRA]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{ELYRA} cannot be installed: {done.stderr[-300:]}")
        (folder / "complete").touch()
    return folder / "bin" / "elyra-pipeline"


def asked(elyra: Path, action: str, pipeline: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    told = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **environ}
    command = [str(elyra), action, pipeline.name]
    return subprocess.run(
        command, cwd=pipeline.parent, env=told, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.enable_socket
class TestElyra:
    def test_it_finds_the_pipeline_valid(self, elyra: Path) -> None:
        done = asked(elyra, "validate", PIPELINE)
        assert (done.returncode, "validation SUCCEEDED" in done.stdout) == (0, True), done.stdout

    def test_it_makes_a_model_and_stops_where_the_gate_says_no(self, elyra: Path, tmp_path: Path) -> None:
        tree = write_repository(tmp_path / "tree")
        pipeline, model = tree / "training" / "model.pipeline", tree / "training" / "trained"
        pipeline.write_text(render(TRAINING, "training", "registry.example.org/training@sha256:" + "0" * 64))
        model.mkdir()
        told = {"COMMIT": sha(1), "DATA_DIR": str(tree / "training" / "data")}
        done = asked(elyra, "run", pipeline, **told)
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads((model / "metrics.json").read_text()) == {"accuracy": 0.99}
        (tree / "training" / "train.py").write_text(training_module(accuracy=0.5))
        done = asked(elyra, "run", pipeline, **told)
        assert done.returncode != 0
