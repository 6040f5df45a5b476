"""The inference service: digits by HTTP, and a page to draw them on."""

import time
from pathlib import Path

from flask import Flask, Response, g
from flask import request as asked

from app import api, health, problems
from app.predictor import MOST_BODY_BYTES
from app.service import Service
from app.settings import Settings

PAGE = Path(__file__).parent / "page"


def create_app(settings: Settings | None = None, service: Service | None = None) -> Flask:
    """The WSGI app of a service; by default of one with these settings, by default the environment's."""
    service = service or Service.of(settings)
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
        route = asked.url_rule.rule if asked.url_rule else None
        service.journal.note(asked.method, asked.path, route, answer.status_code, g.started)
        return answer
