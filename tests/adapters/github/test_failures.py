"""GitHub failing at every step, through the sandbox: what is written once stays once, what cannot be is said."""

import asyncio
import time
import traceback
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.github import open_github
from bot.core.plan import Asset, CloseIssue, Comment, OpenIssue, Release
from bot.core.ports import ForgeRefused, ForgeUnavailable
from bot.sandbox.records import Asset as StoredAsset
from tests.adapters.github.place import BRANCH, NAME, Place, open_place
from tests.adapters.github.test_writing import ask
from tests.service.keys import private_key

AFTER = "502-after-write"


async def test_a_read_that_fails_is_asked_again(place: Place) -> None:
    place.sandbox.fault("500", times=1, operation="ReadProject")
    place.sandbox.fault("reset", times=1, operation="ReadProject")
    place.sandbox.fault("reset", times=1, path="/access_tokens")
    assert (await place.read()).default_branch == "main"
    assert place.sent() == ["ReadProject"] * 3
    place.sandbox.fault("truncate", times=1, path="/tags")
    assert await place.reader.tags() == ()


async def test_an_outage_is_left_to_the_worker_after_three_attempts(place: Place) -> None:
    place.sandbox.fault("503", times=9, operation="ReadProject")
    with pytest.raises(ForgeUnavailable, match=r"GitHub answered 503\.") as caught:
        await place.read()
    assert caught.value.after == 30
    assert place.sent() == ["ReadProject"] * 3


@pytest.mark.parametrize(
    ("operation", "fault"),
    [("WriteCommit", AFTER), ("WriteCommit", "500"), ("OpenPullRequest", AFTER), ("OpenPullRequest", "reset")],
)
async def test_a_proposal_is_made_once_though_an_answer_was_lost(place: Place, operation: str, fault: str) -> None:
    change = await place.change()
    place.sandbox.fault(fault, times=1, operation=operation)
    opened = await place.writer.propose(change)
    assert await place.history(BRANCH) == [("bolide[bot]", "Update flask"), ("ada", "Begin")]
    pulls = (await ask(place, "pulls?state=all"))["answer"]
    assert [(pull["number"], pull["head"]["sha"]) for pull in pulls] == [(opened.number, opened.head_sha)]


@pytest.mark.parametrize("operation", ["WriteCommit", "OpenPullRequest"])
async def test_a_renewal_is_made_once_though_an_answer_was_lost(place: Place, operation: str) -> None:
    first = await place.writer.propose(await place.change())
    await place.sandbox.push(NAME, "ada", {"README.md": "more\n"}, "Go on")
    change = await place.change("[packages]\nflask = '==3.2'\n", "Again")
    place.sandbox.fault(AFTER, times=1, operation=operation)
    renewed = await place.writer.propose(change)
    assert renewed.number == first.number
    assert [headline for _, headline in await place.history(BRANCH)] == ["Again", "Go on", "Begin"]
    assert await place.head(f"{BRANCH}-next") is None


async def test_things_that_would_be_two_are_looked_for_after_a_lost_answer(place: Place) -> None:
    sha = (await place.read()).sha
    issue = place.sandbox.open_issue(NAME, "ada", "Question").number
    for path in (
        f"/issues/{issue}/comments",
        "/git/tags",
        "/git/refs",
        "/releases",
        "/assets",
        "/deployments",
        "/issues",
    ):
        place.sandbox.fault(AFTER, times=1, method="POST", path=path + "$")
    await place.writer.comment(Comment(issue, "answer", "once"))
    assets = tuple(Asset(name, "text/plain", name) for name in ("one.txt", "two.txt"))
    await place.writer.release(Release("v1.0.0", sha, "1.0.0", "notes", assets=assets))
    (released,) = (await ask(place, "releases"))["answer"]
    assert [(asset["name"], asset["size"]) for asset in released["assets"]] == [("one.txt", 7), ("two.txt", 7)]
    assert (released["draft"], released["tag_name"]) == (False, "v1.0.0")
    opened = await place.writer.open_issue(OpenIssue("key", "Title", "body"))
    assert await place.writer.open_issue(OpenIssue("key", "Title", "body")) == opened
    await place.writer.deployment(sha, "production")
    assert len((await ask(place, f"issues/{issue}/comments"))["answer"]) == 1
    assert len((await ask(place, "releases"))["answer"]) == 1
    assert len((await ask(place, "deployments"))["answer"]) == 1


async def test_an_upload_that_broke_off_and_a_publication_that_failed_are_made_good(place: Place) -> None:
    sha = (await place.read()).sha
    release = Release("v1.0.0", sha, "1.0.0", "notes", assets=(Asset("one.txt", "text/plain", "whole"),))
    place.sandbox.fault("500", times=3, method="PATCH", path=r"/releases/\d+$")
    with pytest.raises(ForgeUnavailable):
        await place.writer.release(release)
    assert await place.reader.release_url("v1.0.0") is None, "a draft is no release yet"
    (draft,) = (await ask(place, "releases"))["answer"]
    store = place.sandbox.services.forge.store
    (stored,) = store.all(StoredAsset, draft["id"])
    store.put(replace(stored, size=2))
    url = await place.writer.release(release)
    (published,) = (await ask(place, "releases"))["answer"]
    assert (published["draft"], published["html_url"], published["assets"][0]["size"]) == (False, url, 5)


