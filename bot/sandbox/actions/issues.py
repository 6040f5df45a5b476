"""Issues, comments, labels and reactions."""

from collections.abc import Iterable
from dataclasses import replace

from bot.sandbox.access import may, require_role
from bot.sandbox.entities import Comment, Issue, Json, Label, Pull, Reaction, Repository
from bot.sandbox.errors import ApiError, forbidden, invalid, not_found
from bot.sandbox.forge import Actor, Forge
from bot.sandbox.shapes import issues as shapes
from bot.sandbox.shapes import pulls

LONGEST_BODY = 65_536  # characters
LONGEST_TITLE = 256
DEFAULT_COLOR = "ededed"


def next_number(forge: Forge, repository: Repository) -> int:
    """The number that the next issue or pull request gets."""
    return max((issue.number for issue in forge.store.all(Issue, repository.id)), default=0) + 1


def check_text(resource: str, title: str | None, body: str | None) -> None:
    """Raise 422 for a text that GitHub refuses."""
    if title is not None and not title.strip():
        raise invalid(resource, "title", "missing_field")
    if title is not None and len(title) > LONGEST_TITLE:
        raise invalid(resource, "title", message=f"title is too long (maximum is {LONGEST_TITLE} characters)")
    if body is not None and len(body) > LONGEST_BODY:
        raise invalid(resource, "body", message=f"body is too long (maximum is {LONGEST_BODY} characters)")


def open_issue(
    forge: Forge, actor: Actor, repository: Repository, title: str, body: str | None, labels: Iterable[str] = ()
) -> Issue:
    """The new issue; labels of those who may not triage are dropped, as GitHub does."""
    if not repository.has_issues:
        raise ApiError(410, "Issues are disabled for this repo")
    check_text("Issue", title, body)
    now, number = forge.now(), next_number(forge, repository)
    author = actor.user.id
    issue = forge.store.add(Issue(0, repository.id, number, title, body, author, now, now, actor.app_id))
    if can_triage(forge, actor, repository):
        issue = forge.store.put(replace(issue, label_ids=_label_ids(forge, repository, labels)))
    payload = {"issue": shapes.issue(forge, repository, issue)}
    forge.emit("issues", "opened", payload, repository, actor.user)
    for number in issue.label_ids:
        _tell_label(forge, actor, repository, issue, number, "labeled")
    return issue


async def edit_issue(forge: Forge, actor: Actor, repository: Repository, issue: Issue, changes: Json) -> Issue:
    """Apply title, body, state, state_reason, labels; the author may, and who may triage."""
    if issue.author_id != actor.user.id and not can_triage(forge, actor, repository):
        raise forbidden("Must have admin rights to Repository.")
    check_text("Issue", changes.get("title"), changes.get("body"))
    before = issue
    texts = {name: changes[name] for name in ("title", "body") if name in changes}
    issue = forge.store.put(replace(issue, updated=forge.now(), **texts))
    edited = {name: {"from": getattr(before, name) or ""} for name in texts if getattr(before, name) != texts[name]}
    if edited:
        await _tell(forge, actor, repository, issue, "edited", {"changes": edited})
    if "labels" in changes:
        issue = await set_labels(forge, actor, repository, issue, changes["labels"] or ())
    if changes.get("state", issue.state) != issue.state:
        issue = await _set_state(forge, actor, repository, issue, changes)
    return issue


async def set_labels(forge: Forge, actor: Actor, repository: Repository, issue: Issue, names: Iterable[str]) -> Issue:
    """Give the issue exactly these labels, creating those that are missing."""
    require_role(forge, actor, repository, "triage")
    wanted = _label_ids(forge, repository, names)
    before = issue
    issue = forge.store.put(replace(issue, label_ids=wanted, updated=forge.now()))
    for number in wanted:
        if number not in before.label_ids:
            await _tell_labelled(forge, actor, repository, issue, number, "labeled")
    for number in before.label_ids:
        if number not in wanted:
            await _tell_labelled(forge, actor, repository, issue, number, "unlabeled")
    return issue


def label_names(forge: Forge, issue: Issue) -> list[str]:
    """The names of the issue's labels."""
    return [label.name for number in issue.label_ids if (label := forge.store.get(Label, number))]


def comment(forge: Forge, actor: Actor, repository: Repository, issue: Issue, body: str) -> Comment:
    """The new comment."""
    if not body.strip():
        raise invalid("IssueComment", "body", "missing_field")
    check_text("IssueComment", None, body)
    now = forge.now()
    made = forge.store.add(Comment(0, repository.id, issue.number, actor.user.id, body, now, now, app_id=actor.app_id))
    issue = forge.store.put(replace(issue, updated=now))
    _tell_comment(forge, actor, repository, issue, made, "created")
    return made


