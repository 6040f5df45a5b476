"""The index as it should be, and as it should not."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from bot.adapters.pypi import SimpleIndex
from bot.core.locking import requires_dist
from bot.core.packages import File, IndexUnreachable, IndexUnsuitable, PackageUnknown
from tests.adapters.package_index import LONG_AGO, PackageIndex

ALLOWED = frozenset({"127.0.0.1"})


class Clock:
    """Seconds that pass when told to."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def held() -> AsyncIterator[PackageIndex]:
    async with PackageIndex().serve() as index:
        index.add("My_App", "1.0", "lib>=1", 'extra-lib ; extra == "x"', with_sdist=True)
        yield index


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def index(session: aiohttp.ClientSession, tmp_path: Path, clock: Clock) -> SimpleIndex:
    return SimpleIndex(session, tmp_path / "pages", allowed_hosts=ALLOWED, max_age=60, clock=clock)


async def test_a_project_is_read_whole(held: PackageIndex, index: SimpleIndex) -> None:
    project = await index.project("my.app", held.url)
    wheel, sdist = project.release("1.0")
    assert (wheel.kind, sdist.kind, project.name) == ("wheel", "sdist", "my-app")
    assert (wheel.upload_time, wheel.requires_python, wheel.yanked) == (LONG_AGO, ">=3.8", False)
    assert wheel.size == len(held.contents[wheel.filename])
    assert wheel.url == held.url.replace("simple", f"files/{wheel.filename}")


async def test_a_page_is_asked_for_again_only_when_it_is_old(
    held: PackageIndex, index: SimpleIndex, clock: Clock
) -> None:
    await index.project("my-app", held.url)
    clock.now += 59
    await index.project("my-app", held.url)
    assert held.asked["my-app"] == 1
    clock.now += 2
    await index.project("my-app", held.url)
    assert held.asked["my-app"] == 2
    await index.project("my-app", held.url, fresh=True)
    assert held.asked["my-app"] == 3


async def test_a_page_that_many_want_at_once_is_asked_for_once(held: PackageIndex, index: SimpleIndex) -> None:
    first, *others = await asyncio.gather(*(index.project("my-app", held.url) for _ in range(5)))
    assert (held.asked["my-app"], others) == (1, [first] * 4)
    await asyncio.gather(*(index.project("my-app", held.url, fresh=True) for _ in range(2)))
    assert held.asked["my-app"] == 3, "who wants it fresh gets what the index says after the question"


async def test_an_unchanged_page_is_not_sent_twice(held: PackageIndex, index: SimpleIndex, clock: Clock) -> None:
    held.validators = True
    first = await index.project("my-app", held.url)
    clock.now += 100
    assert await index.project("my-app", held.url) == first
    assert held.asked["304"] == 1
    held.add("my-app", "2.0")
    clock.now += 100
    assert (await index.project("my-app", held.url)).release("2.0")


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff\n", b'{"sha256": "0"}\n{}'])
async def test_a_damaged_cache_is_read_again(
    held: PackageIndex, index: SimpleIndex, tmp_path: Path, damage: bytes
) -> None:
    first = await index.project("my-app", held.url)
    [page] = (tmp_path / "pages").iterdir()
    page.write_bytes(damage)
    assert await index.project("my-app", held.url) == first
    page.write_bytes(page.read_bytes()[:-1])
    assert await index.project("my-app", held.url) == first
    assert held.asked["my-app"] == 3
    assert [path.name for path in (tmp_path / "pages").iterdir()] == [page.name]


async def test_two_indexes_never_share_a_page(held: PackageIndex, index: SimpleIndex) -> None:
    async with PackageIndex().serve() as other:
        other.add("my-app", "7.0")
        await index.project("my-app", held.url)
        assert {file.version for file in (await index.project("my-app", other.url)).files} == {"7.0"}


async def test_a_short_outage_is_not_noticed(held: PackageIndex, index: SimpleIndex) -> None:
    held.failures = 2
    assert (await index.project("my-app", held.url)).files


async def test_a_long_outage_names_the_index_and_the_package(held: PackageIndex, index: SimpleIndex) -> None:
    held.failures = 99
    with pytest.raises(IndexUnreachable, match=r"127\.0\.0\.1 could not be read for my-app: it answered 503") as caught:
        await index.project("my-app", held.url)
    assert caught.value.after > 0


async def test_an_unknown_package_is_named(held: PackageIndex, index: SimpleIndex) -> None:
    with pytest.raises(PackageUnknown, match="has no package nothing-here"):
        await index.project("nothing-here", held.url)


async def test_an_index_that_answers_in_html_is_told_apart(held: PackageIndex, index: SimpleIndex) -> None:
    held.body, held.content_type = b"<a href='x'>x</a>", "text/html"
    with pytest.raises(IndexUnsuitable, match=r"answers text/html for my-app.*PEP 691"):
        await index.project("my-app", held.url)


@pytest.mark.parametrize(
    "body", [b"[]", b"[" * 200_000, b'{"files": [{}]}', b'{"files": [{"filename"', b'{"files": 3}', b"\xff"]
)
async def test_nonsense_is_not_believed_and_not_kept(
    held: PackageIndex, index: SimpleIndex, tmp_path: Path, body: bytes
) -> None:
    held.body = body
    with pytest.raises(IndexUnreachable, match="answered nonsense about my-app"):
        await index.project("my-app", held.url)
    assert held.asked["my-app"] == 1
    held.body = None
    assert (await index.project("my-app", held.url)).releases, "nothing of it was kept"


