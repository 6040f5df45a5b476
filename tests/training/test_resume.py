"""A training that is killed, on a full disk, or diverging: what is kept, and what is said."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.training.workshop import CHECKOUT, environment, run_stage, write_data

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"), train=3000, test=20)


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model directory of a standard training that nothing interrupted."""
    model = tmp_path_factory.mktemp("whole")
    done = run_stage("train", DATA_DIR=data, MODEL_DIR=model)
    assert done.status == 0, done.errors
    return model


def weights_of(model: Path) -> str:
    return str(json.loads((model / "card.json").read_text())["weights_sha256"])


def kill_after_checkpoints(data: Path, model: Path, count: int) -> None:
    """Starts the training, and kills it at once when it has written so many checkpoints."""
    command = [sys.executable, "-m", "training.train"]
    seen: set[int] = set()
    with subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env=environment(DATA_DIR=data, MODEL_DIR=model),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as training:
        while len(seen) < count and training.poll() is None:
            time.sleep(0.005)
            if (model / "checkpoint.npz").exists():
                seen.add((model / "checkpoint.npz").stat().st_mtime_ns)
        training.send_signal(signal.SIGKILL)
    assert training.returncode == -signal.SIGKILL


def test_a_killed_training_goes_on_and_ends_with_the_same_weights(data: Path, whole: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    kill_after_checkpoints(data, model, 2)
    assert not (model / "card.json").exists()
    resumed = run_stage("train", DATA_DIR=data, MODEL_DIR=model)
    assert resumed.status == 0, resumed.errors
    (line,) = (line for line in resumed.output.splitlines() if line.startswith("Going on after epoch"))
    assert int(line.split()[4]) >= 2  # only the epoch that it was in was lost
    assert weights_of(model) == weights_of(whole)
    assert (model / "model.tflite").read_bytes() == (whole / "model.tflite").read_bytes()
    curves = [json.loads((folder / "card.json").read_text())["learning_curve"] for folder in (model, whole)]
    assert [epoch["validation_loss"] for epoch in curves[0]] == [epoch["validation_loss"] for epoch in curves[1]]
    assert not (model / "checkpoint.npz").exists()


def test_a_full_disk_is_told_in_a_sentence(data: Path, tmp_path: Path) -> None:
    def nearly_full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # the disk's stand-in: no file may be larger

    done = subprocess.run(
        [sys.executable, "-m", "training.train"],
        cwd=CHECKOUT,
        # Without coverage, whose own file would be too large too.
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(data), "MODEL_DIR": str(tmp_path)},
        preexec_fn=nearly_full,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    sentence = done.stderr.rstrip().rpartition("\n")[2]
    assert sentence.startswith(f"Cannot write {tmp_path}/checkpoint.npz (File too large): make room")
    assert [path.name for path in tmp_path.iterdir()] == []


DIVERGING = """
import dataclasses, sys
from pathlib import Path
from training.checkpoint import Checkpoint
from training.config import QUICK
from training.data import load_training
from training.errors import exit_status
from training.train import train

data = load_training(Path(sys.argv[1]), 1 / 12)
config = dataclasses.replace(QUICK, epochs=3, peak_learning_rate=1e30)
sys.exit(exit_status(lambda: train(data, config, Checkpoint(Path(sys.argv[2]), "any"))))
"""


def test_a_training_that_diverges_ends_with_a_sentence(data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", DIVERGING, str(data), str(tmp_path)]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "The training diverged in epoch 1 (loss " in done.stderr
    assert "lower peak_learning_rate in training/config.py." in done.stderr
    assert not (tmp_path / "checkpoint.npz").exists()
