"""Issues, comments, reactions, labels."""

import re
from dataclasses import replace

from aiohttp import web

from bot.sandbox.access import require_role
from bot.sandbox.actions import issues as actions
from bot.sandbox.calls import Call, Table, answer, page
from bot.sandbox.entities import Comment, Issue, Json, Label, Reaction
from bot.sandbox.errors import invalid, not_found, unprocessable
from bot.sandbox.shapes import issues as shapes

table = Table()
ISSUE = "/repos/{owner}/{repo}/issues/{issue_number}"
COMMENT = "/repos/{owner}/{repo}/issues/comments/{comment_id}"


@table.route("GET", "/repos/{owner}/{repo}/issues", "issues:read")
async def list_issues(call: Call) -> web.Response:
    """Issues and pull requests, newest first, filtered by state, labels, creator, since."""
    query, forge = call.request.query, call.forge
    state, wanted = query.get("state", "open"), [name for name in query.get("labels", "").split(",") if name]
    found = [
        issue
        for issue in reversed(forge.store.all(Issue, call.repository.id))
        if state in ("all", issue.state)
        and set(wanted) <= set(actions.label_names(forge, issue))
        and query.get("creator", forge.user(issue.author_id).login) == forge.user(issue.author_id).login
        and issue.updated >= query.get("since", "")
    ]
    if query.get("direction") == "asc":
        found.reverse()
    return page(call, found, lambda each: shapes.full_issue(forge, call.repository, each))


@table.route("POST", "/repos/{owner}/{repo}/issues", "issues:write")
async def create_issue(call: Call) -> web.Response:
    """A new issue."""
    title, body, labels = call.text("title"), call.optional("body"), call.names("labels")
    made = actions.open_issue(call.forge, call.who, call.repository, title, body, labels)
    return answer(shapes.full_issue(call.forge, call.repository, made), 201)


@table.route("GET", ISSUE, "issues:read")
async def get_issue(call: Call) -> web.Response:
    """One issue."""
    return answer(shapes.full_issue(call.forge, call.repository, _issue(call)))


@table.route("PATCH", ISSUE, "issues:write")
async def update_issue(call: Call) -> web.Response:
    """Change title, body, state, labels."""
    changes: Json = call.changes("title", "state", "state_reason", nullable=("body",))
    if changes.get("state", "open") not in {"open", "closed"}:
        raise invalid("Issue", "state")
    if "labels" in call.body:
        changes["labels"] = call.names("labels")
    issue = await actions.edit_issue(call.forge, call.who, call.repository, _issue(call), changes)
    return answer(shapes.full_issue(call.forge, call.repository, issue))


@table.route("GET", "/repos/{owner}/{repo}/issues/comments", "issues:read")
async def list_all_comments(call: Call) -> web.Response:
    """The comments of the repository, oldest first."""
    since = call.request.query.get("since", "")
    found = [each for each in call.forge.store.all(Comment, call.repository.id) if each.updated >= since]
    return page(call, found, lambda each: shapes.comment(call.forge, call.repository, each))


@table.route("GET", f"{ISSUE}/comments", "issues:read")
async def list_comments(call: Call) -> web.Response:
    """The comments of an issue, oldest first."""
    found = call.forge.store.all(Comment, call.repository.id, _issue(call).key)
    return page(call, found, lambda each: shapes.comment(call.forge, call.repository, each))


@table.route("POST", f"{ISSUE}/comments", "issues:write")
async def create_comment(call: Call) -> web.Response:
    """A new comment."""
    made = actions.comment(call.forge, call.who, call.repository, _issue(call), call.text("body"))
    return answer(shapes.comment(call.forge, call.repository, made), 201)


@table.route("GET", COMMENT, "issues:read")
async def get_comment(call: Call) -> web.Response:
    """One comment."""
    return answer(shapes.comment(call.forge, call.repository, _comment(call)))


@table.route("PATCH", COMMENT, "issues:write")
async def update_comment(call: Call) -> web.Response:
    """Change a comment."""
    made = actions.edit_comment(call.forge, call.who, call.repository, _comment(call), call.text("body"))
    return answer(shapes.comment(call.forge, call.repository, made))


@table.route("DELETE", COMMENT, "issues:write")
async def delete_comment(call: Call) -> web.Response:
    """Delete a comment."""
    actions.delete_comment(call.forge, call.who, call.repository, _comment(call))
    return web.Response(status=204)


@table.route("GET", f"{ISSUE}/reactions", "issues:read")
async def issue_reactions(call: Call) -> web.Response:
    """The reactions to an issue."""
    return _reactions(call, _issue(call).id)


@table.route("POST", f"{ISSUE}/reactions", "issues:write")
async def react_to_issue(call: Call) -> web.Response:
    """React to an issue."""
    return _react(call, _issue(call).id)


@table.route("DELETE", f"{ISSUE}/reactions/{{reaction_id}}", "issues:write")
async def unreact_to_issue(call: Call) -> web.Response:
    """Take a reaction back."""
    return _unreact(call, _issue(call).id)


@table.route("GET", f"{COMMENT}/reactions", "issues:read")
async def comment_reactions(call: Call) -> web.Response:
    """The reactions to a comment."""
    return _reactions(call, _comment(call).id)


