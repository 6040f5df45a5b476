"""Every error of Flask's side as `application/problem+json` (RFC 9457)."""

import logging
from http import HTTPStatus

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from app.predictor import FAILED, TOO_LARGE
from app.problem import MEDIA_TYPE, Problem

KNOWN = {
    404: Problem(404, "There is nothing at this path: see / and /openapi.json."),
    405: Problem(405, "This path does not answer that method: see the header Allow, and /openapi.json."),
    413: TOO_LARGE,
    500: FAILED,
}

log = logging.getLogger(__name__)


def register(app: Flask) -> None:
    """Makes every error of the app a problem document, those of routing and bugs too."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _bug)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    answer = _response(KNOWN.get(status) or Problem(status, error.description or HTTPStatus(status).phrase))
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            answer.headers[name] = value  # Allow of a 405, Location of a redirect
    return answer


def _bug(error: Exception) -> Response:
    log.error("A request failed.", exc_info=error)
    return _response(FAILED)


def _response(problem: Problem) -> Response:
    return Response(problem.render(), status=problem.status, content_type=MEDIA_TYPE)
