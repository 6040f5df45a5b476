"""What a real GitHub, or somebody in between, can answer and the sandbox does not: told by a scripted server."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from bot.adapters.github import GitHub, open_github
from bot.adapters.github.line import limit_pause
from bot.core.events import Repository
from bot.core.plan import CloseIssue, FileChange, OwnBranch, ProposeChange, Target
from bot.core.ports import ForgeRefused, ForgeUnavailable, HeadMoved
from tests.service.keys import private_key

REPOSITORY = Repository(1, "ada/digits", 7)
BLOB = "587be6b4c3f93f93c489c0111bba5596147a26cb"
"""The id of a file with the text `x`."""


@dataclass(slots=True)
class Script:
    """A server that mints tokens and else answers what it was told, in turn; it keeps what it was sent."""

    url: str = ""
    answers: list[web.Response] = field(default_factory=list)
    seen: list[tuple[str, str | None]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    minted: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        if request.path == "/app":
            return web.json_response({"slug": "bolide"})
        if request.path.endswith("/access_tokens"):
            self.minted += 1
            return web.json_response({"token": f"ghs_{self.minted:036}"}, status=201)
        self.seen.append((request.path_qs, request.headers.get("Authorization")))
        self.bodies.append(await request.read())
        return self.answers.pop(0)

    def tell(self, data: Any, status: int = 200, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append(web.json_response(data, status=status, headers=named))


@pytest.fixture
async def other() -> AsyncIterator[Script]:
    async for script in serve():
        yield script


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    async for script in serve():
        yield script


async def serve() -> AsyncIterator[Script]:
    script = Script()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    script.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield script
    await runner.cleanup()


@pytest.fixture
async def github(script: Script) -> AsyncIterator[GitHub]:
    async with open_github(
        "1", private_key(), api_url=script.url, graphql_url=f"{script.url}/graphql", clock=lambda: 1_800_000_000.0
    ) as github:
        yield github


async def test_a_next_page_on_another_host_is_not_asked(script: Script, other: Script, github: GitHub) -> None:
    script.tell([{"name": "v1"}], Link=f'<{other.url}/tags?page=2>; rel="next"')
    with pytest.raises(ForgeRefused, match="another host; it was not asked"):
        await github.reader(REPOSITORY).tags()
    assert other.seen == []


async def test_pages_on_the_same_host_are_followed_up_to_a_bound(script: Script, github: GitHub) -> None:
    for page in range(12):
        script.tell([{"name": f"v{page}"}], Link=f'<{script.url}/tags?page={page + 2}>; rel="next"')
    assert len(await github.reader(REPOSITORY).tags()) == 10


async def test_a_check_that_failed_is_seen_behind_a_hundred_that_passed(script: Script, github: GitHub) -> None:
    run = {"name": "test (1)", "status": "completed", "conclusion": "success"}
    runs = [run | {"name": f"test ({n})"} for n in range(100)]
    status = {"context": "lint", "state": "success"}
    for kind, first, last in (
        ("check_runs", runs, run | {"name": "slow", "conclusion": "failure"}),
        ("statuses", [status] * 100, status | {"context": "deploy", "state": "error"}),
    ):
        script.tell({kind: first}, Link=f'<{script.url}/next>; rel="next"')
        script.tell({kind: [last]})
    found = await github.reader(REPOSITORY).checks("a" * 40)
    assert {check.name for check in found if check.state == "failed"} == {"slow", "deploy"}


async def test_a_moved_repository_is_followed_here_and_never_elsewhere(
    script: Script, other: Script, github: GitHub
) -> None:
    script.tell({}, 301, Location=f"{script.url}/repositories/1/tags")
    script.tell([{"name": "v1"}])
    assert await github.reader(REPOSITORY).tags() == ("v1",)
    script.tell({}, 307, Location="/repositories/1/issues/2")
    script.tell({})
    await github.writer(REPOSITORY).close_issue(CloseIssue(2))
    for elsewhere in (f"{other.url}/tags", "http://[", "//127.0.0.1:1/tags", "file:///etc/passwd"):
        script.tell({}, 301, Location=elsewhere)
        with pytest.raises(ForgeRefused, match="another host"):
            await github.reader(REPOSITORY).tags()
    assert other.seen == []


async def test_redirects_without_end_are_an_outage(script: Script, github: GitHub) -> None:
    for _ in range(12):
        script.tell({}, 302, Location="/again")
    with pytest.raises(ForgeUnavailable):
        await github.reader(REPOSITORY).tags()


async def test_a_download_leaves_the_token_at_home(script: Script, other: Script, github: GitHub) -> None:
    script.tell({}, 302, Location=f"{other.url}/legacy.tar.gz/sha?token=temporary")
    other.answers.append(web.Response(body=b"\x1f\x8b archive"))
    assert await github.reader(REPOSITORY).tarball("sha") == b"\x1f\x8b archive"
    assert script.seen[-1][1] is not None
    assert other.seen == [("/legacy.tar.gz/sha?token=temporary", None)]
    assert not any("temporary" in asked.what for asked in github.requests)


@pytest.mark.parametrize(
    ("status", "headers", "message", "after"),
    [
        (429, {"Retry-After": "11"}, "slow down", 11),
        (429, {}, "slow down", 60),
        (403, {"Retry-After": "7"}, "You have exceeded a secondary rate limit", 7),
        (403, {}, "You have exceeded a secondary rate limit", 60),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000100"}, "API rate limit exceeded", 100),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}, "API rate limit exceeded", 1),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, "API rate limit exceeded", 60),
    ],
)
async def test_every_form_of_a_limit_is_one(
    script: Script, github: GitHub, status: int, headers: dict[str, str], message: str, after: float
) -> None:
    script.answers.append(web.json_response({"message": message}, status=status, headers=headers))
    with pytest.raises(ForgeUnavailable, match="asked to wait") as caught:
        await github.reader(REPOSITORY).tags()
    assert caught.value.after == after
    assert len(script.seen) == 1


def test_a_refusal_for_lack_of_permission_is_no_limit() -> None:
    content = b'{"message": "Resource not accessible by integration"}'
    assert limit_pause(403, {"x-ratelimit-remaining": "4999"}, content, 0) is None
    assert limit_pause(404, {"retry-after": "5"}, b"", 0) is None


@pytest.mark.parametrize(
    "bodies",
    [(b"", b"{", b"<html>busy</html>"), (b'{"data": ', b"\xff\xfe\x00", b"[1]"), (b"[" * 100_000, b"null", b"{}")],
)
async def test_what_is_no_answer_is_asked_again_and_then_an_outage(
    script: Script, github: GitHub, bodies: tuple[bytes, ...]
) -> None:
    for body in bodies:
        script.answers.append(web.Response(body=body, content_type="application/json"))
    with pytest.raises(ForgeUnavailable):
        await github.reader(REPOSITORY).snapshot(["Pipfile"], branch="bolide/update")
    assert len(script.seen) == 3


@pytest.mark.parametrize(
    ("kind", "message", "expected"),
    [
        ("STALE_DATA", "Expected branch to point to", HeadMoved),
        ("NOT_FOUND", "Could not resolve to a Repository", ForgeRefused),
        ("FORBIDDEN", "Resource not accessible by integration", ForgeRefused),
        ("RATE_LIMITED", "API rate limit exceeded", ForgeUnavailable),
        ("SOMETHING_NEW", "No", ForgeRefused),
    ],
)
async def test_errors_inside_a_200_are_errors(
    script: Script, github: GitHub, kind: str, message: str, expected: type[Exception]
) -> None:
    script.tell({"data": None, "errors": [{"type": kind, "message": message, "path": ["repository"]}]})
    with pytest.raises(expected, match=message):
        await github.reader(REPOSITORY).snapshot(["Pipfile"], branch="bolide/update")
    assert len(script.seen) == 1


@pytest.mark.parametrize(
    ("kind", "message", "headers", "after"),
    [
        (
            "RATE_LIMITED",
            "API rate limit exceeded",
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000100"},
            100,
        ),
        ("RATE_LIMITED", "You have exceeded a secondary rate limit", {"Retry-After": "7"}, 7),
        ("", "You have exceeded a secondary rate limit", {"X-RateLimit-Reset": "1800003600"}, 60),
    ],
)
async def test_nothing_is_sent_after_a_limit_inside_a_200(
    script: Script, github: GitHub, kind: str, message: str, headers: dict[str, str], after: float
) -> None:
    errors = {"errors": [{"type": kind, "message": message}]}
    script.answers.append(web.json_response(errors, headers=headers))
    with pytest.raises(ForgeUnavailable, match=message) as caught:
        await github.reader(REPOSITORY).snapshot(["Pipfile"], branch="bolide/update")
    assert caught.value.after == after
    with pytest.raises(ForgeUnavailable, match="asked to wait") as caught:
        await github.writer(REPOSITORY).close_issue(CloseIssue(1))
    assert (caught.value.after, len(script.seen)) == (after, 1)


async def test_githubs_own_failure_inside_a_200_is_asked_again(script: Script, github: GitHub) -> None:
    for _ in range(3):
        script.tell({"errors": [{"message": "Something went wrong while executing your query."}]})
    with pytest.raises(ForgeUnavailable, match="Something went wrong"):
        await github.reader(REPOSITORY).snapshot(["Pipfile"], branch="bolide/update")
    assert len(script.seen) == 3


async def test_a_query_that_is_not_valid_is_not_asked_again(script: Script, github: GitHub) -> None:
    script.tell({"errors": [{"message": "Field 'x' doesn't exist", "locations": [{"line": 1, "column": 1}]}]})
    with pytest.raises(ForgeRefused, match="Field 'x'"):
        await github.reader(REPOSITORY).snapshot(["Pipfile"], branch="bolide/update")


async def test_one_new_token_after_a_401_and_no_more(script: Script, github: GitHub) -> None:
    script.tell({"message": "Bad credentials"}, 401)
    script.tell([])
    assert await github.reader(REPOSITORY).tags() == ()
    assert script.minted == 2
    assert script.seen[0][1] != script.seen[1][1]
    for _ in range(2):
        script.tell({"message": "Bad credentials"}, 401)
    with pytest.raises(ForgeRefused, match="does not accept a new token for ada/digits"):
        await github.reader(REPOSITORY).tags()


async def test_no_answer_of_one_token_is_shown_to_another(script: Script, github: GitHub) -> None:
    for name in ("mine", "theirs"):
        script.tell([{"name": name}], ETag='"same"')
    assert await github.reader(REPOSITORY).tags() == ("mine",)
    assert await github.reader(Repository(2, "ada/digits", 8)).tags() == ("theirs",)


async def test_an_answer_without_end_is_left(script: Script, github: GitHub) -> None:
    script.answers.append(web.Response(body=b"x" * 70_000_000))
    with pytest.raises(ForgeRefused, match="larger than 67108864 bytes"):
        await github.reader(REPOSITORY).tags()


async def test_words_of_github_reach_the_reader_of_a_refusal(script: Script, github: GitHub) -> None:
    errors = [{"resource": "Issue", "code": "custom", "message": "issues are disabled"}, "odd", None]
    script.tell({"message": "Validation Failed", "errors": errors}, 422)
    with pytest.raises(ForgeRefused, match=r"ada/digits: GitHub refused .*: Validation Failed: issues are disabled\."):
        await github.writer(REPOSITORY).close_issue(CloseIssue(2))


async def test_a_pull_request_that_is_there_already_is_found(script: Script, github: GitHub) -> None:
    known = {"isCrossRepository": False, "id": "P", "number": 3, "url": "u", "title": "t", "body": "b", "state": "OPEN"}
    head = {"id": "R", "target": {"oid": "c" * 40, "message": "m", "parents": {"nodes": [{"oid": "a" * 40}]}}}
    head["target"]["f0"] = {"oid": BLOB}  # type: ignore[index]
    made = {"commit": {"oid": "c" * 40}, "ref": {"id": "R"}}
    script.tell({"data": {"createRef": {"ref": {"id": "R"}}, "createCommitOnBranch": made}})
    script.tell({"errors": [{"type": "UNPROCESSABLE", "message": "A pull request already exists for ada:x."}]})
    script.tell({"data": {"repository": {"own": head, "next": None, "pullRequests": {"nodes": [known]}}}})
    change = ProposeChange(Target("I", "main", "a" * 40), "x", None, (FileChange("f", "x\n"),), "m", "t", "b")
    opened = await github.writer(REPOSITORY).propose(change)
    assert (opened.number, opened.head_sha, script.answers) == (3, "c" * 40, [])


async def test_a_push_just_before_the_renewal_is_not_overwritten(script: Script, github: GitHub) -> None:
    def head(oid: str, message: str, parent: str, blob: str) -> dict[str, Any]:
        target = {"oid": oid, "message": message, "parents": {"nodes": [{"oid": parent}]}, "f0": {"oid": blob}}
        return {"id": f"R{oid[0]}", "target": target}

    seen, made = head("b" * 40, "old", "a" * 40, "0" * 40), head("c" * 40, "m", "a" * 40, BLOB)
    late = head("d" * 40, "by hand", "b" * 40, "0" * 40)
    for own in (seen, late):
        script.tell({"data": {"repository": {"own": own, "next": made, "pullRequests": {"nodes": []}}}})
        script.tell({"errors": [{"type": "UNPROCESSABLE", "message": "x is not where it was"}]})
    change = ProposeChange(
        Target("I", "main", "a" * 40), "x", OwnBranch("b" * 40, 3), (FileChange("f", "x\n"),), "m", "t", "b"
    )
    with pytest.raises(HeadMoved, match="x is at dddddddd by now"):
        await github.writer(REPOSITORY).propose(change)
    updates = json.loads(script.bodies[1])["variables"]["move"]["refUpdates"]
    assert [(one["name"], one["beforeOid"], one["afterOid"]) for one in updates] == [
        ("refs/heads/x", "b" * 40, "c" * 40),
        ("refs/heads/x-next", "c" * 40, "0" * 40),
    ]


async def test_a_change_that_github_never_takes_is_refused_in_its_words(script: Script, github: GitHub) -> None:
    nothing: dict[str, Any] = {"data": {"repository": {"own": None, "next": None, "pullRequests": {"nodes": []}}}}
    refusal = {"errors": [{"type": "UNPROCESSABLE", "message": "A path is invalid"}]}
    for answer in (refusal, nothing, refusal, nothing, refusal, nothing, refusal):
        script.tell(answer)
    change = ProposeChange(Target("I", "main", "a" * 40), "x", None, (FileChange("f", "x\n"),), "m", "t", "b")
    with pytest.raises(ForgeRefused, match=r"ada/digits: GitHub refused the change: A path is invalid\."):
        await github.writer(REPOSITORY).propose(change)
    assert script.answers == []
