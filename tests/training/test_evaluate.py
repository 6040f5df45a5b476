import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.workshop import CHECKOUT, Workshop, run_stage


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
    assert f"Test accuracy {metrics['accuracy']:.2%} on 2000 images" in workshop.evaluation.output


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
    outcome = run_stage("evaluate", MODEL_DIR=candidate, DATA_DIR=workshop.data)
    assert outcome.status == 1
    assert sentence in outcome.sentence
    assert not (candidate / "metrics.json").exists()
