"""Who asks, and what they may: tokens, App JWTs, roles, permissions."""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime

import jwt

from bot.sandbox.entities import ROLES, App, Collaborator, Installation, Repository, Token, User
from bot.sandbox.errors import ApiError, forbidden, not_found, unauthorized
from bot.sandbox.forge import Actor, Forge, digest
from bot.sandbox.store import Store

LEVELS = ("none", "read", "write", "admin")
JWT_LONGEST = 600  # seconds
CLOCK_DRIFT = 60  # seconds that `iat` may lie in the future
# What a person needs for a permission; opening and commenting is for everybody who reads, the rest is asked for there.
ROLE_FOR_WRITE = {"issues": "read", "pull_requests": "read", "administration": "admin"}


@dataclass(frozen=True, slots=True)
class Granted:
    """A role in a repository."""

    role: str

    def at_least(self, role: str) -> bool:
        """Whether this role includes the other."""
        return ROLES.index(self.role) >= ROLES.index(role)


def role_of(store: Store, repository: Repository, user: User) -> str:
    """The user's role: admin for the owner, what was given to collaborators, read for others if it is public."""
    if user.login == repository.owner:
        return "admin"
    given = store.one(Collaborator, repository.id, str(user.id))
    if given is not None:
        return given.role
    return "none" if repository.private else "read"


def authenticate(forge: Forge, header: str | None) -> Actor | None:
    """The actor of an Authorization header, None without one; raises 401 for anything wrong or expired."""
    if header is None:
        return None
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if scheme.lower() == "basic":
        value = _password(value)
    elif scheme.lower() not in {"bearer", "token"}:
        raise unauthorized()
    if value.count(".") == 2:
        return _app_actor(forge, value)
    return token_actor(forge, value)


def token_actor(forge: Forge, secret: str) -> Actor:
    """The person or bot that a token stands for."""
    token = forge.store.one(Token, 0, digest(secret))
    if token is None or (token.expires and token.expires <= forge.now()):
        raise unauthorized()
    user = forge.user(token.user_id)
    if not token.installation_id:
        return Actor(user, "user", token=token)
    installation = forge.store.get(Installation, token.installation_id)
    app = forge.store.get(App, installation.app_id) if installation else None
    if installation is None or app is None:
        raise unauthorized()
    return Actor(user, "installation", app, installation, token)


def may(forge: Forge, actor: Actor | None, repository: Repository, permission: str, level: str) -> bool:
    """Whether the actor has the permission at that level in the repository."""
    if actor is None:
        return level == "read" and not repository.private
    if actor.kind == "app":
        return False
    if actor.token is not None and actor.installation is not None:
        if repository.id not in actor.token.repository_ids:
            return False
        held = actor.token.permissions.get(permission, "read" if permission == "metadata" else "none")
        return LEVELS.index(held) >= LEVELS.index(level)
    needed = "read" if level == "read" else ROLE_FOR_WRITE.get(permission, "write")
    return Granted(role_of(forge.store, repository, actor.user)).at_least(needed)


def require(forge: Forge, actor: Actor | None, repository: Repository, need: str) -> None:
    """Raise GitHub's refusal unless the actor has the need (`issues:write`) in the repository."""
    permission, _, level = need.partition(":")
    if may(forge, actor, repository, permission, level):
        return
    if actor is None and not repository.private:
        raise unauthorized("Requires authentication")
    if not may(forge, actor, repository, "metadata", "read"):
        raise not_found()
    raise _refusal(actor)


def require_role(forge: Forge, actor: Actor, repository: Repository, role: str) -> None:
    """Raise 403 unless a person has the role; Apps have been checked by permission."""
    if actor.installation is None and not Granted(role_of(forge.store, repository, actor.user)).at_least(role):
        raise _refusal(actor)


def _refusal(actor: Actor | None) -> ApiError:
    if actor is not None and actor.kind == "installation":
        return forbidden()
    return forbidden("Must have push access to repository.")


def _password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError) as error:
        raise unauthorized() from error


def _app_actor(forge: Forge, token: str) -> Actor:
    try:
        issuer = str(jwt.decode(token, options={"verify_signature": False})["iss"])
        app = next(app for app in forge.store.all(App) if str(app.id) == issuer)
    except (jwt.PyJWTError, KeyError, StopIteration) as error:
        raise unauthorized("A JSON web token could not be decoded") from error
    options = {"require": ["iat", "exp", "iss"], "verify_exp": False, "verify_iat": False, "verify_iss": False}
    try:
        claims = jwt.decode(token, app.public_key, algorithms=["RS256"], options=options)  # type: ignore[arg-type]
        issued, expires = int(claims["iat"]), int(claims["exp"])
    except (jwt.PyJWTError, ValueError) as error:
        raise unauthorized("A JSON web token could not be decoded") from error
    _check_times(forge.clock().timestamp(), issued, expires)
    return Actor(forge.user(app.bot_id), "app", app)


def _check_times(now: float, issued: int, expires: int) -> None:
    if expires <= now:
        raise unauthorized("'Expiration time' claim ('exp') must be a numeric value representing the future time")
    if expires > now + JWT_LONGEST:
        raise unauthorized("'Expiration time' claim ('exp') is too far in the future")
    if issued > now + CLOCK_DRIFT:
        raise unauthorized("'Issued at' claim ('iat') must be an Integer representing the time of the assertion")


def parse_time(text: str) -> datetime:
    """A time that GitHub wrote."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
