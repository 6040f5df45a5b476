"""What is written down about each API request: for tests, counts and the administration."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.entities import Json

KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Exchange:
    """One API request and its answer; `template` is the official path, `operation` names GraphQL fields."""

    method: str
    path: str
    template: str
    query: tuple[tuple[str, str], ...]
    status: int
    token: str
    user: str
    operation: str
    request: bytes = field(repr=False)
    response: bytes = field(repr=False)
    content_type: str = ""
    user_agent: str = ""

    def summary(self) -> Json:
        """The line in the request log."""
        return {
            "method": self.method,
            "path": self.path,
            "template": self.template,
            "operation": self.operation,
            "status": self.status,
            "token": self.token,
            "user": self.user,
            "user_agent": self.user_agent,
        }


@dataclass(slots=True)
class RequestLog:
    """The last requests, and whoever wants to see each exchange."""

    entries: deque[Json] = field(default_factory=lambda: deque(maxlen=KEPT))
    observe: Callable[[Exchange], None] | None = None

    def add(self, exchange: Exchange) -> None:
        """Write an exchange down."""
        self.entries.append(exchange.summary())
        if self.observe is not None:
            self.observe(exchange)
