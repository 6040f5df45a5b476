"""`make demo` as a newcomer sees it: real processes, the real package index, a real browser."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from bot import __version__
from bot.core.versions import Numbering, next_version
from tests.browser import CHROMIUM, NEEDS_BROWSER

NEXT = next_version(__version__, "minor", Numbering(datetime.now(UTC).date()))
CHECKOUT = Path(__file__).parents[2]
PULL = re.compile(r"http://127\.0\.0\.1:\d+/ada/bolide/pull/1")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.network,
    *NEEDS_BROWSER,
    pytest.mark.enable_socket,
    pytest.mark.timeout(1200),
]


class Demo:
    """A running `python -m bot demo`; what it prints goes to a file."""

    def __init__(self, folder: Path) -> None:
        self._said = folder / "said.txt"
        with self._said.open("wb") as said:
            command = [sys.executable, "-m", "bot", "demo", "--state", str(folder / "demo")]
            environment = {**os.environ, "COLUMNS": "200"}
            self.process = subprocess.Popen(command, cwd=CHECKOUT, stdout=said, stderr=said, env=environment)

    def said(self, pattern: str, seconds: float) -> str:
        """The first match in what it printed."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            text = self._said.read_text()
            found = re.search(pattern, text)
            if found:
                return found[0]
            assert self.process.poll() is None, text
            time.sleep(0.5)
        raise AssertionError(f"{pattern!r} was not said:\n{self._said.read_text()}")

    def stop(self) -> int:
        """End it as Ctrl-C does; its exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=90)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    running = Demo(tmp_path)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            running.process.wait(timeout=90)


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser.new_page(viewport={"width": 1100, "height": 1400})
        browser.close()


def test_a_newcomer_merges_draws_a_digit_and_releases(demo: Demo, page: Page) -> None:
    demo.said("Your turn", 600)
    pull = demo.said(PULL.pattern, 1)
    service = demo.said(r"http://127\.0\.0\.1:\d+/(?=\n)", 1)
    page.goto(pull)
    expect(page.locator("body")).to_contain_text("Safe to merge")
    expect(page.locator("body")).to_contain_text("accuracy after the short training")
    page.locator("#merge").click()
    demo.said("(?s)The service answers as .*The service answers as ", 400)  # the first was today's lock
    page.reload()
    expect(page.locator("body")).to_contain_text("Deployed and verified", timeout=30_000)

    page.goto(service)
    _draw_one(page)
    expect(page.locator("#digit")).to_contain_text("1", timeout=10_000)

    page.goto(pull.replace("/pull/1", "/issues/new?template=minor-release.yml"))
    page.locator("#submit").click()
    release = demo.said(r"(?<=Release pull request: )http\S+", 60)
    page.goto(release)
    expect(page.locator("body")).to_contain_text(NEXT)
    page.locator("#merge").click()
    demo.said(f"Released v{NEXT}", 60)
    assert demo.stop() == 0


def test_once_without_a_person(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(CHECKOUT), str(clone)], check=True)
    command = [sys.executable, "-m", "bot", "demo", "--once", "--state", str(tmp_path / "demo")]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((clone / "demo-report.json").read_text())
    assert told["update_pr"]["changed_direct"] > 0
    assert told["update_pr"]["github_requests"] <= 3
    assert told["evidence"]["verdict"] == "safe"
    assert told["evidence"]["accuracy_after"] > 0.98
    assert told["deployment"]["verified_sha"] == told["deployment"]["sha"]
    assert told["deployment"]["failed_requests"] == 0
    assert told["deployment"]["requests"] > 100
    assert told["prediction"]["digit"] == told["prediction"]["expected"]
    assert told["release"] == {"version": NEXT, "tag": f"v{NEXT}"}


def _draw_one(page: Page) -> None:
    box = page.locator("canvas").first.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2
    page.mouse.move(middle, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(middle, box["y"] + box["height"] * 0.8, steps=12)
    page.mouse.up()
