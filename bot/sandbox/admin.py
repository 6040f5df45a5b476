"""The administration of the sandbox under /_sandbox/: for the demo, for tests, for people with a terminal."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from aiohttp import web

from bot.sandbox.actions import setup
from bot.sandbox.calls import SERVICES, answer
from bot.sandbox.entities import App, Json, Repository
from bot.sandbox.errors import not_found, unprocessable
from bot.sandbox.forge import Forge
from bot.sandbox.frame import json_body
from bot.sandbox.shapes import accounts, repositories

Action = Callable[[web.Request, Json], Awaitable[Json]]
LARGEST_FILE = 100 * 1024 * 1024  # bytes


def add_routes(app: web.Application) -> None:
    """Add the administration to the application."""
    actions: dict[str, Action] = {
        "users": create_user,
        "apps": register_app,
        "repositories": create_repository,
        "collaborators": set_role,
        "installations": install,
        "pushes": push,
        "faults": arm_fault,
        "limits": set_limits,
    }
    for name, action in actions.items():
        app.router.add_post(f"/_sandbox/{name}", _posted(action))
    app.router.add_delete("/_sandbox/faults", clear_faults)
    app.router.add_get("/_sandbox/requests", list_requests)


def _posted(action: Action) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        if request.headers.get("Origin") or request.content_type != "application/json":
            raise web.HTTPForbidden(text="The administration takes JSON, and nothing from a browser.\n")
        return answer(await action(request, await json_body(request)), 201)

    return handle


async def create_user(request: web.Request, given: Json) -> Json:
    """`{"login", "name"}` → the user with a fresh token."""
    forge = request.app[SERVICES].forge
    user = setup.create_user(forge, _text(given, "login"), given.get("name"))
    return {**accounts.user(forge, user), "token": setup.create_token(forge, user)}


async def register_app(request: web.Request, given: Json) -> Json:
    """`{"slug", "owner", "public_key", "webhook_url", "webhook_secret"}` → the App; it is sent a ping."""
    services = request.app[SERVICES]
    key, url, secret = _text(given, "public_key"), given.get("webhook_url", ""), given.get("webhook_secret", "")
    new = setup.NewApp(_text(given, "slug"), _text(given, "owner"), key, url, secret)
    app = setup.register_app(services.forge, new)
    if app.webhook_url:
        services.hooks.ping(app)
    return accounts.app(services.forge, app)


async def create_repository(request: web.Request, given: Json) -> Json:
    """`{"full_name", "files" | "folder" | "git", "message", "as"}` → the repository with its first commit."""
    forge = request.app[SERVICES].forge
    made = await setup.create_repository(
        forge, _text(given, "full_name"), private=bool(given.get("private")), description=given.get("description", "")
    )
    files = given.get("files") or (read_folder(Path(given["folder"])) if given.get("folder") else {})
    if given.get("git"):
        await setup.import_revision(forge, made, Path(given["git"]), given.get("revision", "HEAD"))
    elif files:
        author = setup.create_user(forge, given.get("as") or made.owner)
        await setup.push_files(forge, made, author, files, given.get("message", "Begin"))
    return repositories.repository(forge, made)


async def set_role(request: web.Request, given: Json) -> Json:
    """`{"full_name", "login", "role"}`: give a collaborator a role, `none` to take it away."""
    forge = request.app[SERVICES].forge
    user = setup.user_or_404(forge, _text(given, "login"))
    setup.set_role(forge, _repository(forge, given), user, _text(given, "role"))
    return {"role": given["role"]}


async def install(request: web.Request, given: Json) -> Json:
    """`{"app": slug, "account", "repositories": [full names]}` → the installation."""
    forge = request.app[SERVICES].forge
    app = forge.store.one(App, 0, _text(given, "app"))
    if app is None:
        raise not_found(f"No App has the slug {given['app']}.")
    found = [_repository(forge, {"full_name": name}) for name in given.get("repositories", [])]
    account = setup.user_or_404(forge, _text(given, "account"))
    return accounts.installation(forge, setup.install_app(forge, app, account, found))


async def push(request: web.Request, given: Json) -> Json:
    """`{"full_name", "as", "files", "message", "branch"}` → the commit that the person pushed."""
    forge = request.app[SERVICES].forge
    found, user = _repository(forge, given), setup.user_or_404(forge, _text(given, "as"))
    files = given.get("files") or {}
    sha = await setup.push_files(forge, found, user, files, given.get("message", "Change"), given.get("branch", ""))
    return {"sha": sha}


async def arm_fault(request: web.Request, given: Json) -> Json:
    """`{"match": {"method", "path", "operation"}, "times", "fault"}`."""
    faults = request.app[SERVICES].faults
    faults.arm(given)
    return {"armed": len(faults.armed)}


async def set_limits(request: web.Request, given: Json) -> Json:
    """`{"enforced": true, "per_hour": …}`: enforce GitHub's limits, or other ones."""
    limits = request.app[SERVICES].limits
    limits.enforced = bool(given.pop("enforced", True))
    try:
        limits.allowance = replace(limits.allowance, **{name: int(value) for name, value in given.items()})
    except (TypeError, ValueError) as error:
        raise unprocessable(f"Unknown limit: {error}") from error
    return {"enforced": limits.enforced}


async def clear_faults(request: web.Request) -> web.Response:
    """Disarm all faults."""
    request.app[SERVICES].faults.armed.clear()
    return web.Response(status=204)


async def list_requests(request: web.Request) -> web.Response:
    """The API requests so far."""
    return answer(list(request.app[SERVICES].log.entries))


def read_folder(folder: Path) -> dict[str, bytes]:
    """The plain files under a folder by relative path, without `.git`."""
    files = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if ".git" not in parts and path.is_file() and not path.is_symlink():
            files["/".join(parts)] = path.read_bytes()
    return files


def _text(given: Json, name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise unprocessable(f'Invalid request.\n\n"{name}" wasn\'t supplied.')
    return value


def _repository(forge: Forge, given: Json) -> Repository:
    found = forge.repository(_text(given, "full_name"))
    if found is None:
        raise not_found(f"There is no repository {given['full_name']}.")
    return found
