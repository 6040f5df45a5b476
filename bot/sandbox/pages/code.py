"""Files and commits."""

import asyncio
from typing import Any

from aiohttp import web

from bot.sandbox.actions.refs import EMPTY_TREE
from bot.sandbox.calls import SERVICES
from bot.sandbox.entities import Repository, Status, User
from bot.sandbox.errors import not_found
from bot.sandbox.git import Commit, Git
from bot.sandbox.pages.rendering import newest_runs, page, repository_of, verdict
from bot.sandbox.records import Deployment, DeploymentStatus, Release
from bot.sandbox.shapes import checks
from bot.sandbox.shapes.commits import account

SHOWN_COMMITS = 50
SHOWN_ON_FRONT = 5
Row = tuple[Commit, User | None, str]
"""A commit, the account of its author, what its checks come to."""
LARGEST_SHOWN = 1024 * 1024  # bytes


async def front(request: web.Request) -> web.Response:
    """The repository's front page: files, README, latest commits, deployments."""
    repository = repository_of(request)
    return await _folder(request, repository, repository.default_branch, "", front_page=True)


async def tree(request: web.Request) -> web.Response:
    """A folder."""
    repository = repository_of(request)
    ref, path = await _split(request, repository)
    return await _folder(request, repository, ref, path)


async def blob(request: web.Request) -> web.Response:
    """A file."""
    repository = repository_of(request)
    ref, path = await _split(request, repository)
    content = await _content(request, repository, ref, path)
    text = None if b"\0" in content[:8000] or len(content) > LARGEST_SHOWN else content.decode(errors="replace")
    readme = path.lower().endswith(".md")
    values: dict[str, Any] = {"ref": ref, "path": path, "text": text, "size": len(content), "readme": readme}
    return page(request, "file.html", repository=repository, title=path, tab="code", **values)


async def raw(request: web.Request) -> web.Response:
    """A file as it is, never as a page."""
    repository = repository_of(request)
    ref, path = await _split(request, repository)
    content = await _content(request, repository, ref, path)
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
    kind = "application/octet-stream" if b"\0" in content[:8000] else "text/plain"
    return web.Response(body=content, content_type=kind, headers=headers)


async def commits(request: web.Request) -> web.Response:
    """The latest commits of a branch."""
    repository = repository_of(request)
    git = request.app[SERVICES].forge.git(repository)
    ref = request.query.get("ref", repository.default_branch)
    sha = await git.resolve(ref)
    found = await git.history(sha, limit=SHOWN_COMMITS) if sha else []
    return page(
        request, "commits.html", repository=repository, title="Commits", tab="code", ref=ref,
        commits=_rows(request, repository, found),
    )  # fmt: skip


async def commit(request: web.Request) -> web.Response:
    """A commit: message, checks, statuses, deployments, difference."""
    repository = repository_of(request)
    forge = request.app[SERVICES].forge
    git = forge.git(repository)
    sha = await git.resolve(request.match_info["sha"])
    found = await git.commit(sha) if sha else None
    if found is None:
        raise not_found("There is no such commit.")
    statuses: list[Status] = checks.latest(forge, repository, found.oid)
    return page(
        request, "commit.html", repository=repository, title=found.headline, tab="code", commit=found,
        author=account(forge, found.author), statuses=statuses, runs=newest_runs(forge, repository, found.oid),
        deployments=deployments_of(request, repository, found.oid), verdict=verdict(forge, repository, found.oid),
        changes=await git.changes(found.parents[0] if found.parents else EMPTY_TREE, found.oid),
    )  # fmt: skip


def deployments_of(
    request: web.Request, repository: Repository, sha: str | None = None
) -> list[tuple[Deployment, DeploymentStatus | None]]:
    """The deployments with their last statuses, newest first."""
    store = request.app[SERVICES].forge.store
    found = reversed(store.all(Deployment, repository.id, sha))
    return [(each, next(reversed(store.all(DeploymentStatus, each.id)), None)) for each in found]


async def _folder(
    request: web.Request, repository: Repository, ref: str, path: str, *, front_page: bool = False
) -> web.Response:
    forge = request.app[SERVICES].forge
    git = forge.git(repository)
    sha = await git.resolve(ref)
    if sha is None:
        return page(request, "empty.html", repository=repository, title=repository.full_name, tab="code")
    found = await git.object(f"{sha}:{path}")
    if found is None or found.kind != "tree":
        raise not_found("There is no such folder.")
    entries = sorted(await git.tree(found.oid), key=lambda each: (each.kind != "tree", each.path))
    readme = next((each for each in entries if each.path.lower() == "readme.md"), None)
    text = await git.object(readme.oid) if readme else None
    history = await git.history(sha, limit=SHOWN_ON_FRONT if front_page else 1, path=path)
    branches, count = await asyncio.gather(git.refs("refs/heads/"), git.count(sha))
    releases = [each for each in forge.store.all(Release, repository.id) if not each.draft]
    return page(
        request, "folder.html", repository=repository, title=repository.full_name, tab="code", ref=ref, path=path,
        entries=entries, readme=text.content.decode(errors="replace") if text else None, front_page=front_page,
        commits=_rows(request, repository, history), branches=branches, count=count,
        release=releases[-1] if releases else None, deployments=deployments_of(request, repository)[:3],
    )  # fmt: skip


def _rows(request: web.Request, repository: Repository, found: list[Commit]) -> list[Row]:
    forge = request.app[SERVICES].forge
    return [(each, account(forge, each.author), verdict(forge, repository, each.oid)) for each in found]


async def _split(request: web.Request, repository: Repository) -> tuple[str, str]:
    git = request.app[SERVICES].forge.git(repository)
    parts = request.match_info["rest"].strip("/").split("/")
    for count in range(1, len(parts) + 1):
        ref = "/".join(parts[:count])
        if await git.resolve(ref):
            return ref, "/".join(parts[count:])
    raise not_found("There is no such branch, tag or commit.")


async def _content(request: web.Request, repository: Repository, ref: str, path: str) -> bytes:
    git: Git = request.app[SERVICES].forge.git(repository)
    found = await git.object(f"{ref}:{path}")
    if found is None or found.kind != "blob":
        raise not_found("There is no such file.")
    return found.content
