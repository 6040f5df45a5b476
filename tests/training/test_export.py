import subprocess
import sys

import numpy as np
import pytest

from tests.training.workshop import CHECKOUT, Workshop, environment
from training.data import load_test
from training.inference import FlatGraph

pytestmark = pytest.mark.training

STRANGERS = """
import keras
import numpy as np
from training.data import Examples
from training.errors import exit_status
from training.export import compare
from training.graphs import float_graph, int8_graph
from training.model import build, without_scale
from training.policy import ExportPolicy

keras.utils.set_random_seed(1)
one, other = build(), build()
images = np.random.default_rng(1).integers(0, 256, (400, 28, 28), dtype=np.uint8)
expected = one.predict(images, batch_size=100, verbose=0)
assert np.abs(without_scale(one).predict(images.astype("float32"), batch_size=100, verbose=0) - expected).max() < 1e-5
answered = Examples(images, expected.argmax(axis=1).astype(np.uint8))
policy = ExportPolicy("float", "It is quicker.", 0.999, 0.1)
assert compare(one, {"float": float_graph(one)}, answered, policy)["float"].keras_agreement == 1
for form, graph in (("float", float_graph(other)), ("int8", int8_graph(other, answered))):
    assert exit_status(lambda: compare(one, {form: graph}, answered, policy)) == 1
"""


def test_an_export_that_answers_otherwise_than_keras_is_refused() -> None:
    command = [sys.executable, "-c", STRANGERS]
    asked = subprocess.run(command, cwd=CHECKOUT, env=environment(), capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr
    assert "The float form agrees with Keras on " in asked.stderr
    assert "The int8 form loses " in asked.stderr
    assert asked.stderr.count("of 400 images: nothing was written") == 2


def test_both_forms_take_grey_bytes_and_answer_probabilities(workshop: Workshop) -> None:
    images = load_test(workshop.data).images[:300]
    served, other = (FlatGraph((workshop.model / name).read_bytes()) for name in ("model.tflite", "int8.tflite"))
    answers = [graph.probabilities(images) for graph in (served, other)]
    for probabilities in answers:
        assert probabilities.dtype == np.dtype("float32")
        assert probabilities.shape == (300, 10)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=0.02)  # an int8 probability is a 256th
    assert (answers[0].argmax(axis=1) == answers[1].argmax(axis=1)).mean() > 0.99


def test_a_flat_graph_holds_operators_only(workshop: Workshop) -> None:
    for name in ("model.tflite", "int8.tflite"):
        content = (workshop.model / name).read_bytes()
        assert content[4:8] == b"TFL3"
        assert b"Flex" not in content  # an operator that would need TensorFlow
