"""What resolvers are given, and how lists become connections."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.sandbox.access import may, require
from bot.sandbox.calls import Services
from bot.sandbox.entities import App, Repository, User
from bot.sandbox.errors import forbidden, not_found, unprocessable
from bot.sandbox.forge import Actor, Forge, node_id, read_node_id

Node = dict[str, Any]
"""Field → value, or a function of (info, **arguments), possibly asynchronous."""
LONGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class View:
    """The sandbox as one actor sees it."""

    services: Services
    actor: Actor

    @property
    def forge(self) -> Forge:
        """The sandbox's context."""
        return self.services.forge

    def readable(self, repository: Repository | None, need: str = "metadata") -> bool:
        """Whether the actor may read that part of the repository."""
        return repository is not None and may(self.forge, self.actor, repository, need, "read")

    def require(self, repository: Repository, need: str) -> None:
        """Raise FORBIDDEN unless the actor has the need."""
        if repository.archived and need.endswith(":write"):
            raise forbidden("Repository was archived so is read-only.")
        require(self.forge, self.actor, repository, need)


def resolve(identity: str, *prefixes: str) -> tuple[str, list[str]]:
    """The prefix and parts of a node id of one of these kinds; raises NOT_FOUND as GitHub does."""
    found = read_node_id(identity)
    if found is None or (prefixes and found[0] not in prefixes):
        raise not_found(f"Could not resolve to a node with the global id of '{identity}'")
    return found


def actor(forge: Forge, user: User) -> Node:
    """A User or Bot; GraphQL leaves `[bot]` out of a bot's login."""
    return {
        "__typename": "Bot" if user.is_bot else "User",
        "id": node_id("BOT" if user.is_bot else "U", user.id),
        "databaseId": user.id,
        "login": user.login.removesuffix("[bot]"),
        "name": user.name,
        "email": user.email,
        "url": forge.page(f"/{user.login}"),
        "avatarUrl": forge.page(f"/avatars/{user.id}"),
        "resourcePath": f"/{user.login}",
        "createdAt": user.created,
    }


def app(value: App | None) -> Node | None:
    """An App."""
    if value is None:
        return None
    return {"id": node_id("A", value.id), "databaseId": value.id, "name": value.name, "slug": value.slug}


Build = Callable[[Any], Any]


def connection(items: Sequence[Any], build: Build, **arguments: Any) -> Node:
    """One page of the items, sliced by first/after or last/before; raises when neither says how many."""
    first, last = arguments.get("first"), arguments.get("last")
    if first is None and last is None:
        raise unprocessable("You must provide a `first` or `last` value to properly paginate the connection.")
    for name, count in (("first", first), ("last", last)):
        if count is not None and not 0 <= count <= LONGEST_PAGE:
            raise unprocessable(
                f"Requesting {count} records on the connection exceeds the `{name}` limit of 100 records."
            )
    start = _position(arguments["after"]) if arguments.get("after") else 0
    end = _position(arguments["before"]) - 1 if arguments.get("before") else len(items)
    start, end = min(start, len(items)), min(end, len(items))
    if first is not None:
        end = min(end, start + first)
    if last is not None:
        start = max(start, end - last)
    info = {
        "hasNextPage": end < len(items),
        "hasPreviousPage": start > 0,
        "startCursor": _cursor(start + 1) if end > start else None,
        "endCursor": _cursor(end) if end > start else None,
    }
    chosen = items[start:end]

    async def nodes(_info: Any) -> list[Any]:
        return [await each if isinstance(each, Awaitable) else each for each in map(build, chosen)]

    return {"nodes": nodes, "totalCount": len(items), "pageInfo": info}


def _cursor(position: int) -> str:
    return base64.b64encode(f"cursor:{position}".encode()).decode()


def _position(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor).decode().removeprefix("cursor:"))
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise unprocessable(f"`{cursor}` does not appear to be a valid cursor.") from error
