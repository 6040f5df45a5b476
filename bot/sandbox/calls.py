"""What a handler of the API is given, and how it answers."""

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.sandbox.entities import Json, Repository
from bot.sandbox.errors import not_found, unauthorized, unprocessable
from bot.sandbox.faults import Faults
from bot.sandbox.forge import API, Actor, Forge
from bot.sandbox.limits import Limits
from bot.sandbox.observation import RequestLog
from bot.sandbox.webhooks import Hooks

MEDIA = "application/json; charset=utf-8"


@dataclass(slots=True)
class Services:
    """What the doors of the sandbox share."""

    forge: Forge
    hooks: Hooks
    limits: Limits
    faults: Faults = field(default_factory=Faults)
    log: RequestLog = field(default_factory=RequestLog)


SERVICES = web.AppKey("services", Services)


@dataclass(slots=True)
class Call:
    """One API request, checked as far as its route asks."""

    services: Services
    request: web.Request
    actor: Actor | None
    found: Repository | None
    body: Json

    @property
    def forge(self) -> Forge:
        """The sandbox's context."""
        return self.services.forge

    @property
    def repository(self) -> Repository:
        """The repository of the path."""
        if self.found is None:
            raise not_found()
        return self.found

    @property
    def who(self) -> Actor:
        """The actor; raises 401 for nobody."""
        if self.actor is None:
            raise unauthorized("Requires authentication")
        return self.actor

    def part(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    def number(self, name: str) -> int:
        """A part of the path that is a number; raises 404 for anything else."""
        text = self.part(name)
        if not re.fullmatch(r"[0-9]{1,18}", text):
            raise not_found()
        return int(text)

    def text(self, name: str, default: str | None = None) -> str:
        """A text of the body; raises 422 when it is missing or no text."""
        value = self.body.get(name, default)
        if value is None:
            raise unprocessable(f'Invalid request.\n\n"{name}" wasn\'t supplied.')
        if not isinstance(value, str):
            raise unprocessable(f"Invalid request.\n\nFor '{name}', {json.dumps(value)[:80]} is not a string.")
        return value

    def optional(self, name: str) -> str | None:
        """A text of the body that may be missing or null."""
        return None if self.body.get(name) is None else self.text(name)

    def texts(self, name: str) -> list[str]:
        """A list of texts of the body, empty when missing."""
        value = self.body.get(name, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise unprocessable(f"Invalid request.\n\nFor '{name}', {json.dumps(value)[:80]} is not an array.")
        return value

    def flag(self, name: str, default: object = False) -> bool:  # noqa: FBT002
        """A boolean of the body."""
        return bool(self.body.get(name, default))


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """An official operation that the sandbox answers, and the permission that it needs in the repository."""

    method: str
    template: str
    need: str
    handler: Handler


class Table:
    """The routes of one part of the API."""

    def __init__(self) -> None:
        self.routes: list[Route] = []

    def route(self, method: str, template: str, need: str = "") -> Callable[[Handler], Handler]:
        """Register the decorated handler for an official path template."""

        def register(handler: Handler) -> Handler:
            self.routes.append(Route(method, template, need, handler))
            return handler

        return register


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(
        body=json.dumps(body).encode(), status=status, headers={"Content-Type": MEDIA, **(headers or {})}
    )


def page(call: Call, items: Sequence[Any], shape: Callable[[Any], Any], name: str | None = None) -> web.Response:
    """One page of a list with its Link header, as a list or, with a name, as an object with `total_count`."""
    query = call.request.query
    size, at = _count(query.get("per_page"), 30, 100), _count(query.get("page"), 1, 10**9)
    shapes = [shape(item) for item in items[(at - 1) * size : at * size]]
    links = page_links(call, at, max(1, -(-len(items) // size)))
    return answer(shapes if name is None else {"total_count": len(items), name: shapes}, headers=links)


def page_links(call: Call, at: int, last: int) -> dict[str, str]:
    """The Link header of one page of several, empty when there is but one."""
    numbers: dict[str, int] = {}
    if at > 1:
        numbers |= {"prev": at - 1, "first": 1}
    if at < last:
        numbers |= {"next": at + 1, "last": last}
    address = call.forge.api(call.request.path.removeprefix(API))
    urls = {rel: call.request.url.update_query(page=number).raw_query_string for rel, number in numbers.items()}
    return {"Link": ", ".join(f'<{address}?{query}>; rel="{rel}"' for rel, query in urls.items())} if urls else {}


def _count(text: str | None, default: int, most: int) -> int:
    if text is None or not re.fullmatch(r"[0-9]{1,9}", text):
        return default
    return min(most, max(1, int(text)))
