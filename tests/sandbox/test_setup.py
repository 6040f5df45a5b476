"""`python -m bot setup`: from one click to an App whose key works, through a browser and by hand."""

import asyncio
import re
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import async_playwright

from bot import setup
from bot.adapters.github import open_github
from bot.adapters.github.credentials import EVENTS, permissions
from bot.adapters.github.registration import Registration
from bot.sandbox import Sandbox
from bot.sandbox.entities import App
from bot.setup import SetupProblem, Wish
from tests.browser import CHROMIUM, NEEDS_BROWSER
from tests.sandbox.test_pages import Browser, browser


@dataclass(frozen=True)
class Started:
    """The page, what was printed so far, and what comes of it."""

    url: str
    said: list[str]
    made: "asyncio.Task[Registration]"


@asynccontextmanager
async def started(wish: Wish, seconds: float = 60) -> AsyncIterator[Started]:
    said: list[str] = []
    spoke = asyncio.Event()

    def say(text: str) -> None:
        said.append(text)
        spoke.set()

    made = asyncio.create_task(setup.make(wish, 0, say, seconds))
    try:
        await asyncio.wait_for(spoke.wait(), 10)
        yield Started(said[0].split()[1].rstrip("/"), said, made)
    finally:
        made.cancel()
        with suppress(SetupProblem, asyncio.CancelledError):
            await made


def wish_for(sandbox: Sandbox, folder: Path, org: str = "") -> Wish:
    return Wish("Bolide of Ada", "http://127.0.0.1:8080", folder / "app", org, sandbox.url, sandbox.api_url)


@pytest.fixture
def wish(sandbox: Sandbox, tmp_path: Path) -> Wish:
    sandbox.token("ada")
    return wish_for(sandbox, tmp_path)


async def check(sandbox: Sandbox, wish: Wish, made: Registration, said: list[str]) -> None:
    """The secrets are there for their owner alone, and they work."""
    kept = {path.name: path for path in wish.folder.iterdir()}
    assert sorted(kept) == ["app-id", "private-key.pem", "webhook-secret"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept.values()} == {0o400}
    assert stat.S_IMODE(wish.folder.stat().st_mode) == 0o700
    key, secret = kept["private-key.pem"].read_text(), kept["webhook-secret"].read_text()
    assert f"GITHUB_APP_ID={made.id}" in said[-1]
    assert key not in said[-1]
    assert secret not in said[-1]
    number = kept["app-id"].read_text()
    async with open_github(number, key, api_url=sandbox.api_url, graphql_url=sandbox.graphql_url) as github:
        assert github.login == "bolide-of-ada[bot]"
    apps = sandbox.services.forge.store.all(App)
    assert [(app.permissions, app.events, app.webhook_secret) for app in apps] == [(permissions(), EVENTS, secret)]


@pytest.mark.browser
@NEEDS_BROWSER[1]
async def test_one_click_here_and_one_there(sandbox: Sandbox, wish: Wish) -> None:
    async with started(wish) as page, async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM)
        tab = await chromium.new_page()
        await tab.goto(f"{page.url}/")
        await tab.get_by_role("button", name="Create it on GitHub").click()
        await tab.get_by_role("button", name="Create GitHub App for ada").click()
        await tab.get_by_role("heading", name="bolide-of-ada is made").wait_for()
        await chromium.close()
        await check(sandbox, wish, await page.made, page.said)


async def agree(page: Started, person: Browser, owner: str = "ada") -> str:
    """The address to which GitHub leads back, after both clicks."""
    async with person.session.get(f"{page.url}/") as answer:
        here = await answer.text()
        policy = answer.headers["Content-Security-Policy"]
    assert f"form-action {person.url};" in policy
    action = unescape(re.findall(r'action="([^"]+)"', here)[0])
    text = unescape(re.findall(r'name="manifest" value="([^"]+)"', here)[0])
    async with person.session.post(action, data={"manifest": text}) as answer:
        there = await answer.text()
        assert answer.status == 200, there
    assert f"Create GitHub App for {owner}" in there
    token = re.findall(r'name="token" value="([0-9a-f]+)"', there)[0]
    state = re.findall(r'name="state" value="([^"]+)"', there)[0]
    form = {"token": token, "state": state, "manifest": text}
    async with person.session.post(
        action.split("?")[0].replace("/new", "/create"), data=form, allow_redirects=False
    ) as answer:
        assert answer.status == 302, await answer.text()
        return answer.headers["Location"]


