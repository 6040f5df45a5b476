import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.workshop import CHECKOUT, Workshop, run_here
from training import plots
from training.answers import Answers, parse_answers, render_answers
from training.data import digest
from training.errors import StageError
from training.metrics import score


def test_the_result_is_consistent_and_measured(workshop: Workshop) -> None:
    metrics = json.loads((workshop.model / "metrics.json").read_text())
    card = json.loads((workshop.model / "card.json").read_text())
    confusion = metrics["confusion"]
    assert metrics["schema"] == 1
    assert metrics["model_sha256"] == card["sha256"]
    assert metrics["examples"] == sum(map(sum, confusion)) == 2000
    assert metrics["accuracy"] == sum(confusion[digit][digit] for digit in range(10)) / 2000 > 0.9
    assert metrics["per_class_recall"] == [confusion[digit][digit] / sum(confusion[digit]) for digit in range(10)]
    assert 0 < metrics["cpu_seconds"] < 60
    assert 0 < metrics["seconds"] < 60
    assert 20 < metrics["peak_memory_mb"] < 2000  # MiB, not KiB or bytes
    assert 0 < metrics["latency_us"]["p50"] <= metrics["latency_us"]["p99"]
    assert metrics["size_bytes"] == (workshop.model / "model.tflite").stat().st_size
    calibration = metrics["calibration"]
    assert 0 <= calibration["expected_error"] < 0.2
    assert sum(place["examples"] for place in calibration["bins"]) == 2000
    answers = parse_answers((workshop.model / "answers.npz").read_bytes())
    assert answers.right.mean() == metrics["accuracy"]
    assert metrics["answers_sha256"] == digest((workshop.model / "answers.npz").read_bytes())
    assert metrics["exports"]["float"]["accuracy"] == metrics["accuracy"]
    assert metrics["exports"]["int8"]["accuracy"] == pytest.approx(metrics["accuracy"], abs=0.005)
    assert f"Test accuracy {metrics['accuracy']:.2%} on 2000 images" in workshop.evaluation.output


@pytest.mark.parametrize("name", ["confusion.png", "learning-curve.png", "misclassified.png"])
def test_the_pictures_are_pictures(workshop: Workshop, name: str) -> None:
    with Image.open(workshop.model / name) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 300
        colours = picture.convert("RGB").getcolors(picture.width * picture.height) or []
    assert len(colours) > 20  # something was drawn


def test_a_model_without_mistakes_or_history_has_pictures_too_and_the_misread_images_are_shown() -> None:
    labels, sure = np.arange(10, dtype=np.uint8), np.eye(10, dtype=np.float32)
    black, mixed = np.zeros((10, 28, 28), np.uint8), np.full((10, 28, 28), 99, np.uint8)
    mixed[:, ::2] = 0
    confused = np.roll(sure, 1, axis=1)
    drawn = [
        plots.draw_confusion(score(labels, labels)),
        plots.draw_learning_curve([]),
        plots.draw_misclassified(black, labels, sure),
        plots.draw_misclassified(black, labels, confused),
        plots.draw_misclassified(mixed, labels, confused),
        plots.draw_misclassified(mixed.repeat(9, axis=0), labels.repeat(9), confused.repeat(9, axis=0)),
    ]
    assert all(content.startswith(b"\x89PNG") for content in drawn)
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04", None])
def test_what_is_not_answers_is_refused(content: bytes | None) -> None:
    crooked = render_answers(Answers(np.zeros(3, np.uint8), np.zeros(4, np.uint8)))
    with pytest.raises(StageError, match=r"answers\.npz"):
        parse_answers(crooked if content is None else content)


def test_neither_evaluation_nor_gate_imports_tensorflow() -> None:
    question = "import sys, training.evaluate, training.gate; print({'tensorflow', 'keras'} & set(sys.modules))"
    asked = subprocess.run([sys.executable, "-c", question], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert asked.stdout == "set()\n"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("model.tflite", b"something else", "is not the model of its card"),
        ("card.json", b"{", "card.json is not JSON"),
        ("card.json", b"[]", "card.json is not a JSON object"),
        ("card.json", b'{"schema": 1}', "card.json has no text for model_id"),
        ("card.json", None, "Cannot read"),
        ("model.tflite", None, "Cannot read"),
    ],
)
def test_what_is_not_a_model_directory_is_not_evaluated(
    workshop: Workshop, candidate: Path, name: str, content: bytes | None, sentence: str
) -> None:
    (candidate / "metrics.json").unlink()
    (candidate / name).unlink()
    if content is not None:
        (candidate / name).write_bytes(content)
    outcome = run_here("evaluate", MODEL_DIR=candidate, DATA_DIR=workshop.data)
    assert outcome.status == 1
    assert sentence in outcome.sentence
    assert not (candidate / "metrics.json").exists()
