"""Changelogs over the web: read once, bounded, never from inside, and nothing that is in the way stops an update."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.adapters.pypi import SimpleIndex
from bot.adapters.releasenotes import MAX_PACKAGES, MAX_PAGE, WebReleaseNotes
from bot.adapters.webpages import PublicResolver
from bot.core.releasenotes import Asked, Notes
from tests.adapters.package_index import PackageIndex

ALLOWED = frozenset({"127.0.0.1"})
CHANGES = "## 2.0\n\n- streams\n\n## 1.0\n\n- first\n"


@dataclass(slots=True)
class Site:
    """A web site with changelogs, as it should be and as it should not."""

    url: str = ""
    asked: Counter[str] = field(default_factory=Counter)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked[request.path] += 1
        match request.path:
            case "/changes.md":
                return web.Response(text=CHANGES, content_type="text/markdown")
            case "/changes.html":
                page = "<html><body><h2>Version 2.0</h2><ul><li>streams</li></ul><h2>Version 1.0</h2></body></html>"
                return web.Response(text=page, content_type="text/html")
            case "/moved":
                raise web.HTTPFound(f"{self.url}/changes.md")
            case "/inward":
                raise web.HTTPFound("http://169.254.169.254/latest/meta-data")
            case "/circle":
                raise web.HTTPFound(f"{self.url}/circle")
            case "/huge":
                return web.Response(body=b"x" * (MAX_PAGE + 1), content_type="text/plain")
            case "/picture":
                return web.Response(body=b"\x89PNG", content_type="image/png")
            case "/never":
                await asyncio.sleep(5)
        raise web.HTTPNotFound


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    held = Site()
    app = web.Application()
    app.router.add_get("/{path:.*}", held.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    held.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield held
    await runner.cleanup()


@pytest.fixture
async def index() -> AsyncIterator[PackageIndex]:
    async with PackageIndex().serve() as held:
        yield held


@dataclass(slots=True)
class Reading:
    """The notes of packages on an index, read by an adapter whose clock is set by hand."""

    index: PackageIndex
    notes: WebReleaseNotes
    now: list[float]

    def add(self, name: str, url: str, *, description: str = "") -> Asked:
        self.index.add(name, "2.0", project_urls=(f"Changelog, {url}",) if url else (), description=description)
        return Asked(name, "1.0", "2.0", self.index.url)

    async def one(self, asked: Asked) -> Notes:
        (found,) = await self.notes.read([asked])
        return found


@pytest.fixture
async def reading(index: PackageIndex, tmp_path: Path) -> AsyncIterator[Reading]:
    now = [1_000_000.0]
    connector = aiohttp.TCPConnector(resolver=PublicResolver())
    async with aiohttp.ClientSession(connector=connector) as session:
        pages = SimpleIndex(session, tmp_path / "index", allowed_hosts=ALLOWED)
        notes = WebReleaseNotes(
            session, pages, tmp_path / "notes", allowed_hosts=ALLOWED, seconds=3, clock=lambda: now[0]
        )
        yield Reading(index, notes, now)


async def test_a_changelog_is_read_once_a_day(reading: Reading, site: Site) -> None:
    asked = reading.add("flask", f"{site.url}/changes.md")
    for _ in range(2):
        found = await reading.one(asked)
        assert (found.text, found.trouble) == ("## 2.0\n\n- streams", "")
    assert site.asked["/changes.md"] == 1
    reading.now[0] += 25 * 3600
    await reading.one(asked)
    assert site.asked["/changes.md"] == 2


@pytest.mark.parametrize("path", ["/changes.html", "/moved"])
async def test_pages_and_redirects_are_read(reading: Reading, site: Site, path: str) -> None:
    assert "streams" in (await reading.one(reading.add("flask", f"{site.url}{path}"))).text


@pytest.mark.parametrize(
    ("path", "trouble"),
    [
        ("/gone", "not reachable: it answered 404"),
        ("/inward", "must be read over https"),
        ("/circle", "redirects more than 5 times"),
        ("/huge", "sent more than 2,097,152 bytes"),
        ("/picture", "it is no text"),
    ],
)
async def test_what_is_in_the_way_is_said_with_the_link(reading: Reading, site: Site, path: str, trouble: str) -> None:
    asked = reading.add("flask", f"{site.url}{path}")
    found = await reading.one(asked)
    assert (found.text, found.link) == ("", f"{site.url}{path}")
    assert trouble in found.trouble
    # It is not asked again soon.
    asked_once = site.asked[path]
    assert (await reading.one(asked)).trouble == found.trouble
    assert site.asked[path] == asked_once
    reading.now[0] += 3601
    await reading.one(asked)
    assert site.asked[path] > asked_once


async def test_a_site_that_is_not_there_and_one_that_is_slow_do_not_hold_up_the_others(
    reading: Reading, site: Site
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = reading.add("away", f"http://127.0.0.1:{nobody.getsockname()[1]}/changes")
        slow, good = reading.add("slow", f"{site.url}/never"), reading.add("good", f"{site.url}/changes.md")
        found = await reading.notes.read([away, slow, good])
    assert [notes.trouble for notes in found] == ["not reachable", "its notes were not there in time", ""]
    assert await reading.notes.read([]) == ()


@pytest.mark.parametrize(
    "url",
    ["https://10.0.0.1/changes", "https://[::1]/changes", "https://127.1/changes", "https://index.internal/changes"],
)
async def test_addresses_inside_are_not_asked(reading: Reading, url: str) -> None:
    found = await reading.one(reading.add("flask", url))
    assert "is a private address" in found.trouble


async def test_a_public_name_with_a_private_address_is_not_reached(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="localhost has no public address"):
        await PublicResolver().resolve("localhost", 443)
    assert await PublicResolver(frozenset({"localhost"})).resolve("localhost", 443)


async def test_the_description_helps_where_there_is_no_changelog(reading: Reading, site: Site) -> None:
    told = await reading.one(reading.add("flask", "", description=CHANGES))
    assert (told.text, told.trouble) == ("## 2.0\n\n- streams", "")
    untold = await reading.one(reading.add("other", ""))
    assert untold.trouble == "no changelog is named"
    elsewhere = await reading.one(reading.add("third", f"{site.url}/changes.md"))
    assert elsewhere.trouble == ""


async def test_a_changelog_without_the_section_is_linked(reading: Reading, site: Site) -> None:
    asked = reading.add("flask", f"{site.url}/changes.md")
    reading.index.add("flask", "9.0", project_urls=(f"Changelog, {site.url}/changes.md",))
    found = await reading.one(Asked("flask", "8.0", "9.0", asked.index))
    assert (found.text, found.trouble) == ("", "no section for these versions was found in it")
    assert found.link.endswith("/changes.md")


async def test_a_package_without_a_wheel_or_an_index_that_is_away(reading: Reading) -> None:
    reading.index.add("built", "2.0", sdist_only=True)
    found = await reading.one(Asked("built", "1.0", "2.0", reading.index.url))
    assert found.trouble == "its metadata is not reachable"
    assert (await reading.one(Asked("nobody", "1.0", "2.0", reading.index.url))).trouble == found.trouble


async def test_of_very_many_packages_the_first_are_asked(reading: Reading, site: Site) -> None:
    asked = reading.add("flask", f"{site.url}/changes.md")
    found = await reading.notes.read([asked] * (MAX_PACKAGES + 2))
    assert [notes.trouble for notes in found[-3:]] == ["", *["not looked for: too many packages move"] * 2]
    assert len(found) == MAX_PACKAGES + 2
