"""The signature of a model directory, in the format of OpenSSF model-signing: `model.sig`, a Sigstore bundle."""

from pathlib import Path
from typing import Any

from training.config import StageSettings
from training.errors import StageError

NAME = "model.sig"
SIGNED = ("model.tflite", "card.json", "golden.json")
"""What is written before the signature and never changes after it; the rest is evidence, and is named by hash."""


def sign(settings: StageSettings) -> None:
    """Writes model.sig with the key that SIGNING_KEY_FILE names (ECDSA, PEM), if it names one; raises StageError."""
    if settings.signing_key is None:
        return
    from model_signing import signing

    folder = settings.model_dir
    try:
        config: Any = signing.Config()  # type: ignore[no-untyped-call]
        config.use_elliptic_key_signer(private_key=settings.signing_key)
        config.set_hashing_config(_signed_files(folder)).sign(folder, folder / NAME)
    except (OSError, ValueError, TypeError) as problem:
        raise StageError(
            f"Cannot sign with {settings.signing_key} ({_first_line(problem)}): "
            "set SIGNING_KEY_FILE to an unencrypted ECDSA P-256 key in PEM form, or leave it unset."
        ) from problem


def verify(folder: Path, public_key: Path) -> None:
    """Returns when model.sig was made with the key's other half for exactly these files; raises StageError."""
    from model_signing import verifying

    try:
        config: Any = verifying.Config()  # type: ignore[no-untyped-call]
        config.use_elliptic_key_verifier(public_key=public_key)
        config.set_hashing_config(_signed_files(folder)).verify(folder, folder / NAME)
    except Exception as problem:  # whatever a parser raises on a strange file, the answer is no
        raise StageError(
            f"The signature of {folder} does not hold ({_first_line(problem)}): train again with the right key."
        ) from problem


def _signed_files(folder: Path) -> Any:
    from model_signing import hashing

    others = [path for path in folder.iterdir() if path.name not in SIGNED]
    chosen: Any = hashing.Config()  # type: ignore[no-untyped-call]
    return chosen.set_ignored_paths(paths=others, ignore_git_paths=False)


def _first_line(problem: Exception) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0]
