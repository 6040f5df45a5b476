"""Issues, comments, labels and reactions in GitHub's JSON."""

from collections import Counter

from bot.sandbox.entities import Comment, Issue, Json, Label, Pull, Reaction, Repository
from bot.sandbox.forge import Forge, node_id
from bot.sandbox.shapes.accounts import app_or_none, association, user, user_or_none
from bot.sandbox.shapes.repositories import address

CONTENTS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def label(forge: Forge, repository: Repository, value: Label) -> Json:
    """A `label`."""
    return {
        "id": value.id,
        "node_id": node_id("LA", value.id),
        "url": address(forge, repository, f"/labels/{value.name}").replace(" ", "%20"),
        "name": value.name,
        "color": value.color,
        "default": False,
        "description": value.description,
    }


def labels(forge: Forge, repository: Repository, issue: Issue) -> list[Json]:
    """The labels of an issue."""
    found = (forge.store.get(Label, number) for number in issue.label_ids)
    return [label(forge, repository, value) for value in found if value]


def rollup(forge: Forge, subject_id: int, url: str) -> Json:
    """A `reaction-rollup`."""
    counts = Counter(reaction.content for reaction in forge.store.all(Reaction, subject_id))
    return {"url": f"{url}/reactions", "total_count": counts.total(), **{name: counts[name] for name in CONTENTS}}


def reaction(forge: Forge, value: Reaction) -> Json:
    """A `reaction`."""
    return {
        "id": value.id,
        "node_id": node_id("REA", value.id),
        "user": user_or_none(forge, value.user_id),
        "content": value.content,
        "created_at": value.created,
    }


def issue(forge: Forge, repository: Repository, value: Issue) -> Json:
    """An `issue`; a pull request's issue half carries `pull_request`."""
    url = address(forge, repository, f"/issues/{value.number}")
    page = forge.page(f"/{repository.full_name}/{'pull' if value.is_pull else 'issues'}/{value.number}")
    author = forge.user(value.author_id)
    assignees = [user(forge, forge.user(number)) for number in value.assignee_ids]
    shape = {
        "url": url,
        "repository_url": address(forge, repository),
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": page,
        "id": value.id,
        "node_id": node_id("I", value.id),
        "number": value.number,
        "title": value.title,
        "user": user(forge, author),
        "labels": labels(forge, repository, value),
        "state": value.state,
        "locked": False,
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "milestone": None,
        "comments": len(forge.store.all(Comment, repository.id, str(value.number))),
        "created_at": value.created,
        "updated_at": value.updated,
        "closed_at": value.closed,
        "author_association": association(forge.store, repository, author),
        "active_lock_reason": None,
        "body": value.body,
        "reactions": rollup(forge, value.id, url),
        "timeline_url": f"{url}/timeline",
        "performed_via_github_app": app_or_none(forge, value.app_id),
        "state_reason": value.state_reason,
    }
    return {**shape, **(_pull_links(forge, repository, value) if value.is_pull else {})}


def full_issue(forge: Forge, repository: Repository, value: Issue) -> Json:
    """An `issue` with who closed it, as REST gives it and webhooks do not."""
    return {**issue(forge, repository, value), "closed_by": user_or_none(forge, value.closed_by_id)}


def comment(forge: Forge, repository: Repository, value: Comment) -> Json:
    """An `issue-comment`."""
    url = address(forge, repository, f"/issues/comments/{value.id}")
    author = forge.user(value.author_id)
    kind = "pull" if forge.store.one(Pull, repository.id, value.key) else "issues"
    return {
        "url": url,
        "html_url": forge.page(f"/{repository.full_name}/{kind}/{value.number}#issuecomment-{value.id}"),
        "issue_url": address(forge, repository, f"/issues/{value.number}"),
        "id": value.id,
        "node_id": node_id("IC", value.id),
        "user": user(forge, author),
        "created_at": value.created,
        "updated_at": value.updated,
        "author_association": association(forge.store, repository, author),
        "body": value.body,
        "reactions": rollup(forge, value.id, url),
        "performed_via_github_app": app_or_none(forge, value.app_id),
    }


def _pull_links(forge: Forge, repository: Repository, value: Issue) -> Json:
    pull = forge.store.one(Pull, repository.id, value.key)
    page = forge.page(f"/{repository.full_name}/pull/{value.number}")
    return {
        "draft": bool(pull and pull.draft),
        "pull_request": {
            "url": address(forge, repository, f"/pulls/{value.number}"),
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": pull.merged if pull else None,
        },
    }
