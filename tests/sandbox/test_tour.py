"""Every REST operation, GraphQL field, mutation and page once, so that each answer meets the official judge."""

import base64
from typing import Any

from bot.sandbox import Sandbox
from bot.sandbox.actions.manifests import read_manifest, register
from bot.sandbox.actions.setup import user_or_404
from bot.sandbox.rest import ROUTES
from tests.sandbox.harness import Client, as_user, client_with
from tests.sandbox.test_bot_story import Bot, installed, propose, report

R = "/repos/ada/digits"
MANIFEST = """{
  "name": "Another", "url": "https://a.example", "redirect_url": "https://a.example/back",
  "hook_attributes": {"url": "https://a.example/webhook"}, "default_permissions": {"issues": "read"}
}"""


async def walk(client: Client, *steps: tuple[int, str, str, Any]) -> list[Any]:
    """The answers of requests that must have these statuses."""
    answers = []
    for expected, method, path, body in steps:
        status, answer = await client(method, path, body)
        assert status == expected, (method, path, answer)
        answers.append(answer)
    return answers


async def tour_git(ada: Client) -> None:
    head = (await ada("GET", f"{R}/git/ref/heads/main"))[1]["object"]["sha"]
    blob, tree = await walk(
        ada,
        (201, "POST", f"{R}/git/blobs", {"content": base64.b64encode(b"\x00\x01").decode(), "encoding": "base64"}),
        (
            201,
            "POST",
            f"{R}/git/trees",
            {"base_tree": head, "tree": [{"path": "a/b", "mode": "100644", "type": "blob", "content": "x"}]},
        ),
    )
    (commit,) = await walk(
        ada, (201, "POST", f"{R}/git/commits", {"message": "Made by hand", "tree": tree["sha"], "parents": [head]})
    )
    tag, _, moved = await walk(
        ada,
        (201, "POST", f"{R}/git/tags", {"tag": "v0", "message": "first", "object": head, "type": "commit"}),
        (201, "POST", f"{R}/git/refs", {"ref": "refs/heads/hand", "sha": head}),
        (200, "PATCH", f"{R}/git/refs/heads/hand", {"sha": commit["sha"], "force": False}),
    )
    assert moved["object"]["sha"] == commit["sha"]
    got = await walk(
        ada,
        (201, "POST", f"{R}/git/refs", {"ref": "refs/tags/v0", "sha": tag["sha"]}),
        (200, "GET", f"{R}/git/tags/{tag['sha']}", None),
        (200, "GET", f"{R}/git/blobs/{blob['sha']}", None),
        (200, "GET", f"{R}/git/trees/{tree['sha']}?recursive=1", None),
        (200, "GET", f"{R}/git/commits/{commit['sha']}", None),
        (200, "GET", f"{R}/git/matching-refs/heads/", None),
        (422, "PATCH", f"{R}/git/refs/heads/hand", {"sha": head}),
        (200, "PATCH", f"{R}/git/refs/heads/hand", {"sha": head, "force": True}),
        (204, "DELETE", f"{R}/git/refs/heads/hand", None),
        (422, "DELETE", f"{R}/git/refs/heads/main", None),
        (404, "GET", f"{R}/git/ref/heads/hand", None),
    )
    assert base64.b64decode(got[2]["content"]) == b"\x00\x01"
    assert {entry["path"] for entry in got[3]["tree"]} >= {"a", "a/b", "README.md"}
    assert [ref["ref"] for ref in got[5]] == ["refs/heads/bolide/update", "refs/heads/hand", "refs/heads/main"]


