"""A pull request or an issue, and what can be done there."""

from typing import Any

from aiohttp import web

from bot.sandbox.access import Granted, role_of
from bot.sandbox.actions import issues as issue_actions
from bot.sandbox.actions import pulls as pull_actions
from bot.sandbox.calls import SERVICES
from bot.sandbox.entities import Comment, Issue, Reaction, Repository
from bot.sandbox.errors import not_found
from bot.sandbox.forge import Actor, Forge
from bot.sandbox.pages.code import deployments_of
from bot.sandbox.pages.rendering import newest_runs, page, repository_of, role, verdict
from bot.sandbox.pages.sessions import posted, visitor
from bot.sandbox.shapes import checks
from bot.sandbox.shapes.commits import account
from bot.sandbox.shapes.pulls import extent


async def pull(request: web.Request) -> web.Response:
    """A pull request: text, checks, comments, commits, difference, the merge button."""
    repository, forge = repository_of(request), request.app[SERVICES].forge
    half, found = pull_actions.pull_of(forge, repository, _number(request))
    git = forge.git(repository)
    start = await git.merge_base(found.base_sha, found.head_sha) or found.base_sha
    history = list(reversed(await git.history(found.head_sha, f"^{start}")))
    landed = found.merge_sha or found.head_sha
    return page(
        request, "pull.html", repository=repository, title=half.title, tab="pulls", issue=half, pull=found,
        extent=await extent(forge, repository, half, found), changes=await git.changes(start, found.head_sha),
        commits=[(each, account(forge, each.author), verdict(forge, repository, each.oid)) for each in history],
        runs=newest_runs(forge, repository, found.head_sha), statuses=checks.latest(forge, repository, found.head_sha),
        merged_statuses=checks.latest(forge, repository, landed) if found.merged else [],
        deployments=deployments_of(request, repository, landed), verdict=verdict(forge, repository, found.head_sha),
        can_write=role(request, repository).at_least("write"), **_conversation(request, repository, half),
    )  # fmt: skip


async def diff(request: web.Request) -> web.Response:
    """A pull request's difference as text."""
    repository, forge = repository_of(request), request.app[SERVICES].forge
    _, found = pull_actions.pull_of(forge, repository, _number(request))
    git = forge.git(repository)
    start = await git.merge_base(found.base_sha, found.head_sha) or found.base_sha
    return web.Response(
        body=await git.run("diff", "-M", "--no-ext-diff", start, found.head_sha), content_type="text/plain"
    )


async def issue(request: web.Request) -> web.Response:
    """An issue and its comments."""
    repository, forge = repository_of(request), request.app[SERVICES].forge
    found = issue_actions.issue_of(forge, repository, _number(request))
    if found.is_pull:
        raise web.HTTPSeeOther(f"/{repository.full_name}/pull/{found.number}")
    context = _conversation(request, repository, found)
    return page(request, "issue.html", repository=repository, title=found.title, tab="issues", issue=found, **context)


async def act(request: web.Request) -> web.Response:
    """Do what a button of the page says: comment, close, reopen, merge."""
    repository, forge = repository_of(request), request.app[SERVICES].forge
    actor, form = await posted(request)
    found = issue_actions.issue_of(forge, repository, _number(request))
    action, text = request.match_info["action"], form.get("body", "").replace("\r\n", "\n")
    if action == "merge":
        how = pull_actions.Merge(form.get("method", "merge"), expected_head=form.get("head") or None)
        await pull_actions.merge_pull(forge, actor, repository, found.number, how)
    elif action in {"comment", "close", "reopen"}:
        if text.strip():
            issue_actions.comment(forge, actor, repository, found, text)
        await _set_state(forge, actor, repository, found, action)
    else:
        raise not_found("There is no such action.")
    kind = "pull" if found.is_pull else "issues"
    raise web.HTTPSeeOther(f"/{repository.full_name}/{kind}/{found.number}")


async def _set_state(forge: Forge, actor: Actor, repository: Repository, found: Issue, action: str) -> None:
    state = {"close": "closed", "reopen": "open"}.get(action)
    if state is None:
        return
    fresh = issue_actions.issue_of(forge, repository, found.number)
    if fresh.is_pull:
        await pull_actions.edit_pull(forge, actor, repository, fresh.number, {"state": state})
    else:
        await issue_actions.edit_issue(forge, actor, repository, fresh, {"state": state})


def _conversation(request: web.Request, repository: Repository, found: Issue) -> dict[str, Any]:
    store, person = request.app[SERVICES].forge.store, visitor(request)
    comments = store.all(Comment, repository.id, found.key)
    faces = {number: _faces(request, number) for number in (found.id, *(each.id for each in comments))}
    granted = Granted(role_of(store, repository, person) if person else "none")
    may_close = granted.at_least("triage") or (person is not None and person.id == found.author_id)
    return {"comments": comments, "faces": faces, "may_close": may_close}


def _faces(request: web.Request, subject: int) -> list[tuple[str, list[str]]]:
    forge = request.app[SERVICES].forge
    who: dict[str, list[str]] = {}
    for reaction in forge.store.all(Reaction, subject):
        who.setdefault(reaction.content, []).append(forge.user(reaction.user_id).login)
    return list(who.items())


def _number(request: web.Request) -> int:
    text = request.match_info["number"]
    if not text.isdecimal() or len(text) > 9:
        raise not_found("There is no such page.")
    return int(text)
