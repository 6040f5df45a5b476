"""Writing through the sandbox's door: each thing once, however often it is asked for."""

import pytest

from bot.core.plan import CloseIssue, Comment, DeleteBranch, EditPullRequest, React, Release, Report
from bot.core.ports import ForgeRefused, HeadMoved
from bot.sandbox.entities import Json
from tests.adapters.github.place import BRANCH, NAME, Place, own
from tests.sandbox.harness import as_user


async def ask(place: Place, path: str) -> Json:
    async with as_user(place.sandbox, "ada") as ada:
        status, body = await ada("GET", f"/repos/{NAME}/{path}")
        assert status == 200
        return {"answer": body}


async def test_a_proposal_takes_two_requests_and_is_made_once(place: Place) -> None:
    change = await place.change()
    opened = await place.writer.propose(change)
    assert place.sent() == ["ReadProject", "WriteCommit", "OpenPullRequest"]
    assert (opened.title, opened.body, opened.open) == (change.title, change.body, True)
    assert opened.url == f"{place.sandbox.url}/{NAME}/pull/{opened.number}"
    assert await place.history(BRANCH) == [("bolide[bot]", "Update flask"), ("ada", "Begin")]
    assert await place.writer.propose(change) == opened
    assert await place.reader.pull_request(opened.number) == opened
    assert len((await ask(place, "pulls?state=all"))["answer"]) == 1


async def test_a_renewal_moves_the_branch_in_one_step_and_keeps_the_pull_request(place: Place) -> None:
    first = await place.writer.propose(await place.change())
    await place.sandbox.push(NAME, "ada", {"README.md": "more\n"}, "Go on")
    renewed = await place.writer.propose(await place.change("[packages]\nflask = '==3.2'\n", "Update flask again"))
    assert (renewed.number, renewed.title, renewed.open) == (first.number, "Update flask again", True)
    assert renewed.head_sha == await place.head(BRANCH) != first.head_sha
    assert [headline for _, headline in await place.history(BRANCH)] == ["Update flask again", "Go on", "Begin"]
    assert await place.head(f"{BRANCH}-next") is None
    again = await place.writer.propose(await place.change("[packages]\nflask = '==3.2'\n", "Update flask again"))
    assert again == renewed


async def test_a_branch_that_moved_meanwhile_is_not_overwritten(place: Place) -> None:
    opened = await place.writer.propose(await place.change())
    change = await place.change("[packages]\nflask = '==3.2'\n")
    assert change.existing == own(opened)
    theirs = await place.sandbox.push(NAME, "grace", {"Pipfile": "mine\n"}, "Meddle", BRANCH)
    with pytest.raises(HeadMoved):
        await place.writer.propose(change)
    assert await place.head(BRANCH) == theirs


async def test_a_branch_left_from_a_closed_pull_request_is_used_again(place: Place) -> None:
    first = await place.writer.propose(await place.change())
    async with as_user(place.sandbox, "ada") as ada:
        await ada("PATCH", f"/repos/{NAME}/pulls/{first.number}", {"state": "closed"})
    second = await place.writer.propose(await place.change("[packages]\nflask = '==3.2'\n"))
    assert second.number != first.number
    assert [author for author, _ in await place.history(BRANCH)] == ["bolide[bot]", "ada"]


async def test_what_a_person_wrote_is_replaced_only_where_told(place: Place) -> None:
    opened = await place.writer.propose(await place.change())
    await place.writer.edit_pull_request(EditPullRequest(opened.number, "with evidence"))
    seen = await place.reader.pull_request(opened.number)
    assert (seen.title, seen.body) == ("Update flask", "with evidence")
    await place.writer.edit_pull_request(EditPullRequest(opened.number, "and a title", "New title"))
    seen = await place.reader.pull_request(opened.number)
    assert (seen.title, seen.body) == ("New title", "and a title")


async def test_a_body_beyond_the_bound_is_refused_before_anything_is_sent(place: Place) -> None:
    long = "x" * 60_001
    for refused in (
        place.writer.edit_pull_request(EditPullRequest(1, long)),
        place.writer.comment(Comment(1, "key", long)),
        place.writer.report(Report("0" * 40, "bolide", "title", long, None)),
        place.writer.release(Release("v1", "0" * 40, "v1", long)),
    ):
        with pytest.raises(ForgeRefused, match=r"characters, more than 60000; shorten it\."):
            await refused
    assert place.sent() == []


