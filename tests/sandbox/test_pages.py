"""What a person sees and clicks, through HTTP and once through a browser."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import async_playwright
from yarl import URL

from bot.sandbox import Sandbox
from bot.sandbox.pages import markdown
from bot.sandbox.shapes.issues import CONTENTS
from tests.browser import CHROMIUM, NEEDS_BROWSER
from tests.sandbox.harness import as_user
from tests.sandbox.test_bot_story import Bot, installed, propose, report

FORM = """name: New minor release
description: Release the next minor version
title: New minor release
labels: [release]
body:
  - type: markdown
    attributes: {value: "The **bot** proposes the release."}
  - type: textarea
    id: notes
    attributes: {label: Notes, description: What is new}
  - type: checkboxes
    attributes: {label: Sure, options: [{label: Yes}]}
"""
BODY = """## Verdict

**Safe**: the app boots. <script>alert(1)</script> <img src=x onerror=alert(1)>

| package | old | new |
|---|---|---|
| `flask` | 2.2.2 | 2.2.5 |

<details>
<summary>Why <sub>(3)</sub></summary>

- [advisory](https://example.org/a) [bad](javascript:alert(1))

</details>
<!-- hidden -->
![chart](https://example.org/chart.png)
"""


class Browser:
    """A person's browser, as far as forms and links go."""

    def __init__(self, session: aiohttp.ClientSession, sandbox: Sandbox) -> None:
        self.session = session
        self.url = sandbox.url

    async def see(self, path: str, status: int = 200) -> str:
        async with self.session.get(URL(self.url + path, encoded="%" in path)) as answer:
            assert answer.status == status, await answer.text()
            return await answer.text()

    async def send(self, path: str, page: str, **fields: str) -> tuple[int, str]:
        token = re.search(r'name="token" value="([0-9a-f]+)"', page)
        assert token
        async with self.session.post(self.url + path, data={"token": token[1], **fields}) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def browser(sandbox: Sandbox) -> AsyncIterator[Browser]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Browser(session, sandbox)


async def stage(sandbox: Sandbox, bot: Bot) -> str:
    """A pull request with everything that a page can show; its head."""
    await sandbox.push("ada/digits", "ada", {".github/ISSUE_TEMPLATE/release.yml": FORM}, "Add an issue form")
    pull = await propose(bot)
    await bot.client("PATCH", "/repos/ada/digits/pulls/1", {"title": "Update 1 direct dependency", "body": BODY})
    await report(bot, pull["headRefOid"])
    await bot.client("POST", "/repos/ada/digits/issues/1/labels", {"labels": ["dependencies"]})
    sandbox.set_role("ada/digits", "rob", "read")
    sandbox.comment("ada/digits", "rob", 1, "Is it **safe**? /explain flask")
    head: str = pull["headRefOid"]
    return head


async def test_a_maintainer_reads_and_merges_in_the_browser(sandbox: Sandbox, keys: tuple[str, str]) -> None:
    async with installed(sandbox, keys) as bot, browser(sandbox) as person:
        head = await stage(sandbox, bot)
        front = await person.see("/ada/digits")
        assert "Pipfile" in front
        assert "<h1>digits</h1>" in front
        assert "#1" in await person.see("/ada/digits/pulls")
        page = await person.see("/ada/digits/pull/1")
        for text in (
            "<td>2.2.5</td>",
            "<details>",
            "<summary>Why <sub>(3)</sub></summary>",
            "It <strong>boots</strong>",
            "bolide/deploy",
            "Merge pull request",
        ):
            assert text in page, text
        assert "&lt;script&gt;" in page
        for text in ("<script", "<img src=x", 'href="javascript:', "hidden -->", 'src="https://example.org'):
            assert text not in page, text
        status, after = await person.send("/ada/digits/pull/1/merge", page, method="squash", head=head)
        assert status == 200
        assert "merged this as" in after
        assert "Merged" in await person.see("/ada/digits/pull/1")
        assert "Update 1 direct dependency (#1)" in await person.see("/ada/digits/commits")


def test_references_are_links_where_a_repository_is_spoken_of() -> None:
    said = markdown.render(
        "#4 proposes it, after `#5` and [what #6 says](https://example.org); a#7, #08", "/ada/digits"
    )
    assert '<a href="/ada/digits/issues/4">#4</a> proposes' in said
    assert said.count("<a ") == 2
    assert markdown.render("#4 <b>") == "<p>#4 <b></p>\n"


async def test_a_reader_sees_no_merge_button_and_cannot_merge(sandbox: Sandbox, keys: tuple[str, str]) -> None:
    async with installed(sandbox, keys) as bot, browser(sandbox) as person:
        await stage(sandbox, bot)
        await person.send("/login", await person.see("/"), login="rob", back="/ada/digits/pull/1")
        page = await person.see("/ada/digits/pull/1")
        assert "Merge pull request" not in page
        status, _ = await person.send("/ada/digits/pull/1/merge", page, method="merge")
        assert status == 403


async def test_a_new_release_is_asked_for_with_the_form(sandbox: Sandbox, keys: tuple[str, str]) -> None:
    async with installed(sandbox, keys) as bot, browser(sandbox) as person:
        await stage(sandbox, bot)
        choice = await person.see("/ada/digits/issues/new")
        assert "New minor release" in choice
        form = await person.see("/ada/digits/issues/new?template=release.yml")
        assert 'value="New minor release"' in form
        fields = {"template": "release.yml", "title": "New minor release", "field-notes": "faster"}
        status, page = await person.send("/ada/digits/issues/new", form, **fields)
        assert status == 200
        assert "<h3>Notes</h3>" in page
        assert "- [ ] Yes" not in page
        assert "closed" not in await person.see("/ada/digits/issues/2")
        status, page = await person.send("/ada/digits/issues/2/close", page, body="done")
        assert "Closed" in page


@pytest.mark.parametrize(
    "path",
    [
        "/ada/nowhere",
        "/ada/digits/pull/99",
        "/ada/digits/blob/main/../../etc/passwd",
        "/ada/digits/blob/main/..%2f..%2fetc%2fpasswd",
        "/ada/digits/tree/main/nowhere",
        "/ada/digits/tree/main/README.md",
        "/ada/digits/commit/zzz",
        "/apps/nobody",
        "/ada/digits/issues/99999999999",
    ],
)
async def test_what_is_not_there_is_said_in_a_page(sandbox: Sandbox, path: str) -> None:
    await sandbox.create_repository("ada/digits", {"README.md": "x"})
    async with browser(sandbox) as person:
        page = await person.see(path, 404)
    assert "Repositories" in page or "All repositories" in page


async def test_reactions_are_drawn_without_a_font_of_emoji(sandbox: Sandbox) -> None:
    await sandbox.create_repository("ada/digits", {"README.md": "x"})
    sandbox.open_issue("ada/digits", "ada", "A title", "text")
    async with as_user(sandbox, "ada") as ada, browser(sandbox) as person:
        for content in CONTENTS:
            await ada("POST", "/repos/ada/digits/issues/1/reactions", {"content": content})
        page = await person.see("/ada/digits/issues/1")
    assert re.findall(r'<svg class="glyph face"[^>]* aria-label="([^"]+)"', page) == list(CONTENTS)
    assert not re.search("[\u2600-\u27bf\U0001f300-\U0001faff]", page)


async def test_forms_of_strangers_and_foreign_hosts_are_refused(sandbox: Sandbox) -> None:
    await sandbox.create_repository("ada/digits", {"README.md": "x"})
    sandbox.open_issue("ada/digits", "ada", "A title", "text")
    async with browser(sandbox) as person:
        page = await person.see("/ada/digits/issues/1")
        async with person.session.post(f"{sandbox.url}/ada/digits/issues/1/close", data={"token": "0" * 64}) as answer:
            assert answer.status == 403
        foreign = {"Origin": "http://evil.example"}
        token = re.search(r'name="token" value="([0-9a-f]+)"', page)
        assert token
        url = f"{sandbox.url}/ada/digits/issues/1/close"
        async with person.session.post(url, data={"token": token[1]}, headers=foreign) as answer:
            assert answer.status == 403
        async with person.session.get(f"{sandbox.url}/", headers={"Host": "evil.example"}) as answer:
            assert answer.status == 403
        assert "Close issue" in await person.see("/ada/digits/issues/1")


@NEEDS_BROWSER[0]
@NEEDS_BROWSER[1]
async def test_the_pages_in_a_real_browser(sandbox: Sandbox, keys: tuple[str, str], tmp_path: Path) -> None:
    async with installed(sandbox, keys) as bot, async_playwright() as driver:
        await stage(sandbox, bot)
        sandbox.open_issue("ada/digits", "ada", "New minor release", "### Notes\n\nfaster")
        chromium = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        tab = await chromium.new_page(viewport={"width": 1200, "height": 900})
        wrong: list[str] = []
        tab.on("console", lambda message: wrong.append(message.text))
        for name, path in {
            "front": "",
            "pull": "/pull/1",
            "issue": "/issues/2",
            "new": "/issues/new?template=release.yml",
        }.items():
            await tab.goto(f"{sandbox.url}/ada/digits{path}")
            await tab.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        await tab.set_viewport_size({"width": 390, "height": 844})
        await tab.goto(f"{sandbox.url}/ada/digits/pull/1")
        assert await tab.evaluate("document.documentElement.scrollWidth") <= 390
        await tab.screenshot(path=tmp_path / "phone.png")
        await tab.click("#merge")
        assert await tab.inner_text(".state") == "Merged"
        await chromium.close()
        assert wrong == []


async def test_every_page_can_be_seen(sandbox: Sandbox, keys: tuple[str, str]) -> None:
    async with installed(sandbox, keys) as bot, browser(sandbox) as person:
        head = await stage(sandbox, bot)
        await bot.client("POST", "/repos/ada/digits/releases", {"tag_name": "v1", "name": "One", "body": "**new**"})
        made = (await bot.client("POST", "/repos/ada/digits/deployments", {"ref": head, "required_contexts": []}))[1]
        given = {"state": "success", "environment_url": "http://127.0.0.1:9/", "description": "answers"}
        await bot.client("POST", f"/repos/ada/digits/deployments/{made['id']}/statuses", given)
        await sandbox.delivered()
        expected = {
            "/": "ada/digits",
            "/ada": "ada/digits",
            "/ada/digits/tree/main/app": "__init__.py",
            "/ada/digits/tree/bolide/update": "Pipfile.lock",
            "/ada/digits/blob/main/app/__init__.py": "x = 1",
            "/ada/digits/blob/main/README.md": "<h1>digits</h1>",
            "/ada/digits/raw/main/Pipfile": "[packages]",
            "/ada/digits/commits": "Add an issue form",
            f"/ada/digits/commit/{head}": "View deployment",
            "/ada/digits/pull/1.diff": "+{}",
            "/ada/digits/pulls?state=closed": "Nothing here",
            "/ada/digits/issues": "New issue",
            "/ada/digits/issues/new?template=blank": "Description",
            "/ada/digits/releases": "<strong>new</strong>",
            "/ada/digits/releases/tag/v1": "One",
            "/ada/digits/tags": "v1",
            "/ada/digits/deployments": "answers",
            "/static/style.css": ":root",
            "/avatars/1001": "<svg",
        }
        for path, text in expected.items():
            assert text in await person.see(path), path
        page = await person.see("/apps/bolide")
        assert "pull_request.opened" in page
        count = len(bot.receiver.received)
        first = page.split("/apps/bolide/deliveries/")[1].split('"')[0]
        assert "Payload" in await person.see(f"/apps/bolide/deliveries/{first}")
        await person.send(f"/apps/bolide/deliveries/{first}", page)
        await asyncio.wait_for(sandbox.delivered(), 10)
        assert len(bot.receiver.received) == count + 1
