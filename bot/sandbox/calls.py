"""What a handler of the API is given, and how it answers."""

import base64
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from aiohttp import web

from bot.sandbox.access import parse_time
from bot.sandbox.entities import Json, Repository
from bot.sandbox.errors import ApiError, not_found, unauthorized, unprocessable
from bot.sandbox.faults import Faults
from bot.sandbox.forge import API, Actor, Forge, stamp
from bot.sandbox.limits import Limits
from bot.sandbox.observation import RequestLog
from bot.sandbox.webhooks import Hooks

MEDIA = "application/json; charset=utf-8"
KINDS: dict[type, str] = {str: "string", int: "number", dict: "object", object: "thing"}
T = TypeVar("T")


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
            raise self._wrong(name, "a string")
        return value

    def optional(self, name: str) -> str | None:
        """A text of the body that may be missing or null."""
        return None if self.body.get(name) is None else self.text(name)

    def changes(self, *names: str, nullable: tuple[str, ...] = ()) -> dict[str, str | None]:
        """The texts of the body that are to be changed; null changes only what can be empty."""
        found = {name: self.optional(name) for name in (*names, *nullable) if name in self.body}
        return {name: text for name, text in found.items() if text is not None or name in nullable}

    def items(self, name: str, kind: type[T]) -> list[T]:
        """A list of the body whose items are all of one kind, empty when missing or null."""
        value = [] if self.body.get(name) is None else self.body[name]
        # True and False are numbers to Python, and to nobody who writes JSON.
        if not isinstance(value, list) or any(not isinstance(each, kind) or isinstance(each, bool) for each in value):
            raise self._wrong(name, f"an array of {KINDS[kind]}s")
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts of the body, empty when missing or null."""
        return self.items(name, str)

    def names(self, name: str) -> list[str]:
        """A list of the body that holds names, or objects with a `name`, as labels may be given."""
        given = self.items(name, object)
        found = [each.get("name") if isinstance(each, dict) else each for each in given]
        if not all(isinstance(each, str) for each in found):
            raise self._wrong(name, "an array of names")
        return [str(each) for each in found]

    def part_of(self, name: str) -> "Call | None":
        """An object of the body, to be read like a body; None when missing or null."""
        value = self.body.get(name)
        if value is not None and not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return None if value is None else replace(self, body=value)

    def flag(self, name: str, default: bool = False) -> bool:  # noqa: FBT001, FBT002
        """A boolean of the body; the default when missing or null."""
        value = default if self.body.get(name) is None else self.body[name]
        if not isinstance(value, bool):
            raise self._wrong(name, "a boolean")
        return value

    def moment(self, name: str) -> str | None:
        """A time of the body in ISO 8601, None when missing or null; raises 422 for what is no time."""
        value = self.optional(name)
        try:
            return None if value is None else stamp(parse_time(value))
        except (ValueError, OverflowError) as error:
            raise self._wrong(name, "a time in ISO 8601") from error

    def base64(self, name: str) -> bytes:
        """The bytes that a text of the body holds in Base64, lines and spaces aside."""
        try:
            return base64.b64decode("".join(self.text(name).split()), validate=True)
        except ValueError as error:
            raise unprocessable(f"{name} is not valid Base64") from error

    def _wrong(self, name: str, kind: str) -> ApiError:
        return unprocessable(f"Invalid request.\n\nFor '{name}', {json.dumps(self.body[name])[:80]} is not {kind}.")


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """An official operation that the sandbox answers, and the permission that it needs in the repository."""

    method: str
    template: str
    need: str
    handler: Handler
    described: str
    """The template of the official description; another than its own for a path of old."""
    raw: bool = False
    """Whether the body is a file, to be taken as it is."""


class Table:
    """The routes of one part of the API."""

    def __init__(self) -> None:
        self.routes: list[Route] = []

    def route(
        self, method: str, template: str, need: str = "", described: str = "", *, raw: bool = False
    ) -> Callable[[Handler], Handler]:
        """Register the decorated handler for an official path template, or for one of old and what describes it now."""

        def register(handler: Handler) -> Handler:
            self.routes.append(Route(method, template, need, handler, described or template, raw))
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
