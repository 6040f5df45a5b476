"""Apps, installations, tokens, webhook deliveries, users, limits."""

import json
import re
from secrets import token_hex

from aiohttp import web

from bot.sandbox.access import LEVELS
from bot.sandbox.actions import manifests
from bot.sandbox.actions.setup import create_installation_token, user_or_404
from bot.sandbox.calls import Call, Table, answer, page
from bot.sandbox.entities import App, Installation, Json, Repository, User
from bot.sandbox.errors import ApiError, forbidden, not_found, unauthorized, unprocessable
from bot.sandbox.records import Delivery
from bot.sandbox.shapes import accounts, repositories

table = Table()


def _app(call: Call) -> App:
    if call.actor is None or call.actor.kind != "app" or call.actor.app is None:
        raise unauthorized("A JSON web token could not be decoded")
    return call.actor.app


def _installation(call: Call, number: int) -> Installation:
    found = call.forge.store.get(Installation, number)
    if found is None or found.app_id != _app(call).id:
        raise not_found()
    return found


@table.route("GET", "/app")
async def get_app(call: Call) -> web.Response:
    """The App that the JWT stands for."""
    app = _app(call)
    count = len(call.forge.store.all(Installation, app.id))
    return answer({**accounts.app(call.forge, app), "installations_count": count})


@table.route("POST", "/app-manifests/{code}/conversions")
async def convert_manifest(call: Call) -> web.Response:
    """The App that was registered from a manifest, with its secrets; asked without a token, once."""
    app, private_key = manifests.convert(call.forge, call.part("code"))
    client = f"Iv1.{app.slug}"
    secret = {"client_id": client, "client_secret": token_hex(20), "webhook_secret": app.webhook_secret}
    return answer({**accounts.app(call.forge, app), **secret, "pem": private_key}, 201)


@table.route("GET", "/app/installations")
async def list_installations(call: Call) -> web.Response:
    """Where the App is installed."""
    found = call.forge.store.all(Installation, _app(call).id)
    return page(call, found, lambda each: accounts.installation(call.forge, each))


@table.route("GET", "/app/installations/{installation_id}")
async def get_installation(call: Call) -> web.Response:
    """One installation."""
    return answer(accounts.installation(call.forge, _installation(call, call.number("installation_id"))))


@table.route("GET", "/repos/{owner}/{repo}/installation")
async def repository_installation(call: Call) -> web.Response:
    """The App's installation on a repository."""
    for each in call.forge.store.all(Installation, _app(call).id):
        if call.repository.id in each.repository_ids:
            return answer(accounts.installation(call.forge, each))
    raise not_found()


@table.route("POST", "/app/installations/{installation_id}/access_tokens")
async def create_token(call: Call) -> web.Response:
    """A token for one hour, narrowed as asked."""
    app, installation = _app(call), _installation(call, call.number("installation_id"))
    ids = _narrowed_repositories(call, installation)
    permissions = _narrowed_permissions(call, installation)
    secret, token = create_installation_token(call.forge, app, installation, ids, permissions)
    body: Json = {
        "token": secret,
        "expires_at": token.expires,
        "permissions": permissions,
        "repository_selection": "selected",
    }
    if call.body.get("repositories") or call.body.get("repository_ids"):
        found = (call.forge.store.get(Repository, number) for number in ids)
        body["repositories"] = [repositories.repository(call.forge, each) for each in found if each]
    return answer(body, 201)


@table.route("GET", "/installation/repositories")
async def installation_repositories(call: Call) -> web.Response:
    """The repositories that the token reaches."""
    token = call.who.token
    if call.who.installation is None or token is None:
        raise forbidden("You must authenticate with an installation access token in order to list repositories.")
    found = [each for number in token.repository_ids if (each := call.forge.store.get(Repository, number))]
    return page(call, found, lambda each: repositories.repository(call.forge, each), "repositories")


@table.route("GET", "/app/hook/config")
async def hook_config(call: Call) -> web.Response:
    """Where the App's deliveries go."""
    app = _app(call)
    secret = {"secret": "********"} if app.webhook_secret else {}
    return answer({"content_type": "json", "insecure_ssl": "0", "url": app.webhook_url, **secret})


@table.route("GET", "/app/hook/deliveries")
async def list_deliveries(call: Call) -> web.Response:
    """The App's deliveries, newest first, page by cursor."""
    query = call.request.query
    size = min(100, max(1, int(query.get("per_page", "30")))) if query.get("per_page", "30").isdecimal() else 30
    ended = [each for each in call.forge.store.all(Delivery, _app(call).id) if each.status]
    newest = sorted(ended, key=lambda each: -each.id)
    cursor = re.fullmatch(r"v1_(\d+)", query.get("cursor", ""))
    if query.get("cursor") and cursor is None:
        raise ApiError(400, "Invalid cursor")
    rest = [each for each in newest if cursor is None or each.id < int(cursor[1])]
    headers = {}
    if len(rest) > size:
        address = call.forge.api("/app/hook/deliveries")
        headers["Link"] = f'<{address}?per_page={size}&cursor=v1_{rest[size - 1].id}>; rel="next"'
    return answer([_delivery_item(each) for each in rest[:size]], headers=headers)