def edit_comment(forge: Forge, actor: Actor, repository: Repository, made: Comment, body: str) -> Comment:
    """The changed comment; its author may, and who may write."""
    if made.author_id != actor.user.id:
        require_role(forge, actor, repository, "write")
    check_text("IssueComment", None, body)
    before = made.body
    made = forge.store.put(replace(made, body=body, updated=forge.now()))
    issue = issue_of(forge, repository, made.number)
    _tell_comment(forge, actor, repository, issue, made, "edited", {"changes": {"body": {"from": before}}})
    return made


def delete_comment(forge: Forge, actor: Actor, repository: Repository, made: Comment) -> None:
    """Forget a comment; its author may, and who may write."""
    if made.author_id != actor.user.id:
        require_role(forge, actor, repository, "write")
    forge.store.remove(made)
    _tell_comment(forge, actor, repository, issue_of(forge, repository, made.number), made, "deleted")


def react(forge: Forge, actor: Actor, subject_id: int, content: str) -> tuple[Reaction, bool]:
    """The user's reaction of that content, and whether it is new."""
    if content not in shapes.CONTENTS:
        raise invalid("Reaction", "content")
    found = forge.store.one(Reaction, subject_id, f"{actor.user.id}:{content}")
    if found:
        return found, False
    return forge.store.add(Reaction(0, subject_id, actor.user.id, content, forge.now())), True


def create_label(forge: Forge, repository: Repository, name: str, color: str, description: str | None) -> Label:
    """The new label; raises 422 when the name is taken."""
    if forge.store.one(Label, repository.id, name.lower()):
        raise invalid("Label", "name", "already_exists")
    return forge.store.add(Label(0, repository.id, name, color, description))


def issue_of(forge: Forge, repository: Repository, number: int) -> Issue:
    """The issue or pull request of that number; raises 404."""
    found = forge.store.one(Issue, repository.id, str(number))
    if found is None:
        raise not_found()
    return found


def can_triage(forge: Forge, actor: Actor, repository: Repository) -> bool:
    """Whether the actor may label and close."""
    if actor.installation is not None:
        kinds = ("issues", "pull_requests")
        return any(may(forge, actor, repository, kind, "write") for kind in kinds)
    try:
        require_role(forge, actor, repository, "triage")
    except ApiError:
        return False
    return True


async def _set_state(forge: Forge, actor: Actor, repository: Repository, issue: Issue, changes: Json) -> Issue:
    now, closed = forge.now(), changes["state"] == "closed"
    reason = changes.get("state_reason") or ("completed" if closed else "reopened")
    issue = forge.store.put(
        replace(
            issue,
            state=changes["state"],
            state_reason=None if issue.is_pull else reason,
            closed=now if closed else None,
            closed_by_id=actor.user.id if closed else 0,
            updated=now,
        )
    )
    await _tell(forge, actor, repository, issue, "closed" if closed else "reopened", {})
    return issue


async def _tell(forge: Forge, actor: Actor, repository: Repository, issue: Issue, action: str, extra: Json) -> None:
    pull = forge.store.one(Pull, repository.id, issue.key) if issue.is_pull else None
    if pull is not None:
        payload = {"number": issue.number, "pull_request": await pulls.full(forge, repository, issue, pull), **extra}
        forge.emit("pull_request", action, payload, repository, actor.user)
    else:
        payload = {"issue": shapes.issue(forge, repository, issue), **extra}
        forge.emit("issues", action, payload, repository, actor.user)


def _tell_comment(
    forge: Forge,
    actor: Actor,
    repository: Repository,
    issue: Issue,
    made: Comment,
    action: str,
    extra: Json | None = None,
) -> None:
    payload = {
        "issue": shapes.issue(forge, repository, issue),
        "comment": shapes.comment(forge, repository, made),
        **(extra or {}),
    }
    forge.emit("issue_comment", action, payload, repository, actor.user)


def _tell_label(forge: Forge, actor: Actor, repository: Repository, issue: Issue, number: int, action: str) -> None:
    label = forge.store.get(Label, number)
    if label:
        payload = {
            "issue": shapes.issue(forge, repository, issue),
            "label": shapes.label(forge, repository, label),
        }
        forge.emit("issues", action, payload, repository, actor.user)


async def _tell_labelled(
    forge: Forge, actor: Actor, repository: Repository, issue: Issue, number: int, action: str
) -> None:
    label = forge.store.get(Label, number)
    if label:
        extra = {"label": shapes.label(forge, repository, label)}
        await _tell(forge, actor, repository, issue, action, extra)


def _label_ids(forge: Forge, repository: Repository, names: Iterable[str]) -> tuple[int, ...]:
    ids: list[int] = []
    for name in names:
        found = forge.store.one(Label, repository.id, name.lower())
        label = found or create_label(forge, repository, name, DEFAULT_COLOR, None)
        if label.id not in ids:
            ids.append(label.id)
    return tuple(ids)
