"""Which one repository a machine serves: the first that asked, for good."""

import contextlib
import os
import uuid
from pathlib import Path

from bot.core.events import Repository


class Claim:
    """A file that names the repository; it is there with its whole text or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def is_made(self) -> bool:
        """Whether any repository has asked."""
        return self._path.exists()

    def holder(self, repository: Repository) -> tuple[str, str]:
        """Id and name of the repository that is served, which is this one where none has asked before."""
        if not self.is_made():
            self._make(f"{repository.id} {repository.name}")
        number, _, name = self._path.read_text().partition(" ")
        return number, name

    def _make(self, text: str) -> None:
        draft = self._path.with_name(f".{self._path.name}-{uuid.uuid4().hex}")
        try:
            with draft.open("w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            # A link is made whole and once, whoever asks at the same moment and wherever a crash comes.
            with contextlib.suppress(FileExistsError):
                self._path.hardlink_to(draft)
        finally:
            draft.unlink(missing_ok=True)