async def test_nonsense_about_what_is_not_for_this_machine_spoils_no_other_release(
    held: PackageIndex, index: SimpleIndex
) -> None:
    held.add("my-app", "2.0", tag="cp311-cp311-win_amd64")
    held.add("my-app", "2.0", tag="py3-none-any")
    del held.files["my-app"]["my_app-2.0-cp311-cp311-win_amd64.whl"]["url"]
    project = await index.project("my-app", held.url)
    assert len(project.release("1.0")) == 2
    with pytest.raises(IndexUnreachable, match=r"tells nonsense about my-app 2\.0"):
        project.release("2.0")


async def test_an_endless_page_is_not_read_to_its_end(held: PackageIndex, index: SimpleIndex) -> None:
    held.body = bytes(65 * 2**20)
    with pytest.raises(IndexUnsuitable, match="more than 67,108,864 bytes"):
        await index.project("my-app", held.url)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("http://files.example.org/simple/", "must be read over https"),
        ("https://10.0.0.7/simple/", "private address"),
        ("https://[::1]/simple/", "private address"),
        ("https://metadata.internal/simple/", "private address"),
        ("file:///etc/passwd", "must be read over https"),
    ],
)
async def test_a_redirect_inward_or_away_from_tls_is_refused(
    held: PackageIndex, index: SimpleIndex, target: str, sentence: str
) -> None:
    held.redirect = target
    with pytest.raises(IndexUnsuitable, match=sentence):
        await index.project("my-app", held.url)


async def test_a_redirect_in_a_circle_ends(held: PackageIndex, index: SimpleIndex) -> None:
    held.redirect = f"{held.url}/my-app/"
    with pytest.raises(IndexUnsuitable, match="redirects more than 5 times"):
        await index.project("my-app", held.url)


@pytest.mark.parametrize("how", ["metadata file", "ranges", "whole file"])
async def test_the_metadata_of_a_wheel_is_read_without_all_of_it(
    held: PackageIndex, index: SimpleIndex, how: str
) -> None:
    held.add("told", "1.0", "lib>=1", told_metadata=how == "metadata file")
    held.ranges = how != "whole file"
    [wheel] = (await index.project("told", held.url)).files
    assert requires_dist(await index.metadata(wheel)) == ("lib>=1",)
    await index.metadata(wheel)
    assert held.asked[f"{wheel.filename}.metadata"] == 1
    assert held.asked[wheel.filename] == (how != "metadata file")


async def test_only_the_needed_parts_of_a_large_wheel_are_fetched(held: PackageIndex, index: SimpleIndex) -> None:
    held.add("large", "1.0", "lib>=1")
    [name] = held.files["large"]
    held.contents[name] = bytes(1_000_000) + held.contents[name]
    [wheel] = (await index.project("large", held.url)).files
    assert requires_dist(await index.metadata(wheel)) == ("lib>=1",)
    assert held.asked[name] <= 3


async def test_ranges_that_are_none_are_refused(held: PackageIndex, index: SimpleIndex) -> None:
    held.add("odd", "1.0")
    held.content_range = "bytes 5-9/3"
    [wheel] = (await index.project("odd", held.url)).files
    with pytest.raises(IndexUnsuitable, match="does not answer ranges"):
        await index.metadata(wheel)


async def test_a_file_that_is_gone_is_named(held: PackageIndex, index: SimpleIndex) -> None:
    held.add("gone", "1.0")
    held.contents.clear()
    [wheel] = (await index.project("gone", held.url)).files
    with pytest.raises(IndexUnreachable, match=r"answered 404 for the metadata of gone-1\.0"):
        await index.metadata(wheel)


async def test_a_file_that_is_no_wheel_is_refused(held: PackageIndex, index: SimpleIndex) -> None:
    held.add("broken", "1.0")
    [name] = held.files["broken"]
    held.contents[name] = b"PK not really"
    [wheel] = (await index.project("broken", held.url)).files
    with pytest.raises(IndexUnsuitable, match="is not a whole wheel"):
        await index.metadata(wheel)


@pytest.mark.parametrize(
    ("name", "filename", "kind", "version"),
    [
        ("python-dateutil", "python-dateutil-2.8.2.tar.gz", "sdist", "2.8.2"),
        ("python-dateutil", "python_dateutil-2.9.0.post0-py2.py3-none-any.whl", "wheel", "2.9.0.post0"),
        ("backports-strenum", "backports.strenum-1.2.4.tar.gz", "sdist", "1.2.4"),
        ("app", "app-1.0-1.zip", "sdist", "1.0.post1"),
        ("app", "app-1.00-py3-none-any.whl", "wheel", "1.0"),
        ("app", "app-1.0.win32-py2.7.exe", "other", "1.0.win32-py2.7.exe"),
    ],
)
async def test_versions_are_read_from_the_names_of_files(
    held: PackageIndex, index: SimpleIndex, name: str, filename: str, kind: str, version: str
) -> None:
    held.files[name] = {filename: {"filename": filename, "url": "https://e.org/f", "hashes": {"sha256": "0" * 64}}}
    [file] = (await index.project(name, held.url)).files
    assert file == File(filename, version, "0" * 64, None, None, "", False, kind, "https://e.org/f", False)  # type: ignore[arg-type]  # noqa: FBT003


async def test_upload_times_have_a_zone(held: PackageIndex, index: SimpleIndex) -> None:
    [first, *_] = (await index.project("my-app", held.url)).files
    assert first.upload_time == datetime(2026, 1, 1, tzinfo=UTC)
