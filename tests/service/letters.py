"""Deliveries as GitHub posts them, for the tests of the server."""

import hashlib
import hmac
from uuid import uuid4

SECRET = "a webhook secret, long enough"


def sign(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def envelope(body: bytes, kind: str = "push", **changes: str | None) -> dict[str, str]:
    """The headers of a good delivery; a change named in snake case replaces one, None leaves it out."""
    headers: dict[str, str | None] = {
        "Content-Type": "application/json",
        "X-GitHub-Event": kind,
        "X-GitHub-Delivery": str(uuid4()),
        "X-Hub-Signature-256": sign(body),
    }
    for name, value in changes.items():
        known = next((key for key in headers if key.lower() == name.replace("_", "-").lower()), name.replace("_", "-"))
        headers[known] = value
    return {name: value for name, value in headers.items() if value is not None}