@table.route("GET", "/app/hook/deliveries/{delivery_id}")
async def get_delivery(call: Call) -> web.Response:
    """One delivery with what was sent and answered."""
    found = _delivery(call)
    app = _app(call)
    return answer(
        {
            **_delivery_item(found),
            "url": app.webhook_url,
            "request": {"headers": found.request_headers, "payload": json.loads(found.payload)},
            "response": {"headers": found.response_headers, "payload": found.response_body},
        }
    )


@table.route("POST", "/app/hook/deliveries/{delivery_id}/attempts")
async def redeliver(call: Call) -> web.Response:
    """Send it again, with the same GUID."""
    call.services.hooks.redeliver(_delivery(call))
    return answer({}, 202)


@table.route("GET", "/user")
async def get_user(call: Call) -> web.Response:
    """The person that the token stands for."""
    if call.who.kind != "user":
        raise forbidden()
    return answer(accounts.private_user(call.forge, call.who.user))


@table.route("GET", "/users/{username}")
async def get_named_user(call: Call) -> web.Response:
    """A user by login."""
    return answer(accounts.public_user(call.forge, user_or_404(call.forge, call.part("username"))))


@table.route("GET", "/user/{account_id}")
async def get_user_by_id(call: Call) -> web.Response:
    """A user by id."""
    found = call.forge.store.get(User, call.number("account_id"))
    if found is None:
        raise not_found()
    return answer(accounts.public_user(call.forge, found))


@table.route("GET", "/rate_limit")
async def rate_limit(call: Call) -> web.Response:
    """What is left of the limits."""
    actor = call.actor
    who = f"{actor.kind}:{actor.user.id}" if actor else f"address:{call.request.remote}"
    who = f"installation:{actor.installation.id}" if actor and actor.installation else who
    usage, limit = call.services.limits.usage(who), call.services.limits.allowance.per_hour
    usage.used = max(0, usage.used - 1)  # asking is free
    core = {"limit": limit, "used": usage.used, "remaining": limit - usage.used, "reset": int(usage.reset)}
    return answer({"resources": {"core": core, "search": core, "graphql": core}, "rate": core})


@table.route("GET", "/meta")
async def meta(call: Call) -> web.Response:
    """What GitHub says about itself."""
    return answer({"verifiable_password_authentication": False, "installed_version": "sandbox"})


@table.route("GET", "/zen")
async def zen(call: Call) -> web.Response:
    """A sentence."""
    return web.Response(text="Keep it logically awesome.", content_type="text/plain")


def _delivery(call: Call) -> Delivery:
    found = call.forge.store.get(Delivery, call.number("delivery_id"))
    if found is None or found.app_id != _app(call).id:
        raise not_found()
    return found


def _delivery_item(value: Delivery) -> Json:
    return {
        "id": value.id,
        "guid": value.guid,
        "delivered_at": value.created,
        "redelivery": value.redelivery,
        "duration": value.duration,
        "status": value.status,
        "status_code": value.status_code,
        "event": value.event,
        "action": value.action,
        "installation_id": value.installation_id or None,
        "repository_id": value.repository_id or None,
        "throttled_at": None,
    }


def _narrowed_repositories(call: Call, installation: Installation) -> tuple[int, ...]:
    names, numbers = call.texts("repositories"), call.items("repository_ids", int)
    if not names and not numbers:
        return installation.repository_ids
    known = {each.id: each.name for each in call.forge.store.all(Repository) if each.id in installation.repository_ids}
    wanted = [number for number, name in known.items() if name in names or number in numbers]
    if len(wanted) != len(set(names)) + len(set(numbers)):
        raise unprocessable(
            "There is at least one repository that does not exist or is not accessible to the parent installation."
        )
    return tuple(wanted)


def _narrowed_permissions(call: Call, installation: Installation) -> Json:
    given = call.part_of("permissions")
    asked = given.body if given else {}
    if not asked:
        return installation.permissions  # an empty object narrows nothing
    for name, level in asked.items():
        held = installation.permissions.get(name, "none")
        if level not in LEVELS or LEVELS.index(held) < LEVELS.index(level):
            raise unprocessable(f"The permissions requested are not granted to this installation: {name}.")
    return {"metadata": "read", **asked}
