"""Check runs, check suites, commit statuses."""

from aiohttp import web

from bot.sandbox.actions import checks as actions
from bot.sandbox.calls import Call, Table, answer, page
from bot.sandbox.entities import CheckRun, CheckSuite, Json, Status
from bot.sandbox.errors import not_found, unprocessable
from bot.sandbox.git import Commit
from bot.sandbox.shapes import checks
from bot.sandbox.shapes.repositories import address, minimal

table = Table()
STATUSES = "/repos/{owner}/{repo}/commits/{ref}/statuses"


@table.route("POST", "/repos/{owner}/{repo}/check-runs", "checks:write")
async def create_run(call: Call) -> web.Response:
    """A new check run of an App."""
    sha = call.text("head_sha")
    await _commit(call, sha)
    suite = actions.suite_for(call.forge, call.who, call.repository, sha)
    made = CheckRun(
        0, call.repository.id, suite.id, suite.app_id, sha, call.text("name"), "queued", None, call.forge.now(),
        None, "", None, {},
    )  # fmt: skip
    made = actions.changed(call.forge, made, _changes(call))
    made = await actions.put_run(call.forge, call.who, call.repository, call.forge.store.add(made), "created")
    return answer(checks.run(call.forge, call.repository, made), 201)


@table.route("GET", "/repos/{owner}/{repo}/check-runs/{check_run_id}", "checks:read")
async def get_run(call: Call) -> web.Response:
    """One check run."""
    return answer(checks.run(call.forge, call.repository, _run(call)))


@table.route("PATCH", "/repos/{owner}/{repo}/check-runs/{check_run_id}", "checks:write")
async def update_run(call: Call) -> web.Response:
    """Change a check run of the same App."""
    before = _run(call)
    if before.app_id != call.who.app_id:
        raise unprocessable("Invalid app_id `check_run` - a check run can only be changed by the App that made it.")
    run = actions.changed(call.forge, before, _changes(call))
    run = await actions.put_run(call.forge, call.who, call.repository, run, "")
    if run.status == "completed" and before.status != "completed":
        await actions.put_run(call.forge, call.who, call.repository, run, "completed")
    return answer(checks.run(call.forge, call.repository, run))


@table.route("GET", "/repos/{owner}/{repo}/check-suites/{check_suite_id}", "checks:read")
async def get_suite(call: Call) -> web.Response:
    """One check suite."""
    found = call.forge.store.get(CheckSuite, call.number("check_suite_id"))
    if found is None or found.repository_id != call.repository.id:
        raise not_found()
    return answer(await _suite(call, found))


@table.route("POST", "/repos/{owner}/{repo}/check-suites", "checks:write")
async def create_suite(call: Call) -> web.Response:
    """The App's check suite of a commit, made if there is none."""
    sha = call.text("head_sha")
    await _commit(call, sha)
    known = checks.suites_at(call.forge, call.repository, sha, call.who.app)
    suite = actions.suite_for(call.forge, call.who, call.repository, sha)
    return answer(await _suite(call, suite), 200 if known else 201)


@table.route("GET", "/repos/{owner}/{repo}/commits/{ref}/check-runs", "checks:read")
async def list_runs(call: Call) -> web.Response:
    """The check runs of a commit, newest first, filtered by name and status."""
    query, sha = call.request.query, await _sha(call)
    found = [
        run
        for run in reversed(call.forge.store.all(CheckRun, call.repository.id, sha))
        if query.get("check_name", run.name) == run.name
        and query.get("status", run.status) == run.status
        and query.get("app_id", str(run.app_id)) == str(run.app_id)
    ]
    if query.get("filter", "latest") == "latest":
        newest = {(run.app_id, run.name): run for run in reversed(found)}
        found = [run for run in found if newest[run.app_id, run.name] is run]
    return page(call, found, lambda each: checks.run(call.forge, call.repository, each), "check_runs")


@table.route("GET", "/repos/{owner}/{repo}/commits/{ref}/check-suites", "checks:read")
async def list_suites(call: Call) -> web.Response:
    """The check suites of a commit."""
    found = checks.suites_at(call.forge, call.repository, await _sha(call))
    shapes = {each.id: await _suite(call, each) for each in found}
    return page(call, found, lambda each: shapes[each.id], "check_suites")


@table.route("POST", "/repos/{owner}/{repo}/statuses/{sha}", "statuses:write")
async def create_status(call: Call) -> web.Response:
    """A new status of a commit."""
    commit = await _commit(call, call.part("sha"))
    row = Status(
        0, call.repository.id, commit.oid, call.text("state"), call.text("context", "default"),
        call.optional("description"), call.optional("target_url"), call.who.user.id, call.forge.now(),
    )  # fmt: skip
    made = await actions.add_status(call.forge, call.who, call.repository, row, commit)
    return answer(checks.status(call.forge, call.repository, made), 201)


@table.route("GET", "/repos/{owner}/{repo}/statuses/{ref}", "statuses:read", described=STATUSES)  # PyGithub asks there
@table.route("GET", STATUSES, "statuses:read")
async def list_statuses(call: Call) -> web.Response:
    """The statuses of a commit, newest first."""
    found = list(reversed(call.forge.store.all(Status, call.repository.id, await _sha(call))))
    return page(call, found, lambda each: checks.status(call.forge, call.repository, each))


@table.route("GET", "/repos/{owner}/{repo}/commits/{ref}/status", "statuses:read")
async def combined_status(call: Call) -> web.Response:
    """The newest status of each context, and what they come to."""
    forge, repository, sha = call.forge, call.repository, await _sha(call)
    found = checks.latest(forge, repository, sha)
    shapes = [{k: v for k, v in checks.status(forge, repository, each).items() if k != "creator"} for each in found]
    body = {
        "state": checks.combined([each.state for each in found]),
        "statuses": shapes,
        "sha": sha,
        "total_count": len(found),
        "repository": minimal(forge, repository),
        "commit_url": address(forge, repository, f"/commits/{sha}"),
        "url": address(forge, repository, f"/commits/{sha}/status"),
    }
    return answer(body)


def _changes(call: Call) -> Json:
    changes: Json = call.changes("name", "status", "external_id", "details_url", nullable=("conclusion",))
    for name in ("started_at", "completed_at"):
        moment = call.moment(name)
        changes |= {name: moment} if moment else {}
    output = call.part_of("output")
    if output is not None:
        told = output.changes("title", "summary", nullable=("text",))
        changes["output"] = {**told, "annotations": output.items("annotations", dict)}
    return changes


def _run(call: Call) -> CheckRun:
    found = call.forge.store.get(CheckRun, call.number("check_run_id"))
    if found is None or found.repository_id != call.repository.id:
        raise not_found()
    return found


async def _sha(call: Call) -> str:
    sha = await call.forge.git(call.repository).resolve(call.part("ref"))
    if sha is None:
        raise unprocessable(f"No commit found for SHA: {call.part('ref')}")
    return sha


async def _commit(call: Call, sha: str) -> Commit:
    found = await call.forge.git(call.repository).commit(sha)
    if found is None or found.oid != sha:
        raise unprocessable(f"No commit found for SHA: {sha}")
    return found


async def _suite(call: Call, suite: CheckSuite) -> Json:
    return checks.suite(call.forge, call.repository, suite, await _commit(call, suite.head_sha))
