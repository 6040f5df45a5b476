from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.training.workshop import Workshop, run_stage
from training.config import StageSettings
from training.errors import StageError
from training.signing import sign, verify

pytestmark = pytest.mark.training


def make_key(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    pem = serialization.Encoding.PEM
    private.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
    return private, public


def settings(model: Path, key: Path | None) -> StageSettings:
    return StageSettings.from_env({"MODEL_DIR": str(model), "SIGNING_KEY_FILE": str(key or "")})


def test_a_signature_holds_for_the_same_files_wherever_they_lie_and_for_nothing_else(
    workshop: Workshop, candidate: Path, tmp_path: Path
) -> None:
    private, public = make_key(tmp_path, "ours")
    _, strangers = make_key(tmp_path, "theirs")
    sign(settings(candidate, private))
    verify(candidate, public)
    moved = candidate.rename(tmp_path / "production")
    (moved / "metrics.json").write_text("{}")  # what comes after the training is named by hash, not signed
    verify(moved, public)
    with pytest.raises(StageError, match="does not hold"):
        verify(moved, strangers)
    for name in ("model.tflite", "card.json", "golden.json", "model.sig"):
        content = (moved / name).read_bytes()
        for spoiled in (content + b" ", content[:100], b"", None):
            if name == "model.sig" and spoiled == content + b" ":
                continue  # white space after JSON means nothing
            (moved / name).unlink(missing_ok=True)
            if spoiled is not None:
                (moved / name).write_bytes(spoiled)
            with pytest.raises(StageError, match="does not hold"):
                verify(moved, public)
        (moved / name).write_bytes(content)
    verify(moved, public)


def test_the_gate_stops_what_is_not_signed_by_the_key_that_it_was_given(candidate: Path, tmp_path: Path) -> None:
    private, public = make_key(tmp_path, "ours")
    unsigned = run_stage("gate", MODEL_DIR=candidate, VERIFYING_KEY_FILE=public)
    assert (unsigned.status, "The signature of" in unsigned.sentence) == (1, True), unsigned.errors
    sign(settings(candidate, private))
    signed = run_stage("gate", MODEL_DIR=candidate, VERIFYING_KEY_FILE=public)
    assert "may not serve: test accuracy 9" in signed.sentence  # its signature holds, so it is judged


def test_without_a_key_nothing_is_signed_and_a_wrong_one_is_said(candidate: Path, tmp_path: Path) -> None:
    sign(settings(candidate, None))
    assert not (candidate / "model.sig").exists()
    (tmp_path / "junk.pem").write_text("no key")
    for key in (tmp_path / "junk.pem", tmp_path / "missing.pem"):
        with pytest.raises(StageError, match=f"Cannot sign with {key}"):
            sign(settings(candidate, key))
