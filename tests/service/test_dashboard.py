"""The dashboard as its reader sees it: what ran, why not, how long it took, what it was made of, and who may look."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import async_playwright

from bot.core.recipe import Recipe
from bot.core.stages import Done, Failed, RunResult, Skipped, StageReport, Started, Stopped, Superseded, Verified
from bot.pipelines.course import Report, RunRequest
from bot.pipelines.history import History
from bot.pipelines.ledger import Ledger
from bot.pipelines.register import FolderRegister
from bot.pipelines.runs import RunQueue
from bot.pipelines.store import FolderStore
from bot.service import dashboard
from bot.service.web import create_app, start
from tests.browser import CHROMIUM, NEEDS_BROWSER
from tests.contract.memory_inbox import MemoryInbox

GOOD, BAD, LEFT, TIRED = "a" * 40, "b" * 40, "c" * 40, "e" * 40
STATES = ((GOOD, "verified"), (BAD, "stopped"), (LEFT, "superseded"), (TIRED, "rolled back"))
EVIL = "<script>alert('x')</script>"
LOG = f"Traceback:\n{EVIL}\nValueError: no digits"
TOKEN = "a token for the dashboard"


async def silent(_: StageReport) -> None:
    pass


async def work(request: RunRequest, report: Report) -> RunResult:
    """A run as the pipelines report it: the good commit is verified, the bad one stopped at its gate."""
    sha = request.sha
    for stage in ("train", "evaluate"):
        await report(StageReport(sha, stage, Started()))
    await report(StageReport(sha, "train", Done("model", 1.5), "registry/training@sha256:7a17"))
    await report(StageReport(sha, "evaluate", Skipped("The evaluation is unchanged since then.", "model")))
    if sha == TIRED:
        return Stopped(sha, "verify", Failed("2 of 5 questions failed.", "", ""), back=GOOD)
    if sha == BAD:
        failed = Failed(f"no digits {EVIL}", LOG, f"git checkout {BAD} && python -m training.gate")
        await report(StageReport(sha, "gate", failed))
        return Stopped(sha, "gate", failed)
    await report(StageReport(sha, "package", Done("release-1", 0.2)))
    await report(StageReport(sha, "verify", Done("release-1", 0.1)))
    return Verified(sha, "tf-1", 3.0, 10)


@pytest.fixture
async def records(tmp_path: Path) -> Path:
    """The state folder of a bot that ran three commits and left a fourth to a newer one."""
    card = tmp_path / "artefacts" / "objects" / "model" / "card.json"
    card.parent.mkdir(parents=True)
    card.write_text('{"model_id": "tf-1", "sha256": "5a5a", "data_sha256": "da7a"}')
    ledger = Ledger(FolderRegister(tmp_path), FolderStore(tmp_path / "artefacts").card)
    queue = RunQueue(ledger, work)
    for sha in (GOOD, BAD, TIRED):
        await queue.submit(RunRequest("ada/digits", sha, tmp_path, "{}", Recipe(None, None)), silent)
    await ledger.leave("ada/digits", Superseded(LEFT, BAD))
    return tmp_path


@asynccontextmanager
async def served(folder: Path, token: str = "") -> AsyncIterator[str]:
    async def ready() -> None:
        return None

    app = create_app(MemoryInbox(lambda: 0.0), "a secret of sixteen", ready=ready)
    dashboard.add_routes(app, History(FolderRegister(folder)), token)
    runner = await start(app, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def see(url: str, status: int = 200, **headers: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        text = await answer.text()
        assert answer.status == status, text
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        return text


async def test_the_runs_of_a_repository_and_how_each_ended(records: Path) -> None:
    async with served(records) as url:
        page = await see(f"{url}/runs")
        assert "<h2>ada/digits</h2>" in page
        for sha, state in STATES:
            assert f'<a href="/runs/{sha}">' in page
            assert f">{state}</span>" in page
        async with aiohttp.ClientSession() as session, session.get(f"{url}/runs.json") as answer:
            told = (await answer.json())["runs"]
        assert {run["sha"]: run["state"] for run in told} == dict(STATES)
        assert "Taken back: verify failed: 2 of 5 questions failed." in await see(f"{url}/runs/{TIRED}")


async def test_a_run_shows_its_stages_its_times_and_what_it_was_made_of(records: Path) -> None:
    async with served(records) as url:
        page = await see(f"{url}/runs/{GOOD}")
        assert "The evaluation is unchanged since then." in page
        assert page.count("<rect") == 4
        lineage = page[page.index("What it was made of") :]
        found = [lineage.index(part) for part in (GOOD, "44136fa3", "da7a", "sha256:7a17", "tf-1", "5a5a", "release-1")]
        assert found == sorted(found)
        async with aiohttp.ClientSession() as session, session.get(f"{url}/runs/{GOOD}.json") as answer:
            told = await answer.json()
        assert [link["name"] for link in told["lineage"]][-1] == "Deployment"
        assert told["stages"]["train"]["seconds"] == 1.5
        assert "Left to commit bbbbbbbb" in await see(f"{url}/runs/{LEFT}")
        assert "No run of this commit" in await see(f"{url}/runs/{'d' * 40}", 404)


async def test_a_failure_shows_its_last_lines_and_the_command_and_runs_no_script(records: Path) -> None:
    async with served(records) as url:
        page = await see(f"{url}/runs/{BAD}")
        assert "ValueError: no digits" in page
        assert f"git checkout {BAD} &amp;&amp; python -m training.gate" in page
        assert "<script" not in page
        assert "&lt;script&gt;" in page
        assert "<script" not in await see(f"{url}/runs")


@pytest.mark.parametrize(
    "headers",
    [{"Host": "digits.example"}, {"X-Forwarded-For": "203.0.113.9"}, {"Forwarded": "for=203.0.113.9"}, {"Host": ""}],
)
async def test_without_a_token_it_is_for_this_machine_alone(records: Path, headers: dict[str, str]) -> None:
    async with served(records) as url:
        assert "BOLIDE_DASHBOARD_TOKEN" in await see(f"{url}/runs", 403, **headers)
        assert "BOLIDE_DASHBOARD_TOKEN" in await see(f"{url}/runs/{BAD}.json", 403, **headers)
        assert "Runs" in await see(f"{url.replace('127.0.0.1', 'localhost')}/runs")


async def test_with_a_token_every_reader_must_send_it(records: Path) -> None:
    async with served(records, TOKEN) as url:
        basic = base64.b64encode(f"ada:{TOKEN}".encode()).decode()
        for told in (f"Bearer {TOKEN}", f"Basic {basic}"):
            assert "Runs" in await see(f"{url}/runs", Authorization=told, Host="digits.example")
        for told in ("", "Bearer wrong", "Basic %%%", f"Basic {base64.b64encode(b'ada').decode()}", TOKEN):
            refused = await see(f"{url}/runs", 401, Authorization=told)
            assert TOKEN not in refused


@NEEDS_BROWSER[0]
@NEEDS_BROWSER[1]
async def test_in_a_browser_from_the_list_to_the_reason(records: Path, tmp_path: Path) -> None:
    async with served(records) as url, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        await page.goto(f"{url}/runs")
        await page.screenshot(path=tmp_path / "runs.png", full_page=True)
        await page.get_by_role("link", name=BAD[:8]).click()
        assert "ValueError: no digits" in (await page.locator("pre.log").text_content() or "")
        box = await page.locator("svg rect.failed").bounding_box()
        assert box is not None
        assert box["width"] > 1
        await page.screenshot(path=tmp_path / "run.png", full_page=True)
        await browser.close()
    assert all(each.startswith(url) for each in asked)
    assert complaints == []
