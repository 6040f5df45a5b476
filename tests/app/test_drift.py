"""Drift: what callers send against what the model was trained on."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import create_app
from app.drift import LEAST, WINDOW, Drift, Reference, stability_index
from app.settings import Settings
from tests.app.test_health import series

TENTHS = (0.1,) * 10
REFERENCE = {"brightness": {"edges": [10, 20, 30, 40, 50, 60, 70, 80, 90], "shares": TENTHS}, "digits": TENTHS}


def test_the_same_images_are_stable_and_others_are_not() -> None:
    drift = Drift(Reference.of(REFERENCE))
    for number in range(LEAST - 1):
        drift.note(number % 100, number % 10)
    assert math.isnan(drift.brightness())
    for number in range(LEAST - 1, WINDOW):
        drift.note(number % 100, number % 10)
    assert drift.brightness() < 0.01
    assert drift.digits() < 0.01
    for _ in range(WINDOW // 2):
        drift.note(95, 1)
    assert drift.brightness() > 0.25
    assert drift.digits() > 0.25
    for number in range(WINDOW):  # the window forgets
        drift.note(number % 100, number % 10)
    assert drift.brightness() < 0.01


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=10))
def test_the_index_is_never_negative_and_zero_for_equal_shares(counts: list[int]) -> None:
    expected = [(count + 1) / (sum(counts) + len(counts)) for count in counts]
    assert stability_index(expected, counts) >= 0
    assert stability_index([count / 1 for count in counts] if sum(counts) == 1 else expected, counts) < math.inf
    equal = [7] * len(counts)
    assert stability_index([1 / len(counts)] * len(counts), equal) == pytest.approx(0, abs=1e-12)


def with_reference(folder: Path, reference: object) -> Settings:
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"reference": reference}))
    return Settings(folder)


def test_the_metrics_tell_drift_classes_confidence_and_latency(spoilt: Path) -> None:
    client = create_app(with_reference(spoilt, REFERENCE)).test_client()
    assert math.isnan(series(client)['bolide_app_drift_psi{of="brightness"}'])
    bright = np.full((28, 28), 99, np.uint8).tobytes()
    for _ in range(LEAST):
        assert client.post("/predict", data=bright, content_type="application/octet-stream").status_code == 200
    told = series(client)
    assert told['bolide_app_drift_psi{of="brightness"}'] > 1
    assert told['bolide_app_drift_psi{of="digits"}'] > 1
    assert told["bolide_app_confidence_count"] == told["bolide_app_model_seconds_count"] == LEAST
    assert 0 < told["bolide_app_model_seconds_sum"] < LEAST * 0.01
    assert max(told[f'bolide_app_predictions_total{{digit="{digit}"}}'] for digit in range(10)) == LEAST


@pytest.mark.parametrize(
    "reference",
    [
        None,
        {},
        {"brightness": {"edges": [1], "shares": [1]}, "digits": TENTHS},
        {"brightness": {"edges": [2, 1], "shares": [0.2, 0.3, 0.5]}, "digits": TENTHS},
        {"brightness": {"edges": ["x"], "shares": [0.5, 0.5]}, "digits": TENTHS},
        {"brightness": {"edges": [1], "shares": [0.5, 0.5]}, "digits": [1]},
    ],
)
def test_a_malformed_reference_is_named(spoilt: Path, reference: object) -> None:
    ready = create_app(with_reference(spoilt, reference)).test_client().get("/readyz")
    assert "The reference in card.json is malformed" in ready.get_json()["reason"]
