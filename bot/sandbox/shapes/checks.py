"""Check runs, check suites and statuses in GitHub's JSON."""

from bot.sandbox.entities import App, CheckRun, CheckSuite, Issue, Json, Pull, Repository, Status
from bot.sandbox.forge import Forge, node_id
from bot.sandbox.git import Commit
from bot.sandbox.shapes.accounts import app_or_none, user_or_none
from bot.sandbox.shapes.commits import simple_commit
from bot.sandbox.shapes.repositories import address, minimal


def run(forge: Forge, repository: Repository, value: CheckRun) -> Json:
    """A `check-run`."""
    url = address(forge, repository, f"/check-runs/{value.id}")
    page = forge.page(f"/{repository.full_name}/commit/{value.head_sha}#check-{value.id}")
    return {
        "id": value.id,
        "name": value.name,
        "node_id": node_id("CR", value.id),
        "head_sha": value.head_sha,
        "external_id": value.external_id,
        "url": url,
        "html_url": page,
        "details_url": value.details_url or page,
        "status": value.status,
        "conclusion": value.conclusion,
        "started_at": value.started,
        "completed_at": value.completed,
        "output": {
            "title": value.output.get("title"),
            "summary": value.output.get("summary"),
            "text": value.output.get("text"),
            "annotations_count": len(value.output.get("annotations") or []),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": value.suite_id},
        "app": app_or_none(forge, value.app_id),
        "pull_requests": pulls_at(forge, repository, value.head_sha),
    }


def suite(forge: Forge, repository: Repository, value: CheckSuite, commit: Commit) -> Json:
    """A `check-suite`, with the status and conclusion that its runs come to."""
    short = suite_in_event(forge, repository, value)
    return {
        **short,
        "before": commit.parents[0] if commit.parents else None,
        "repository": minimal(forge, repository),
        "head_commit": simple_commit(commit),
        "latest_check_runs_count": len(runs_of(forge, value)),
        "check_runs_url": f"{short['url']}/check-runs",
    }


def suite_in_event(forge: Forge, repository: Repository, value: CheckSuite) -> Json:
    """The check suite inside the payload of `check_run`."""
    status, conclusion = verdict(forge, value)
    return {
        "id": value.id,
        "node_id": node_id("CS", value.id),
        "head_branch": branch_at(forge, repository, value.head_sha),
        "head_sha": value.head_sha,
        "status": status,
        "conclusion": conclusion,
        "url": address(forge, repository, f"/check-suites/{value.id}"),
        "before": None,
        "after": value.head_sha,
        "pull_requests": pulls_at(forge, repository, value.head_sha),
        "app": app_or_none(forge, value.app_id),
        "created_at": value.created,
        "updated_at": value.updated,
    }


def runs_of(forge: Forge, value: CheckSuite) -> list[CheckRun]:
    """The runs of a suite."""
    found = forge.store.all(CheckRun, value.repository_id, value.head_sha)
    return [each for each in found if each.suite_id == value.id]


def verdict(forge: Forge, value: CheckSuite) -> tuple[str, str | None]:
    """The status and conclusion of a suite."""
    runs = runs_of(forge, value)
    if not runs or any(each.status != "completed" for each in runs):
        return ("in_progress" if runs else "queued"), None
    bad = [each.conclusion for each in runs if each.conclusion not in {"success", "neutral", "skipped"}]
    return "completed", bad[0] if bad else "success"


def pulls_at(forge: Forge, repository: Repository, sha: str) -> list[Json]:
    """The open pull requests whose head is the commit, as checks name them."""
    repo = {"id": repository.id, "url": address(forge, repository), "name": repository.name}
    found = []
    for pull in forge.store.all(Pull, repository.id):
        issue = forge.store.one(Issue, repository.id, pull.key)
        if pull.head_sha == sha and issue and issue.state == "open":
            sides = {"head": (pull.head, pull.head_sha), "base": (pull.base, pull.base_sha)}
            refs = {side: {"ref": ref, "sha": oid, "repo": repo} for side, (ref, oid) in sides.items()}
            url = address(forge, repository, f"/pulls/{pull.number}")
            found.append({"id": pull.id, "number": pull.number, "url": url, **refs})
    return found


def branch_at(forge: Forge, repository: Repository, sha: str) -> str:
    """The branch of the pull request at the commit, else the default branch."""
    found = (pull.head for pull in forge.store.all(Pull, repository.id) if pull.head_sha == sha)
    return next(found, repository.default_branch)


def status(forge: Forge, repository: Repository, value: Status) -> Json:
    """A `status`."""
    return {
        "url": address(forge, repository, f"/statuses/{value.sha}"),
        "avatar_url": forge.page(f"/avatars/{value.creator_id}"),
        "id": value.id,
        "node_id": node_id("SC", value.id),
        "state": value.state,
        "description": value.description,
        "target_url": value.target_url,
        "context": value.context,
        "created_at": value.created,
        "updated_at": value.created,
        "creator": user_or_none(forge, value.creator_id),
    }


def latest(forge: Forge, repository: Repository, sha: str) -> list[Status]:
    """The newest status of each context of a commit."""
    newest = {each.context: each for each in forge.store.all(Status, repository.id, sha)}
    return list(newest.values())


def combined(states: list[str]) -> str:
    """The state that the states of all contexts come to."""
    if any(state in {"failure", "error"} for state in states):
        return "failure"
    return "success" if states and all(state == "success" for state in states) else "pending"


def suites_at(forge: Forge, repository: Repository, sha: str, app: App | None = None) -> list[CheckSuite]:
    """The check suites of a commit."""
    found = forge.store.all(CheckSuite, repository.id, sha)
    return [each for each in found if app is None or each.app_id == app.id]
