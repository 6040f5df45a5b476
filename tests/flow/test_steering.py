"""People steer the updates through GitHub's own door: issues, comments, labels."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.core.texts import dashboard, update
from tests.flow.town import REPOSITORY, Town, lock_of, town
from tests.sandbox.harness import as_user

pytestmark = [pytest.mark.network, pytest.mark.enable_socket]

SOURCE = '[[source]]\nurl = "https://pypi.org/simple"\nverify_ssl = true\nname = "pypi"\n\n[packages]\n'
CONFIG = """\
python: "3.11"
updates:
  groups: [{name: certificates, packages: [certifi]}]
"""


async def test_groups_the_dashboard_and_what_is_ignored(tmp_path: Path) -> None:
    wanted = SOURCE + 'certifi = "*"\nidna = "*"\nurllib3 = "*"\n'
    lock = await lock_of(tmp_path / "seed", wanted, datetime(2024, 3, 1, tzinfo=UTC))
    files: dict[str, bytes | str] = {"Pipfile": wanted, "Pipfile.lock": lock, ".github/bolide.yaml": CONFIG}
    async with town(tmp_path, files) as here:
        here.install()
        grouped = await here.wait(lambda: here.ada.open_pull_request("bolide/group-certificates"), "the group's update")
        assert grouped["title"].startswith("Update certifi from ")
        rest = await here.wait(lambda: here.ada.open_pull_request(update.BRANCH), "the rest's update")
        assert rest["title"].startswith("Update 2 direct ")
        issue = await here.wait(lambda: _dashboard(here), "the dashboard")
        assert (issue["title"], issue["user"]["login"]) == (dashboard.TITLE, "bolide[bot]")
        await here.wait(lambda: _says(here, f"#{rest['number']}"), "what is open")

        comment = await _comment(here, issue["number"], "/ignore idna slow to check")
        said = await here.wait(lambda: _answer(here, issue["number"]), "the answer")
        assert "Newer versions of idna are not proposed" in said
        reactions = await here.ada.get(f"/issues/comments/{comment}/reactions")
        assert [reaction["content"] for reaction in reactions] == ["eyes"]
        await here.wait(lambda: _retitled(here, rest["number"], "Update urllib3 from "), "the renewed update")
        body = (await here.ada.get(f"/issues/{issue['number']}"))["body"]
        assert [entry.package for entry in dashboard.parse(body).ignored] == ["idna"]
        assert "slow to check" in body


async def _dashboard(here: Town) -> dict[str, Any] | None:
    found = await here.ada.get(f"/issues?labels={dashboard.LABEL}")
    return found[0] if found else None


async def _says(here: Town, words: str) -> bool | None:
    return words in ((await _dashboard(here)) or {}).get("body", "") or None


async def _retitled(here: Town, number: int, title: str) -> bool | None:
    return (await here.ada.get(f"/pulls/{number}"))["title"].startswith(title) or None


async def _comment(here: Town, issue: int, text: str) -> int:
    async with as_user(here.sandbox, "ada") as ada:
        _, made = await ada("POST", f"/repos/{REPOSITORY}/issues/{issue}/comments", {"body": text})
        return int(made["id"])


async def _answer(here: Town, issue: int) -> str | None:
    said = [each for each in await here.ada.get(f"/issues/{issue}/comments") if each["user"]["login"] == "bolide[bot]"]
    return said[0]["body"] if said else None
