from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.core.texts import deployment, evidence, release, update
from bot.demo import report
from tests.flow.town import Town, lock_of, town

pytestmark = [pytest.mark.network, pytest.mark.enable_socket]

PIPFILE = '[[source]]\nurl = "https://pypi.org/simple"\nverify_ssl = true\nname = "pypi"\n\n[packages]\n'
SERVICE = """
import os
from flask import Flask, jsonify
app = Flask(__name__)

@app.get("/readyz")
def ready():
    return jsonify(ready=True)

@app.get("/version")
def version():
    return jsonify(commit=os.environ.get("COMMIT"), lock=os.environ.get("LOCK_SHA256"), model=None)
"""
CONFIG = """
python: "3.11"
service:
  categories: [packages]
  inputs: [app.py]
  wsgi: "app:app"
  ready: /readyz
  version: /version
release:
  version_files: [version.py]
"""
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n- Digits are answered.\n\n## [0.1.0] - 2025-01-01\n\n- Begun.\n"


async def test_from_the_installation_to_the_release(tmp_path: Path) -> None:
    wanted = PIPFILE + 'flask = "*"\ngunicorn = "*"\n'
    lock = await lock_of(tmp_path / "seed", wanted, datetime(2025, 3, 1, tzinfo=UTC))
    files: dict[str, bytes | str] = {
        "Pipfile": wanted,
        "Pipfile.lock": lock,
        "app.py": SERVICE,
        "version.py": '__version__ = "0.1.0"  # also in the docs\n',
        "CHANGELOG.md": CHANGELOG,
        ".github/bolide.yaml": CONFIG,
    }
    async with town(tmp_path, files) as here:
        here.install()
        pull = await here.wait(lambda: here.ada.open_pull_request(update.BRANCH), "the update")
        assert pull["user"]["login"] == "bolide[bot]"
        assert pull["title"].startswith("Update 2 direct and ")
        first = await here.ada.head()
        assert await _ended(here, first) == "success"
        run = await here.wait(lambda: here.ada.check_run(pull["head"]["sha"], evidence.CHECK), "evidence")
        assert run["conclusion"] == "success"
        assert report.update_requests(here.sandbox.requests) == 3  # read, write, open
        body = (await here.ada.get(f"/pulls/{pull['number']}"))["body"]
        assert "Safe to merge" in body
        assert "`flask`" in body

        merged = await here.ada.merge(pull["number"])
        assert await _ended(here, merged) == "success"
        assert await _served(here) == merged
        said = await here.wait(lambda: _comments(here, pull["number"]), "the comment on the pull request")
        assert [deployment.COMMENT_KEY in comment["body"] for comment in said] == [True]
        assert "Deployed and verified" in said[0]["body"]
        await _read_of(here, merged)
        await _release(here)


async def _read_of(here: Town, merged: str) -> None:
    """From the commit, from each of its stages and from its Deployment a link leads to the page of the run."""
    statuses = (await here.ada.get(f"/commits/{merged}/status"))["statuses"]
    assert {one["context"] for one in statuses} >= {"bolide", "bolide/package", "bolide/deploy", "bolide/verify"}
    (page,) = {one["target_url"] for one in statuses if one["context"].startswith("bolide")}
    made = next(each for each in await here.ada.get("/deployments") if each["sha"] == merged)
    state = (await here.ada.get(f"/deployments/{made['id']}/statuses"))[0]
    assert (made["environment"], state["state"], state["log_url"]) == ("production", "success", page)
    async with aiohttp.ClientSession() as session, session.get(page) as answer:
        text = await answer.text()
    assert "verified</span>" in text
    assert f"<code>{merged}</code>" in text


async def _comments(here: Town, number: int) -> list[dict[str, Any]] | None:
    return await here.ada.get(f"/issues/{number}/comments") or None


async def _release(here: Town) -> None:
    issue = await here.ada.open_issue("New minor release")
    proposal = await here.wait(lambda: here.ada.open_pull_request(release.BRANCH), "the release pull request")
    assert proposal["title"] == "Release 0.2.0"
    assert "Digits are answered." in proposal["body"]
    merged = await here.ada.merge(proposal["number"])
    published = await here.wait(lambda: here.ada.release("v0.2.0"), "the release")
    assert "Digits are answered." in published["body"]
    tag = (await here.ada.get("/git/ref/tags/v0.2.0"))["object"]
    assert tag["type"] == "tag"
    assert (await here.ada.get(f"/git/tags/{tag['sha']}"))["object"]["sha"] == merged

    async def closed() -> bool | None:
        return True if (await here.ada.get(f"/issues/{issue}"))["state"] == "closed" else None

    assert await here.wait(closed, "the issue's end")
    # The release changes no file that the service is made of: the run says so and nothing is switched.
    assert await _ended(here, merged) == "success"


async def test_a_malformed_pipfile_is_said_on_the_commit_and_nothing_is_opened(tmp_path: Path) -> None:
    async with town(tmp_path, {"Pipfile": '[packages]\nflask = "*\n', ".github/bolide.yaml": "# digits\n"}) as here:
        here.install()
        head = await here.ada.head()
        run = await here.wait(lambda: here.ada.check_run(head, "Bolide update"), "the refusal")
        assert run["conclusion"] == "failure"
        assert "Pipfile" in run["output"]["summary"]
        assert "line 2" in run["output"]["summary"]
        assert await here.ada.get("/pulls?state=all") == []


async def _ended(here: Town, sha: str) -> str:
    return str((await here.wait(lambda: here.ada.status(sha, "bolide"), f"the end of {sha[:8]}"))["state"])


async def _served(here: Town) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"{here.service}/version") as answer:
        return str((await answer.json())["commit"])