@table.route("POST", f"{COMMENT}/reactions", "issues:write")
async def react_to_comment(call: Call) -> web.Response:
    """React to a comment."""
    return _react(call, _comment(call).id)


@table.route("DELETE", f"{COMMENT}/reactions/{{reaction_id}}", "issues:write")
async def unreact_to_comment(call: Call) -> web.Response:
    """Take a reaction back."""
    return _unreact(call, _comment(call).id)


@table.route("GET", f"{ISSUE}/labels", "issues:read")
async def issue_labels(call: Call) -> web.Response:
    """The labels of an issue."""
    return _labels(call, _issue(call))


@table.route("POST", f"{ISSUE}/labels", "issues:write")
async def add_labels(call: Call) -> web.Response:
    """Add labels."""
    issue = _issue(call)
    names = [*actions.label_names(call.forge, issue), *call.names("labels")]
    return _labels(call, await actions.set_labels(call.forge, call.who, call.repository, issue, names))


@table.route("PUT", f"{ISSUE}/labels", "issues:write")
async def put_labels(call: Call) -> web.Response:
    """Give it exactly these labels."""
    names = call.names("labels")
    return _labels(call, await actions.set_labels(call.forge, call.who, call.repository, _issue(call), names))


@table.route("DELETE", f"{ISSUE}/labels/{{name}}", "issues:write")
async def remove_label(call: Call) -> web.Response:
    """Take a label away."""
    issue, name = _issue(call), call.part("name").lower()
    names = actions.label_names(call.forge, issue)
    rest = [each for each in names if each.lower() != name]
    if len(rest) == len(names):
        raise not_found("Label does not exist")
    return _labels(call, await actions.set_labels(call.forge, call.who, call.repository, issue, rest))


@table.route("GET", "/repos/{owner}/{repo}/labels", "issues:read")
async def list_labels(call: Call) -> web.Response:
    """The labels of the repository."""
    found = call.forge.store.all(Label, call.repository.id)
    return page(call, found, lambda each: shapes.label(call.forge, call.repository, each))


@table.route("POST", "/repos/{owner}/{repo}/labels", "issues:write")
async def create_label(call: Call) -> web.Response:
    """A new label."""
    require_role(call.forge, call.who, call.repository, "write")
    color = _color(call.text("color", actions.DEFAULT_COLOR))
    made = actions.create_label(call.forge, call.repository, call.text("name"), color, call.optional("description"))
    return answer(shapes.label(call.forge, call.repository, made), 201)


@table.route("GET", "/repos/{owner}/{repo}/labels/{name}", "issues:read")
async def get_label(call: Call) -> web.Response:
    """One label."""
    return answer(shapes.label(call.forge, call.repository, _label(call)))


@table.route("PATCH", "/repos/{owner}/{repo}/labels/{name}", "issues:write")
async def update_label(call: Call) -> web.Response:
    """Change a label."""
    require_role(call.forge, call.who, call.repository, "write")
    found = _label(call)
    name, color = call.optional("new_name") or found.name, _color(call.optional("color") or found.color)
    if name.lower() != found.key and call.forge.store.one(Label, call.repository.id, name.lower()):
        raise invalid("Label", "name", "already_exists")
    description = call.optional("description") if "description" in call.body else found.description
    changed = call.forge.store.put(replace(found, name=name, color=color, description=description))
    return answer(shapes.label(call.forge, call.repository, changed))


@table.route("DELETE", "/repos/{owner}/{repo}/labels/{name}", "issues:write")
async def delete_label(call: Call) -> web.Response:
    """Delete a label."""
    require_role(call.forge, call.who, call.repository, "write")
    call.forge.store.remove(_label(call))
    return web.Response(status=204)


def _issue(call: Call) -> Issue:
    return actions.issue_of(call.forge, call.repository, call.number("issue_number"))


def _comment(call: Call) -> Comment:
    found = call.forge.store.get(Comment, call.number("comment_id"))
    if found is None or found.repository_id != call.repository.id:
        raise not_found()
    return found


def _label(call: Call) -> Label:
    found = call.forge.store.one(Label, call.repository.id, call.part("name").lower())
    if found is None:
        raise not_found()
    return found


def _color(text: str) -> str:
    color = text.removeprefix("#").lower()
    if not re.fullmatch(r"[0-9a-f]{6}", color):
        raise invalid("Label", "color")
    return color


def _labels(call: Call, issue: Issue) -> web.Response:
    return answer(shapes.labels(call.forge, call.repository, issue))


def _reactions(call: Call, subject: int) -> web.Response:
    wanted = call.request.query.get("content")
    found = [each for each in call.forge.store.all(Reaction, subject) if wanted in (None, each.content)]
    return page(call, found, lambda each: shapes.reaction(call.forge, each))


def _react(call: Call, subject: int) -> web.Response:
    made, new = actions.react(call.forge, call.who, subject, call.text("content"))
    return answer(shapes.reaction(call.forge, made), 201 if new else 200)


def _unreact(call: Call, subject: int) -> web.Response:
    found = call.forge.store.get(Reaction, call.number("reaction_id"))
    if found is None or found.subject_id != subject:
        raise not_found()
    if found.user_id != call.who.user.id:
        raise unprocessable("You can only delete your own reactions.")
    call.forge.store.remove(found)
    return web.Response(status=204)
