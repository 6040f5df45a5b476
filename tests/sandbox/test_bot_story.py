"""What the bot does in one update: token, read, write, open, report, merge, release; each event told and signed."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import jwt
import pytest

from bot.sandbox import Sandbox
from tests.sandbox.harness import Client, Receiver, as_user, client_with, webhook_receiver

SECRET = "a-webhook-secret"
FILES = {"Pipfile": "[packages]\nflask = '*'\n", "README.md": "# digits\n", "app/__init__.py": "x = 1\n"}

READ = """query($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) {
    id isArchived
    defaultBranchRef { name target { oid } }
    f0: object(expression: "main:Pipfile") { ... on Blob { oid text byteSize isBinary isTruncated } }
    f1: object(expression: "main:nowhere") { ... on Blob { text } }
    f2: object(expression: "main") { ... on Commit { oid committedDate author { name user { login } } } }
    f3: object(expression: "main:app") { ... on Tree { entries { name type path } } }
    pullRequests(first: 10, states: OPEN) {
      nodes { number title headRefName commits(last: 1) { nodes { commit { oid } } } }
    }
    refs(refPrefix: "refs/tags/", first: 10) { nodes { name target { oid } } }
    latestRelease { tagName }
    labels(first: 5) { nodes { name } }
    issues(first: 5) { nodes { number title author { login } } }
  }
  rateLimit { remaining }
}"""

WRITE = """mutation($ref: CreateRefInput!, $commit: CreateCommitOnBranchInput!, $pull: CreatePullRequestInput!) {
  createRef(input: $ref) { ref { id name } }
  createCommitOnBranch(input: $commit) { commit { oid author { name email } committer { name } signature { isValid } } }
  createPullRequest(input: $pull) { pullRequest { id number url title headRefOid state author { __typename login } } }
}"""


@dataclass(frozen=True)
class Bot:
    client: Client
    installation_id: int
    receiver: Receiver
    jwt: str


def app_jwt(app_id: int, private: str, *, issued: float = 0, life: int = 540, algorithm: str = "RS256") -> str:
    now = int(issued or time.time())
    return jwt.encode({"iat": now - 30, "exp": now + life, "iss": str(app_id)}, private, algorithm=algorithm)


@asynccontextmanager
async def installed(sandbox: Sandbox, keys: tuple[str, str], **narrowing: Any) -> AsyncIterator[Bot]:
    await sandbox.create_repository("ada/digits", FILES)
    async with webhook_receiver() as receiver:
        app = sandbox.register_app("bolide", "ada", keys[1], receiver.url, SECRET)
        installation = sandbox.install_app(app, "ada/digits")
        token = app_jwt(app.id, keys[0])
        async with client_with(sandbox, token) as as_app:
            path = f"/app/installations/{installation.id}/access_tokens"
            status, body = await as_app("POST", path, narrowing or None)
            assert status == 201, body
        async with client_with(sandbox, body["token"]) as client:
            yield Bot(client, installation.id, receiver, token)
            await sandbox.delivered()


def commit_input(head: str, branch: str, path: str = "Pipfile.lock", text: str = "{}\n") -> dict[str, Any]:
    return {
        "branch": {"repositoryNameWithOwner": "ada/digits", "branchName": branch},
        "message": {"headline": "Update flask", "body": "because"},
        "fileChanges": {"additions": [{"path": path, "contents": base64.b64encode(text.encode()).decode()}]},
        "expectedHeadOid": head,
    }


async def propose(bot: Bot, branch: str = "bolide/update") -> dict[str, Any]:
    read = (await bot.client.graphql(READ, owner="ada", name="digits"))["data"]["repository"]
    head = read["defaultBranchRef"]["target"]["oid"]
    pull = {
        "repositoryId": read["id"],
        "headRefName": branch,
        "baseRefName": "main",
        "title": "Update",
        "body": "| a | b |\n|---|---|\n| 1 | 2 |",
    }
    ref = {"repositoryId": read["id"], "name": f"refs/heads/{branch}", "oid": head}
    done = await bot.client.graphql(WRITE, ref=ref, commit=commit_input(head, branch), pull=pull)
    assert "errors" not in done, done
    result: dict[str, Any] = done["data"]["createPullRequest"]["pullRequest"] | {
        "commit": done["data"]["createCommitOnBranch"]["commit"]
    }
    return result


async def test_one_query_reads_a_repository(sandbox: Sandbox, keys: tuple[str, str]) -> None:
    async with installed(sandbox, keys) as bot:
        body = await bot.client.graphql(READ, owner="ada", name="digits")
    assert "errors" not in body
    found = body["data"]["repository"]
    assert found["f0"] == {
        "oid": found["f0"]["oid"],
        "text": FILES["Pipfile"],
        "byteSize": len(FILES["Pipfile"]),
        "isBinary": False,
        "isTruncated": False,
    }
    assert found["f1"] is None
    assert found["f2"]["oid"] == found["defaultBranchRef"]["target"]["oid"]
    assert found["f2"]["author"] == {"name": "ada", "user": {"login": "ada"}}
    assert found["f3"]["entries"] == [{"name": "__init__.py", "type": "blob", "path": "__init__.py"}]
    assert found["latestRelease"] is None
    assert found["pullRequests"]["nodes"] == []


async def test_an_update_from_branch_to_release(sandbox: Sandbox, keys: tuple[str, str]) -> None:
    async with installed(sandbox, keys) as bot:
        pull = await propose(bot)
        assert (pull["number"], pull["state"]) == (1, "OPEN")
        assert pull["author"] == {"__typename": "Bot", "login": "bolide"}
        assert pull["commit"]["author"]["name"] == "bolide[bot]"
        assert pull["commit"]["committer"]["name"] == "GitHub"
        assert pull["commit"]["signature"] == {"isValid": True}
        await report(bot, pull["headRefOid"])
        async with as_user(sandbox, "ada") as ada:
            assert (await ada("GET", "/repos/ada/digits/pulls/1"))[1]["mergeable"] is True
            status, merged = await ada("PUT", "/repos/ada/digits/pulls/1/merge", {"merge_method": "squash"})
            assert (status, merged["merged"]) == (200, True)
        await deploy_and_release(bot, merged["sha"])
        await sandbox.delivered()
        kinds = [(headers["X-GitHub-Event"], json.loads(body).get("action")) for headers, body in bot.receiver.received]
        for headers, body in bot.receiver.received:
            expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            assert headers["X-Hub-Signature-256"] == f"sha256={expected}"
            assert headers["User-Agent"].startswith("GitHub-Hookshot/")
    assert {("installation", "created"), ("create", None), ("push", None), ("pull_request", "opened")} <= set(kinds)
    assert {("check_run", "created"), ("check_run", "completed"), ("status", None)} <= set(kinds)
    assert {("pull_request", "closed"), ("deployment", "created"), ("deployment_status", "created")} <= set(kinds)
    assert {("release", "published"), ("release", "created")} <= set(kinds)
    merge = next(
        json.loads(body) for headers, body in bot.receiver.received if json.loads(body).get("action") == "closed"
    )
    assert merge["pull_request"]["merged"] is True
    assert merge["sender"]["login"] == "ada"


async def deploy_and_release(bot: Bot, sha: str) -> None:
    status, deployment = await bot.client(
        "POST",
        "/repos/ada/digits/deployments",
        {"ref": sha, "required_contexts": [], "environment": "production", "description": "d"},
    )
    assert status == 201
    path = f"/repos/ada/digits/deployments/{deployment['id']}/statuses"
    assert (
        await bot.client(
            "POST", path, {"state": "success", "environment_url": "http://127.0.0.1:1/", "description": "up"}
        )
    )[0] == 201
    assert (
        await bot.client("POST", "/repos/ada/digits/releases", {"tag_name": "v1.1.0", "name": "1.1.0", "body": "new"})
    )[0] == 201
    assert (await bot.client("GET", "/repos/ada/digits/releases/latest"))[1]["tag_name"] == "v1.1.0"


async def report(bot: Bot, sha: str) -> None:
    output = {"title": "Evidence", "summary": "It **boots**", "text": "more"}
    given = {"name": "bolide", "head_sha": sha, "status": "in_progress", "output": output}
    status, run = await bot.client("POST", "/repos/ada/digits/check-runs", given)
    assert status == 201, run
    done = {"status": "completed", "conclusion": "success"}
    assert (await bot.client("PATCH", f"/repos/ada/digits/check-runs/{run['id']}", done))[1]["conclusion"] == "success"
    state = {"state": "success", "context": "bolide/deploy", "description": "fine"}
    assert (await bot.client("POST", f"/repos/ada/digits/statuses/{sha}", state))[0] == 201
    assert (await bot.client("GET", f"/repos/ada/digits/commits/{sha}/status"))[1]["state"] == "success"
    assert (await bot.client("GET", f"/repos/ada/digits/commits/{sha}/check-runs"))[1]["total_count"] == 1


async def test_a_stale_head_is_refused_and_nothing_is_written(sandbox: Sandbox, keys: tuple[str, str]) -> None:
    async with installed(sandbox, keys) as bot:
        pull = await propose(bot)
        stale = commit_input("0" * 39 + "1", "bolide/update", text="other")
        done = await bot.client.graphql(
            "mutation($c: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $c) { commit { oid } } }", c=stale
        )
        assert done["data"] == {"createCommitOnBranch": None}
        assert done["errors"][0]["type"] == "STALE_DATA"
        assert done["errors"][0]["path"] == ["createCommitOnBranch"]
        now = await bot.client("GET", "/repos/ada/digits/git/ref/heads/bolide/update")
        assert now[1]["object"]["sha"] == pull["headRefOid"]


@pytest.mark.parametrize(
    ("permissions", "status"), [({"contents": "read", "issues": "write"}, 403), ({"contents": "write"}, 201)]
)
async def test_a_narrowed_token_may_only_what_it_names(
    sandbox: Sandbox, keys: tuple[str, str], permissions: dict[str, str], status: int
) -> None:
    async with installed(sandbox, keys, repositories=["digits"], permissions=permissions) as bot:
        sha = (await bot.client("GET", "/repos/ada/digits/commits"))[1][0]["sha"]
        got, body = await bot.client("POST", "/repos/ada/digits/git/refs", {"ref": "refs/heads/x", "sha": sha})
    assert got == status
    assert status == 201 or body["message"] == "Resource not accessible by integration"
