"""Deployments and their statuses."""

from dataclasses import replace

from aiohttp import web

from bot.sandbox.calls import Call, Table, answer, page
from bot.sandbox.entities import Json
from bot.sandbox.errors import conflict, invalid, not_found, unprocessable
from bot.sandbox.records import Deployment, DeploymentStatus
from bot.sandbox.shapes import checks
from bot.sandbox.shapes import deployments as shapes

table = Table()
STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")
LONGEST_DESCRIPTION = 140  # characters
STATUSES = "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses"


@table.route("GET", "/repos/{owner}/{repo}/deployments", "deployments:read")
async def list_deployments(call: Call) -> web.Response:
    """The deployments, newest first, filtered."""
    query = call.request.query
    found = [
        each
        for each in reversed(call.forge.store.all(Deployment, call.repository.id))
        if all(query.get(name, value) == value for name, value in _filters(each).items())
    ]
    return page(call, found, lambda each: shapes.deployment(call.forge, call.repository, each))


@table.route("POST", "/repos/{owner}/{repo}/deployments", "deployments:write")
async def create_deployment(call: Call) -> web.Response:
    """A new deployment of a ref; raises 409 when required contexts have not succeeded."""
    ref, environment = call.text("ref"), call.text("environment", "production")
    sha = await call.forge.git(call.repository).resolve(ref)
    if sha is None:
        raise unprocessable(f"No ref found for: {ref}")
    _check_contexts(call, sha)
    now = call.forge.now()
    row = Deployment(
        0, call.repository.id, sha, ref, call.text("task", "deploy"), environment, call.text("description", ""),
        _payload(call), call.flag("production_environment", environment == "production"),
        call.flag("transient_environment"), call.who.user.id, call.who.app_id, now, now,
    )  # fmt: skip
    made = call.forge.store.add(row)
    shape = shapes.deployment(call.forge, call.repository, made)
    payload = {"deployment": shape, "workflow": None, "workflow_run": None}
    call.forge.emit("deployment", "created", payload, call.repository, call.who.user)
    return answer(shape, 201)


@table.route("GET", "/repos/{owner}/{repo}/deployments/{deployment_id}", "deployments:read")
async def get_deployment(call: Call) -> web.Response:
    """One deployment."""
    return answer(shapes.deployment(call.forge, call.repository, _deployment(call)))


@table.route("GET", STATUSES, "deployments:read")
async def list_statuses(call: Call) -> web.Response:
    """The statuses of a deployment, newest first."""
    found = list(reversed(call.forge.store.all(DeploymentStatus, _deployment(call).id)))
    return page(call, found, lambda each: shapes.status(call.forge, call.repository, each))


@table.route("POST", STATUSES, "deployments:write")
async def create_status(call: Call) -> web.Response:
    """A new status; success makes the older deployments of the environment inactive, unless told not to."""
    deployment, state = _deployment(call), call.text("state")
    if state not in STATES:
        raise invalid("DeploymentStatus", "state")
    if len(call.text("description", "")) > LONGEST_DESCRIPTION:
        raise invalid("DeploymentStatus", "description")
    if state == "success" and call.flag("auto_inactive", default=True):
        _make_inactive(call, deployment)
    row = DeploymentStatus(
        0, deployment.id, state, call.text("description", ""), call.text("environment", deployment.environment),
        call.text("environment_url", ""), call.text("log_url", call.text("target_url", "")), call.who.user.id,
        call.who.app_id, call.forge.now(),
    )  # fmt: skip
    made = call.forge.store.add(row)
    deployment = call.forge.store.put(replace(deployment, updated=call.forge.now()))
    shape = shapes.status(call.forge, call.repository, made)
    whole = shapes.deployment(call.forge, call.repository, deployment)
    told = {name: value for name, value in shape.items() if value or name not in {"log_url", "environment_url"}}
    payload = {"deployment_status": told, "deployment": whole}
    if state != "inactive":  # of which GitHub tells no webhook
        call.forge.emit("deployment_status", "created", payload, call.repository, call.who.user)
    return answer(shape, 201)


@table.route("GET", f"{STATUSES}/{{status_id}}", "deployments:read")
async def get_status(call: Call) -> web.Response:
    """One status."""
    found = call.forge.store.get(DeploymentStatus, call.number("status_id"))
    if found is None or found.deployment_id != _deployment(call).id:
        raise not_found()
    return answer(shapes.status(call.forge, call.repository, found))


def _filters(value: Deployment) -> dict[str, str]:
    return {"sha": value.sha, "ref": value.ref, "task": value.task, "environment": value.environment}


def _payload(call: Call) -> Json | str:
    value = call.body.get("payload")
    if value is not None and not isinstance(value, dict | str):
        raise unprocessable("Invalid request.\n\nFor 'payload', only an object or a string is taken.")
    return value or {}


def _check_contexts(call: Call, sha: str) -> None:
    states = {each.context: each.state for each in checks.latest(call.forge, call.repository, sha)}
    wanted = states if call.body.get("required_contexts") is None else call.texts("required_contexts")
    if any(states.get(name) != "success" for name in wanted):
        raise conflict("Conflict: Commit status checks failed for " + sha)


def _make_inactive(call: Call, newest: Deployment) -> None:
    store = call.forge.store
    for each in store.all(Deployment, call.repository.id):
        if each.id == newest.id or each.environment != newest.environment:
            continue
        statuses = store.all(DeploymentStatus, each.id)
        if statuses and statuses[-1].state == "success":
            store.add(replace(statuses[-1], id=0, state="inactive", created=call.forge.now()))


def _deployment(call: Call) -> Deployment:
    found = call.forge.store.get(Deployment, call.number("deployment_id"))
    if found is None or found.repository_id != call.repository.id:
        raise not_found()
    return found
