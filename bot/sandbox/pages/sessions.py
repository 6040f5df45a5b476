"""Who sits at the browser: the first person there is unless another was chosen; forms carry a token of the session."""

import hashlib
import hmac
import re
import secrets

from aiohttp import web

from bot.sandbox.calls import SERVICES
from bot.sandbox.entities import User
from bot.sandbox.errors import forbidden
from bot.sandbox.forge import Actor, Forge, digest

COOKIE = "sandbox_session"
SESSION = web.RequestKey("session", str)


def session_of(request: web.Request) -> str:
    """The session id of the request's cookie, a fresh one without."""
    kept = request.get(SESSION) or request.cookies.get(COOKIE, "")
    if not re.fullmatch(r"[0-9a-f]{32}", kept):
        kept = secrets.token_hex(16)
    request[SESSION] = kept
    return kept


def visitor(request: web.Request) -> User | None:
    """The person who was chosen in this session, else the first person there is."""
    forge = request.app[SERVICES].forge
    login = forge.store.setting(f"session:{digest(session_of(request))}")
    chosen = forge.user_named(login) if login else None
    return chosen or next(iter(people(forge)), None)


def people(forge: Forge) -> list[User]:
    """Everybody who can sit at the browser."""
    return [user for user in forge.store.all(User) if not user.is_bot]


def form_token(request: web.Request) -> str:
    """What each form of the session carries; a foreign page cannot know it."""
    return hmac.new(session_of(request).encode(), b"form", hashlib.sha256).hexdigest()


async def posted(request: web.Request) -> tuple[Actor, dict[str, str]]:
    """The person and the fields of a form; raises 403 for a form that is not of this session."""
    form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    origin = request.headers.get("Origin")
    genuine = COOKIE in request.cookies and hmac.compare_digest(form.get("token", ""), form_token(request))
    if not genuine or (origin is not None and origin != str(request.url.origin())):
        raise forbidden("This form is not of your session. Go back, reload the page and send it again.")
    person = visitor(request)
    if person is None:
        raise forbidden("There is nobody to act as yet.")
    return Actor(person, "session"), form


async def sign_in_as(request: web.Request) -> web.Response:
    """Sit at the browser as the chosen person."""
    _, form = await posted(request)
    forge = request.app[SERVICES].forge
    if forge.user_named(form.get("login", "")) is None:
        raise forbidden("There is nobody of that name.")
    forge.store.set_setting(f"session:{digest(session_of(request))}", form["login"])
    back = form.get("back", "/")
    raise web.HTTPSeeOther(back if re.fullmatch(r"/(?![/\\]).*", back) else "/")
