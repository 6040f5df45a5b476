"""A release through the sandbox's door: held up by a check, published, yanked; a second one taken back."""

from base64 import b64decode
from pathlib import Path

import pytest

from bot.core.texts import release
from tests.flow.town import REPOSITORY, Town, town
from tests.sandbox.harness import Client, as_user

FILES: dict[str, bytes | str] = {
    "digits/__init__.py": '"""Digits."""\n\n__version__ = "1"  # comment\n',
    "pyproject.toml": '[project]\nname = "digits"\nversion = "1"  # and this one\n',
    ".github/bolide.yaml": "cooldown_days: 7\n",
    "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n- Digits are answered.\n",
}
R = f"/repos/{REPOSITORY}"


async def _said(here: Town, issue: int, words: str) -> None:
    async def look() -> bool | None:
        bodies = [comment["body"] for comment in await here.ada.get(f"/issues/{issue}/comments")]
        return True if any(words in body for body in bodies) else None

    await here.wait(look, f"{words!r} on #{issue}")


async def _judge(ada: Client, sha: str, state: str) -> None:
    await ada("POST", f"{R}/statuses/{sha}", {"state": state, "context": "tests"})


@pytest.mark.timeout(300)
async def test_a_release_is_held_up_published_and_yanked(tmp_path: Path) -> None:
    async with town(tmp_path, FILES) as here, as_user(here.sandbox, "ada") as ada:
        here.install()
        issue = await here.ada.open_issue("New minor release  ")
        proposal = await here.wait(lambda: here.ada.open_pull_request(release.BRANCH), "the release pull request")
        assert (proposal["title"], proposal["user"]["login"]) == ("Release 1.1.0", "bolide[bot]")
        await _judge(ada, proposal["head"]["sha"], "failure")
        merged = await here.ada.merge(proposal["number"])
        await _said(here, proposal["number"], "🛑 1.1.0 is not released: `tests` failed on the pull request.")
        assert await here.ada.get("/tags") == []
        await _judge(ada, proposal["head"]["sha"], "success")
        await ada("POST", f"{R}/issues/{proposal['number']}/comments", {"body": "/recheck"})
        published = await here.wait(lambda: here.ada.release("v1.1.0"), "the release")
        tag = (await here.ada.get("/git/ref/tags/v1.1.0"))["object"]
        assert (await here.ada.get(f"/git/tags/{tag['sha']}"))["object"]["sha"] == merged
        assert "- Digits are answered." in published["body"]
        await _said(here, issue, f"Released as [v1.1.0]({published['html_url']}), from #{proposal['number']}.")
        changed = await here.ada.get("/contents/digits/__init__.py")
        assert b64decode(changed["content"]) == b'"""Digits."""\n\n__version__ = "1.1.0"  # comment\n'
        await ada("POST", f"{R}/issues/{issue}/comments", {"body": "/yank 1.1.0 It reads 7 as 1"})
        await _said(here, issue, "1.1.0 is marked as yanked; #")
        yanked = await here.wait(lambda: here.ada.release("v1.1.0"), "the release")
        assert "was yanked: do not use it. Why: It reads 7 as 1." in yanked["body"]
        second = await here.ada.open_issue("New calendar release")
        await here.wait(lambda: here.ada.open_pull_request(release.BRANCH), "another release pull request")
        await ada("POST", f"{R}/issues/{second}/comments", {"body": "/release cancel"})
        await _said(here, second, "is cancelled; nothing was tagged.")
        assert await here.ada.open_pull_request(release.BRANCH) is None
