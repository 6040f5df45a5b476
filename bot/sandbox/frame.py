"""The frame around every API request: faults, authentication, limits, permission, headers, log."""

import asyncio
import hashlib
import json
import re
import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.sandbox.access import authenticate, require
from bot.sandbox.calls import MEDIA, SERVICES, Call, Route, Services, answer
from bot.sandbox.entities import Json, Repository
from bot.sandbox.errors import ApiError, not_found, unprocessable
from bot.sandbox.faults import FAULT
from bot.sandbox.forge import API, Actor
from bot.sandbox.git import GitError
from bot.sandbox.limits import Usage
from bot.sandbox.observation import Exchange

LARGEST_REQUEST = 25 * 1024 * 1024  # bytes
GREEDY = re.compile(r"\{(path|ref|branch|basehead|tag)\}")
TOKENS = "/app/installations/{installation_id}/access_tokens"
Work = Callable[[Actor | None], Awaitable[web.StreamResponse]]


def spans_slashes(template: str) -> bool:
    """Whether the last parameter of an official template may hold slashes."""
    return bool(GREEDY.search(template.rsplit("/", 1)[-1]))


def patterns(template: str) -> list[str]:
    """The aiohttp paths of an official template: some parameters span slashes, and the root has no path."""
    whole = API + GREEDY.sub(r"{\1:.+}", template)
    return [whole, whole.removesuffix("/{path:.+}") + "{slash:/?}"] if "{path}" in template else [whole]


def endpoint(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of a route."""

    async def handle(request: web.Request) -> web.StreamResponse:
        services = request.app[SERVICES]
        creates = request.method in {"POST", "PUT", "PATCH"} and route.template != TOKENS

        async def work(actor: Actor | None) -> web.StreamResponse:
            found = _repository(services, request, route, actor)
            call = Call(services, request, actor, found, {} if route.raw else await json_body(request))
            try:
                return await route.handler(call)
            except GitError as error:
                raise unprocessable(f"Git refuses what is asked for: {str(error)[:200]}") from error

        return await framed(services, request, route.described, work, creates=creates)

    return handle


async def framed(
    services: Services, request: web.Request, template: str, work: Work, *, operation: str = "", creates: bool = False
) -> web.StreamResponse:
    """The answer of the work, inside faults and limits, with GitHub's headers, written down."""
    fault = FAULT.fullmatch(services.faults.strike(request.method, request.path, operation) or "")
    actor: Actor | None = None
    usage: Usage | None = None
    try:
        await _strike_before(fault)
        actor = authenticate(services.forge, request.headers.get("Authorization"))
        usage = services.limits.enter(_payer(request, actor), request.method, creates=creates)
        done = await work(actor)
    except ApiError as error:
        done = answer(error.body(), error.status, error.headers)
    finally:
        if usage is not None:
            usage.running -= 1
    _finish(services, request, done, usage or services.limits.usage(_payer(request, actor)))
    services.log.add(await _exchange(request, template, operation, actor, done))
    return await _strike_after(fault, request, done)


async def json_body(request: web.Request) -> Json:
    """The JSON object of the request, empty without a body; raises 400 for anything else."""
    data = await request.read()
    if not data.strip():
        return {}
    try:
        value = json.loads(data, parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "Problems parsing JSON") from error
    if isinstance(value, list):
        return {"labels": value}  # GitHub takes a bare list where labels are set
    if not isinstance(value, dict):
        raise ApiError(400, "Body should be a JSON object")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _repository(services: Services, request: web.Request, route: Route, actor: Actor | None) -> Repository | None:
    if "owner" not in request.match_info:
        return None
    found = services.forge.repository(f"{request.match_info['owner']}/{request.match_info['repo']}")
    if found is None:
        raise not_found()
    if route.need:
        require(services.forge, actor, found, route.need)
        if found.archived and route.need.endswith(":write"):
            raise ApiError(403, "Repository was archived so is read-only.", kind="FORBIDDEN")
    return found


def _payer(request: web.Request, actor: Actor | None) -> str:
    if actor is None:
        return f"address:{request.remote}"
    if actor.installation is not None:
        return f"installation:{actor.installation.id}"
    return f"{actor.kind}:{actor.user.id}"


def _finish(services: Services, request: web.Request, done: web.StreamResponse, usage: Usage) -> None:
    done.headers["X-GitHub-Request-Id"] = ":".join(secrets.token_hex(2).upper() for _ in range(5))
    done.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
    done.headers["X-GitHub-Api-Version-Selected"] = request.headers.get("X-GitHub-Api-Version", "2022-11-28")
    if request.method in {"GET", "HEAD"} and done.status == 200 and isinstance(done, web.Response):
        tag = f'W/"{hashlib.sha256(_body(done)).hexdigest()}"'
        done.headers["ETag"] = tag
        done.headers["Cache-Control"] = "private, max-age=60, s-maxage=60"
        if tag in request.headers.get("If-None-Match", ""):
            usage.used -= 1
            done.set_status(304)
            done.body = None
    for name, value in services.limits.headers(usage).items():
        done.headers.setdefault(name, value)


async def _exchange(
    request: web.Request, template: str, operation: str, actor: Actor | None, done: web.StreamResponse
) -> Exchange:
    return Exchange(
        method=request.method,
        path=request.path.removeprefix(API),
        template=template,
        query=tuple(request.query.items()),
        status=done.status,
        token=actor.kind if actor else "none",
        user=actor.user.login if actor else "",
        operation=operation,
        request=await request.read(),
        response=_body(done),
        content_type=done.headers.get("Content-Type", ""),
        user_agent=request.headers.get("User-Agent", ""),
    )


def _body(done: web.StreamResponse) -> bytes:
    return done.body if isinstance(done, web.Response) and isinstance(done.body, bytes) else b""


async def _strike_before(fault: re.Match[str] | None) -> None:
    if fault is None:
        return
    if fault["seconds"]:
        await asyncio.sleep(float(fault["seconds"]))
    if fault["kind"] and not fault["after"]:
        raise ApiError(int(fault["kind"]), "Server Error", headers=_retry(fault))


async def _strike_after(
    fault: re.Match[str] | None, request: web.Request, done: web.StreamResponse
) -> web.StreamResponse:
    if fault is None:
        return done
    if fault["kind"] and fault["after"]:
        return answer({"message": "Server Error"}, int(fault["kind"]), _retry(fault))
    if fault[0] == "reset" and request.transport is not None:
        request.transport.abort()
    if fault[0] == "truncate":
        return await _truncated(request, done)
    return done


def _retry(fault: re.Match[str]) -> dict[str, str]:
    return {"Retry-After": fault["retry"]} if fault["retry"] else {}


async def _truncated(request: web.Request, done: web.StreamResponse) -> web.StreamResponse:
    body = _body(done)
    cut = web.StreamResponse(status=done.status, headers={"Content-Type": MEDIA, "Content-Length": str(len(body))})
    cut.force_close()
    await cut.prepare(request)
    await cut.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return cut
