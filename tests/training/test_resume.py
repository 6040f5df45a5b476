"""A training that is killed, on a full disk, or diverging: what is kept, and what is said."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.training.workshop import CHECKOUT, environment, run_stage, write_data

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"), train=3000, test=20)


TRIALS = """
import dataclasses
import json
import resource
import sys
from pathlib import Path

from training.checkpoint import Checkpoint
from training.config import QUICK, STANDARD
from training.data import load_training
from training.errors import exit_status
from training.fitted import fingerprint_weights
from training.train import train

data, room = load_training(Path(sys.argv[1]), 1 / 12), Path(sys.argv[2])

def checkpoint(name):
    (room / name).mkdir()
    return Checkpoint(room / name, "any")

whole = train(data, STANDARD, checkpoint("whole"))
losses = [epoch.validation_loss for epoch in whole.epochs]
told = {"weights": fingerprint_weights(whole.model.get_weights()), "losses": losses}
(room / "told.json").write_text(json.dumps(told))
wild = dataclasses.replace(QUICK, epochs=3, peak_learning_rate=1e30)
assert exit_status(lambda: train(data, wild, checkpoint("diverging"))) == 1
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # the disk's stand-in: no file may be larger
assert exit_status(lambda: train(data, QUICK, checkpoint("full"))) == 1
"""


@dataclass(frozen=True, slots=True)
class Trials:
    """A standard training that nothing interrupted, one that diverged, one on a full disk; one process for all."""

    room: Path
    weights: str
    losses: list[float]
    sentences: list[str]


@pytest.fixture(scope="module")
def trials(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Trials:
    room = tmp_path_factory.mktemp("trials")
    command = [sys.executable, "-c", TRIALS, str(data), str(room)]
    # Without coverage, whose own file would be too large too.
    variables = {"PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=CHECKOUT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads((room / "told.json").read_text())
    sentences = [line for line in done.stderr.splitlines() if line.startswith(("The training", "Cannot write"))]
    return Trials(room, told["weights"], told["losses"], sentences)


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


def test_a_killed_training_goes_on_and_ends_with_the_same_weights(data: Path, trials: Trials, tmp_path: Path) -> None:
    model = tmp_path / "model"
    kill_after_checkpoints(data, model, 2)
    assert not (model / "card.json").exists()
    resumed = run_stage("train", DATA_DIR=data, MODEL_DIR=model)
    assert resumed.status == 0, resumed.errors
    (line,) = (line for line in resumed.output.splitlines() if line.startswith("Going on after epoch"))
    assert int(line.split()[4]) >= 2  # only the epoch that it was in was lost
    card = json.loads((model / "card.json").read_text())
    assert card["weights_sha256"] == trials.weights
    assert [epoch["validation_loss"] for epoch in card["learning_curve"]] == trials.losses
    assert not (model / "checkpoint.npz").exists()


def test_a_training_that_diverges_ends_with_a_sentence(trials: Trials) -> None:
    assert trials.sentences[0].startswith("The training diverged in epoch 1 (loss ")
    assert trials.sentences[0].endswith("lower peak_learning_rate in training/config.py.")
    assert not (trials.room / "diverging" / "checkpoint.npz").exists()


def test_a_full_disk_is_told_in_a_sentence(trials: Trials) -> None:
    told = f"Cannot write {trials.room}/full/checkpoint.npz (File too large): make room"
    assert trials.sentences[1].startswith(told)
    assert list((trials.room / "full").iterdir()) == []