async def tour_repository(ada: Client) -> None:
    readme = (await ada("GET", f"{R}/contents/README.md"))[1]
    await walk(
        ada,
        (200, "PUT", f"{R}/contents/README.md", {"message": "Change", "content": "eA==", "sha": readme["sha"]}),
        (409, "PUT", f"{R}/contents/README.md", {"message": "Change", "content": "eQ==", "sha": readme["sha"]}),
        (422, "PUT", f"{R}/contents/README.md", {"message": "Change", "content": "eQ=="}),
        (409, "DELETE", f"{R}/contents/README.md", {"message": "Drop", "sha": readme["sha"]}),
        (404, "DELETE", f"{R}/contents/nowhere", {"message": "Drop", "sha": readme["sha"]}),
    )
    made = (await ada("PUT", f"{R}/contents/old.txt", {"message": "Add", "content": "eA=="}))[1]
    await walk(
        ada,
        (200, "DELETE", f"{R}/contents/old.txt", {"message": "Drop", "sha": made["content"]["sha"]}),
        (200, "GET", f"{R}/contents/", None),
        (200, "GET", f"{R}/contents/app?ref=main", None),
        (200, "GET", f"{R}/readme", None),
        (200, "GET", f"{R}/branches", None),
        (200, "GET", f"{R}/branches/main", None),
        (404, "GET", f"{R}/branches/nowhere", None),
        (200, "GET", f"{R}/tags", None),
        (200, "GET", f"{R}/commits?path=README.md&sha=main", None),
        (200, "GET", f"{R}/commits/main", None),
        (200, "GET", f"{R}/compare/main...bolide%2Fupdate", None),
        (404, "GET", f"{R}/compare/main...nowhere", None),
        (200, "GET", f"{R}/zipball/main", None),
        (200, "GET", f"{R}/tarball/main", None),
        (200, "GET", f"{R}/collaborators/ada/permission", None),
        (200, "GET", f"{R}/collaborators", None),
        (200, "GET", R, None),
        (200, "PATCH", R, {"description": "told", "has_issues": True}),
        (201, "POST", "/user/repos", {"name": "another", "private": True}),
        (200, "GET", "/user/repos?visibility=private", None),
        (422, "POST", "/user/repos", {"name": "another"}),
        (422, "POST", "/user/repos", {"name": "../x"}),
        (409, "GET", "/repos/ada/another/commits", None),
    )


async def tour_conversations(ada: Client) -> None:
    made = await walk(
        ada,
        (201, "POST", f"{R}/issues", {"title": "Two", "labels": ["a", {"name": "b"}]}),
        (201, "POST", f"{R}/labels", {"name": "c c", "color": "ff0000"}),
        (422, "POST", f"{R}/labels", {"name": "C C", "color": "ff0000"}),
        (422, "POST", f"{R}/labels", {"name": "d", "color": "red"}),
        (201, "POST", f"{R}/issues/2/comments", {"body": "hello"}),
        (201, "POST", f"{R}/issues/2/reactions", {"content": "rocket"}),
        (200, "POST", f"{R}/issues/2/reactions", {"content": "rocket"}),
        (422, "POST", f"{R}/issues/2/reactions", {"content": "banana"}),
    )
    got = await tour_comments(ada, made[4]["id"], made[5]["id"])
    assert [issue["number"] for issue in got] == [2]
    labels = await walk(
        ada,
        (200, "GET", f"{R}/issues/2/labels", None),
        (200, "POST", f"{R}/issues/2/labels", {"labels": ["extra"]}),
        (200, "PUT", f"{R}/issues/2/labels", {"labels": ["c c"]}),
        (200, "DELETE", f"{R}/issues/2/labels/c%20c", None),
        (404, "DELETE", f"{R}/issues/2/labels/zzz", None),
        (200, "PATCH", f"{R}/issues/2", {"title": "New", "body": "text", "state": "closed", "labels": ["a"]}),
        (200, "PATCH", f"{R}/issues/2", {"state": "open"}),
        (422, "PATCH", f"{R}/issues/2", {"state": "odd"}),
        (200, "GET", f"{R}/issues/2", None),
        (200, "GET", f"{R}/labels", None),
        (200, "GET", f"{R}/labels/a", None),
        (200, "PATCH", f"{R}/labels/a", {"new_name": "z", "color": "00ff00"}),
        (204, "DELETE", f"{R}/labels/z", None),
    )
    assert labels[3] == []


