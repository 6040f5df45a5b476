"""The sandbox as one aiohttp application."""

import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from bot.sandbox import admin, archives, githttp, pages
from bot.sandbox.calls import SERVICES, Services, answer
from bot.sandbox.entities import Json
from bot.sandbox.errors import ApiError, not_found
from bot.sandbox.forge import API, GRAPHQL, Forge
from bot.sandbox.frame import LARGEST_REQUEST, endpoint, framed, patterns
from bot.sandbox.graph import door
from bot.sandbox.limits import Allowance, Limits
from bot.sandbox.observation import Exchange, RequestLog
from bot.sandbox.rest import ROUTES
from bot.sandbox.store import Store
from bot.sandbox.webhooks import Hooks

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Options:
    """How the sandbox behaves; the observers see every API exchange and every webhook payload."""

    limits: bool = False
    allowance: Allowance = field(default_factory=Allowance)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    observe_exchange: Callable[[Exchange], None] | None = None
    observe_webhook: Callable[[str, Json], None] | None = None


def create_sandbox(state: Path, base_url: str, options: Options | None = None) -> web.Application:
    """The sandbox whose rows and repositories live in the state folder, reached at the base URL."""
    options = options or Options()
    state = state.absolute()
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    forge = Forge(Store(state / "sandbox.sqlite"), state, base_url.rstrip("/"), options.clock)
    hooks = Hooks(forge, options.observe_webhook)
    forge.emitted = hooks.emit
    limits = Limits(lambda: options.clock().timestamp(), options.allowance, options.limits)
    app = web.Application(middlewares=[only_loopback, errors_as_answers], client_max_size=LARGEST_REQUEST)
    app[SERVICES] = Services(forge, hooks, limits, log=RequestLog(observe=options.observe_exchange))
    for route in ROUTES:
        for pattern in patterns(route.template):
            app.router.add_route(route.method, pattern, endpoint(route))
    app.router.add_post(GRAPHQL, door.serve)
    app.router.add_route("*", f"{API}/{{rest:.*}}", _unknown)
    admin.add_routes(app)
    app.router.add_route(
        "*", "/{owner}/{repo}.git/{action:info/refs|git-upload-pack|git-receive-pack}", githttp.serve_git
    )
    # GitHub takes the address of the page as well.
    app.router.add_route("*", "/{owner}/{repo}/{action:info/refs|git-upload-pack|git-receive-pack}", githttp.serve_git)
    app.router.add_get("/{owner}/{repo}/legacy.{form:tar\\.gz|zip}/{sha:[0-9a-f]{40}}", archives.serve_archive)
    pages.add_routes(app)
    app.cleanup_ctx.append(_lifetime)
    return app


async def _lifetime(app: web.Application) -> AsyncIterator[None]:
    services = app[SERVICES]
    await services.hooks.start()
    yield
    await services.hooks.stop()
    services.forge.store.close()


async def _unknown(request: web.Request) -> web.StreamResponse:
    async def work(_: object) -> web.StreamResponse:
        raise not_found()

    return await framed(request.app[SERVICES], request, "", work)


@web.middleware
async def only_loopback(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a Host that is no loopback name, so that no web page can reach the sandbox by a name of its own."""
    host = request.url.host or ""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise web.HTTPForbidden(text="The sandbox answers on loopback addresses only.\n")
    return await handler(request)


@web.middleware
async def errors_as_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer an ApiError outside the API's frame as JSON, or as a page."""
    try:
        return await handler(request)
    except web.HTTPNotFound as missing:
        if not request.match_info.route.resource:
            return pages.error_page(request, not_found("There is no such page."))
        raise missing
    except ApiError as error:
        if request.path.startswith(("/api/", "/_sandbox/")):
            return answer(error.body(), error.status, error.headers)
        return pages.error_page(request, error)
