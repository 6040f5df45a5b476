"""Flask's side of the service: every route, hardened and noted in the journal."""

import time
from pathlib import Path

from flask import Flask, Response, g, request

from app import api, health, problems
from app.predictor import MOST_BODY_BYTES
from app.service import Service

PAGE = Path(__file__).parent / "page"


def make_site(service: Service) -> Flask:
    """The WSGI app of a service."""
    service.meters.load()
    app = Flask(__name__, static_folder=PAGE, static_url_path="/page")
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES + 1  # one more, to see that it was one too many
    app.json.sort_keys = False  # type: ignore[attr-defined]  # an attribute of the default provider only
    problems.register(app)
    app.register_blueprint(health.blueprint(service))
    app.register_blueprint(api.blueprint(service))
    app.add_url_rule("/", view_func=_page, methods=["GET"])
    _note(app, service)
    return app


def _page() -> Response:
    return Response((PAGE / "index.html").read_bytes(), content_type="text/html; charset=utf-8")


def _note(app: Flask, service: Service) -> None:
    """Hardens every answer, and notes it in the journal."""

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def finish(answer: Response) -> Response:
        for name, value in service.headers():
            answer.headers.setdefault(name, value)
        route = request.url_rule.rule if request.url_rule else None
        service.journal.note(request.method, request.path, route, answer.status_code, g.started)
        return answer
