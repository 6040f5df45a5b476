"""A small MNIST, the stages run on it as a person runs them, and one model trained for all tests of a session."""

import contextlib
import functools
import gzip
import importlib
import io
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.signing import Keys, make_keys
from training.config import StageSettings
from training.data import load_test, load_training
from training.errors import exit_status

CHECKOUT = Path(__file__).parents[2]
DATA = CHECKOUT / "training" / "data"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a stage ended."""

    status: int
    output: str
    errors: str

    @property
    def sentence(self) -> str:
        return self.errors.rstrip("\n").rpartition("\n")[2]


def environment(**variables: str | Path) -> dict[str, str]:
    """What a runner hands to a stage; nothing of the surroundings but the search path and what coverage needs."""
    kept = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("COV")}
    return kept | {name: str(value) for name, value in variables.items()}


def run_stage(stage: str, *arguments: str, **variables: str | Path) -> Outcome:
    done = subprocess.run(
        [sys.executable, "-m", f"training.{stage}", *arguments],
        cwd=CHECKOUT,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def run_here(stage: str, **variables: str | Path) -> Outcome:
    """The same without a process of its own; for what ends before TensorFlow would be loaded."""
    told = {name: str(value) for name, value in variables.items()}
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        run = importlib.import_module(f"training.{stage}").run
        status = exit_status(lambda: run(StageSettings.from_env(told)))
    return Outcome(status, output.getvalue(), errors.getvalue())


def idx(values: NDArray[np.uint8]) -> bytes:
    header = (0x0800 | values.ndim).to_bytes(4) + b"".join(size.to_bytes(4) for size in values.shape)
    return gzip.compress(header + values.tobytes(), compresslevel=1, mtime=0)


def write_data(folder: Path, train: int = 12_000, test: int = 2_000) -> Path:
    """The first real images of both sets, in the canonical files' format."""
    folder.mkdir(parents=True, exist_ok=True)
    fitted, tested = load_training(DATA, 1 / 12).train, load_test(DATA)
    for part, examples, count in (("train", fitted, train), ("t10k", tested, test)):
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(examples.images[:count]))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(examples.labels[:count]))
    return folder


@dataclass(frozen=True, slots=True)
class Workshop:
    """A small data folder, and the model directory that train and evaluate made of it; read, never write."""

    data: Path
    model: Path
    training: Outcome
    evaluation: Outcome
    keys: Keys
    """Those that the model is signed with."""


_ROOM = functools.cache(lambda: tempfile.TemporaryDirectory(prefix="bolide-workshop-"))


@functools.cache
def trained() -> Workshop:
    """The session's model, trained at the first call."""
    room = Path(_ROOM().name)
    data, model, keys = write_data(room / "data"), room / "model", make_keys(room)
    told = {"DATA_DIR": data, "MODEL_DIR": model, "SIGNING_KEY_FILE": keys.private}
    training = run_stage("train", QUICK="1", COMMIT="c0ffee", **told)
    evaluation = run_stage("evaluate", DATA_DIR=data, MODEL_DIR=model)
    assert (training.status, evaluation.status) == (0, 0), training.errors + evaluation.errors
    return Workshop(data, model, training, evaluation, keys)


def dismantle() -> None:
    """Removes the session's model, if one was made."""
    if _ROOM.cache_info().currsize:
        _ROOM().cleanup()
        _ROOM.cache_clear()
        trained.cache_clear()
