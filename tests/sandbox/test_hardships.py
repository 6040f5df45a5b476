"""Limits, faults, wrong credentials, deliveries sent again, a restart: what makes a client's life hard."""

import io
import json
import tarfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from bot.sandbox import Sandbox
from bot.sandbox.limits import Allowance
from tests.sandbox.harness import as_user, client_with, judged_sandbox, key_pair, webhook_receiver
from tests.sandbox.test_bot_story import app_jwt, installed

FILES = {"README.md": "# digits\n"}
ISSUES = "/repos/ada/digits/issues"


async def test_the_primary_limit_is_enforced_and_unchanged_answers_are_free(tmp_path: Path) -> None:
    async with judged_sandbox(tmp_path / "s", limits=True, allowance=Allowance(per_hour=3)) as sandbox:
        await sandbox.create_repository("ada/digits", FILES)
        headers = {"Authorization": f"Bearer {sandbox.token('ada')}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            url = f"{sandbox.api_url}/repos/ada/digits"
            async with session.get(url) as first:
                tag, left = first.headers["ETag"], first.headers["X-RateLimit-Remaining"]
            for _ in range(5):
                async with session.get(url, headers={"If-None-Match": tag}) as again:
                    assert (again.status, again.headers["X-RateLimit-Remaining"]) == (304, left)
            statuses = []
            for _ in range(3):
                async with session.get(url) as answer:
                    statuses.append((answer.status, answer.headers["X-RateLimit-Remaining"]))
    assert statuses == [(200, "1"), (200, "0"), (403, "0")]


async def test_too_much_new_content_is_told_to_wait(tmp_path: Path) -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    allowance = Allowance(content_per_minute=2, content_per_hour=3)
    async with judged_sandbox(tmp_path / "s", limits=True, allowance=allowance, clock=lambda: now[0]) as sandbox:
        await sandbox.create_repository("ada/digits", FILES)
        async with as_user(sandbox, "ada") as ada:
            statuses = [(await ada("POST", ISSUES, {"title": str(at)}))[0] for at in range(3)]
            assert statuses == [201, 201, 403]
            async with ada.session.post(f"{sandbox.api_url}{ISSUES}", json={"title": "x"}) as refused:
                assert refused.headers["Retry-After"] == "61"
            now[0] += timedelta(seconds=61)
            assert [(await ada("POST", ISSUES, {"title": "y"}))[0] for _ in range(2)] == [201, 403]
            now[0] += timedelta(hours=1)
            assert (await ada("POST", ISSUES, {"title": "z"}))[0] == 201


async def test_faults_strike_before_and_after_the_write(sandbox: Sandbox) -> None:
    await sandbox.create_repository("ada/digits", FILES)
    async with as_user(sandbox, "ada") as ada:
        for fault, status, written in (("500", 500, 0), ("502-after-write", 502, 1), ("403-retry-after:7", 403, 1)):
            sandbox.fault(fault, method="POST", path="/issues$")
            async with ada.session.post(f"{sandbox.api_url}{ISSUES}", json={"title": fault}) as answer:
                assert answer.status == status
                assert answer.headers.get("Retry-After") == ("7" if status == 403 else None)
            assert len((await ada("GET", ISSUES))[1]) == written
        for fault in ("reset", "truncate"):
            sandbox.fault(fault, method="POST", path="/issues$")
            with pytest.raises(aiohttp.ClientError):
                await ada("POST", ISSUES, {"title": fault})
        assert [each["title"] for each in (await ada("GET", ISSUES))[1]] == ["truncate", "reset", "502-after-write"]
        sandbox.fault("latency:0.3", operation="viewer")
        started = time.monotonic()
        assert (await ada.graphql("{ viewer { login } }"))["data"] == {"viewer": {"login": "ada"}}
        assert time.monotonic() - started >= 0.3
        assert (await ada("GET", "/repos/ada/digits"))[0] == 200


async def test_a_wrong_or_stale_jwt_is_refused(sandbox: Sandbox, keys: tuple[str, str]) -> None:
    app = sandbox.register_app("bolide", "ada", keys[1])
    wrong = {
        "another key": app_jwt(app.id, key_pair()[0]),
        "expired": app_jwt(app.id, keys[0], life=-5),
        "too long": app_jwt(app.id, keys[0], life=900),
        "another app": app_jwt(app.id + 1, keys[0]),
        "from the future": app_jwt(app.id, keys[0], issued=time.time() + 300, life=200),
        "unsigned": "a.b.c",
        "a random token": "ghp_nothing",
    }
    for name, token in wrong.items():
        async with client_with(sandbox, token) as client:
            assert (await client("GET", "/app"))[0] == 401, name
    async with client_with(sandbox, app_jwt(app.id, keys[0])) as client:
        assert (await client("GET", "/app"))[1]["slug"] == "bolide"


async def test_an_installation_token_ends_after_an_hour(tmp_path: Path, keys: tuple[str, str]) -> None:
    now = [datetime.now(UTC)]
    async with judged_sandbox(tmp_path / "s", clock=lambda: now[0]) as sandbox, installed(sandbox, keys) as bot:
        assert (await bot.client("GET", "/repos/ada/digits"))[0] == 200
        now[0] += timedelta(seconds=3601)
        assert (await bot.client("GET", "/repos/ada/digits"))[0] == 401
        assert (await bot.client.graphql("{ viewer { login } }"))["message"] == "Bad credentials"


async def test_a_failed_delivery_is_listed_and_sent_again_with_its_guid(
    sandbox: Sandbox, keys: tuple[str, str]
) -> None:
    async with installed(sandbox, keys) as bot, client_with(sandbox, bot.jwt) as app:
        await sandbox.delivered()
        bot.receiver.answers.append(500)
        sandbox.open_issue("ada/digits", "ada", "Hello")
        await sandbox.delivered()
        status, listed = await app("GET", "/app/hook/deliveries?per_page=1")
        assert (status, listed[0]["event"], listed[0]["status_code"]) == (200, "issues", 500)
        status, whole = await app("GET", f"/app/hook/deliveries/{listed[0]['id']}")
        assert whole["request"]["payload"]["issue"]["title"] == "Hello"
        assert (await app("POST", f"/app/hook/deliveries/{listed[0]['id']}/attempts"))[0] == 202
        await sandbox.delivered()
        _, after = await app("GET", "/app/hook/deliveries")
        assert (after[0]["guid"], after[0]["redelivery"], after[0]["status_code"]) == (listed[0]["guid"], True, 202)
        url = f"{sandbox.api_url}/app/hook/deliveries?per_page=1"
        seen = []
        while url:
            async with app.session.get(url) as answer:
                seen += [each["id"] for each in await answer.json()]
                following = answer.links.get("next")
                url = str(following["url"]) if following else ""
        assert seen == [each["id"] for each in after]
        sent = [headers["X-GitHub-Delivery"] for headers, _ in bot.receiver.received]
        assert sent.count(listed[0]["guid"]) == 2


async def test_a_restart_keeps_everything(tmp_path: Path, keys: tuple[str, str]) -> None:
    async with judged_sandbox(tmp_path / "s") as sandbox:
        await sandbox.create_repository("ada/digits", FILES)
        sandbox.install_app(sandbox.register_app("bolide", "ada", keys[1]), "ada/digits")
        sandbox.open_issue("ada/digits", "ada", "Kept")
        token = sandbox.token("ada")
    async with judged_sandbox(tmp_path / "s") as again, client_with(again, token) as ada:
        assert (await ada("GET", f"{ISSUES}/1"))[1]["title"] == "Kept"
        assert (await ada("GET", "/repos/ada/digits/contents/README.md"))[1]["name"] == "README.md"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", ISSUES, {}, 422),
        ("POST", ISSUES, {"title": "x", "body": "y" * 65_537}, 422),
        ("POST", ISSUES, {"title": 7}, 422),
        ("POST", "/repos/ada/digits/git/refs", {"ref": "refs/heads/a..b", "sha": "0" * 40}, 422),
        ("POST", "/repos/ada/digits/git/refs", {"ref": "refs/heads/--x", "sha": "--help"}, 422),
        ("POST", "/repos/ada/digits/pulls", {"title": "x", "head": "nowhere", "base": "main"}, 422),
        ("PUT", "/repos/ada/digits/contents/../x", {"message": "x", "content": "eA=="}, 404),
        ("PUT", "/repos/ada/digits/contents/.git/config", {"message": "x", "content": "eA=="}, 422),
        ("GET", "/repos/ada/digits/contents/nowhere", None, 404),
        ("GET", "/repos/ada/digits/contents/..%2f..%2fetc%2fpasswd", None, 404),
        ("GET", "/repos/ada/digits/contents/a%00b", None, 404),
        ("PUT", "/repos/ada/digits/contents/x", {"message": "x", "content": "!!"}, 422),
        ("PUT", "/repos/ada/digits/contents/x", {"message": "x", "content": "é"}, 422),
        ("POST", ISSUES, {"title": "a", "labels": [5]}, 422),
        ("PATCH", "/repos/ada/digits", {"default_branch": "nowhere"}, 422),
        ("GET", "/repos/ada/digits/commits/--upload-pack", None, 422),
        ("GET", "/repos/ada/secret", None, 404),
        ("GET", "/nothing", None, 404),
    ],
)
async def test_bad_requests_are_refused_as_github_does(
    sandbox: Sandbox, method: str, path: str, body: dict[str, object] | None, status: int
) -> None:
    await sandbox.create_repository("ada/digits", FILES)
    await sandbox.create_repository("bea/secret", FILES, private=True)
    async with (
        as_user(sandbox, "ada") as ada,
        ada.session.request(method, URL(f"{sandbox.api_url}{path}", encoded="%" in path), json=body) as refused,
    ):
        got, answer = refused.status, await refused.json()
    assert got == status, answer
    assert {"message", "documentation_url", "status"} <= answer.keys()


