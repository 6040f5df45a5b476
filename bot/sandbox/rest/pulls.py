"""Pull requests."""

from aiohttp import web

from bot.sandbox.actions.pulls import Merge, NewPull, edit_pull, merge_pull, open_pull, pull_of
from bot.sandbox.calls import Call, Table, answer, page
from bot.sandbox.entities import Issue, Pull
from bot.sandbox.errors import invalid, not_found, unprocessable
from bot.sandbox.shapes import commits, pulls

table = Table()
SORTS = {"created": "created", "updated": "updated"}


@table.route("GET", "/repos/{owner}/{repo}/pulls", "pull_requests:read")
async def list_pulls(call: Call) -> web.Response:
    """The pull requests, newest first, filtered by state, head and base."""
    query, store, repository = call.request.query, call.forge.store, call.repository
    state, head, base = query.get("state", "open"), query.get("head", ""), query.get("base", "")
    found: list[tuple[Issue, Pull]] = []
    for pull in store.all(Pull, repository.id):
        issue = store.one(Issue, repository.id, pull.key)
        if issue is None or (state != "all" and issue.state != state):
            continue
        if (head and head != f"{repository.owner}:{pull.head}") or (base and base != pull.base):
            continue
        found.append((issue, pull))
    key = SORTS.get(query.get("sort", "created"), "created")
    newest = query.get("direction", "desc") == "desc"
    found.sort(key=lambda both: (getattr(both[0], key), both[0].number), reverse=newest)
    return page(call, found, lambda both: pulls.simple(call.forge, repository, *both))


@table.route("POST", "/repos/{owner}/{repo}/pulls", "pull_requests:write")
async def create_pull(call: Call) -> web.Response:
    """A new pull request."""
    new = NewPull(
        call.text("title"), call.optional("body"), call.text("head"), call.text("base"), draft=call.flag("draft")
    )
    pull = await open_pull(call.forge, call.who, call.repository, new)
    return await _answer(call, pull.number, 201)


@table.route("GET", "/repos/{owner}/{repo}/pulls/{pull_number}", "pull_requests:read")
async def get_pull(call: Call) -> web.Response:
    """One pull request, or its diff when that media type is asked for."""
    _, pull = pull_of(call.forge, call.repository, call.number("pull_number"))
    if "diff" in call.request.headers.get("Accept", ""):
        git = call.forge.git(call.repository)
        start = await git.merge_base(pull.base_sha, pull.head_sha) or pull.base_sha
        data = await git.run("diff", "-M", "--no-ext-diff", start, pull.head_sha)
        return web.Response(body=data, content_type="application/vnd.github.diff", charset="utf-8")
    return await _answer(call, pull.number)


@table.route("PATCH", "/repos/{owner}/{repo}/pulls/{pull_number}", "pull_requests:write")
async def update_pull(call: Call) -> web.Response:
    """Change title, body, state or base."""
    changes = call.changes("title", "state", "base", nullable=("body",))
    if changes.get("state", "open") not in {"open", "closed"}:
        raise invalid("PullRequest", "state")
    pull = await edit_pull(call.forge, call.who, call.repository, call.number("pull_number"), changes)
    return await _answer(call, pull.number)


@table.route("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/files", "pull_requests:read")
async def list_files(call: Call) -> web.Response:
    """The changed files."""
    _, pull = pull_of(call.forge, call.repository, call.number("pull_number"))
    git = call.forge.git(call.repository)
    start = await git.merge_base(pull.base_sha, pull.head_sha) or pull.base_sha
    found = await git.changes(start, pull.head_sha)
    return page(call, found, lambda each: commits.change(call.forge, call.repository, pull.head_sha, each))


@table.route("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/commits", "pull_requests:read")
async def list_commits(call: Call) -> web.Response:
    """The commits, oldest first."""
    _, pull = pull_of(call.forge, call.repository, call.number("pull_number"))
    git = call.forge.git(call.repository)
    start = await git.merge_base(pull.base_sha, pull.head_sha) or pull.base_sha
    found = list(reversed(await git.history(pull.head_sha, f"^{start}")))
    return page(call, found, lambda each: commits.commit(call.forge, call.repository, each))


@table.route("GET", "/repos/{owner}/{repo}/commits/{commit_sha}/pulls", "pull_requests:read")
async def list_pulls_of_commit(call: Call) -> web.Response:
    """The pull requests that hold or merged the commit, newest first."""
    forge, repository = call.forge, call.repository
    git, found = forge.git(repository), []
    sha = await git.resolve(call.part("commit_sha"))
    if sha is None:
        raise unprocessable(f"No commit found for SHA: {call.part('commit_sha')}")
    for pull in reversed(forge.store.all(Pull, repository.id)):
        held = await git.is_ancestor(sha, pull.head_sha) and not await git.is_ancestor(sha, pull.base_sha)
        if held or pull.merge_sha == sha:
            found.append(pull_of(forge, repository, pull.number))
    return page(call, found, lambda both: pulls.simple(forge, repository, *both))


@table.route("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews", "pull_requests:read")
async def list_reviews(call: Call) -> web.Response:
    """No reviews: the sandbox takes none."""
    pull_of(call.forge, call.repository, call.number("pull_number"))
    return page(call, (), dict)


@table.route("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/comments", "pull_requests:read")
async def list_review_comments(call: Call) -> web.Response:
    """No comments on lines: the sandbox takes none."""
    pull_of(call.forge, call.repository, call.number("pull_number"))
    return page(call, (), dict)


@table.route("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/merge", "pull_requests:read")
async def is_merged(call: Call) -> web.Response:
    """204 when merged, 404 when not."""
    _, pull = pull_of(call.forge, call.repository, call.number("pull_number"))
    if pull.merged is None:
        raise not_found()
    return web.Response(status=204)


@table.route("PUT", "/repos/{owner}/{repo}/pulls/{pull_number}/merge", "contents:write")
async def merge(call: Call) -> web.Response:
    """Merge it."""
    how = Merge(
        call.text("merge_method", "merge"),
        call.optional("commit_title"),
        call.optional("commit_message"),
        call.optional("sha"),
    )
    pull = await merge_pull(call.forge, call.who, call.repository, call.number("pull_number"), how)
    return answer({"sha": pull.merge_sha, "merged": True, "message": "Pull Request successfully merged"})


async def _answer(call: Call, number: int, status: int = 200) -> web.Response:
    issue, pull = pull_of(call.forge, call.repository, number)
    return answer(await pulls.full(call.forge, call.repository, issue, pull), status)
