"""What the doors of one service share: its settings, the model's slot, the metrics, the journal."""

import functools
import os
from dataclasses import dataclass

from app.journal import Journal, Sink
from app.meters import Meters
from app.model import DigitModel, ModelError
from app.predictor import Predictor
from app.settings import Settings
from app.slot import Slot

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    ("Content-Security-Policy", POLICY),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
)


@dataclass(frozen=True, slots=True)
class Service:
    """One service; it starts without a usable model too: then /readyz and /predict say why in a 503."""

    settings: Settings
    slot: Slot
    meters: Meters
    journal: Journal
    predictor: Predictor

    @classmethod
    def of(cls, settings: Settings | None = None, sink: Sink | None = None) -> "Service":
        """The service of these settings, by default the environment's; lines of the access log go to the sink."""
        settings = settings or Settings.from_env(os.environ)
        slot, meters = Slot.of(settings.model_dir, settings.verifying_key), Meters(settings.commit)
        if isinstance(slot.model, DigitModel):
            meters.serve(slot.model)

        def offered(model: DigitModel | ModelError) -> None:
            meters.swap(model)
            if isinstance(model, DigitModel):
                meters.serve(model)

        slot.tell(offered)
        return cls(settings, slot, meters, Journal(meters, sink), Predictor(slot, meters))

    def encoded_headers(self) -> list[tuple[bytes, bytes]]:
        """The same as bytes, made once for each model."""
        return list(_encoded(self.headers()))

    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers of every answer: those that harden it, and the versions of service and model."""
        model = self.slot.model
        told = (("X-Service-Version", self.settings.commit), ("X-Model-Version", getattr(model, "model_id", None)))
        return (*HEADERS, *((name, value) for name, value in told if value))


@functools.lru_cache(maxsize=4)
def _encoded(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.lower().encode(), value.encode()) for name, value in headers)