async def test_a_penalty_is_obeyed_to_the_second_and_nothing_is_sent_in_it(place: Place) -> None:
    place.sandbox.fault("403-retry-after:7", times=1, operation="ReadProject")
    with pytest.raises(ForgeUnavailable) as caught:
        await place.read()
    assert caught.value.after == 7
    sent = len(place.sandbox.requests)
    with pytest.raises(ForgeUnavailable) as caught:
        await place.writer.close_issue(CloseIssue(1))
    assert 6 < caught.value.after <= 7
    assert place.sandbox.requests[sent:] == []
    place.clock.ahead += timedelta(seconds=8)
    assert (await place.read()).default_branch == "main"


async def test_the_hourly_limit_is_waited_out_until_its_reset(tmp_path: Path) -> None:
    async with open_place(tmp_path, limits=True) as place:
        place.sandbox.services.limits.allowance = type(place.sandbox.services.limits.allowance)(per_hour=3)
        reader = place.reader
        for _ in range(3):
            await reader.snapshot(["Pipfile"], branch=BRANCH)
        with pytest.raises(ForgeUnavailable) as caught:
            await reader.snapshot(["Pipfile"], branch=BRANCH)
        assert 3500 < caught.value.after <= 3600


async def test_a_token_that_expires_in_the_middle_of_a_job_is_renewed_once(place: Place) -> None:
    reader = place.reader
    await reader.snapshot(["Pipfile"], branch=BRANCH)
    place.clock.ahead += timedelta(hours=2)
    assert (await reader.snapshot(["Pipfile"], branch=BRANCH)).default_branch == "main"
    minted = [asked for asked in place.github.requests if asked.what.endswith("/access_tokens")]
    assert len(minted) == 2


@pytest.mark.parametrize("minutes", [-10, 10])
async def test_our_clock_may_be_ten_minutes_wrong(tmp_path: Path, minutes: int) -> None:
    async with open_place(tmp_path, our_clock=lambda: time.time() + minutes * 60) as place:
        assert (await place.read()).default_branch == "main"
        refused = [asked for asked in place.github.requests if asked.status == 401]
        assert len(refused) == 1


async def test_a_wrong_key_or_a_text_that_is_none_is_refused_without_showing_it(place: Place) -> None:
    broken = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
    cases = [
        ("99", private_key(), "check GITHUB_APP_ID and GITHUB_PRIVATE_KEY"),
        ("1", broken, "cannot be used to sign"),
    ]
    for app_id, key, sentence in cases:
        with pytest.raises(ForgeRefused, match=sentence) as caught:
            async with open_github(app_id, key, api_url=place.sandbox.api_url, graphql_url=place.sandbox.graphql_url):
                pass
        assert "c2VjcmV0" not in "".join(traceback.format_exception(caught.value))


async def test_many_jobs_at_once_each_mint_one_token(place: Place) -> None:
    reader = place.reader
    await asyncio.gather(*(reader.snapshot(["Pipfile"], branch=BRANCH) for _ in range(5)))
    assert len([asked for asked in place.github.requests if asked.what.endswith("/access_tokens")]) == 1


async def test_what_a_crash_left_is_used_or_cleared_away(place: Place) -> None:
    opened = await place.writer.propose(await place.change())
    await place.sandbox.push(NAME, "ada", {"README.md": "more\n"}, "Go on")
    change = await place.change("[packages]\nflask = '==3.2'\n", "Again")
    git = place.sandbox.services.forge.git(place.sandbox.repository(NAME))
    await git.run("update-ref", f"refs/heads/{BRANCH}-next", opened.head_sha)  # begun for an older base
    renewed = await place.writer.propose(change)
    assert await place.head(f"{BRANCH}-next") is None
    await git.run("update-ref", f"refs/heads/{BRANCH}-next", renewed.head_sha)  # made, but the bot's branch not moved
    await git.run("update-ref", f"refs/heads/{BRANCH}", opened.head_sha)
    assert (await place.writer.propose(change)).head_sha == renewed.head_sha == await place.head(BRANCH)
    assert await place.head(f"{BRANCH}-next") is None


async def test_a_branch_that_was_made_and_got_no_commit_gets_it(place: Place) -> None:
    change = await place.change()
    git = place.sandbox.services.forge.git(place.sandbox.repository(NAME))
    await git.run("update-ref", f"refs/heads/{BRANCH}", change.target.sha)
    seen = await place.read()
    assert seen.branch is not None
    assert seen.branch.authors == ()  # nobody's work is on it
    await place.writer.propose(await place.change())
    assert await place.history(BRANCH) == [("bolide[bot]", "Update flask"), ("ada", "Begin")]