@pytest.mark.parametrize("body", [b'{"title": NaN}', b'{"title": "\\ud800"}', b"{", b"\xff", b'"text"', b"[" * 100_000])
async def test_what_is_no_json_is_refused(sandbox: Sandbox, body: bytes) -> None:
    await sandbox.create_repository("ada/digits", FILES)
    async with as_user(sandbox, "ada") as ada, ada.session.post(f"{sandbox.api_url}{ISSUES}", data=body) as answer:
        assert answer.status == 400
        assert (await answer.json())["message"] in {"Problems parsing JSON", "Body should be a JSON object"}


async def test_raw_contents_say_what_they_are(sandbox: Sandbox) -> None:
    await sandbox.create_repository("ada/digits", FILES)
    async with as_user(sandbox, "ada") as ada:
        url, accept = f"{sandbox.api_url}/repos/ada/digits/contents/README.md", "application/vnd.github.raw+json"
        async with ada.session.get(url, headers={"Accept": accept}) as answer:
            assert answer.headers["Content-Type"] == "application/vnd.github.raw+json; charset=utf-8"
            assert await answer.read() == b"# digits\n"


async def test_an_archive_is_redirected_to_and_its_address_cannot_be_forged(sandbox: Sandbox) -> None:
    await sandbox.create_repository("ada/digits", FILES, private=True)
    async with as_user(sandbox, "ada") as ada, aiohttp.ClientSession() as anybody:
        url = f"{sandbox.api_url}/repos/ada/digits/tarball/main"
        async with ada.session.get(url, allow_redirects=False) as answer:
            assert answer.status == 302
            address = answer.headers["Location"]
        async with anybody.get(address) as answer:
            assert answer.status == 200
            with tarfile.open(fileobj=io.BytesIO(await answer.read())) as archive:
                assert [name.partition("/")[2] for name in archive.getnames()] == ["", "README.md"]
        for forged in (address[:-1] + ("0" if address[-1] != "0" else "1"), address.partition("?")[0]):
            async with anybody.get(forged) as answer:
                assert answer.status == 404


