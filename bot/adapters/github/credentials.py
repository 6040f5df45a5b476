"""The App's identity: a JWT signed with its key, by the server's clock where ours is wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import jwt

from bot.core.ports import ForgeRefused

_BACKDATED = 60  # seconds; GitHub's clock may be behind
_LIFE = 480  # seconds from now; GitHub takes at most 600 from the backdated start
_TOLERATED = 20.0  # seconds by which clocks may differ before ours is corrected

Permissions = Mapping[str, str]

READING: Permissions = {
    "contents": "read",
    "metadata": "read",
    "pull_requests": "read",
    "issues": "read",
    "checks": "read",
    "statuses": "read",
}
WRITING: Permissions = {
    "contents": "write",
    "metadata": "read",
    "pull_requests": "write",
    "issues": "write",
    "checks": "write",
    "statuses": "write",
    "deployments": "write",
}

EVENTS = ("push", "pull_request", "issues", "issue_comment")
"""What the App is told of."""


def permissions() -> dict[str, str]:
    """What the App asks for: all that any of its tokens is narrowed to, and nothing else."""
    return {**READING, **WRITING}


@dataclass(slots=True)
class AppIdentity:
    """Signs as the App; `offset` is how many seconds GitHub's clock is ahead of ours, learnt from a refusal."""

    app_id: str
    private_key: str = field(repr=False)
    clock: Callable[[], float]
    offset: float = 0.0

    def token(self) -> str:
        """A JWT that is good for the next eight minutes. Raises ForgeRefused for a key that cannot sign."""
        now = int(self.clock() + self.offset)
        claims = {"iat": now - _BACKDATED, "exp": now + _LIFE, "iss": self.app_id}
        try:
            return jwt.encode(claims, self.private_key, algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError):
            # The cause is left out: its text may quote the key.
            raise ForgeRefused(
                "The App's private key cannot be used to sign; set GITHUB_PRIVATE_KEY to the file GitHub made."
            ) from None

    def learn(self, server_time: str | None) -> bool:
        """Set our clock by the Date of a refusal; whether that makes a difference worth another try."""
        if server_time is None:
            return False
        try:
            theirs = parsedate_to_datetime(server_time).timestamp()
        except ValueError:
            return False
        offset = theirs - self.clock()
        changed = abs(offset - self.offset) > _TOLERATED
        if changed:
            self.offset = offset
        return changed
