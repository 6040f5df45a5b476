"""Bodies that nobody should send: every field of every writing route with values of every wrong kind."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox import Sandbox, running_sandbox
from bot.sandbox.calls import Route
from bot.sandbox.rest import ROUTES
from bot.sandbox.server import Options
from tests.sandbox.harness import Client, as_user, client_with
from tests.sandbox.official import exchange_problems, openapi
from tests.sandbox.test_bot_story import Bot, installed, propose

R = "/repos/ada/digits"
HUGE = "y" * 140_000  # longer than an argument of a process may be
WRONG: tuple[Any, ...] = (None, True, 2**70, [], [5], [None], [{}], {}, {"name": 5}, "", "\0", HUGE)
ONCE = {  # what is right is refused here when it has been done before, or when there is nothing to send again
    "/app-manifests/{code}/conversions",
    "/repos/{owner}/{repo}/pulls",
    "/repos/{owner}/{repo}/pulls/{pull_number}/merge",
    "/repos/{owner}/{repo}/releases/{release_id}/assets",
    "/app/hook/deliveries/{delivery_id}/attempts",
}
WRITING = [route for route in ROUTES if route.method in {"POST", "PATCH", "PUT"}]


@pytest.fixture
async def tolerant(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A sandbox whose answers are judged, and not what it is asked."""
    problems: list[str] = []
    options = Options(observe_exchange=lambda exchange: problems.extend(exchange_problems(exchange, asked=False)))
    async with running_sandbox(tmp_path / "sandbox", 0, options) as running:
        yield running
    assert not problems, "not as GitHub describes:\n" + "\n".join(dict.fromkeys(problems))


def fields(schema: dict[str, Any]) -> dict[str, Any]:
    """The described keys of a body and what they hold."""
    found: dict[str, Any] = dict(schema.get("properties", {}))
    for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        found |= fields(each)
    return found


def described(route: Route) -> dict[str, Any]:
    operation = openapi()["paths"][route.described][route.method.lower()]
    return fields(operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {}))


def bodies(route: Route, good: dict[str, Any]) -> Iterator[Any]:
    """The good body with one field wrong at a time, one level down too, and bodies that are no object."""
    yield from ([5], [None], [[]], "text", 5, None)
    known = described(route)
    for name in known.keys() | good.keys():
        right = bool if known.get(name, {}).get("type") == "boolean" else ()
        yield from ({**good, name: wrong} for wrong in WRONG if not isinstance(wrong, right))
        for schema in (known.get(name, {}), known.get(name, {}).get("items", {})):
            for inner in fields(schema):
                whole = good.get(name) if isinstance(good.get(name), dict) else {}
                for wrong in WRONG:
                    made = {**(whole or {}), inner: wrong}
                    yield {**good, name: [made] if schema is not known.get(name) else made}


def numbered(body: Any, number: int) -> Any:
    """The body with the number for each `@`, so that every new name is free."""
    return json.loads(json.dumps(body).replace("@", str(number)))


async def examples(bot: Bot, ada: Client) -> dict[str, tuple[dict[str, str], dict[str, Any]]]:
    """For the end of a template, what stands in its path and a body that is right."""
    pull = await propose(bot)
    head = pull["headRefOid"]
    await ada("POST", f"{R}/issues", {"title": "One", "labels": ["a"]})
    comment = (await ada("POST", f"{R}/issues/2/comments", {"body": "x"}))[1]["id"]
    run = (await bot.client("POST", f"{R}/check-runs", {"name": "x", "head_sha": head}))[1]["id"]
    deployment = (await ada("POST", f"{R}/deployments", {"ref": "main", "required_contexts": []}))[1]["id"]
    release = (await ada("POST", f"{R}/releases", {"tag_name": "v0"}))[1]["id"]
    tree = (await ada("GET", f"{R}/git/commits/{head}"))[1]["tree"]["sha"]
    path = {
        "owner": "ada", "repo": "digits", "issue_number": "2", "pull_number": "1", "comment_id": str(comment),
        "check_run_id": str(run), "deployment_id": str(deployment), "release_id": str(release), "sha": head,
        "ref": "heads/bolide/update", "path": "a@.txt", "installation_id": str(bot.installation_id), "name": "a",
        "delivery_id": "7", "reaction_id": "7", "code": "7", "asset_id": "7",
    }  # fmt: skip
    good = {
        "/issues": {"title": "T"}, "/comments": {"body": "x"}, "/reactions": {"content": "eyes"},
        "/labels": {"name": "n@"}, "/pulls": {"title": "T", "head": "bolide/update", "base": "main"},
        "/contents/{path}": {"message": "m", "content": "eA=="}, "/check-runs": {"name": "x", "head_sha": head},
        "/check-suites": {"head_sha": head}, "/statuses/{sha}": {"state": "success"},
        "/deployments": {"ref": "main", "required_contexts": []}, "/statuses": {"state": "success"},
        "/releases": {"tag_name": "v1.@"}, "/git/refs": {"ref": "refs/heads/n@", "sha": head},
        "/git/refs/{ref}": {"sha": head},
        "/git/commits": {"message": "m", "tree": tree, "parents": [head]}, "/user/repos": {"name": "n@"},
        "/git/trees": {"base_tree": head, "tree": [{"path": "b", "mode": "100644", "type": "blob", "content": "x"}]},
        "/git/blobs": {"content": "x"}, "/git/tags": {"tag": "t", "message": "m", "object": head, "type": "commit"},
        "/comments/{comment_id}": {"body": "x"},
    }  # fmt: skip
    return {route.template: (path, good.get(_end(route.template, good), {})) for route in WRITING}


def _end(template: str, known: dict[str, Any]) -> str:
    return max((end for end in known if template.endswith(end)), key=len, default="")


async def test_no_wrong_body_breaks_the_sandbox(tolerant: Sandbox, keys: tuple[str, str]) -> None:
    broken: list[Any] = []
    async with installed(tolerant, keys) as bot, as_user(tolerant, "ada") as ada, client_with(tolerant, bot.jwt) as app:
        known = await examples(bot, ada)
        for route in WRITING:
            places, good = known[route.template]
            client = app if route.template.startswith("/app") else bot.client if "/check-" in route.template else ada
            path = route.template.format(**places)
            for at, body in enumerate(bodies(route, good)):
                status, _ = await client(route.method, numbered(path, at), numbered(body, at))
                if status >= 500:
                    broken.append((route.method, route.template, json.dumps(body)[:200]))
            status, answer = await client(route.method, numbered(path, 9999), numbered(good, 9999))
            assert status < 300 or route.template in ONCE, (route.method, path, answer)
        assert (await ada("GET", R))[0] == 200
    assert broken == []