async def tour_comments(ada: Client, comment: int, reaction: int) -> Any:
    """The issues that a filter finds, after every use of a comment and its reactions."""
    face = (await walk(ada, (201, "POST", f"{R}/issues/comments/{comment}/reactions", {"content": "eyes"})))[0]["id"]
    got = await walk(
        ada,
        (200, "GET", f"{R}/issues?state=all&labels=a&creator=ada&direction=asc", None),
        (200, "GET", f"{R}/issues/comments", None),
        (200, "GET", f"{R}/issues/2/comments", None),
        (200, "GET", f"{R}/issues/comments/{comment}", None),
        (200, "PATCH", f"{R}/issues/comments/{comment}", {"body": "changed"}),
        (200, "GET", f"{R}/issues/2/reactions", None),
        (200, "GET", f"{R}/issues/comments/{comment}/reactions", None),
        (204, "DELETE", f"{R}/issues/2/reactions/{reaction}", None),
        (204, "DELETE", f"{R}/issues/comments/{comment}/reactions/{face}", None),
        (204, "DELETE", f"{R}/issues/comments/{comment}", None),
    )
    return got[0]


async def tour_pulls(ada: Client) -> None:
    await walk(
        ada,
        (200, "GET", f"{R}/pulls?state=all&head=ada:bolide/update&sort=updated&direction=asc", None),
        (422, "POST", f"{R}/pulls", {"title": "Again", "head": "ada:bolide/update", "base": "main"}),
        (200, "GET", f"{R}/pulls/1", None),
        (200, "GET", f"{R}/pulls/1/files", None),
        (200, "GET", f"{R}/pulls/1/commits", None),
        (200, "GET", f"{R}/pulls/1/reviews", None),
        (200, "GET", f"{R}/pulls/1/comments", None),
        (200, "GET", f"{R}/commits/bolide%2Fupdate/pulls", None),
        (422, "GET", f"{R}/commits/nowhere/pulls", None),
        (404, "GET", f"{R}/pulls/1/merge", None),
        (200, "PATCH", f"{R}/pulls/1", {"state": "closed"}),
        (405, "PUT", f"{R}/pulls/1/merge", {}),
        (200, "PATCH", f"{R}/pulls/1", {"state": "open", "body": "new"}),
        (409, "PUT", f"{R}/pulls/1/merge", {"sha": "0" * 40}),
        (200, "PUT", f"{R}/pulls/1/merge", {"merge_method": "merge", "commit_title": "Land it"}),
        (204, "GET", f"{R}/pulls/1/merge", None),
        (422, "PATCH", f"{R}/pulls/1", {"state": "open"}),
    )


async def tour_assets(bot: Bot, release: int) -> None:
    """Two files of a draft: one stays, one goes; the page and the API give the first byte by byte."""
    url = f"{bot.client.sandbox.api_url}{R}/releases/{release}/assets"
    for name in ("sbom.json", "gone.txt"):
        answers = []
        for _ in range(2):
            async with bot.client.session.post(
                f"{url}?name={name}", data=b"\x00{", headers={"Content-Type": "application/json"}
            ) as answer:
                answers.append((answer.status, await answer.json()))
        assert [status for status, _ in answers] == [201, 422]
        made = answers[0][1]
    async with bot.client.session.post(url, data=b"x") as answer:
        assert answer.status == 422
    await walk(
        bot.client,
        (204, "DELETE", f"{R}/releases/assets/{made['id']}", None),
        (404, "GET", f"{R}/releases/assets/{made['id']}", None),
    )
    ((kept,),) = await walk(bot.client, (200, "GET", f"{R}/releases/{release}/assets", None))
    assert (kept["name"], kept["size"], kept["state"]) == ("sbom.json", 2, "uploaded")
    await walk(bot.client, (200, "GET", f"{R}/releases/assets/{kept['id']}", None))
    assert (await walk(bot.client, (200, "GET", f"{R}/releases/{release}", None)))[0]["assets"] == [kept]
    async with bot.client.session.get(kept["url"], headers={"Accept": "application/octet-stream"}) as answer:
        assert await answer.read() == b"\x00{"


