"""Registering an App from a manifest that another page posts: what it asks for is shown, one click agrees."""

from urllib.parse import urlencode, urlsplit

from aiohttp import web

from bot.sandbox.actions import manifests
from bot.sandbox.calls import SERVICES
from bot.sandbox.entities import User
from bot.sandbox.errors import not_found
from bot.sandbox.pages.rendering import HEADERS, page
from bot.sandbox.pages.sessions import posted, visitor


async def new_app(request: web.Request) -> web.Response:
    """The page that asks whether to register what the manifest says."""
    form = await request.post()
    manifest = manifests.read_manifest(str(form.get("manifest", "")))
    made = page(
        request, "new_app.html", title="Create GitHub App", manifest=manifest, owner=_owner(request),
        text=str(form["manifest"]), state=request.query.get("state", ""),
    )  # fmt: skip
    # The answer to the form leads back to the page that the manifest names.
    target = urlsplit(manifest["redirect_url"])
    allowed = f"form-action 'self' {target.scheme}://{target.netloc};"
    made.headers["Content-Security-Policy"] = HEADERS["Content-Security-Policy"].replace("form-action 'self';", allowed)
    return made


async def create_app(request: web.Request) -> web.Response:
    """Register the App and lead back with a code."""
    _, form = await posted(request)
    manifest = manifests.read_manifest(form.get("manifest", ""))
    code = manifests.register(request.app[SERVICES].forge, _owner(request), manifest)
    back = urlencode({"code": code, "state": form.get("state", "")})
    raise web.HTTPFound(f"{manifest['redirect_url']}?{back}")


def _owner(request: web.Request) -> User:
    """The organisation of the path, or who sits at the browser."""
    login = request.match_info.get("organization")
    found = request.app[SERVICES].forge.user_named(login) if login else visitor(request)
    if found is None:
        raise not_found("There is no such organisation." if login else "There is nobody to act as yet.")
    return found
