"""Thoth's API, version 1, as its client thamos calls it: submit, poll, read."""

import asyncio
import hmac
import json
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot import __version__
from bot.advisor.thoth import AnalysisKind, Stack, metadata, read_stack
from bot.core.errors import Refused
from bot.service.analyses import Analyses, Analysis, Busy

MAX_BODY = 8 * 2**20
"""Bytes: Pipfile, lock, and what the client found of imports in the sources."""
BODY_PATIENCE = 30.0
PER_MINUTE = 30
"""Analyses that one address may ask for."""
_KINDS: Mapping[str, AnalysisKind] = {"advise": "adviser", "provenance": "provenance-checker"}
_SHOWN = ("recommendation_type", "source_type", "dev", "debug", "force")
Answer = Callable[[Stack], Awaitable[Mapping[str, Any]]]


@dataclass(slots=True)
class Desk:
    """What the handlers need: who answers which question, the analyses, the token (empty: none is asked for)."""

    advise: Answer
    check: Answer
    analyses: Analyses
    clock: Callable[[], float]
    token: str = ""
    _asked: dict[str, list[float]] = field(default_factory=dict)

    def admits(self, given: str) -> bool:
        """Whether this is the token."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    def wait(self, address: str) -> int:
        """Seconds until this address may ask again, 0 where it may now; a question is counted."""
        now = self.clock()
        self._asked = {
            who: recent for who, asked in self._asked.items() if (recent := [t for t in asked if t > now - 60])
        }
        asked = self._asked.setdefault(address, [])
        if len(asked) >= PER_MINUTE:
            return max(1, math.ceil(asked[0] + 60 - now))
        asked.append(now)
        return 0


_DESK = web.AppKey("desk", Desk)


def create_app(desk: Desk) -> web.Application:
    """The API's application; cleaning it up ends the analyses that run."""
    app = web.Application(client_max_size=MAX_BODY)
    app[_DESK] = desk
    app.router.add_get("/api/v1", _root)
    app.router.add_get("/api/v1/", _root)
    for name in _KINDS:
        app.router.add_post(f"/api/v1/{{kind:{name}}}/python", _submit)
        app.router.add_get(f"/api/v1/{{kind:{name}}}/python/{{id}}", _read)
        app.router.add_get(f"/api/v1/{{kind:{name}}}/python/{{id}}/status", _status)
        app.router.add_get(f"/api/v1/{{kind:{name}}}/python/{{id}}/log", _log)

    async def close(_: web.Application) -> None:
        await desk.analyses.close()

    app.on_cleanup.append(close)
    return app


async def _root(_: web.Request) -> web.Response:
    return _json({"paths": ["/advise/python", "/provenance/python"], "version": __version__})


async def _submit(request: web.Request) -> web.Response:
    desk = request.app[_DESK]
    if desk.token and not desk.admits(_given_token(request)):
        return _refuse(401, "This host wants a token; set THAMOS_TOKEN to the one that its operator gave you.")
    if wait := desk.wait(request.remote or ""):
        return _refuse(429, f"Too many analyses from your address; ask again in {wait} s.", wait)
    try:
        async with asyncio.timeout(BODY_PATIENCE):
            body = json.loads(await request.text())
        stack = read_stack(body, request.query.get("recommendation_type", "stable"))
    except TimeoutError:
        return _refuse(408, f"The body did not arrive within {BODY_PATIENCE:.0f} seconds.")
    except web.HTTPRequestEntityTooLarge:
        return _refuse(413, f"The body is larger than {MAX_BODY:,} bytes; leave the static analysis out.")
    except (ValueError, RecursionError, LookupError):
        return _refuse(400, "The body is not JSON; send application_stack with requirements.")
    except Refused as refusal:
        return _refuse(400, str(refusal))
    return _begin(request, desk, stack)


def _begin(request: web.Request, desk: Desk, stack: Stack) -> web.Response:
    kind = _KINDS[request.match_info["kind"]]
    answer = desk.advise if kind == "adviser" else desk.check
    parameters = {name: request.query[name] for name in _SHOWN if name in request.query}
    try:
        made = desk.analyses.submit(kind, parameters, lambda: answer(stack))
    except Busy as problem:
        return _refuse(503, str(problem), 60)
    told = {"analysis_id": made.id, "cached": False, "authenticated": bool(desk.token), "parameters": parameters}
    return _json(told, 202)


def _given_token(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.query.get("token", "")


async def _read(request: web.Request) -> web.Response:
    found = _find(request)
    if found is None:
        return _unknown()
    if found.result is not None and found.started and found.finished:
        seconds = (found.finished - found.started).total_seconds()
        told = metadata(found.id, found.kind, found.parameters, found.started, seconds, __version__)
        return _json({"metadata": told, "result": found.result})
    if found.failure:
        return _json({"error": found.failure, "parameters": found.parameters, "status": _state(found)}, 400)
    return _json({"parameters": found.parameters, "status": _state(found)}, 202)


async def _status(request: web.Request) -> web.Response:
    found = _find(request)
    return _unknown() if found is None else _json({"parameters": found.parameters, "status": _state(found)})


async def _log(request: web.Request) -> web.Response:
    found = _find(request)
    if found is None:
        return _unknown()
    return _json(
        {"log": found.failure or f"The analysis is in the state {found.state}.", "parameters": found.parameters}
    )


def _find(request: web.Request) -> Analysis | None:
    return request.app[_DESK].analyses.find(_KINDS[request.match_info["kind"]], request.match_info["id"])


def _state(analysis: Analysis) -> dict[str, str | None]:
    return {
        "state": analysis.state,
        "reason": analysis.failure or None,
        "started_at": analysis.started.isoformat() if analysis.started else None,
        "finished_at": analysis.finished.isoformat() if analysis.finished else None,
    }


def _unknown() -> web.Response:
    return _refuse(404, "There is no such analysis here, or its result is no longer kept; ask for a new one.")


def _refuse(status: int, sentence: str, after: int = 0) -> web.Response:
    response = _json({"error": sentence, "parameters": {}}, status)
    if after:
        response.headers["Retry-After"] = str(after)
    return response


def _json(document: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.json_response(dict(document), status=status, headers={"X-Thoth-Version": f"Bolide {__version__}"})
