"""The training as a person runs it: real images, real TensorFlow, a small part of MNIST."""

import contextlib
import gzip
import hashlib
import importlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.workshop import CHECKOUT, Workshop, environment, run_here, run_stage, write_data
from training.command import VARIABLES
from training.command import run_stage as run_stage_of

pytestmark = pytest.mark.training


def test_it_learns_digits_and_writes_a_whole_model_directory(workshop: Workshop) -> None:
    model, golden = (workshop.model / "model.tflite").read_bytes(), (workshop.model / "golden.json").read_bytes()
    card = json.loads((workshop.model / "card.json").read_text())
    assert sorted(path.name for path in workshop.model.iterdir()) == [
        "answers.npz",
        "card.json",
        "confusion.png",
        "golden.json",
        "int8.tflite",
        "learning-curve.png",
        "metrics.json",
        "misclassified.png",
        "model.sig",
        "model.tflite",
        "weights.npz",
    ]
    assert card["sha256"] == hashlib.sha256(model).hexdigest()
    assert card["golden_sha256"] == hashlib.sha256(golden).hexdigest()
    assert card["model_id"].startswith("tf-")
    assert card["model_id"].endswith("-" + card["sha256"][:16])
    assert card["commit"] == "c0ffee"
    assert card["config"]["name"] == "quick"
    assert card["input"] == {"dtype": "uint8", "shape": [28, 28]}
    assert card["output"] == {"dtype": "float32", "shape": [10]}
    assert set(card["versions"]) >= {"python", "tensorflow"}
    assert 0.9 < card["metrics"]["validation_accuracy"] < 1
    assert card["metrics"]["keras_agreement"] >= 0.999
    assert 0 < card["metrics"]["fit_seconds"] < 200
    assert card["served"] == "float"
    assert "int8" in card["served_because"]
    for form, name in (("float", "model.tflite"), ("int8", "int8.tflite")):
        content, told = (workshop.model / name).read_bytes(), card["exports"][form]
        assert (told["sha256"], told["size_bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
        assert told["keras_agreement"] > 0.99
    assert card["exports"]["int8"]["size_bytes"] < card["exports"]["float"]["size_bytes"] / 2
    assert sum(card["reference"]["digits"]) == pytest.approx(1, abs=1e-5)
    assert sum(card["reference"]["brightness"]["shares"]) == pytest.approx(1, abs=1e-5)
    (epoch,) = card["learning_curve"]
    assert 0 < epoch["validation_loss"] < 1
    assert epoch["validation_accuracy"] == pytest.approx(card["metrics"]["validation_accuracy"], abs=0.002)
    assert json.loads(golden)["labels"] == list(range(10))


def test_export_makes_the_same_model_from_the_weights_again(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "weights.npz").write_bytes((workshop.model / "weights.npz").read_bytes())
    done = run_stage("export", DATA_DIR=workshop.data, MODEL_DIR=tmp_path)
    assert done.status == 0, done.errors
    for name in ("model.tflite", "int8.tflite", "golden.json"):
        assert (tmp_path / name).read_bytes() == (workshop.model / name).read_bytes()
    cards = [json.loads((folder / "card.json").read_text()) for folder in (tmp_path, workshop.model)]
    assert cards[0]["commit"] == cards[1]["commit"] == "c0ffee"
    assert cards[0]["metrics"] == cards[1]["metrics"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "Cannot read"), (b"no zip", "does not hold the weights"), (b"PK\x03\x04", "does not hold the weights")],
)
def test_export_without_weights_says_what_to_run(
    workshop: Workshop, tmp_path: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "weights.npz").write_bytes(content)
    done = run_here("export", DATA_DIR=workshop.data, MODEL_DIR=tmp_path)
    assert done.status == 1
    assert said in done.sentence
    assert "python -m training.train" in done.sentence
    assert not (tmp_path / "card.json").exists()


def test_its_output_reads_as_a_log(workshop: Workshop) -> None:
    lines = workshop.training.output.splitlines()
    assert lines[0] == "Training (quick): 11000 images, 1 epoch(s), batches of 64."
    assert lines[1].startswith("170/170 - ")
    assert "val_accuracy: 0.9" in lines[1]
    assert lines[2].startswith("Fitted in ")
    assert lines[-1].startswith("Validation accuracy 9")
    assert len(lines) < 10
    assert not any("\b" in line or "\r" in line for line in lines)


