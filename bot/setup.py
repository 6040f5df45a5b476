"""Makes the GitHub App: a page on this machine with one button, GitHub's question, and the secrets in a folder."""

import argparse
import asyncio
import hmac
import html
import ipaddress
import json
import os
import secrets
import shlex
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from aiohttp import web

from bot.adapters.github.credentials import EVENTS, permissions
from bot.adapters.github.registration import Registration, convert
from bot.core.ports import ForgeRefused, ForgeUnavailable

FILES = ("app-id", "private-key.pem", "webhook-secret")
MINUTES = 15
"""How long the page waits for the person."""
Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Wish:
    """What App is wanted: its name, where it is told of events, whose it is, and where its secrets go."""

    name: str
    address: str
    folder: Path
    org: str = ""
    github: str = "https://github.com"
    api: str = "https://api.github.com"


class SetupProblem(Exception):
    """The App cannot be made; one sentence with the remedy."""


def manifest(wish: Wish, callback: str) -> dict[str, Any]:
    """GitHub's App manifest."""
    return {
        "name": wish.name,
        "url": wish.address,
        "hook_attributes": {"url": f"{wish.address}/webhook", "active": True},
        "redirect_url": callback,
        "public": False,
        "default_permissions": permissions(),
        "default_events": list(EVENTS),
    }


