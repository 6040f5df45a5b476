"""A reason why a request cannot be served, and its form on the wire; pure."""

import json
from dataclasses import dataclass
from http import HTTPStatus

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Problem:
    """An HTTP status and a sentence for the caller that names the field."""

    status: int
    detail: str

    def render(self) -> bytes:
        """The problem document (RFC 9457)."""
        title = HTTPStatus(self.status).phrase
        document = {"type": "about:blank", "title": title, "status": self.status, "detail": self.detail}
        return json.dumps(document, ensure_ascii=False).encode(errors="replace")