def run_at_a_terminal(**variables: str | Path) -> tuple[int, str]:
    """Exit status and output of a training whose standard output is a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "training.train"]
    written = b""
    with subprocess.Popen(command, cwd=CHECKOUT, env=environment(**variables), stdout=theirs) as training:
        os.close(theirs)
        with contextlib.suppress(OSError):  # how a terminal tells that nobody writes any more
            while part := os.read(ours, 65536):
                written += part
    os.close(ours)
    return training.returncode, written.decode()


def test_the_same_seed_data_and_versions_give_the_same_bytes_however_one_watches_and_without_a_home_folder(
    workshop: Workshop, tmp_path: Path
) -> None:
    (tmp_path / "tmp").mkdir()
    status, shown = run_at_a_terminal(
        DATA_DIR=workshop.data,
        MODEL_DIR=tmp_path / "m",
        QUICK="1",
        HOME="/nonexistent",
        TMPDIR=tmp_path / "tmp",
        TENSORBOARD_DIR=tmp_path / "logs",
    )
    assert status == 0, shown
    assert "170/170" in shown
    assert "━━━━" in shown  # a bar
    assert list((tmp_path / "logs").glob("train/events.out.tfevents.*"))
    assert list((tmp_path / "logs").glob("validation/events.out.tfevents.*"))
    cards = [json.loads((folder / "card.json").read_text()) for folder in (tmp_path / "m", workshop.model)]
    assert cards[0]["weights_sha256"] == cards[1]["weights_sha256"]
    for name in ("model.tflite", "int8.tflite", "golden.json"):
        assert (tmp_path / "m" / name).read_bytes() == (workshop.model / name).read_bytes()
    # TensorFlow compiles generated code there, and leaves that folder behind.
    assert {path.name for path in (tmp_path / "tmp").iterdir()} <= {"__pycache__"}
    assert cards[0]["commit"] is None


def test_a_killed_training_leaves_the_model_of_yesterday(workshop: Workshop, candidate: Path) -> None:
    before = {path.name: path.read_bytes() for path in candidate.iterdir()}
    variables = environment(DATA_DIR=workshop.data, MODEL_DIR=candidate)
    command = [sys.executable, "-m", "training.train"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=CHECKOUT, env=variables, stdout=pipe, stderr=subprocess.DEVNULL) as training:
        assert training.stdout is not None
        assert training.stdout.readline().startswith(b"Training (standard)")
        training.send_signal(signal.SIGKILL)
    assert {path.name: path.read_bytes() for path in candidate.iterdir()} == before


def test_help_names_each_variable_that_the_formats_do_and_trains_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    named = set()
    for name in ("train", "export", "evaluate", "gate"):
        module = importlib.import_module(f"training.{name}")
        for argument, status in (("--help", 0), ("--epochs=3", 2)):
            with pytest.raises(SystemExit) as ended:
                run_stage_of(module.STAGE, module.run, [argument])
            assert ended.value.code == status
        told = capsys.readouterr()
        assert told.out.startswith(f"usage: python -m training.{name} [-h]\n")
        assert "unrecognized arguments: --epochs=3" in told.err
        named |= {variable for variable in VARIABLES if f"  {variable} " in told.out}
    documented = set(re.findall(r"^\| `([A-Z_0-9]+)` \|", (CHECKOUT / "docs/formats.md").read_text(), re.MULTILINE))
    assert named == set(VARIABLES) == documented - {"LOCK_SHA256"}  # which only the service is told


def test_what_is_missing_or_wrong_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    data = write_data(tmp_path / "data", train=20, test=20)
    told: list[tuple[dict[str, str | Path], str]] = [
        ({}, "MODEL_DIR is not set"),
        ({"MODEL_DIR": tmp_path, "QUICK": "yes"}, "QUICK is 'yes'"),
        ({"MODEL_DIR": tmp_path, "TRAINING": "fast"}, "TRAINING is 'fast': set it to one of quick, standard, full"),
        ({"MODEL_DIR": tmp_path, "DATA_DIR": tmp_path / "nowhere"}, "train-images-idx3-ubyte.gz (No such file"),
        ({"MODEL_DIR": tmp_path / "file/model", "DATA_DIR": data}, "file/model (Not a directory)"),
    ]
    for variables, sentence in told:
        outcome = run_here("train", **variables)
        assert outcome.status == 1
        assert sentence in outcome.sentence
        assert "Traceback" not in outcome.errors
        assert ": " in outcome.sentence  # what to do stands after a colon


def test_damaged_data_is_named(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", train=20, test=20)
    images, labels = data / "train-images-idx3-ubyte.gz", data / "train-labels-idx1-ubyte.gz"
    whole, ten = images.read_bytes(), labels.read_bytes()
    plain = gzip.decompress(whole)
    told = [
        (images, whole[:200], "is damaged"),
        (images, b"", "is not an IDX file"),
        (images, b"<html>", "is damaged"),
        (images, gzip.compress(b"abc"), "is not an IDX file"),
        (images, gzip.compress(plain[:-1]), "says (20, 28, 28) but holds 15679 bytes"),
        (images, ten, "is not an IDX file"),
        (labels, gzip.compress(gzip.decompress(ten)[:-1] + b"\x0a"), "not a digit 0–9"),
        (labels, gzip.compress(b"\0\0\x08\x01\0\0\0\x02\x01\x02"), "20 images but 2 labels"),
    ]
    for path, content, sentence in told:
        kept = path.read_bytes()
        path.write_bytes(content)
        outcome = run_here("train", MODEL_DIR=tmp_path / "model", DATA_DIR=data)
        path.write_bytes(kept)
        assert (outcome.status, sentence in outcome.sentence) == (1, True), outcome.errors
    assert not (tmp_path / "model").exists()
