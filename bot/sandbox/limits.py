"""GitHub's rate limits, enforced when told to, counted always."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.errors import ApiError

SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much one token may do; the numbers are GitHub's."""

    per_hour: int = 5000
    concurrent: int = 100
    points_per_minute: int = 900
    content_per_minute: int = 80
    content_per_hour: int = 500


@dataclass(slots=True)
class Usage:
    """What one token did: the window of the primary limit, and the recent past for the secondary ones."""

    reset: float = 0.0
    used: int = 0
    running: int = 0
    points: deque[tuple[float, int]] = field(default_factory=deque)
    content: deque[float] = field(default_factory=deque)


@dataclass(slots=True)
class Limits:
    """The counters of all tokens; `clock` gives seconds since 1970."""

    clock: Callable[[], float]
    allowance: Allowance = field(default_factory=Allowance)
    enforced: bool = False
    usages: dict[str, Usage] = field(default_factory=dict)

    def usage(self, who: str) -> Usage:
        """The counters of a token, with the hour begun anew when it is over."""
        usage = self.usages.setdefault(who, Usage())
        if usage.reset <= self.clock():
            usage.reset, usage.used = self.clock() + 3600, 0
        return usage

    def enter(self, who: str, method: str, *, creates: bool) -> Usage:
        """Count a request that begins; raises 403 with Retry-After or reset when it is over a limit."""
        usage, now = self.usage(who), self.clock()
        if self.enforced:
            self._check(usage, now, creates=creates)
        usage.used += 1
        usage.points.append((now, 1 if method in {"GET", "HEAD", "OPTIONS"} else 5))
        if creates:
            usage.content.append(now)
        usage.running += 1
        return usage

    def headers(self, usage: Usage) -> dict[str, str]:
        """The X-RateLimit headers of an answer."""
        return {
            "X-RateLimit-Limit": str(self.allowance.per_hour),
            "X-RateLimit-Remaining": str(max(0, self.allowance.per_hour - usage.used)),
            "X-RateLimit-Reset": str(int(usage.reset)),
            "X-RateLimit-Used": str(usage.used),
            "X-RateLimit-Resource": "core",
        }

    def _check(self, usage: Usage, now: float, *, creates: bool) -> None:
        if usage.used >= self.allowance.per_hour:
            raise ApiError(403, "API rate limit exceeded for installation.", headers=self.headers(usage))
        while usage.points and usage.points[0][0] <= now - 60:
            usage.points.popleft()
        while usage.content and usage.content[0] <= now - 3600:
            usage.content.popleft()
        if usage.running >= self.allowance.concurrent:
            raise _secondary(1)
        if sum(points for _, points in usage.points) >= self.allowance.points_per_minute:
            raise _secondary(usage.points[0][0] + 60 - now)
        if not creates:
            return
        recent = [when for when in usage.content if when > now - 60]
        if len(recent) >= self.allowance.content_per_minute:
            raise _secondary(recent[0] + 60 - now)
        if len(usage.content) >= self.allowance.content_per_hour:
            raise _secondary(usage.content[0] + 3600 - now)


def _secondary(seconds: float) -> ApiError:
    return ApiError(403, SECONDARY, kind="RATE_LIMITED", headers={"Retry-After": str(max(1, int(seconds) + 1))})
