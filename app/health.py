"""What the platform and the bot ask: alive, ready, which version, which figures."""

from flask import Blueprint, Response, jsonify

from app.figures import EXPOSITION
from app.model import ModelError
from app.service import Service


def blueprint(service: Service) -> Blueprint:
    """The routes /livez, /readyz, /version and /metrics.

    Ready means that there is a model: `load` lets none pass that is not its card's or fails on its golden digit.
    """
    health = Blueprint("health", __name__)

    @health.get("/livez")
    def livez() -> Response:
        return jsonify(alive=True)

    @health.get("/readyz")
    def readyz() -> tuple[Response, int]:
        model = service.slot.model
        if isinstance(model, ModelError):
            return jsonify(ready=False, reason=str(model)), 503
        return jsonify(ready=True, model=model.model_id), 200

    @health.get("/version")
    def version() -> Response:
        model, settings = service.slot.model, service.settings
        model_id = None if isinstance(model, ModelError) else model.model_id
        return jsonify(commit=settings.commit, lock=settings.lock_sha256, model=model_id)

    @health.get("/metrics")
    def metrics() -> Response:
        return Response(service.meters.load().text(), content_type=EXPOSITION)

    return health
