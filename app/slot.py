"""The place of the model in service: another one takes it only after it has proven itself, and no request waits."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from app.model import DigitModel, ModelError, load

LOOK_SECONDS = 0.5
Offered = DigitModel | ModelError
Told = Callable[[Offered], None]

log = logging.getLogger(__name__)


class Slot:
    """Holds the model of a folder, or why there is none; requests read `model`, one thread at most replaces it."""

    def __init__(self, model: Offered, folder: Path | None = None, verifying_key: Path | None = None) -> None:
        self.model = model
        self._folder, self._verifying_key = folder, verifying_key
        self._seen = _mark(folder)
        self._told: list[Told] = []

    @classmethod
    def of(cls, folder: Path | None, verifying_key: Path | None = None) -> "Slot":
        """The slot of a model directory; with a public key, models that are not signed for it are refused."""
        slot = cls(ModelError("The model is not loaded yet."), folder, verifying_key)
        try:
            slot.model = load(folder, verifying_key)
        except ModelError as problem:
            log.error("There is no model to serve: %s", problem)
            slot.model = problem
        return slot

    def tell(self, told: Told) -> None:
        """Have this called with every model that is offered from now on, a refused one as its ModelError."""
        self._told.append(told)

    def look(self) -> None:
        """Take the model in when its card is another; a bad one is refused, and the one in service stays."""
        mark = _mark(self._folder)
        # A card that is gone is about to be written: it is removed first and written last.
        if mark is None or mark == self._seen:
            return
        self._seen = mark
        offered = self._offered()
        if isinstance(offered, DigitModel):
            log.warning("The model %s serves from now on, in the place of %s.", offered.model_id, _name(self.model))
            self.model = offered
        else:
            log.error("A new model was refused, %s serves on: %s", _name(self.model), offered)
            if isinstance(self.model, ModelError):
                self.model = offered
        for told in self._told:
            told(offered)

    def _offered(self) -> Offered:
        try:
            return load(self._folder, self._verifying_key)
        except ModelError as problem:
            return problem

    def watch(self, stopped: threading.Event) -> None:
        """Look again and again until stopped; for a thread of its own."""
        while not stopped.wait(LOOK_SECONDS):
            self.look()


def _mark(folder: Path | None) -> tuple[int, int, int] | None:
    """What changes with every card that is written; None while there is none."""
    try:
        found = (folder / "card.json").stat() if folder else None
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size) if found else None


def _name(model: Offered) -> str:
    return model.model_id if isinstance(model, DigitModel) else "no model"
