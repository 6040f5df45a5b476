"""One format, three programs: whoever signs a model, the library, its command line and the app agree on it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.signature import BadSignature
from app.signature import verify as verify_in_app
from bot.core.signature import NAME, SIGNED, SigningKey
from bot.pipelines.release import Unsound
from bot.pipelines.signer import Signer
from tests.signing import Keys, make_keys
from training.errors import StageError
from training.signing import sign, verify

FILES = {"model.tflite": b"TFL3 weights", "card.json": b'{"schema": 1}', "golden.json": b'{"labels": [7]}'}


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return make_keys(tmp_path)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    for name, content in {**FILES, "metrics.json": b"{}"}.items():
        (folder / name).write_bytes(content)
    return folder


def by_the_training(model: Path, keys: Keys) -> None:
    (model / NAME).write_bytes(sign(FILES, keys.private))


def by_the_bot(model: Path, keys: Keys) -> None:
    Signer.of(keys.pem, model.parent).sign(model)


def told_by_the_app(model: Path, public: Path) -> bool:
    try:
        files = {name: (model / name).read_bytes() for name in SIGNED}
        verify_in_app((model / NAME).read_bytes(), files, public.read_bytes())
    except (BadSignature, OSError):
        return False
    return True


def told_by_the_gate(model: Path, public: Path) -> bool:
    try:
        verify(model, public)
    except StageError:
        return False
    return True


Signs = Callable[[Path, Keys], None]
Tells = Callable[[Path, Path], bool]


@pytest.mark.parametrize("signs", [by_the_training, by_the_bot])
@pytest.mark.parametrize("tells", [told_by_the_gate, told_by_the_app])
def test_a_signature_holds_for_these_files_and_this_key_and_for_nothing_else(
    signs: Signs, tells: Tells, model: Path, keys: Keys, tmp_path: Path
) -> None:
    assert not tells(model, keys.public)
    signs(model, keys)
    assert tells(model, keys.public)
    (model / "metrics.json").write_text('{"accuracy": 1}')  # what comes after the training is named by hash, not signed
    moved = model.rename(tmp_path / "production")
    assert tells(moved, keys.public)
    assert not tells(moved, make_keys(tmp_path, "theirs").public)
    for name in (*SIGNED, NAME):
        content = (moved / name).read_bytes()
        for spoiled in (content[:-1], content.swapcase(), b"", b"[]", None):
            (moved / name).unlink(missing_ok=True)
            if spoiled is not None:
                (moved / name).write_bytes(spoiled)
            assert not tells(moved, keys.public), (name, spoiled)
        (moved / name).write_bytes(content)
    assert tells(moved, keys.public)


def test_the_projects_own_command_verifies_what_the_bot_signed(model: Path, keys: Keys) -> None:
    by_the_bot(model, keys)
    command = [sys.executable, "-m", "model_signing", "verify", "key", str(model), "--ignore_unsigned_files"]
    command += ["--signature", str(model / NAME), "--public_key", str(keys.public)]
    verified = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    (model / "card.json").write_text("{}")
    assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 1


def test_the_bot_signs_the_same_files_alike_and_overrules_who_signed_before(model: Path, keys: Keys) -> None:
    by_the_bot(model, keys)
    first = (model / NAME).read_bytes()
    by_the_training(model, keys)
    by_the_bot(model, keys)
    assert (model / NAME).read_bytes() == first
    (model / "golden.json").unlink()
    with pytest.raises(Unsound, match=r"cannot be signed: .*golden\.json cannot be read"):
        by_the_bot(model, keys)
    assert SigningKey.read(keys.pem).public_pem() == keys.public.read_bytes()
