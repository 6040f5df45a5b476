"""Check runs and commit statuses."""

from dataclasses import replace

from bot.sandbox.entities import CheckRun, CheckSuite, Json, Repository, Status
from bot.sandbox.errors import forbidden, invalid
from bot.sandbox.forge import Actor, Forge
from bot.sandbox.git import Commit
from bot.sandbox.shapes import checks, commits

STATES = ("error", "failure", "pending", "success")
STATUSES = ("queued", "in_progress", "completed", "waiting", "requested", "pending")
CONCLUSIONS = ("action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out")
LONGEST_OUTPUT = 65_535  # characters


def suite_for(forge: Forge, actor: Actor, repository: Repository, sha: str) -> CheckSuite:
    """The App's suite of the commit, made if there is none; raises 403 for a person."""
    if actor.app is None:
        raise forbidden("You must authenticate via a GitHub App.")
    for suite in checks.suites_at(forge, repository, sha, actor.app):
        return suite
    now = forge.now()
    return forge.store.add(CheckSuite(0, repository.id, actor.app.id, sha, now, now))


def changed(forge: Forge, run: CheckRun, changes: Json) -> CheckRun:
    """The run with the changes of a request; raises 422 for values that GitHub refuses."""
    conclusion = changes.get("conclusion", run.conclusion)
    if conclusion is not None and conclusion not in CONCLUSIONS:
        raise invalid("CheckRun", "conclusion")
    status = "completed" if "conclusion" in changes else changes.get("status", run.status)
    if status not in STATUSES:
        raise invalid("CheckRun", "status")
    if status == "completed" and conclusion is None:
        raise invalid("CheckRun", "conclusion", "missing_field")
    output = {**run.output, **(changes.get("output") or {})}
    for name in ("summary", "text"):
        if len(output.get(name) or "") > LONGEST_OUTPUT:
            raise invalid("CheckRun", name, message=f"Only {LONGEST_OUTPUT} characters are allowed")
    return replace(
        run,
        name=changes.get("name", run.name),
        status=status,
        conclusion=conclusion if status == "completed" else None,
        started=changes.get("started_at", run.started),
        completed=changes.get("completed_at", run.completed or forge.now()) if status == "completed" else None,
        external_id=changes.get("external_id", run.external_id),
        details_url=changes.get("details_url", run.details_url),
        output=output,
    )


async def put_run(forge: Forge, actor: Actor, repository: Repository, run: CheckRun, action: str) -> CheckRun:
    """The stored run, with the action (if any) told."""
    run = forge.store.put(run)
    suite = forge.store.get(CheckSuite, run.suite_id)
    if suite is not None:
        suite = forge.store.put(replace(suite, updated=forge.now()))
        if action:
            shape = checks.run(forge, repository, run)
            shape["check_suite"] = checks.suite_in_event(forge, repository, suite)
            forge.emit("check_run", action, {"check_run": shape}, repository, actor.user)
    return run


async def add_status(forge: Forge, actor: Actor, repository: Repository, row: Status, commit: Commit) -> Status:
    """The new status, told."""
    if row.state not in STATES:
        raise invalid("Status", "state")
    made = forge.store.add(row)
    tips = [ref for ref in await forge.git(repository).refs("refs/heads/") if ref.commit == commit.oid]
    commit_shape = commits.commit(forge, repository, commit)
    commit_shape["commit"]["verification"].pop("verified_at")  # webhooks leave it out
    payload: Json = {
        "id": made.id,
        "sha": made.sha,
        "name": repository.full_name,
        "target_url": made.target_url,
        "avatar_url": forge.page(f"/avatars/{made.creator_id}"),
        "context": made.context,
        "description": made.description,
        "state": made.state,
        "commit": commit_shape,
        "branches": [commits.branch(forge, repository, ref) for ref in tips],
        "created_at": made.created,
        "updated_at": made.created,
    }
    forge.emit("status", None, payload, repository, actor.user)
    return made
