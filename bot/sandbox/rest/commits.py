"""Commits and comparisons."""

from aiohttp import web

from bot.sandbox.actions.refs import EMPTY_TREE
from bot.sandbox.calls import Call, Table, answer, page
from bot.sandbox.entities import Json
from bot.sandbox.errors import ApiError, not_found, unprocessable
from bot.sandbox.git import Commit
from bot.sandbox.shapes import commits
from bot.sandbox.shapes.repositories import address

table = Table()


async def commit_with_files(call: Call, value: Commit) -> Json:
    """A `commit` with its statistics and changed files."""
    base = value.parents[0] if value.parents else EMPTY_TREE
    changes = await call.forge.git(call.repository).changes(base, value.oid)
    added, removed = sum(c.additions for c in changes), sum(c.deletions for c in changes)
    return {
        **commits.commit(call.forge, call.repository, value),
        "stats": {"total": added + removed, "additions": added, "deletions": removed},
        "files": [commits.change(call.forge, call.repository, value.oid, change) for change in changes],
    }


@table.route("GET", "/repos/{owner}/{repo}/commits", "contents:read")
async def list_commits(call: Call) -> web.Response:
    """The history of a branch, newest first, by path if asked."""
    query, git = call.request.query, call.forge.git(call.repository)
    start = query.get("sha") or call.repository.default_branch
    sha = await git.resolve(start)
    if sha is None:
        if not await git.refs("refs/heads/"):
            raise ApiError(409, "Git Repository is empty.")
        raise not_found()
    found = await git.history(sha, path=query.get("path", ""))
    return page(call, found, lambda each: commits.commit(call.forge, call.repository, each))


@table.route("GET", "/repos/{owner}/{repo}/commits/{ref}", "contents:read")
async def get_commit(call: Call) -> web.Response:
    """One commit with its files; only the SHA when that media type is asked for."""
    git = call.forge.git(call.repository)
    sha = await git.resolve(call.part("ref"))
    found = await git.commit(sha) if sha else None
    if found is None:
        raise unprocessable(f"No commit found for SHA: {call.part('ref')}")
    if "sha" in call.request.headers.get("Accept", "").split("application/vnd.github."):
        return web.Response(text=found.oid, content_type="application/vnd.github.sha")
    return answer(await commit_with_files(call, found))


@table.route("GET", "/repos/{owner}/{repo}/compare/{basehead}", "contents:read")
async def compare(call: Call) -> web.Response:
    """What `BASE...HEAD` differ in."""
    forge, repository = call.forge, call.repository
    git = forge.git(repository)
    left, dots, right = call.part("basehead").partition("...")
    base, head = await git.resolve(left), await git.resolve(right)
    start = await git.merge_base(base, head) if base and head else None
    if not dots or base is None or head is None or start is None:
        raise not_found()
    ahead = list(reversed(await git.history(head, f"^{base}")))
    behind = await git.count(base, f"^{head}")
    status = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind"}
    url = address(forge, repository, f"/compare/{call.part('basehead')}")
    html = forge.page(f"/{repository.full_name}/compare/{call.part('basehead')}")
    shapes = [commits.commit(forge, repository, each) for each in await _commits(call, base, start)]
    body = {
        "url": url,
        "html_url": html,
        "permalink_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "base_commit": shapes[0],
        "merge_base_commit": shapes[1],
        "status": status.get((bool(ahead), bool(behind)), "identical"),
        "ahead_by": len(ahead),
        "behind_by": behind,
        "total_commits": len(ahead),
        "commits": [commits.commit(forge, repository, each) for each in ahead],
        "files": [commits.change(forge, repository, head, each) for each in await git.changes(start, head)],
    }
    return answer(body)


async def _commits(call: Call, *shas: str) -> list[Commit]:
    git = call.forge.git(call.repository)
    found = [await git.commit(sha) for sha in shas]
    return [each for each in found if each]
