"""A webhook delivery as bytes → accepted or rejected; nothing is believed before the HMAC has been checked.

The HMAC covers the body alone: the delivery's id and kind are hints, never an authority.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.ports import Delivery

LARGEST_BODY = 25 * 1024 * 1024
"""Bytes; GitHub sends no larger payload."""

_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}", re.ASCII)
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_KIND = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The delivery is GitHub's and whole."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Rejected:
    """It is not taken; `status` is the HTTP answer, `sentence` what to do about it."""

    status: int
    sentence: str


def verify(secret: bytes, headers: Headers, body: bytes) -> Accepted | Rejected:
    """The delivery in a request, once its size, its HMAC under the secret, its names and its JSON have been checked."""
    return refuse_envelope(headers, len(body)) or _refuse_signature(secret, headers, body) or _decode(headers, body)


def refuse_envelope(headers: Headers, size: int) -> Rejected | None:
    """The refusal that needs no look at the body: too large (`size` in bytes), or compressed."""
    if size > LARGEST_BODY:
        return Rejected(413, f"The body is larger than {LARGEST_BODY} bytes, the most that GitHub sends.")
    if _values(headers, "content-encoding"):
        return Rejected(415, "The body is compressed (Content-Encoding); send it plain, as GitHub does.")
    return None


def _refuse_signature(secret: bytes, headers: Headers, body: bytes) -> Rejected | None:
    given = _values(headers, "x-hub-signature-256")
    if len(given) != 1:
        return Rejected(401, "One X-Hub-Signature-256 header is needed; set the webhook's secret on GitHub.")
    if not _SIGNATURE.fullmatch(given[0]):
        return Rejected(401, "X-Hub-Signature-256 is not `sha256=` and 64 lower-case hexadecimal digits.")
    wanted = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(given[0], wanted):
        return Rejected(401, "The signature does not fit the body; GITHUB_WEBHOOK_SECRET differs from the webhook's.")
    return None


def _decode(headers: Headers, body: bytes) -> Accepted | Rejected:
    kinds, ids = _values(headers, "x-github-event"), _values(headers, "x-github-delivery")
    if len(kinds) != 1 or not _KIND.fullmatch(kinds[0]):
        return Rejected(400, "One X-GitHub-Event header with an event's name is needed.")
    if len(ids) != 1 or not _ID.fullmatch(ids[0]):
        return Rejected(400, "One X-GitHub-Delivery header with a UUID is needed.")
    types = [value.split(";", 1)[0].strip().lower() for value in _values(headers, "content-type")]
    if types != ["application/json"]:
        return Rejected(415, "The body is not application/json; choose that content type in the webhook's settings.")
    problem = _json_problem(body)
    if problem is not None:
        return Rejected(400, f"The body is not the JSON that GitHub sends: {problem}.")
    return Accepted(Delivery(ids[0].lower(), kinds[0], body))


def _values(headers: Headers, name: str) -> list[str]:
    return [value for key, value in headers if key.lower() == name]


class _Unacceptable(ValueError):
    """JSON that Python reads and GitHub never writes."""


def _json_problem(body: bytes) -> str | None:
    try:
        json.loads(body.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_once)
    except UnicodeDecodeError:
        return "it is not UTF-8"
    except RecursionError:
        return "it is nested too deeply"
    except _Unacceptable as problem:
        return str(problem)
    except ValueError:
        return "it cannot be parsed"
    return None


def _refuse_constant(name: str) -> None:
    raise _Unacceptable(f"{name} is no JSON number")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Unacceptable("an object has the same key twice")
    return found
