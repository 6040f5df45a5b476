"""The inference service: digits by HTTP, and a page to draw them on."""

import logging
import os
from pathlib import Path

from flask import Flask, Response, send_from_directory

from app import api, health, meters, problems
from app.model import DigitModel, ModelError, load
from app.settings import Settings

PAGE = Path(__file__).parent / "page"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None, model: DigitModel | None = None) -> Flask:
    """The WSGI app; by default with the environment's settings and their model.

    It starts without a usable model too: then /readyz and /predict say why in a 503.
    """
    settings = settings or Settings.from_env(os.environ)
    served = model or _load(settings)
    counted = meters.Meters()
    if isinstance(served, DigitModel):
        counted.model.labels(served.model_id, settings.commit or "unknown").set(1)
    app = Flask(__name__, static_folder=PAGE, static_url_path="/page")
    app.config["MAX_CONTENT_LENGTH"] = api.MOST_BODY_BYTES + 1  # one more, to see that it was one too many
    app.json.sort_keys = False  # type: ignore[attr-defined]  # an attribute of the default provider only
    problems.register(app)
    meters.register(app, counted)
    app.register_blueprint(health.blueprint(settings, served, counted))
    app.register_blueprint(api.blueprint(served, counted))
    app.add_url_rule("/", view_func=_page, methods=["GET"])
    app.after_request(_harden)
    return app


def _load(settings: Settings) -> DigitModel | ModelError:
    try:
        return load(settings.model_dir)
    except ModelError as problem:
        log.error("There is no model to serve: %s", problem)
        return problem


def _page() -> Response:
    return send_from_directory(PAGE, "index.html")


def _harden(answer: Response) -> Response:
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer
