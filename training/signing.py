"""The signature of a model directory, in the format of OpenSSF model-signing: `model.sig`, a Sigstore bundle."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.errors import StageError

NAME = "model.sig"
SIGNED = ("model.tflite", "card.json", "golden.json")
"""What is written before the signature and never changes after it; the rest is evidence, and is named by hash."""


def read_signer(key: Path) -> Any:
    """What signs with a private key (ECDSA, PEM); raises StageError, at once where it is asked before the training."""
    from model_signing import signing

    try:
        config: Any = signing.Config()  # type: ignore[no-untyped-call]
        return config.use_elliptic_key_signer(private_key=key)
    except (OSError, ValueError, TypeError) as problem:
        raise StageError(
            f"Cannot sign with {key} ({_first_line(problem)}): "
            "set SIGNING_KEY_FILE to an unencrypted ECDSA P-256 key in PEM form, or leave it unset."
        ) from problem


def sign(files: Mapping[str, bytes], key: Path) -> bytes:
    """The signature of the files `SIGNED` with a private key; raises StageError."""
    signer = read_signer(key)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "model"  # the name that the signature gives to the model
        folder.mkdir()
        for name in SIGNED:
            (folder / name).write_bytes(files[name])
        signer.sign(folder, Path(made) / NAME)
        return (Path(made) / NAME).read_bytes()


def verify(folder: Path, public_key: Path) -> None:
    """Returns when model.sig was made with the key's other half for exactly these files; raises StageError."""
    from model_signing import verifying

    try:
        config: Any = verifying.Config()  # type: ignore[no-untyped-call]
        config.use_elliptic_key_verifier(public_key=public_key)
        config.set_hashing_config(_signed_files(folder)).verify(folder, folder / NAME)
    except Exception as problem:  # whatever a parser raises on a strange file, the answer is no
        raise StageError(
            f"The signature of {folder} does not hold ({_difference(problem)}): train again with the right key."
        ) from problem


def _signed_files(folder: Path) -> Any:
    from model_signing import hashing

    others = [path for path in folder.iterdir() if path.name not in SIGNED]
    chosen: Any = hashing.Config()  # type: ignore[no-untyped-call]
    return chosen.set_ignored_paths(paths=others, ignore_git_paths=False)


def _difference(problem: Exception) -> str:
    """The files that differ, without their digests; else what the library says."""
    told = _first_line(problem)
    changed = re.findall(r"Hash mismatch for \\?'([^'\\]*)", told)  # the library tells a list, quoted once or twice
    return f"{', '.join(changed)} changed after it was signed" if changed else told[:200]


def _first_line(problem: Exception) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0]
