"""The way back through GitHub's door: a comment takes a version back, and after two roll-backs a person is asked."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.core.texts import deployment
from tests.flow.town import REPOSITORY, Town, town
from tests.sandbox.harness import Client, as_user

CONFIG = """\
managers: [{name: update, enabled: false}, {name: provenance, enabled: false}]
service: {inputs: [serve.py], wsgi: "serve:none", serve: [python, serve.py], ready: /readyz, version: /version}
"""
SERVICE = """\
import http.server, json, os, signal, socket, sys, threading

GOOD, seen = 10**9, 0

class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global seen
        seen += 1
        body = json.dumps({"commit": os.environ["COMMIT"]}).encode()
        self.send_response(200 if seen <= GOOD else 500)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

class Server(http.server.ThreadingHTTPServer):
    server_name, server_port = "service", 0

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
for number in range(3, 3 + int(os.environ["LISTEN_FDS"])):
    server = Server(("127.0.0.1", 0), Answers, bind_and_activate=False)
    server.socket = socket.socket(fileno=number)
    threading.Thread(target=server.serve_forever, daemon=True).start()
signal.pause()
"""
FILES: dict[str, bytes | str] = {
    "Pipfile.lock": '{"_meta": {}, "default": {}, "develop": {}}',
    "serve.py": SERVICE,
    ".github/bolide.yaml": CONFIG,
}
TIRES = SERVICE.replace("10**9", "8")


class Story:
    """What people do in the repository, and what they read there."""

    def __init__(self, here: Town, ada: Client) -> None:
        self.here, self.ada = here, ada
        self.merged = 0

    async def merge(self, text: str) -> tuple[int, str]:
        """A pull request with this service, merged: its number and the merge's commit."""
        number = await self.propose(text)
        return number, await self.here.ada.merge(number)

    async def propose(self, text: str) -> int:
        """The number of a pull request with this service."""
        self.merged += 1
        branch, head = f"change-{self.merged}", await self.here.ada.head()
        await self.ada("POST", f"/repos/{REPOSITORY}/git/refs", {"ref": f"refs/heads/{branch}", "sha": head})
        await self.here.sandbox.push(REPOSITORY, "ada", {"serve.py": text}, branch, branch)
        wanted = {"title": branch, "head": branch, "base": "main"}
        _, pull = await self.ada("POST", f"/repos/{REPOSITORY}/pulls", wanted)
        return int(pull["number"])

    async def ends(self, commit: str, state: str) -> str:
        """The words of the commit's status as a whole, once it has ended in this state."""

        async def ask() -> str | None:
            found = await self.here.ada.status(commit, "bolide")
            return str(found["description"]) if found and found["state"] == state else None

        return await self.here.wait(ask, f"{state} of {commit}")

    async def said(self, number: int, start: str) -> str:
        """The one comment of the bot's that begins so."""

        async def ask() -> str | None:
            found = [one["body"] for one in await self.here.ada.get(f"/issues/{number}/comments")]
            told = [body for body in found if body.startswith(start)]
            assert len(told) <= 1
            return told[0] if told else None

        return await self.here.wait(ask, f"{start!r} on #{number}")

    async def serves(self) -> str:
        """The commit that the service answers as."""
        return await commit_at(self.here.service)

    async def deployments(self) -> dict[str, str]:
        """Commit → the latest state of its Deployment."""
        made: list[dict[str, Any]] = await self.here.ada.get("/deployments")
        return {one["sha"]: (await self.here.ada.get(f"/deployments/{one['id']}/statuses"))[0]["state"] for one in made}


async def commit_at(url: str) -> str:
    """The commit that answers there."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/version") as answer:
        return str((await answer.json())["commit"])


async def comment(by: Client, number: int, text: str) -> None:
    await by("POST", f"/repos/{REPOSITORY}/issues/{number}/comments", {"body": text})


@pytest.mark.slow
async def test_a_version_is_taken_back_by_a_comment_and_after_two_that_tire_somebody_is_asked(tmp_path: Path) -> None:
    async with town(tmp_path, FILES) as here, as_user(here.sandbox, "ada") as ada, as_user(here.sandbox, "rob") as rob:
        story, first = Story(here, ada), await here.ada.head()
        here.install()
        await story.ends(first, "success")
        number, second = await story.merge(SERVICE + "# two\n")
        await story.ends(second, "success")
        assert await story.serves() == second
        await comment(rob, number, "/rollback")
        await story.said(number, "Commands here are for people with write access")
        assert await story.serves() == second

        await comment(ada, number, "/rollback")
        assert f"Commit {first[:8]} serves again in place of {second[:8]}" in await story.said(number, "⏪")
        assert await story.serves() == first
        assert await story.ends(second, "failure") == f"Rolled back on command (#{number}); {first[:8]} serves again."
        assert await story.deployments() == {first: "success", second: "inactive"}

        for name in ("one", "two"):
            number, bad = await story.merge(TIRES + f"# {name}\n")
            assert "questions after the switch failed" in await story.ends(bad, "failure")
            assert "what served before serves again" in await story.said(number, "⏪ **Rolled back")
            assert (await story.serves(), (await story.deployments())[bad]) == (first, "failure")

        async def asked() -> int | None:
            found = await here.ada.get("/issues?state=open&creator=bolide[bot]")
            return next((one["number"] for one in found if "two roll-backs within an hour" in one["title"]), None)

        question = await here.wait(asked, "the question")
        number, third = await story.merge(SERVICE + "# three\n")
        assert "Automatic deployments wait since" in await story.ends(third, "failure")
        await story.said(number, "⏸️ **Not deployed.**")
        assert await story.serves() == first
        await comment(ada, question, deployment.RESUME)
        await story.said(question, "▶️ **Deployments go on.**")
        await story.ends(third, "success")
        assert await story.serves() == third


@pytest.mark.slow
async def test_a_preview_is_made_by_a_comment_and_gone_with_its_pull_request(tmp_path: Path) -> None:
    async with town(tmp_path, FILES) as here, as_user(here.sandbox, "ada") as ada:
        story, first = Story(here, ada), await here.ada.head()
        here.install()
        await story.ends(first, "success")
        number = await story.propose(SERVICE + "# new\n")
        await comment(ada, number, "/deploy preview")
        said = await story.said(number, "🔭 **Preview of ")
        table = [line.split("|")[1:-1] for line in said.splitlines() if line.startswith("|")]
        assert [row[0].strip() for row in table] == [
            "",
            "---",
            "median answer",
            "failed answers",
            "CPU for an answer",
            "memory",
        ]
        assert not [row for row in table if "–" in row[1] or "–" in row[2]]
        url = next(word for word in said.split() if word.startswith("http://127.0.0.1:"))
        assert await commit_at(url) == (await here.ada.get(f"/pulls/{number}"))["head"]["sha"]
        assert await story.serves() == first

        await ada("PATCH", f"/repos/{REPOSITORY}/pulls/{number}", {"state": "closed"})
        await story.said(number, "🔭 **The preview is gone**")
        with pytest.raises(aiohttp.ClientConnectionError):
            await commit_at(url)

        issue = await here.ada.open_issue("Is it still well?")
        await comment(ada, issue, "/retest")
        await story.said(issue, "The default branch goes through its stages again.")
        await story.said(issue, "🚀 **Deployed and verified.**")
        await comment(ada, issue, "/rollback nowhere")
        assert "there is `production`" in await story.said(issue, "There is no environment `nowhere`")
        await comment(ada, issue, "/retrain")
        await story.said(issue, ".github/bolide.yaml names no `training`")
        assert await story.serves() == first