async def test_one_comment_of_a_key_is_edited_in_place_and_strangers_markers_do_not_count(place: Place) -> None:
    issue = place.sandbox.open_issue(NAME, "ada", "Question").number
    place.sandbox.comment(NAME, "ada", issue, "mine <!-- bolide:answer -->")
    for body in ("working", "working", "done"):
        await place.writer.comment(Comment(issue, "answer", body))
    await place.writer.comment(Comment(issue, "other", "beside it"))
    comments = (await ask(place, f"issues/{issue}/comments"))["answer"]
    assert [comment["body"] for comment in comments] == [
        "mine <!-- bolide:answer -->",
        "done\n\n<!-- bolide:answer -->",
        "beside it\n\n<!-- bolide:other -->",
    ]
    assert comments[1]["user"]["login"] == "bolide[bot]"
    for _ in range(2):
        await place.writer.react(React(issue, comments[0]["id"], "eyes"))
        await place.writer.react(React(issue, None, "rocket"))
        await place.writer.close_issue(CloseIssue(issue))
    assert len((await ask(place, f"issues/{issue}/reactions"))["answer"]) == 1
    assert len((await ask(place, f"issues/comments/{comments[0]['id']}/reactions"))["answer"]) == 1
    closed = (await ask(place, f"issues/{issue}"))["answer"]
    assert (closed["state"], closed["state_reason"]) == ("closed", "completed")


async def test_a_check_run_of_a_name_is_one_and_follows_its_report(place: Place) -> None:
    sha = (await place.read()).sha
    running = Report(sha, "bolide / evidence", "Running", "so far", None)
    done = Report(sha, "bolide / evidence", "Safe", "all **good**", "success")
    for report in (running, running, done, done):
        await place.writer.report(report)
    await place.writer.report(Report(sha, "bolide", "Other", "beside it", "neutral"))
    runs = (await ask(place, f"commits/{sha}/check-runs"))["answer"]["check_runs"]
    assert sorted((run["name"], run["status"], run["conclusion"], run["output"]["title"]) for run in runs) == [
        ("bolide", "completed", "neutral", "Other"),
        ("bolide / evidence", "completed", "success", "Safe"),
    ]


async def test_a_release_is_an_annotated_tag_and_a_page_and_the_tag_never_moves(place: Place) -> None:
    sha = (await place.read()).sha
    release = Release("v1.1.0", sha, "1.1.0", "What is new")
    url = await place.writer.release(release)
    assert await place.writer.release(release) == url
    tag = (await ask(place, "git/ref/tags/v1.1.0"))["answer"]["object"]
    assert tag["type"] == "tag"
    assert (await ask(place, f"git/tags/{tag['sha']}"))["answer"]["object"]["sha"] == sha
    later = await place.sandbox.push(NAME, "ada", {"README.md": "more\n"}, "Go on")
    with pytest.raises(ForgeRefused, match=r"v1\.1\.0 is on .* already"):
        await place.writer.release(Release("v1.1.0", later, "1.1.0", "What is new"))


async def test_statuses_and_deployments_say_where_the_commit_is(place: Place) -> None:
    sha = (await place.read()).sha
    await place.writer.status(sha, "bolide / train", "pending", "training", None)
    await place.writer.status(sha, "bolide / train", "success", "trained " * 30, "http://127.0.0.1:8090/")
    combined = (await ask(place, f"commits/{sha}/status"))["answer"]
    assert (combined["state"], len(combined["statuses"])) == ("success", 1)
    assert len(combined["statuses"][0]["description"]) == 140
    made = await place.writer.deployment(sha, "production")
    assert await place.writer.deployment(sha, "production") == made
    assert await place.writer.deployment(sha, "preview") != made
    for _ in range(2):
        await place.writer.deployment_state(made, "in_progress", "switching", "http://127.0.0.1:8090/")
    await place.writer.deployment_state(made, "success", "answers", "http://127.0.0.1:8090/")
    states = (await ask(place, f"deployments/{made}/statuses"))["answer"]
    assert [state["state"] for state in states] == ["success", "in_progress"]


async def test_a_deleted_branch_is_gone_and_stays_so(place: Place) -> None:
    await place.writer.propose(await place.change())
    for _ in range(2):
        await place.writer.delete_branch(DeleteBranch(BRANCH))
    assert await place.head(BRANCH) is None
