"""The mutations."""

import base64
from collections.abc import Awaitable, Callable

from bot.sandbox.actions import issues as issue_actions
from bot.sandbox.actions import pulls as pull_actions
from bot.sandbox.actions import refs as ref_actions
from bot.sandbox.entities import Comment, Issue, Json, Label, Pull, Repository
from bot.sandbox.errors import ApiError, not_found, unprocessable
from bot.sandbox.graph import gitnodes, issuenodes
from bot.sandbox.graph.view import Node, View, actor, resolve

Mutation = Callable[[View, Json], Awaitable[Node]]


def _repository(view: View, number: int, need: str) -> Repository:
    found = view.forge.store.get(Repository, number)
    if found is None or not view.readable(found):
        raise not_found("Could not resolve to a node with the given global id")
    view.require(found, need)
    return found


async def create_ref(view: View, given: Json) -> Node:
    """A new reference."""
    _, parts = resolve(given["repository_id"], "R")
    found, name = _repository(view, int(parts[0]), "contents:write"), given["name"]
    try:
        await ref_actions.create_ref(view.forge, view.actor, found, name, given["oid"])
    except ApiError as error:
        if error.message == "Reference already exists":
            raise unprocessable(f'A ref named "{name}" already exists in the repository.') from error
        raise
    return {"ref": gitnodes.ref(view, found, await view.forge.git(found).ref(name))}


async def update_ref(view: View, given: Json) -> Node:
    """Move a reference."""
    _, parts = resolve(given["ref_id"], "REF")
    found = _repository(view, int(parts[0]), "contents:write")
    force = bool(given.get("force"))
    await ref_actions.move_ref(view.forge, view.actor, found, parts[1], given["oid"], force=force)
    return {"ref": gitnodes.ref(view, found, await view.forge.git(found).ref(parts[1]))}


async def update_refs(view: View, given: Json) -> Node:
    """Create, move and delete references, all of them or none."""
    _, parts = resolve(given["repository_id"], "R")
    found = _repository(view, int(parts[0]), "contents:write")
    updates = [
        ref_actions.RefUpdate(one["name"], one["after_oid"], one.get("before_oid"), bool(one.get("force")))
        for one in given["ref_updates"]
    ]
    await ref_actions.update_refs(view.forge, view.actor, found, updates)
    return {}


async def delete_ref(view: View, given: Json) -> Node:
    """Delete a reference."""
    _, parts = resolve(given["ref_id"], "REF")
    found = _repository(view, int(parts[0]), "contents:write")
    await ref_actions.delete_ref(view.forge, view.actor, found, parts[1])
    return {}


async def create_commit(view: View, given: Json) -> Node:
    """A commit on a branch that must be at `expectedHeadOid`."""
    found, branch = _branch(view, given["branch"])
    view.require(found, "contents:write")
    message, changes = given["message"], given.get("file_changes") or {}
    text = f"{message['headline']}\n\n{message.get('body') or ''}".rstrip("\n")
    try:
        additions = tuple(
            (each["path"], base64.b64decode(each["contents"], validate=True)) for each in changes.get("additions") or ()
        )
    except ValueError as error:
        raise unprocessable("A file addition's contents are not valid Base64.") from error
    deletions = tuple(each["path"] for each in changes.get("deletions") or ())
    new = ref_actions.NewCommit(text, additions, deletions)
    oid = await ref_actions.commit_to_branch(view.forge, view.actor, found, branch, new, given["expected_head_oid"])
    git = view.forge.git(found)
    commit, ref = await git.commit(oid), await git.ref(f"refs/heads/{branch}")
    return {"commit": gitnodes.commit(view, found, commit) if commit else None, "ref": gitnodes.ref(view, found, ref)}


async def create_pull(view: View, given: Json) -> Node:
    """A new pull request."""
    _, parts = resolve(given["repository_id"], "R")
    found = _repository(view, int(parts[0]), "pull_requests:write")
    new = pull_actions.NewPull(
        given["title"],
        given.get("body"),
        given["head_ref_name"].removeprefix("refs/heads/"),
        given["base_ref_name"].removeprefix("refs/heads/"),
        draft=bool(given.get("draft")),
    )
    made = await pull_actions.open_pull(view.forge, view.actor, found, new)
    return {"pullRequest": issuenodes.pull(view, found, made)}


