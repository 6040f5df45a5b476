"""What the service counts about itself; Prometheus' library is loaded after the first prediction has been made."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.model import Answer, DigitModel, ModelError

if TYPE_CHECKING:
    from app.figures import Figures

Note = Callable[["Figures"], None]


class Meters:
    """Notes for the figures of one app instance; what comes before they are loaded is kept for them."""

    def __init__(self, commit: str | None) -> None:
        self._commit = commit
        self._figures: Figures | None = None
        self._kept: list[Note] = []
        self._loading = threading.Lock()

    def load(self) -> "Figures":
        """The figures, with all that was noted so far."""
        with self._loading:
            if self._figures is None:
                from app.figures import Figures

                figures = Figures(self._commit)
                for note in self._kept:
                    note(figures)
                self._kept.clear()
                self._figures = figures
            return self._figures

    def serve(self, model: DigitModel) -> None:
        """Say which model is in service, and measure drift against its training."""
        self._note(lambda figures: figures.serve(model))

    def swap(self, offered: DigitModel | ModelError) -> None:
        """Count a model that was offered while the service ran."""
        self._note(lambda figures: figures.swap(offered))

    def predict(self, answer: Answer) -> None:
        """Count one answer of the model."""
        if self._figures is not None:
            self._figures.predict(answer)
        else:
            self._note(lambda figures: figures.predict(answer))

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        if self._figures is not None:
            self._figures.request(route, method, status, seconds)
        else:
            self._note(lambda figures: figures.request(route, method, status, seconds))

    def _note(self, note: Note) -> None:
        with self._loading:
            if self._figures is None:
                self._kept.append(note)
                return
        note(self._figures)
