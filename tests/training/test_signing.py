from pathlib import Path

import pytest

from tests.signing import make_keys
from tests.training.workshop import Workshop, run_here

pytestmark = pytest.mark.training


def test_a_signed_model_is_judged_and_what_the_gates_key_did_not_sign_is_not(
    workshop: Workshop, candidate: Path, tmp_path: Path
) -> None:
    signed = run_here("gate", MODEL_DIR=candidate, VERIFYING_KEY_FILE=workshop.keys.public)
    assert "may not serve: test accuracy 9" in signed.sentence  # its signature holds, so it is judged
    strangers = run_here("gate", MODEL_DIR=candidate, VERIFYING_KEY_FILE=make_keys(tmp_path).public)
    assert (strangers.status, "The signature of" in strangers.sentence) == (1, True), strangers.errors
    (candidate / "golden.json").write_text("{}")
    changed = run_here("gate", MODEL_DIR=candidate, VERIFYING_KEY_FILE=workshop.keys.public)
    assert "does not hold (golden.json changed after it was signed): train" in changed.sentence
    (candidate / "model.sig").unlink()
    unsigned = run_here("gate", MODEL_DIR=candidate, VERIFYING_KEY_FILE=workshop.keys.public)
    assert (unsigned.status, "The signature of" in unsigned.sentence) == (1, True), unsigned.errors


@pytest.mark.parametrize("stage", ["train", "export"])
def test_a_key_that_cannot_sign_is_said_before_anything_is_done(stage: str, candidate: Path, tmp_path: Path) -> None:
    (tmp_path / "junk.pem").write_text("no key")
    before = {path.name: path.read_bytes() for path in candidate.iterdir()}
    for key in (tmp_path / "junk.pem", tmp_path / "missing.pem"):
        told = run_here(stage, MODEL_DIR=candidate, SIGNING_KEY_FILE=key)
        assert (told.status, told.sentence.startswith(f"Cannot sign with {key} (")) == (1, True), told.errors
    assert {path.name: path.read_bytes() for path in candidate.iterdir()} == before