async def test_a_stranger_may_read_and_speak_but_not_write(sandbox: Sandbox) -> None:
    await sandbox.create_repository("ada/digits", FILES)
    async with as_user(sandbox, "sam") as sam:
        assert (await sam("POST", ISSUES, {"title": "Hello"}))[0] == 201
        assert (await sam("PUT", "/repos/ada/digits/contents/x", {"message": "x", "content": "eA=="}))[0] == 403
        assert (await sam("POST", "/repos/ada/digits/check-runs", {"name": "x", "head_sha": "0" * 40}))[0] in {403, 422}
        _, permission = await sam("GET", "/repos/ada/digits/collaborators/sam/permission")
        assert permission["permission"] == "read"


async def test_the_administration_over_http(sandbox: Sandbox, keys: tuple[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "README.md").write_text("# told\n")
    async with webhook_receiver() as receiver, aiohttp.ClientSession() as session:

        async def post(name: str, **given: object) -> dict[str, object]:
            async with session.post(f"{sandbox.url}/_sandbox/{name}", json=given) as answer:
                body: dict[str, object] = await answer.json()
                assert answer.status == 201, body
                return body

        ada = await post("users", login="ada")
        app = {"slug": "bolide", "owner": "ada", "public_key": keys[1], "webhook_url": receiver.url}
        await post("apps", **app, webhook_secret="s")
        await post("repositories", full_name="ada/digits", folder=str(folder))
        await post("pushes", full_name="ada/digits", **{"as": "ada"}, files={"x.txt": "x"}, message="More")
        await post("installations", app="bolide", account="ada", repositories=["ada/digits"])
        await post("faults", match={"path": "/zen"}, fault="503")
        async with client_with(sandbox, str(ada["token"])) as client:
            assert (await client("GET", "/zen"))[0] == 503
            assert len((await client("GET", "/repos/ada/digits/commits"))[1]) == 2
        async with session.get(f"{sandbox.url}/_sandbox/requests") as answer:
            assert [(each["path"], each["status"]) for each in json.loads(await answer.text())] == [
                ("/zen", 503),
                ("/repos/ada/digits/commits", 200),
            ]
        async with session.post(
            f"{sandbox.url}/_sandbox/users", json={"login": "x"}, headers={"Origin": "http://e"}
        ) as no:
            assert no.status == 403
        await sandbox.delivered()
        assert [headers["X-GitHub-Event"] for headers, _ in receiver.received] == ["ping", "installation"]