async def update_pull(view: View, given: Json) -> Node:
    """Change title, body, base or state."""
    found, pull = _pull(view, given["pull_request_id"], "pull_requests:write")
    names = {"title": "title", "body": "body", "base_ref_name": "base", "state": "state"}
    changes = {own: given[name] for name, own in names.items() if given.get(name) is not None}
    if "state" in changes:
        changes["state"] = changes["state"].lower()
    if given.get("label_ids") is not None:
        issue, _ = pull_actions.pull_of(view.forge, found, pull.number)
        await issue_actions.set_labels(view.forge, view.actor, found, issue, _label_names(view, given["label_ids"]))
    changed = await pull_actions.edit_pull(view.forge, view.actor, found, pull.number, changes)
    return {"pullRequest": issuenodes.pull(view, found, changed), "actor": actor(view.forge, view.actor.user)}


def _set_pull_state(state: str) -> Mutation:
    async def change(view: View, given: Json) -> Node:
        found, pull = _pull(view, given["pull_request_id"], "pull_requests:write")
        changed = await pull_actions.edit_pull(view.forge, view.actor, found, pull.number, {"state": state})
        return {"pullRequest": issuenodes.pull(view, found, changed)}

    return change


async def merge_pull(view: View, given: Json) -> Node:
    """Merge a pull request."""
    found, pull = _pull(view, given["pull_request_id"], "contents:write")
    how = pull_actions.Merge(
        (given.get("merge_method") or "MERGE").lower(),
        given.get("commit_headline"),
        given.get("commit_body"),
        given.get("expected_head_oid"),
    )
    merged = await pull_actions.merge_pull(view.forge, view.actor, found, pull.number, how)
    return {"pullRequest": issuenodes.pull(view, found, merged), "actor": actor(view.forge, view.actor.user)}


async def add_comment(view: View, given: Json) -> Node:
    """Comment on an issue or pull request."""
    found, issue = _issue(view, given["subject_id"])
    issue_actions.comment(view.forge, view.actor, found, issue, given["body"])
    return {"subject": issuenodes.issue(view, found, issue)}


async def update_comment(view: View, given: Json) -> Node:
    """Change a comment."""
    _, parts = resolve(given["id"], "IC")
    made = view.forge.store.get(Comment, int(parts[0]))
    if made is None:
        raise not_found("Could not resolve to a node with the given global id")
    found = _repository(view, made.repository_id, "issues:write")
    changed = issue_actions.edit_comment(view.forge, view.actor, found, made, given["body"])
    return {"issueComment": issuenodes.comment(view, found, changed)}


async def add_labels(view: View, given: Json) -> Node:
    """Add labels to an issue or pull request."""
    found, issue = _issue(view, given["labelable_id"])
    names = [*issue_actions.label_names(view.forge, issue), *_label_names(view, given["label_ids"])]
    changed = await issue_actions.set_labels(view.forge, view.actor, found, issue, names)
    return {"labelable": issuenodes.issue(view, found, changed)}


async def remove_labels(view: View, given: Json) -> Node:
    """Take labels from an issue or pull request."""
    found, issue = _issue(view, given["labelable_id"])
    gone = _label_names(view, given["label_ids"])
    names = [name for name in issue_actions.label_names(view.forge, issue) if name not in gone]
    changed = await issue_actions.set_labels(view.forge, view.actor, found, issue, names)
    return {"labelable": issuenodes.issue(view, found, changed)}


async def create_issue(view: View, given: Json) -> Node:
    """A new issue."""
    _, parts = resolve(given["repository_id"], "R")
    found = _repository(view, int(parts[0]), "issues:write")
    names = _label_names(view, given.get("label_ids") or [])
    made = issue_actions.open_issue(view.forge, view.actor, found, given["title"], given.get("body"), names)
    return {"issue": issuenodes.issue(view, found, made)}


