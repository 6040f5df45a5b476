"""Templates and what they are given."""

from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from aiohttp import web

from bot.sandbox.access import Granted, parse_time, role_of
from bot.sandbox.calls import SERVICES
from bot.sandbox.entities import CheckRun, Issue, Label, Repository, User
from bot.sandbox.errors import not_found
from bot.sandbox.forge import Forge
from bot.sandbox.pages import markdown
from bot.sandbox.pages.sessions import COOKIE, form_token, people, session_of, visitor
from bot.sandbox.shapes import checks

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"))


def page(request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
    """The rendered page; sets the session's cookie."""
    forge = request.app[SERVICES].forge
    person = visitor(request)
    context = {
        "forge": forge,
        "people": people(forge),
        "visitor": person,
        "token": form_token(request),
        "back": request.path_qs,
        "markdown": markdown.render,
        "ago": lambda stamp: ago(stamp, forge.clock()),
        "user": forge.user,
        "labels": lambda issue: labels(forge, issue),
        "ink": ink,
        "repository": None,
        "quote": quote,
        **values,
    }
    text = TEMPLATES.get_template(template).render(context)
    made = web.Response(text=text, status=status, content_type="text/html", headers=HEADERS)
    made.set_cookie(COOKIE, session_of(request), httponly=True, samesite="Lax", path="/")
    return made


def repository_of(request: web.Request) -> Repository:
    """The repository of the path, if the visitor may read it; raises 404."""
    forge = request.app[SERVICES].forge
    found = forge.repository(f"{request.match_info['owner']}/{request.match_info['repo']}")
    if found is None or not role(request, found).at_least("read"):
        raise not_found("There is no such page.")
    return found


def role(request: web.Request, repository: Repository) -> Granted:
    """The visitor's role."""
    person: User | None = visitor(request)
    return Granted(role_of(request.app[SERVICES].forge.store, repository, person) if person else "none")


def labels(forge: Forge, issue: Issue) -> list[Label]:
    """The labels of an issue."""
    return [found for number in issue.label_ids if (found := forge.store.get(Label, number))]


def verdict(forge: Forge, repository: Repository, sha: str) -> str:
    """What statuses and checks of a commit come to: success, failure, pending, or empty for none."""
    states = [each.state for each in checks.latest(forge, repository, sha)]
    for run in newest_runs(forge, repository, sha):
        good = run.conclusion in {"success", "neutral", "skipped"}
        states.append("pending" if run.status != "completed" else "success" if good else "failure")
    return checks.combined(states) if states else ""


def newest_runs(forge: Forge, repository: Repository, sha: str) -> list[CheckRun]:
    """The newest check run of each name on a commit."""
    return list({(run.app_id, run.name): run for run in forge.store.all(CheckRun, repository.id, sha)}.values())


def ago(stamp: str, now: datetime) -> str:
    """A time in words: `5 minutes ago`."""
    seconds = int((now - parse_time(stamp)).total_seconds())
    if seconds > 30 * 86_400:
        return "on " + stamp[:10]
    for size, name in UNITS:
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}{'s' * (count > 1)} ago"
    return "just now"


def ink(color: str) -> str:
    """`dark` or `light`: the ink that is readable on a label's colour."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (0, 2, 4))
    return "dark" if 299 * red + 587 * green + 114 * blue > 140_000 else "light"