async def test_for_an_organisation(sandbox: Sandbox, wish: Wish, tmp_path: Path) -> None:
    sandbox.token("digits-inc")
    async with started(replace(wish, org="digits-inc")) as page, browser(sandbox) as person:
        back = await agree(page, person, "digits-inc")
        async with person.session.get(back) as answer:
            assert answer.status == 200
            assert "installations/new" in await answer.text()
        await check(sandbox, wish, await page.made, page.said)


async def test_a_way_back_that_did_not_begin_here_does_nothing(sandbox: Sandbox, wish: Wish) -> None:
    async with started(wish) as page, browser(sandbox) as person:
        back = await agree(page, person)
        for address in (re.sub("state=[^&]+", "state=guessed", back), re.sub("&?state=[^&]+", "", back)):
            async with person.session.get(address) as answer:
                assert answer.status == 403
        assert not wish.folder.exists()
        async with person.session.get(back) as answer:
            assert answer.status == 200
        await check(sandbox, wish, await page.made, page.said)


async def test_a_name_of_another_host_reaches_nothing(wish: Wish) -> None:
    async with (
        started(wish) as page,
        aiohttp.ClientSession() as session,
        session.get(f"{page.url}/", headers={"Host": "evil.example.org"}) as answer,
    ):
        assert answer.status == 403
        assert "manifest" not in await answer.text()


@pytest.mark.parametrize(("code", "sentence"), [("used", "answered 404 to the code"), ("../x", "not of the form")])
async def test_a_code_that_github_does_not_know_is_said(sandbox: Sandbox, wish: Wish, code: str, sentence: str) -> None:
    async with started(wish) as page, browser(sandbox) as person:
        back = re.sub("code=[^&]+", f"code={code}", await agree(page, person))
        async with person.session.get(back) as answer:
            assert answer.status == 502
            assert sentence in await answer.text()
        with pytest.raises(SetupProblem, match=sentence):
            await page.made
    assert not wish.folder.exists()


async def test_a_github_that_is_away_is_said(sandbox: Sandbox, wish: Wish) -> None:
    sandbox.fault("reset", path=".*/app-manifests/.*")
    async with started(wish) as page, browser(sandbox) as person:
        async with person.session.get(await agree(page, person)) as answer:
            assert answer.status == 502
        with pytest.raises(SetupProblem, match="did not answer"):
            await page.made


async def test_a_key_that_cannot_be_kept_is_said(sandbox: Sandbox, wish: Wish) -> None:
    async with started(wish) as page, browser(sandbox) as person:
        back = await agree(page, person)
        wish.folder.write_text("in the way")
        async with person.session.get(back) as answer:
            assert answer.status == 502
        with pytest.raises(SetupProblem, match="bolide-of-ada is made, but its key could not be kept"):
            await page.made


async def test_nobody_comes(wish: Wish) -> None:
    with pytest.raises(SetupProblem, match="Nobody came back from GitHub"):
        await setup.make(wish, 0, print, 0.1)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"address": "http://bolide.example.org"}, "use https://"),
        ({"address": "https://bolide.example.org/"}, "without a / last"),
        ({"address": "bolide.example.org"}, "give an address such as"),
        ({"api": "http://api.example.org"}, "--api-url is 'http://api.example.org'; use https://"),
        ({"name": "x" * 35}, "has 35 characters; GitHub takes 1 to 34"),
    ],
)
async def test_a_wish_that_cannot_be_is_refused(wish: Wish, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SetupProblem, match=re.escape(sentence)):
        await setup.make(replace(wish, **change), 0, print)


async def test_no_key_is_overwritten(wish: Wish) -> None:
    wish.folder.mkdir()
    (wish.folder / "private-key.pem").write_text("mine")
    with pytest.raises(SetupProblem, match="is there already; choose another folder"):
        await setup.make(wish, 0, print)
    assert (wish.folder / "private-key.pem").read_text() == "mine"


def test_the_command_says_what_is_wrong_with_a_wish(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert setup.main(["bolide.example.org", "--folder", str(tmp_path)]) == 1
    assert "give an address such as https://bolide.example.org" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        ("{", "not JSON"),
        ("[]", "not an object"),
        ('{"url": "x"}', "url is no URL"),
        ('{"url": "https://a", "redirect_url": "https://a", "hook_attributes": {"url": "https://a"}}', "no name"),
    ],
)
async def test_the_sandbox_refuses_a_manifest_that_github_would(sandbox: Sandbox, manifest: str, sentence: str) -> None:
    sandbox.token("ada")
    async with (
        browser(sandbox) as person,
        person.session.post(f"{sandbox.url}/settings/apps/new", data={"manifest": manifest}) as answer,
    ):
        assert answer.status == 422
        assert sentence in await answer.text()
