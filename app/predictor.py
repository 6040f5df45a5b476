"""From a body to the answer of `POST /predict`: the one code behind Flask's route and the short way past it."""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from app.meters import Meters
from app.model import Answer, DigitModel, ModelError
from app.png import Grey
from app.problem import MEDIA_TYPE, Problem
from app.request import read_images
from app.slot import Slot

MOST_BODY_BYTES = 1024 * 1024
JSON = "application/json"
TOO_LARGE = Problem(413, "The body is larger than 1 MiB.")
FAILED = Problem(500, "The service failed on this request; its log says why.")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer but for the headers that every answer has."""

    status: int
    content_type: str
    body: bytes

    @classmethod
    def of(cls, problem: Problem) -> "Reply":
        """The reply that says what is wrong."""
        return cls(problem.status, MEDIA_TYPE, problem.render())


class Predictor:
    """Asks the model in the slot; safe to use from many threads."""

    def __init__(self, slot: Slot, meters: Meters) -> None:
        self._slot, self._meters = slot, meters

    def reply(self, body: bytes, content_type: str, content_encoding: str) -> Reply:
        """The answer to a body; never raises. A `content_type` may have parameters."""
        if len(body) > MOST_BODY_BYTES:
            return Reply.of(TOO_LARGE)
        model = self._slot.model
        if isinstance(model, ModelError):
            return Reply.of(Problem(503, str(model)))
        try:
            kind = content_type.partition(";")[0].strip().lower()
            images = read_images(body, kind, content_encoding.strip().lower())
            if isinstance(images, Problem):
                return Reply.of(images)
            answers = [self._ask(model, image) for image in images.pixels]
        except Exception:
            log.exception("A request failed.")
            return Reply.of(FAILED)
        taken = sum(answer.latency_ms for answer in answers)
        document = {"predictions": [_told(answer) for answer in answers]} if images.batch else _told(answers[0])
        document |= {"latency": taken / 1000, "latency_ms": round(taken, 4), "model": model.model_id}
        return Reply(200, JSON, orjson.dumps(document))

    def _ask(self, model: DigitModel, image: Grey) -> Answer:
        answer = model.answer(image)
        self._meters.predict(answer)
        if model.drift:
            model.drift.note(float(np.add.reduce(image, axis=None)) / image.size, answer.digit)
        return answer


def _told(answer: Answer) -> dict[str, Any]:
    return {
        "prediction": answer.digit,
        "probability": round(answer.probability, 6),
        "probabilities": [round(share, 6) for share in answer.probabilities],
    }
