"""`POST /predict` as a route of Flask, and `/model`, `/openapi.json` about it."""

import json
from pathlib import Path

from flask import Blueprint, Response, jsonify, request

from app.model import ModelError
from app.predictor import Reply
from app.problem import Problem
from app.service import Service

DESCRIPTION = Path(__file__).with_name("openapi.json").read_bytes()
MOST_METRICS_BYTES = 256 * 1024
TESTED = ("accuracy", "per_class_recall", "confusion", "examples", "calibration")
"""What `/model` tells of metrics.json."""


def blueprint(service: Service) -> Blueprint:
    """The routes; without a model they answer 503 with the reason."""
    api = Blueprint("api", __name__)

    @api.post("/predict")
    def predict() -> Response:
        # Cut at one byte above the limit where no length was said: enough to see that it is too long.
        body = request.get_data(cache=False)
        coding = request.headers.get("Content-Encoding", "")
        return _response(service.predictor.reply(body, request.content_type or "", coding))

    @api.get("/model")
    def model() -> Response:
        served = service.slot.model
        if isinstance(served, ModelError):
            return _response(Reply.of(Problem(503, str(served))))
        return jsonify(model=served.model_id, test=_tested(service.settings.model_dir, served.sha256))

    @api.get("/openapi.json")
    def openapi() -> Response:
        return Response(DESCRIPTION, content_type="application/json")

    return api


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, content_type=reply.content_type)


def _tested(folder: Path | None, sha256: str) -> dict[str, object] | None:
    """The result of this very model on the test set; None where there is none."""
    try:
        content = (folder / "metrics.json").read_bytes() if folder else b""
        told = json.loads(content) if len(content) <= MOST_METRICS_BYTES else {}
        return {key: told[key] for key in TESTED if key in told} if told["model_sha256"] == sha256 else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
