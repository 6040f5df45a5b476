"""Every error of the service as `application/problem+json` (RFC 9457)."""

import json
import logging
from http import HTTPStatus

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
DETAILS = {
    404: "There is nothing at this path: see /, /predict, /livez, /readyz, /version and /metrics.",
    413: "The body is larger than 1 MiB.",
    500: "The service failed on this request; its log says why.",
}

log = logging.getLogger(__name__)


def problem(status: int, detail: str) -> Response:
    """A problem document; the detail is one sentence for the caller."""
    title = HTTPStatus(status).phrase
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return Response(json.dumps(document), status=status, content_type=MEDIA_TYPE)


def register(app: Flask) -> None:
    """Makes every error of the app a problem document, those of routing and bugs too."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _bug)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    answer = problem(status, DETAILS.get(status) or error.description or HTTPStatus(status).phrase)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            answer.headers[name] = value  # Allow of a 405, Location of a redirect
    return answer


def _bug(error: Exception) -> Response:
    log.error("A request failed.", exc_info=error)
    return problem(500, DETAILS[500])