async def update_issue(view: View, given: Json) -> Node:
    """Change title, body, state or labels."""
    found, issue = _issue(view, given["id"])
    changes = {name: given[name] for name in ("title", "body") if given.get(name) is not None}
    if given.get("state"):
        changes["state"] = given["state"].lower()
    if given.get("label_ids") is not None:
        changes["labels"] = _label_names(view, given["label_ids"])
    changed = await issue_actions.edit_issue(view.forge, view.actor, found, issue, changes)
    return {"issue": issuenodes.issue(view, found, changed)}


async def close_issue(view: View, given: Json) -> Node:
    """Close an issue."""
    found, issue = _issue(view, given["issue_id"])
    changes = {"state": "closed", "state_reason": (given.get("state_reason") or "COMPLETED").lower()}
    changed = await issue_actions.edit_issue(view.forge, view.actor, found, issue, changes)
    return {"issue": issuenodes.issue(view, found, changed)}


async def add_reaction(view: View, given: Json) -> Node:
    """React to an issue, pull request or comment."""
    prefix, parts = resolve(given["subject_id"], "I", "PR", "IC")
    number = int(parts[0])
    if prefix == "IC":
        comment = view.forge.store.get(Comment, number)
        if comment is None:
            raise not_found("Could not resolve to a node with the given global id")
        _repository(view, comment.repository_id, "issues:write")
        subject = number
    else:
        subject = _issue(view, given["subject_id"])[1].id
    made, _ = issue_actions.react(view.forge, view.actor, subject, issuenodes.CONTENTS[given["content"]])
    return {"reaction": issuenodes.reaction(view, made)}


MUTATIONS: dict[str, Mutation] = {
    "createRef": create_ref,
    "updateRef": update_ref,
    "updateRefs": update_refs,
    "deleteRef": delete_ref,
    "createCommitOnBranch": create_commit,
    "createPullRequest": create_pull,
    "updatePullRequest": update_pull,
    "closePullRequest": _set_pull_state("closed"),
    "reopenPullRequest": _set_pull_state("open"),
    "mergePullRequest": merge_pull,
    "addComment": add_comment,
    "updateIssueComment": update_comment,
    "addLabelsToLabelable": add_labels,
    "removeLabelsFromLabelable": remove_labels,
    "createIssue": create_issue,
    "updateIssue": update_issue,
    "closeIssue": close_issue,
    "addReaction": add_reaction,
}


def _pull(view: View, identity: str, need: str) -> tuple[Repository, Pull]:
    _, parts = resolve(identity, "PR")
    pull = view.forge.store.get(Pull, int(parts[0]))
    if pull is None:
        raise not_found(f"Could not resolve to a node with the global id of '{identity}'")
    return _repository(view, pull.repository_id, need), pull


def _issue(view: View, identity: str) -> tuple[Repository, Issue]:
    prefix, parts = resolve(identity, "I", "PR")
    store, number = view.forge.store, int(parts[0])
    half: Issue | Pull | None = store.get(Pull, number) if prefix == "PR" else store.get(Issue, number)
    issue = store.one(Issue, half.repository_id, half.key) if half else None
    if issue is None:
        raise not_found(f"Could not resolve to a node with the global id of '{identity}'")
    need = "pull_requests:write" if issue.is_pull else "issues:write"
    return _repository(view, issue.repository_id, need), issue


def _label_names(view: View, identities: list[str]) -> list[str]:
    names = []
    for identity in identities:
        _, parts = resolve(identity, "LA")
        label = view.forge.store.get(Label, int(parts[0]))
        if label is None:
            raise not_found(f"Could not resolve to a node with the global id of '{identity}'")
        names.append(label.name)
    return names


def _branch(view: View, given: Json) -> tuple[Repository, str]:
    name = given.get("branch_name")
    if given.get("id"):
        _, parts = resolve(given["id"], "REF")
        found = view.forge.store.get(Repository, int(parts[0]))
        name = parts[1]
    else:
        found = view.forge.repository(given.get("repository_name_with_owner") or "")
    if found is None or not view.readable(found) or not name:
        raise not_found(f"Could not resolve to a Repository with the name '{given.get('repository_name_with_owner')}'.")
    return found, str(name).removeprefix("refs/heads/")
