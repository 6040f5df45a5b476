"""The page in a real browser: a person draws, by mouse, finger or keyboard, and reads the answer."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect, sync_playwright

from tests.app import pictures
from tests.app.serving import served
from tests.browser import CHROMIUM, NEEDS_BROWSER

pytestmark = [*NEEDS_BROWSER]

ONE = [[(0.5, 0.15), (0.5, 0.85)]]
SEVEN = [[(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]]
THREE = [[(0.3, 0.2), (0.65, 0.2), (0.72, 0.35), (0.45, 0.48), (0.75, 0.6), (0.68, 0.8), (0.28, 0.82)]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def url(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(model_dir, "c0ffee" * 6, tmp_path_factory.mktemp("served") / "log") as address:
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1100, "height": 760})
    sheet = context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    sheet.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    sheet.on("pageerror", lambda error: complaints.append(str(error)))
    sheet.on("request", lambda request: asked.append(request.url))
    sheet.goto(url)
    yield sheet
    context.close()
    assert complaints == []
    assert all(address.startswith(url) for address in asked)


def draw(page: Page, strokes: list[list[tuple[float, float]]]) -> None:
    box = page.locator("#board").bounding_box()
    assert box is not None
    for first, *others in strokes:
        page.mouse.move(box["x"] + first[0] * box["width"], box["y"] + first[1] * box["height"])
        page.mouse.down()
        for across, down in others:
            page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"], steps=8)
        page.mouse.up()


def digit(page: Page) -> Locator:
    return page.locator("#digit")


def shown(page: Page) -> list[float]:
    return [float(meter.get_attribute("aria-valuenow") or "nan") for meter in page.get_by_role("meter").all()]


def test_drawn_digits_are_recognised_and_cleared(page: Page, tmp_path: Path) -> None:
    expect(digit(page)).to_have_text("–")
    for strokes, seen in ((ONE, "1"), (SEVEN, "7"), (THREE, "3")):
        draw(page, strokes)
        expect(digit(page)).to_have_text(seen)
        expect(page.locator("#bars li.best span").first).to_have_text(seen)
        page.screenshot(path=tmp_path / f"drawn-{seen}.png", full_page=True)
        page.get_by_role("button", name="Clear").click()
        expect(digit(page)).to_have_text("–")
        assert shown(page) == [0] * 10


def test_a_click_leaves_a_dot(page: Page) -> None:
    page.locator("#board").click()
    expect(digit(page)).not_to_have_text("–")
    dot = page.locator("#board").evaluate("board => board.getContext('2d').getImageData(140, 140, 1, 1).data[0]")
    assert dot == 255


def test_the_bars_are_the_models_probabilities(page: Page) -> None:
    draw(page, SEVEN)
    expect(digit(page)).to_have_text("7")
    shares = shown(page)
    assert len(shares) == 10
    assert sum(shares) == pytest.approx(1, abs=1e-3)
    assert shares.index(max(shares)) == 7
    widths = page.locator(".meter div").evaluate_all("all => all.map(one => parseFloat(one.style.width))")
    assert widths == pytest.approx([100 * share for share in shares], abs=0.01)


def test_the_page_says_which_model_and_commit_answer(page: Page, model_dir: Path) -> None:
    card = json.loads((model_dir / "card.json").read_text())
    expect(page.locator("#model")).to_have_text(card["model_id"])
    expect(page.locator("#commit")).to_have_text("c0ffeec0ffee")


def test_the_keyboard_alone_draws_and_clears(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.locator("#board")).to_be_focused()
    page.keyboard.down(" ")
    for _ in range(18):
        page.keyboard.press("ArrowDown")
    page.keyboard.up(" ")
    expect(digit(page)).to_have_text("1")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(digit(page)).to_have_text("–")


def picture(image: Image.Image, name: str = "digit.png") -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": pictures.saved(image)}


def test_a_chosen_picture_is_read_whatever_its_paper(page: Page, model_dir: Path, tmp_path: Path) -> None:
    golden = json.loads((model_dir / "golden.json").read_text())
    for label in (2, 5, 8):
        white_on_black = np.array(golden["inputs"][label], dtype=np.uint8)
        on_paper = np.full((90, 140), 240, np.uint8)  # a photograph: grey ink on grey paper, not square
        on_paper[20:76, 30:86] = 240 - np.kron(white_on_black, np.ones((2, 2), np.uint8)) // 2
        for image in (Image.fromarray(white_on_black), Image.fromarray(on_paper).convert("RGB")):
            page.get_by_label("Choose a picture").set_input_files(picture(image))
            expect(digit(page)).to_have_text(str(label))
    page.screenshot(path=tmp_path / "chosen.png", full_page=True)
    page.get_by_label("Choose a picture").set_input_files(picture(Image.new("L", (40, 40), 200), "blank.png"))
    expect(page.locator("#sure")).to_have_text("There is no digit to be seen in blank.png.")
    broken: FilePayload = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"}
    page.get_by_label("Choose a picture").set_input_files(broken)
    expect(page.locator("#sure")).to_have_text("notes.txt is no picture that this browser can read.")


def test_the_accuracy_links_to_what_the_model_confuses(page: Page, model_dir: Path, tmp_path: Path) -> None:
    metrics = json.loads((model_dir / "metrics.json").read_text())
    expect(page.locator("#accuracy")).to_contain_text(f"{100 * metrics['accuracy']:.2f} % of ")
    page.locator("#accuracy").click()
    expect(page.locator("#about")).to_contain_text("test images; these are its")
    cells = page.locator("#rows td:not(.recall)").all_inner_texts()
    assert [int(cell) for cell in cells] == [count for row in metrics["confusion"] for count in row]
    page.screenshot(path=tmp_path / "confusion.png", full_page=True)
    page.get_by_role("link", name="Back to the board").click()
    expect(digit(page)).to_have_text("–")


def test_on_a_phone_it_fits_and_a_finger_draws(browser: Browser, url: str, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(url)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    session = context.new_cdp_session(page)
    box = page.locator("#board").bounding_box()
    assert box is not None
    points = [{"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] * part / 20} for part in range(3, 18)]
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [points[0]]})
    for point in points[1:]:
        session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(digit(page)).to_have_text("1")
    page.screenshot(path=tmp_path / "phone.png", full_page=True)
    page.locator("#accuracy").click()
    expect(page.locator("#matrix")).to_be_visible()
    assert page.locator(".scrolled").evaluate("section => section.scrollWidth <= section.clientWidth")
    page.screenshot(path=tmp_path / "phone-confusion.png", full_page=True)
    context.close()


def test_without_a_model_it_says_so(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with served(tmp_path / "empty", "c0ffee", tmp_path / "log") as url:
        page = browser.new_page()
        page.goto(url)
        expect(page.locator("#sure")).to_contain_text("Cannot read")
        page.close()
