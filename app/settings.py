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

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """The settings in an environment; an empty variable counts as unset."""
        folder = environ.get("MODEL_DIR")
        return cls(
            model_dir=Path(folder) if folder else None,
            commit=environ.get("COMMIT") or None,
            lock_sha256=environ.get("LOCK_SHA256") or None,
        )
