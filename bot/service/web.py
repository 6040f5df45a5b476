"""The webhook server: size, signature, names → inbox → 202. What it acknowledges is on disk."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from bot.core.delivery import LARGEST_BODY, Accepted, Rejected, refuse_envelope, verify
from bot.core.ports import Inbox, InboxUnavailable

logger = logging.getLogger(__name__)

BODY_PATIENCE = 30.0
"""Seconds that a body may take to arrive."""
_LARGE = 256 * 1024  # bytes; reading a larger body's JSON would hold up the others, so a thread does it
_SHORTEST_SECRET = 16

Ready = Callable[[], Awaitable[str | None]]
"""Why the server cannot take deliveries now, or None."""


@dataclass(slots=True)
class Door:
    """What the handlers need, and what they count."""

    secret: bytes
    inbox: Inbox
    ready: Ready
    stored: Callable[[], None]
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, outcome: str) -> None:
        """One delivery more with this outcome."""
        self.counts[outcome] = self.counts.get(outcome, 0) + 1


_DOOR = web.AppKey("door", Door)


def create_app(
    inbox: Inbox, secret: str, *, ready: Ready, stored: Callable[[], None] = lambda: None
) -> web.Application:
    """The server's application; `stored` is called after each new delivery. Raises ValueError for a short secret."""
    if len(secret) < _SHORTEST_SECRET:
        raise ValueError(
            f"The webhook secret is shorter than {_SHORTEST_SECRET} characters; set GITHUB_WEBHOOK_SECRET."
        )
    # The bound on the body is kept by _receive, which also says why.
    app = web.Application(client_max_size=LARGEST_BODY + 1)
    app[_DOOR] = Door(secret.encode(), inbox, ready, stored)
    app.router.add_post("/webhook", _webhook)
    app.router.add_get("/livez", _livez)
    app.router.add_get("/readyz", _readyz)
    app.router.add_get("/metrics", _metrics)
    return app


class PortTaken(Exception):
    """The server cannot listen there; the message says what to do."""


async def start(app: web.Application, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> web.AppRunner:
    """The running server, `addresses[0]` is where it listens; `cleanup()` ends it. Raises PortTaken."""
    # A stranger who goes on sending after a refusal is listened to for a second only.
    runner = web.AppRunner(app, access_log=None, lingering_time=1.0, keepalive_timeout=30.0, shutdown_timeout=5.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
    except OSError as problem:
        await runner.cleanup()
        reason = problem.strerror or str(problem)
        raise PortTaken(
            f"Cannot listen on {host}:{port} ({reason}); free it, or set BOLIDE_PORT or BOLIDE_HOST."
        ) from problem
    return runner


async def _webhook(request: web.Request) -> web.Response:
    door = request.app[_DOOR]
    headers = tuple(request.headers.items())
    try:
        async with asyncio.timeout(BODY_PATIENCE):
            body = await _receive(request)
    except TimeoutError:
        return _reject(door, Rejected(408, f"The body did not arrive within {BODY_PATIENCE:.0f} seconds."))
    if isinstance(body, Rejected):
        return _reject(door, body)
    if len(body) > _LARGE:
        verdict = await asyncio.to_thread(verify, door.secret, headers, body)
    else:
        verdict = verify(door.secret, headers, body)
    if isinstance(verdict, Rejected):
        return _reject(door, verdict)
    return await _store(door, verdict)


async def _receive(request: web.Request) -> bytes | Rejected:
    """The body, read no further than its bound."""
    refusal = refuse_envelope(tuple(request.headers.items()), request.content_length or 0)
    if refusal is not None:
        return refusal
    parts: list[bytes] = []
    size = 0
    async for part in request.content.iter_any():
        size += len(part)
        refusal = refuse_envelope((), size)
        if refusal is not None:
            return refusal
        parts.append(part)
    return b"".join(parts)


async def _store(door: Door, accepted: Accepted) -> web.Response:
    delivery = accepted.delivery
    try:
        new = await door.inbox.put(delivery)
    except InboxUnavailable as problem:
        logger.error(
            "delivery not stored", extra={"delivery": delivery.id, "event": delivery.kind, "why": str(problem)}
        )
        return _reject(door, Rejected(503, "The delivery could not be stored now; redeliver it later."))
    door.count("stored" if new else "repeated")
    if new:
        door.stored()
    logger.info(
        "delivery", extra={"delivery": delivery.id, "event": delivery.kind, "new": new, "bytes": len(delivery.body)}
    )
    return web.json_response({"delivery": delivery.id, "new": new}, status=202)


def _reject(door: Door, rejected: Rejected) -> web.Response:
    door.count(f"rejected_{rejected.status}")
    response = web.json_response({"message": rejected.sentence}, status=rejected.status)
    if rejected.status in {408, 413}:
        response.force_close()  # the rest of the body is not read
    return response


async def _livez(_: web.Request) -> web.Response:
    return web.json_response({"alive": True})


async def _readyz(request: web.Request) -> web.Response:
    door = request.app[_DOOR]
    reason = await door.ready()
    answer = {"ready": True} if reason is None else {"ready": False, "reason": reason}
    return web.json_response(answer, status=200 if reason is None else 503)


async def _metrics(request: web.Request) -> web.Response:
    door = request.app[_DOOR]
    lines = ["# HELP bolide_deliveries_total Webhook deliveries by outcome.", "# TYPE bolide_deliveries_total counter"]
    lines += [f'bolide_deliveries_total{{outcome="{name}"}} {count}' for name, count in sorted(door.counts.items())]
    return web.Response(text="\n".join(lines) + "\n", content_type="text/plain")
