"""What the service is told by its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """The variables of docs/formats.md that the service reads; None for what is unset."""

    model_dir: Path | None = None
    commit: str | None = None
    lock_sha256: str | None = None
    verifying_key: Path | None = None
    """The public key that every model must be signed for; None: a signature is not asked for."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """The settings in an environment; an empty variable counts as unset."""
        folder, key = environ.get("MODEL_DIR"), environ.get("VERIFYING_KEY_FILE")
        return cls(
            model_dir=Path(folder) if folder else None,
            commit=environ.get("COMMIT") or None,
            lock_sha256=environ.get("LOCK_SHA256") or None,
            verifying_key=Path(key) if key else None,
        )