async def tour_reports(bot: Bot, sha: str) -> None:
    suite, run, deployment, release = await walk(
        bot.client,
        (200, "POST", f"{R}/check-suites", {"head_sha": sha}),
        (201, "POST", f"{R}/check-runs", {"name": "x", "head_sha": sha, "conclusion": "failure"}),
        (201, "POST", f"{R}/deployments", {"ref": "main", "required_contexts": [], "payload": {"a": 1}}),
        (201, "POST", f"{R}/releases", {"tag_name": "v2", "draft": True}),
    )
    await walk(
        bot.client,
        (422, "POST", f"{R}/check-runs", {"name": "x", "head_sha": "0" * 40}),
        (422, "POST", f"{R}/check-runs", {"name": "x", "head_sha": sha, "status": "completed"}),
        (200, "GET", f"{R}/check-runs/{run['id']}", None),
        (200, "GET", f"{R}/check-suites/{suite['id']}", None),
        (200, "GET", f"{R}/commits/{sha}/check-suites", None),
        (200, "GET", f"{R}/commits/{sha}/statuses", None),
        (200, "GET", f"{R}/statuses/{sha}", None),
        (422, "POST", f"{R}/statuses/{sha}", {"state": "odd"}),
        (409, "POST", f"{R}/deployments", {"ref": sha, "required_contexts": ["absent"]}),
        (201, "POST", f"{R}/deployments/{deployment['id']}/statuses", {"state": "in_progress"}),
    )
    await tour_assets(bot, release["id"])
    status = (await bot.client("POST", f"{R}/deployments/{deployment['id']}/statuses", {"state": "success"}))[1]
    await walk(
        bot.client,
        (200, "GET", f"{R}/deployments?environment=production", None),
        (200, "GET", f"{R}/deployments/{deployment['id']}", None),
        (200, "GET", f"{R}/deployments/{deployment['id']}/statuses", None),
        (200, "GET", f"{R}/deployments/{deployment['id']}/statuses/{status['id']}", None),
        (404, "GET", f"{R}/releases/latest", None),
        (200, "PATCH", f"{R}/releases/{release['id']}", {"draft": False, "name": "Two"}),
        (200, "GET", f"{R}/releases", None),
        (200, "GET", f"{R}/releases/{release['id']}", None),
        (200, "GET", f"{R}/releases/tags/v2", None),
        (422, "POST", f"{R}/releases", {"tag_name": "v2"}),
        (204, "DELETE", f"{R}/releases/{release['id']}", None),
        (200, "GET", "/installation/repositories", None),
        (403, "GET", "/user", None),
    )


async def tour_accounts(ada: Client, bot: Bot) -> None:
    user = (await ada("GET", "/user"))[1]
    await walk(
        ada,
        (200, "GET", "/users/ada", None),
        (404, "GET", "/users/nobody", None),
        (200, "GET", "/users/ada/repos", None),
        (200, "GET", f"/user/{user['id']}", None),
        (200, "GET", "/rate_limit", None),
        (200, "GET", "/meta", None),
        (200, "GET", "/zen", None),
        (401, "GET", "/app", None),
    )
    sandbox = bot.client.sandbox
    owner, manifest = user_or_404(sandbox.services.forge, "ada"), read_manifest(MANIFEST)
    code = register(sandbox.services.forge, owner, manifest)
    for status in (201, 404):
        await walk(ada, (status, "POST", f"/app-manifests/{code}/conversions", None))
    async with client_with(sandbox, bot.jwt) as app:
        path = f"/app/installations/{bot.installation_id}"
        await walk(
            app,
            (200, "GET", "/app/installations", None),
            (200, "GET", path, None),
            (200, "GET", f"{R}/installation", None),
            (200, "GET", "/app/hook/config", None),
            (422, "POST", f"{path}/access_tokens", {"repositories": ["nowhere"]}),
            (422, "POST", f"{path}/access_tokens", {"permissions": {"administration": "write"}}),
            (404, "POST", "/app/installations/7/access_tokens", None),
            (404, "GET", "/app/hook/deliveries/7", None),
        )


async def test_every_rest_operation_answers_as_described(sandbox: Sandbox, keys: tuple[str, str]) -> None:
    async with installed(sandbox, keys) as bot, as_user(sandbox, "ada") as ada:
        pull = await propose(bot)
        await report(bot, pull["headRefOid"])
        await tour_repository(ada)
        await tour_git(ada)
        await tour_reports(bot, pull["headRefOid"])
        await tour_conversations(ada)
        await tour_pulls(ada)
        await tour_accounts(ada, bot)
    asked = {(each["method"], each["template"]) for each in sandbox.requests}
    missed = {(route.method, route.described) for route in ROUTES} - asked
    # redeliveries are a story of their own
    assert {template for _, template in missed if "/app/hook/deliveries" not in template} == set()
