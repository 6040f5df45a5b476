"""Repositories, pull requests, issues, releases, tags, deployments as lists."""

import base64

from aiohttp import web

from bot.sandbox.calls import SERVICES
from bot.sandbox.entities import App, Comment, Issue, Pull, Repository
from bot.sandbox.errors import not_found
from bot.sandbox.pages.code import deployments_of
from bot.sandbox.pages.rendering import page, repository_of, role, verdict
from bot.sandbox.records import Asset, Release


async def home(request: web.Request) -> web.Response:
    """The repositories that the visitor may read, of one owner if asked."""
    store, owner = request.app[SERVICES].forge.store, request.match_info.get("owner")
    found = [
        each for each in store.all(Repository) if role(request, each).at_least("read") and owner in (None, each.owner)
    ]
    if owner is not None and request.app[SERVICES].forge.user_named(owner) is None:
        raise not_found("There is no such page.")
    return page(request, "home.html", title=owner or "Repositories", repositories=found, apps=store.all(App))


async def avatar(request: web.Request) -> web.Response:
    """A coloured letter."""
    forge, text = request.app[SERVICES].forge, request.match_info["id"]
    user = forge.user(int(text)) if text.isdecimal() and len(text) < 18 else None
    letter = user.login[0].upper() if user and user.login[0].isalnum() else "?"
    hue = (int(text) * 47) % 360 if user else 0
    shape = f'<rect width="40" height="40" rx="{6 if user and user.is_bot else 20}" fill="hsl({hue} 55% 45%)"/>'
    style = 'font-family="sans-serif" font-size="20" fill="#fff" text-anchor="middle"'
    letters = f'<text x="20" y="27" {style}>{letter}</text>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">{shape}{letters}</svg>'
    return web.Response(text=svg, content_type="image/svg+xml", headers={"Cache-Control": "max-age=3600"})


async def pulls(request: web.Request) -> web.Response:
    """The pull requests."""
    return _list(request, pulls_only=True)


async def issues(request: web.Request) -> web.Response:
    """The issues."""
    return _list(request, pulls_only=False)


async def releases(request: web.Request) -> web.Response:
    """The releases."""
    repository = repository_of(request)
    return _releases(request, "Releases", list(reversed(request.app[SERVICES].forge.store.all(Release, repository.id))))


async def release(request: web.Request) -> web.Response:
    """One release."""
    repository = repository_of(request)
    found = request.app[SERVICES].forge.store.one(Release, repository.id, request.match_info["tag"])
    if found is None:
        raise not_found("There is no such release.")
    return _releases(request, found.tag, [found])


async def download(request: web.Request) -> web.Response:
    """A file of a release."""
    store, repository = request.app[SERVICES].forge.store, repository_of(request)
    release = store.one(Release, repository.id, request.match_info["tag"])
    found = store.one(Asset, release.id, request.match_info["name"]) if release else None
    if found is None:
        raise not_found("There is no such file.")
    headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=base64.b64decode(found.content), content_type="application/octet-stream", headers=headers)


def _releases(request: web.Request, title: str, found: list[Release]) -> web.Response:
    repository, store = repository_of(request), request.app[SERVICES].forge.store
    assets = {each.id: store.all(Asset, each.id) for each in found}
    return page(
        request, "releases.html", repository=repository, title=title, tab="releases", releases=found, assets=assets
    )


async def tags(request: web.Request) -> web.Response:
    """The tags."""
    repository = repository_of(request)
    found = await request.app[SERVICES].forge.git(repository).refs("refs/tags/")
    newest = sorted(found, key=lambda each: each.name, reverse=True)
    return page(request, "tags.html", repository=repository, title="Tags", tab="releases", tags=newest)


async def deployments(request: web.Request) -> web.Response:
    """The deployments."""
    repository = repository_of(request)
    found = deployments_of(request, repository)
    return page(
        request, "deployments.html", repository=repository, title="Deployments", tab="deployments", deployments=found
    )


def _list(request: web.Request, *, pulls_only: bool) -> web.Response:
    repository, forge = repository_of(request), request.app[SERVICES].forge
    state = "closed" if request.query.get("state") == "closed" else "open"
    found = [each for each in forge.store.all(Issue, repository.id) if each.is_pull == pulls_only]
    rows = []
    for each in reversed(found):
        if each.state == state:
            pull = forge.store.one(Pull, repository.id, each.key) if pulls_only else None
            checked = verdict(forge, repository, pull.head_sha) if pull else ""
            rows.append((each, pull, checked, len(forge.store.all(Comment, repository.id, each.key))))
    counts = {name: sum(each.state == name for each in found) for name in ("open", "closed")}
    name = "pulls" if pulls_only else "issues"
    title = "Pull requests" if pulls_only else "Issues"
    return page(
        request, "list.html", repository=repository, title=title, tab=name, rows=rows, state=state, counts=counts
    )