def main(argv: Sequence[str]) -> int:
    """Serve the page until the App is made; exit status 1 where it was not."""
    given = _parser().parse_args(argv)
    wish = Wish(given.name, given.url, given.folder, given.org, given.github, given.api_url)
    try:
        asyncio.run(make(wish, given.port, print))
    except SetupProblem as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Nothing was made.", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot setup", description="Make the GitHub App, by one click.")
    parser.add_argument("url", metavar="URL", help="where this machine is reached: https://YOUR-HOST, without /webhook")
    parser.add_argument(
        "--name", default="bolide", help="the App's name, one of a kind on GitHub (default: %(default)s)"
    )
    parser.add_argument("--org", default="", help="the organisation whose App it is to be (default: your account)")
    folder = Path(".bolide-app")
    parser.add_argument("--folder", type=Path, default=folder, help="where its secrets go (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="the page's port on this machine (default: a free one)")
    parser.add_argument("--github", default="https://github.com", metavar="URL", help="GitHub's pages")
    parser.add_argument("--api-url", default="https://api.github.com", metavar="URL", help="GitHub's REST API")
    return parser


async def make(wish: Wish, port: int, say: Say, seconds: float = 60 * MINUTES) -> Registration:
    """Serve the page on loopback, wait for the person, and keep what GitHub gives. Raises SetupProblem."""
    _check(wish)
    page = _Page(wish, secrets.token_urlsafe(32))
    runner = web.AppRunner(page.app(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        page.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        say(f"Open {page.url}/ and click once; GitHub asks you to agree.")
        made = await asyncio.wait_for(page.made, seconds)
        say(_next_steps(wish, made))
        return made
    except TimeoutError:
        raise SetupProblem(f"Nobody came back from GitHub within {seconds / 60:.0f} minutes; begin anew.") from None
    except OSError as problem:
        raise SetupProblem(f"Port {port} of this machine cannot be used ({problem.strerror}); give another.") from None
    finally:
        await runner.cleanup()


def _check(wish: Wish) -> None:
    for name, url in {"URL": wish.address, "--github": wish.github, "--api-url": wish.api}.items():
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or url.endswith("/"):
            raise SetupProblem(
                f"{name} is {url!r}; give an address such as https://bolide.example.org, without a / last."
            )
        if parts.scheme == "http" and not _loopback(parts.hostname):
            raise SetupProblem(f"{name} is {url!r}; use https://, GitHub's deliveries and secrets pass there.")
    if not 1 <= len(wish.name) <= 34:
        raise SetupProblem(f"The name {wish.name!r} has {len(wish.name)} characters; GitHub takes 1 to 34.")
    there = [name for name in FILES if (wish.folder / name).exists()]
    if there:
        raise SetupProblem(f"{wish.folder / there[0]} is there already; choose another folder, so that no key is lost.")


def _loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


class _Page:
    """The page on this machine; `made` is done when the App's secrets are on the disk, or says why they are not."""

    def __init__(self, wish: Wish, state: str) -> None:
        self._wish, self._state = wish, state
        self.url = ""
        self.made: asyncio.Future[Registration] = asyncio.get_running_loop().create_future()
        self._turn = asyncio.Lock()

    def app(self) -> web.Application:
        """Two pages: the button, and where GitHub leads back to."""
        app = web.Application(middlewares=[_only_loopback], client_max_size=1024)
        app.router.add_get("/", self._start)
        app.router.add_get("/created", self._created)
        return app

    async def _start(self, _: web.Request) -> web.Response:
        wish = self._wish
        owner = f"/organizations/{quote(wish.org, safe='')}" if wish.org else ""
        action = f"{wish.github}{owner}/settings/apps/new?state={self._state}"
        text = html.escape(json.dumps(manifest(wish, f"{self.url}/created")))
        asked = "".join(f"<li>{html.escape(name)}: {level}</li>" for name, level in sorted(permissions().items()))
        whose = html.escape(wish.org) or "your account"
        return _shown(
            f"<h1>{html.escape(wish.name)}</h1><p>A GitHub App of {whose}, told of events at"
            f" {html.escape(wish.address)}/webhook, with these permissions:</p><ul>{asked}</ul>"
            f'<form method="post" action="{html.escape(action)}"><input type="hidden" name="manifest" value="{text}">'
            "<button>Create it on GitHub</button></form>",
            form_action=wish.github,
        )

    async def _created(self, request: web.Request) -> web.Response:
        if not hmac.compare_digest(request.query.get("state", "").encode(), self._state.encode()):
            return _shown(
                "<p>This address does not come from the page that was opened here; nothing was done.</p>", 403
            )
        async with self._turn:
            if self.made.done():
                return _shown("<p>The App is made; go back to the terminal.</p>")
            try:
                made = await convert(self._wish.api, request.query.get("code", ""))
                await asyncio.to_thread(_keep, self._wish.folder, made)
            except (ForgeRefused, ForgeUnavailable, SetupProblem) as problem:
                self.made.set_exception(SetupProblem(str(problem)))
                return _shown(f"<p>{html.escape(str(problem))}</p>", 502)
            self.made.set_result(made)
        install = html.escape(f"{made.page}/installations/new")
        return _shown(
            f"<h1>{html.escape(made.slug)} is made</h1><p>Its key and secret are on this machine; the terminal says how"
            f' to start. Then <a href="{install}">install it on your repositories</a>.</p>'
        )


@web.middleware
async def _only_loopback(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    # A foreign page must not reach this one by a name of its own.
    if not _loopback(request.url.host):
        raise web.HTTPForbidden(text="This page answers on loopback addresses only.\n")
    return await handler(request)


def _shown(body: str, status: int = 200, form_action: str = "'none'") -> web.Response:
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Bolide: set-up</title><body>{body}</body></html>'
    )
    policy = f"default-src 'none'; form-action {form_action}; base-uri 'none'; frame-ancestors 'none'"
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)


def _keep(folder: Path, made: Registration) -> None:
    """Write each file anew, for its owner to read and nobody to write. Raises SetupProblem."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, value in zip(FILES, (str(made.id), made.private_key, made.webhook_secret), strict=True):
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
            with os.fdopen(handle, "w") as file:
                file.write(value)
                file.flush()
                os.fsync(handle)
    except OSError as problem:
        raise SetupProblem(
            f"{made.slug} is made, but its key could not be kept in {folder} ({problem.strerror}); delete the App at"
            f" {made.page}, make room, and begin anew."
        ) from problem


def _next_steps(wish: Wish, made: Registration) -> str:
    folder = wish.folder.absolute()
    lines = [
        f"{made.slug} is made. Start it with:",
        f"  export GITHUB_APP_ID={made.id}",
        f"  export GITHUB_PRIVATE_KEY_FILE={shlex.quote(str(folder / FILES[1]))}",
        f"  export GITHUB_WEBHOOK_SECRET_FILE={shlex.quote(str(folder / FILES[2]))}",
    ]
    if wish.api != "https://api.github.com":
        lines.append(f"  export GITHUB_API_URL={wish.api}")
    return "\n".join(
        [*lines, "  python -m bot doctor && python -m bot run", f"Then install it: {made.page}/installations/new"]
    )
