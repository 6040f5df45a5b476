"""`POST /predict`: one image in, the digit and ten probabilities out."""

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from app.meters import Meters
from app.model import DigitModel, ModelError
from app.problems import problem
from app.request import Problem, read_image

MOST_BODY_BYTES = 1024 * 1024


def blueprint(model: DigitModel | ModelError, meters: Meters) -> Blueprint:
    """The route that asks the model; without a model it answers 503 with the reason."""
    api = Blueprint("api", __name__)

    @api.post("/predict")
    def predict() -> Response:
        body = request.get_data(cache=False)
        if len(body) > MOST_BODY_BYTES:  # a body without a length is cut at the limit, not refused
            raise RequestEntityTooLarge
        if isinstance(model, ModelError):
            return problem(503, str(model))
        image = read_image(body, request.mimetype, request.headers.get("Content-Encoding", "").strip().lower())
        if isinstance(image, Problem):
            return problem(image.status, image.detail)
        answer = model.answer(image)
        meters.predictions.labels(str(answer.digit)).inc()
        return jsonify(
            prediction=answer.digit,
            probability=round(answer.probability, 6),
            probabilities=[round(share, 6) for share in answer.probabilities],
            latency_ms=round(answer.latency_ms, 4),
            model=model.model_id,
        )

    return api
