"""An App's deliveries, with a button to send one again."""

import json

from aiohttp import web

from bot.sandbox.calls import SERVICES
from bot.sandbox.entities import App
from bot.sandbox.errors import forbidden, not_found
from bot.sandbox.pages.rendering import page
from bot.sandbox.pages.sessions import posted
from bot.sandbox.records import Delivery

SHOWN = 100


async def deliveries(request: web.Request) -> web.Response:
    """The last deliveries, newest first."""
    app = _app(request)
    found = list(reversed(request.app[SERVICES].forge.store.all(Delivery, app.id)))[:SHOWN]
    return page(request, "deliveries.html", title=f"Deliveries to {app.name}", app=app, deliveries=found)


async def delivery(request: web.Request) -> web.Response:
    """One delivery: what was sent and what came back."""
    app, found = _app(request), _delivery(request)
    payload = json.dumps(json.loads(found.payload), indent=2, ensure_ascii=False)
    return page(request, "delivery.html", title=found.event, app=app, delivery=found, payload=payload)


async def redeliver(request: web.Request) -> web.Response:
    """Send a delivery again; the App's owner may."""
    app, found = _app(request), _delivery(request)
    actor, _ = await posted(request)
    if actor.user.id != app.owner_id:
        raise forbidden("Only the App's owner can send deliveries again.")
    request.app[SERVICES].hooks.redeliver(found)
    raise web.HTTPSeeOther(f"/apps/{app.slug}")


def _app(request: web.Request) -> App:
    found = request.app[SERVICES].forge.store.one(App, 0, request.match_info["slug"])
    if found is None:
        raise not_found("There is no such App.")
    return found


def _delivery(request: web.Request) -> Delivery:
    text = request.match_info["id"]
    found = request.app[SERVICES].forge.store.get(Delivery, int(text)) if text.isdecimal() and len(text) < 18 else None
    if found is None:
        raise not_found("There is no such delivery.")
    return found
