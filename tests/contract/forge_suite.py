"""What every forge does, told from its door: a test class inherits it and says on which ground it stands."""

import io
import tarfile
from dataclasses import replace
from typing import Protocol

import pytest

from bot.core.events import Actor, Repository
from bot.core.labels import Label
from bot.core.plan import (
    Asset,
    CloseIssue,
    ClosePullRequest,
    Comment,
    CommitFiles,
    DeleteBranch,
    EditPullRequest,
    FileChange,
    KeepLabels,
    OpenIssue,
    ProposeChange,
    Release,
    Report,
    SetLabels,
    Target,
    TrackIssue,
    YankRelease,
)
from bot.core.ports import (
    CheckOutcome,
    Forge,
    ForgeRefused,
    HeadMoved,
    Permission,
    Snapshot,
    Standing,
    TrackingIssue,
)

BRANCH = "bolide/update"
FILES = {"Pipfile": "[packages]\nflask = '*'\n", "README.md": "# digits\n"}


class Ground(Protocol):
    """A repository with FILES in one commit of ada's, the App on it, and what people do there."""

    @property
    def forge(self) -> Forge: ...

    @property
    def repository(self) -> Repository: ...

    async def push(self, login: str, files: dict[str, str], branch: str = "main") -> str: ...

    async def close_pull(self, number: int) -> None: ...

    async def merge(self, number: int) -> str: ...

    async def notes(self, tag: str) -> list[str]: ...

    async def issue(self) -> int: ...

    async def is_open(self, issue: int) -> bool: ...

    async def comments(self, issue: int) -> list[str]: ...

    async def give(self, login: str, role: str) -> Actor: ...

    async def labels(self) -> dict[str, str]: ...


async def read(ground: Ground, sha: str | None = None) -> Snapshot:
    reader = ground.forge.reader(ground.repository)
    return await reader.snapshot(["Pipfile", "missing"], branch=BRANCH, sha=sha)


async def change(ground: Ground, text: str = "[packages]\nflask = '==3.1'\n", title: str = "Update") -> ProposeChange:
    """A change of the Pipfile, planned on what is there now."""
    seen = await read(ground)
    return ProposeChange(
        Target(seen.node_id, seen.default_branch, seen.sha),
        BRANCH,
        seen.existing(),
        (FileChange("Pipfile", text),),
        f"{title}\n\nBecause.",
        title,
        f"Body of {title}",
    )


class ForgeSuite:
    """The contract of `ports.Forge`, for the fixture `ground`."""

    async def test_a_commit_is_made_on_top_of_what_was_read_and_nothing_else(self, ground: Ground) -> None:
        writer, first = ground.forge.writer(ground.repository), await read(ground)
        wanted = CommitFiles("main", first.sha, (FileChange("Pipfile", "deployed\n"),), "Deploy it\n\nBecause.")
        made = await writer.commit(wanted)
        seen = await read(ground)
        assert (seen.sha, seen.text("Pipfile")) == (made, "deployed\n")
        with pytest.raises(HeadMoved):
            await writer.commit(wanted)
        assert (await read(ground)).sha == made

    async def test_a_repository_is_found_by_its_name_where_the_app_is(self, ground: Ground) -> None:
        assert await ground.forge.locate(ground.repository.name) == ground.repository
        with pytest.raises(ForgeRefused, match="not installed on ada/nothing"):
            await ground.forge.locate("ada/nothing")

    async def test_a_file_longer_than_one_query_gives_is_read_whole(self, ground: Ground) -> None:
        text = "".join(f"# line {number} is long enough, ü\n" for number in range(30_000))
        assert len(text) > 512_000
        await ground.push("ada", {"Pipfile": text})
        assert (await read(ground)).text("Pipfile") == text

    async def test_files_are_read_at_one_commit(self, ground: Ground) -> None:
        first = await read(ground)
        assert (first.name, first.default_branch, first.archived) == (ground.repository.name, "main", False)
        assert first.files == {"Pipfile": FILES["Pipfile"], "missing": None}
        assert (first.branch, first.existing()) == (None, None)
        later = await ground.push("ada", {"Pipfile": "later\n"})
        assert (await read(ground)).sha == later
        assert (await read(ground, first.sha)).text("Pipfile") == FILES["Pipfile"]
        with pytest.raises(ForgeRefused):
            await read(ground, "0" * 40)

    async def test_the_files_at_the_top_and_in_the_overlays_are_listed_and_more_branches_are_seen(
        self, ground: Ground
    ) -> None:
        reader = ground.forge.reader(ground.repository)
        files = {"overlays/gpu/Pipfile": "[packages]\n", "overlays/README.md": "#\n", "src/x.py": "x = 1\n"}
        await ground.push("ada", {**files, "overlays/gpu/deep/Pipfile": "[packages]\n"})
        opened = await ground.forge.writer(ground.repository).propose(await change(ground))
        seen = await reader.snapshot([], branch="bolide/other", more=[BRANCH], overlays="overlays")
        assert seen.listing == ("Pipfile", "README.md", "overlays/gpu/Pipfile")
        assert (seen.branch, seen.on(BRANCH).branch) == (None, (await read(ground)).branch)
        await ground.close_pull(opened.number)
        again = await reader.snapshot([], branch="bolide/other", more=[BRANCH], overlays="missing")
        assert again.listing == ("Pipfile", "README.md")
        assert (again.declined, again.on(BRANCH).declined) == ((), ("Body of Update",))

    async def test_a_proposal_is_made_once(self, ground: Ground) -> None:
        writer, wanted = ground.forge.writer(ground.repository), await change(ground)
        opened = await writer.propose(wanted)
        assert await writer.propose(wanted) == opened
        branch = (await read(ground)).branch
        assert branch is not None
        assert (branch.sha, branch.authors) == (opened.head_sha, (ground.forge.login,))
        assert (branch.pull_request, branch.pull_request_body) == (opened.number, wanted.body)
        assert (await read(ground, opened.head_sha)).text("Pipfile") == "[packages]\nflask = '==3.1'\n"

    async def test_a_proposal_is_renewed_on_the_new_base(self, ground: Ground) -> None:
        writer = ground.forge.writer(ground.repository)
        first = await writer.propose(await change(ground))
        await ground.push("ada", {"README.md": "more\n"})
        second = await writer.propose(await change(ground, title="Again"))
        assert (second.number, second.title, second.open) == (first.number, "Again", True)
        assert second.head_sha != first.head_sha
        seen = await ground.forge.reader(ground.repository).snapshot(["README.md"], branch=BRANCH, sha=second.head_sha)
        assert seen.text("README.md") == "more\n"
        # What the base has gained meanwhile is not somebody's work on the branch.
        branch = (await read(ground)).branch
        assert branch is not None
        assert branch.authors == (ground.forge.login,)

    async def test_a_persons_commit_is_seen_and_never_overwritten(self, ground: Ground) -> None:
        writer = ground.forge.writer(ground.repository)
        await writer.propose(await change(ground))
        planned = await change(ground, title="Again")
        theirs = await ground.push("ada", {"Pipfile": "mine\n"}, BRANCH)
        with pytest.raises(HeadMoved):
            await writer.propose(planned)
        branch = (await read(ground)).branch
        assert branch is not None
        assert branch.sha == theirs
        assert set(branch.authors) == {"ada", ground.forge.login}

    async def test_a_closed_proposal_is_no_open_one(self, ground: Ground) -> None:
        writer = ground.forge.writer(ground.repository)
        first = await writer.propose(await change(ground))
        await ground.close_pull(first.number)
        assert not (await ground.forge.reader(ground.repository).pull_request(first.number)).open
        branch = (await read(ground)).branch
        assert branch is not None
        assert branch.pull_request is None
        assert (await writer.propose(await change(ground))).number != first.number

    async def test_title_and_body_are_set(self, ground: Ground) -> None:
        writer = ground.forge.writer(ground.repository)
        number = (await writer.propose(await change(ground))).number
        for edit in (EditPullRequest(number, "body"), EditPullRequest(number, "body", "Title")):
            await writer.edit_pull_request(edit)
        seen = await ground.forge.reader(ground.repository).pull_request(number)
        assert (seen.title, seen.body) == ("Title", "body")
        with pytest.raises(ForgeRefused):
            await ground.forge.reader(ground.repository).pull_request(number + 1000)

    async def test_one_comment_of_a_key_is_edited_in_place(self, ground: Ground) -> None:
        writer, issue = ground.forge.writer(ground.repository), await ground.issue()
        for body in ("working", "working", "done"):
            await writer.comment(Comment(issue, "answer", body))
        await writer.comment(Comment(issue, "other", "beside it"))
        assert await ground.comments(issue) == ["done", "beside it"]

    async def test_the_tracking_issue_is_one_and_edited_in_place(self, ground: Ground) -> None:
        reader, writer = ground.forge.reader(ground.repository), ground.forge.writer(ground.repository)

        async def seen() -> Snapshot:
            return await reader.snapshot([], branch=BRANCH, tracked="bolide-dashboard")

        before = await seen()
        assert (before.tracking, before.issues_enabled, before.open_changes) == (None, True, ())
        for _ in range(2):
            await writer.track(TrackIssue(None, "Dashboard", "bolide-dashboard", "one"))
        first = (await seen()).tracking
        assert first is not None
        assert (first.body, first.open) == ("one", True)
        await writer.track(TrackIssue(first.number, "Dashboard", "bolide-dashboard", "two"))
        await writer.close_issue(CloseIssue(first.number))
        assert (await seen()).tracking == TrackingIssue(first.number, "two", open=False)
        await writer.track(TrackIssue(first.number, "Dashboard", "bolide-dashboard", "three"))
        assert (await seen()).tracking == TrackingIssue(first.number, "three", open=False)
        await writer.track(TrackIssue(first.number, "Dashboard", "bolide-dashboard", "four", reopened=True))
        assert (await seen()).tracking == TrackingIssue(first.number, "four", open=True)

    async def test_open_changes_are_seen_labelled_and_closed(self, ground: Ground) -> None:
        reader, writer = ground.forge.reader(ground.repository), ground.forge.writer(ground.repository)
        opened = await writer.propose(replace(await change(ground), labels=("security",)))
        seen = await reader.snapshot([], branch=BRANCH, tracked="bolide-dashboard")
        assert [(each.branch, each.number, each.title) for each in seen.open_changes] == [
            (BRANCH, opened.number, "Update")
        ]
        assert seen.open_changes[0].opened.tzinfo is not None
        with pytest.raises(HeadMoved):
            await writer.close_pull_request(ClosePullRequest(opened.number, BRANCH, "0" * 40))
        assert (await reader.pull_request(opened.number)).open
        for _ in range(2):
            await writer.close_pull_request(ClosePullRequest(opened.number, BRANCH, opened.head_sha))
        seen = await reader.snapshot([], branch=BRANCH, tracked="bolide-dashboard")
        assert (seen.open_changes, seen.branch) == ((), None)

    async def test_an_issue_is_closed_and_a_branch_deleted_however_often(self, ground: Ground) -> None:
        writer, issue = ground.forge.writer(ground.repository), await ground.issue()
        await writer.propose(await change(ground))
        for _ in range(2):
            await writer.close_issue(CloseIssue(issue))
            await writer.delete_branch(DeleteBranch(BRANCH))
        assert not await ground.is_open(issue)
        assert (await read(ground)).branch is None

    async def test_a_release_is_made_once_and_its_tag_never_moves(self, ground: Ground) -> None:
        reader, writer = ground.forge.reader(ground.repository), ground.forge.writer(ground.repository)
        sha = (await read(ground)).sha
        everything = await reader.history(sha, None)
        assert ([commit.sha for commit in everything.commits], everything.total, everything.since) == ([sha], 1, "")
        assert await reader.release_url("v1.1.0") is None
        files = (Asset("sbom.json", "application/json", "{}"), Asset("evidence.md", "text/markdown", "ä\n"))
        release = Release("v1.1.0", sha, "1.1.0", "What is new", assets=files)
        assert await writer.release(release) == await writer.release(release)
        assert await reader.tags() == ("v1.1.0",)
        assert await reader.release_url("v1.1.0") == await writer.release(release)
        later = await ground.push("ada", {"README.md": "more\n"})
        since = await reader.history(later, "v1.1.0")
        assert [(commit.sha, commit.author, commit.login) for commit in since.commits] == [(later, "ada", "ada")]
        assert (since.commits[0].parents, since.total, since.since) == ((sha,), 1, sha)
        with pytest.raises(ForgeRefused):
            await reader.history(later, "v9")
        with pytest.raises(ForgeRefused, match=r"v1\.1\.0 is on .* already"):
            await writer.release(Release("v1.1.0", later, "1.1.0", "What is new"))

    async def test_a_release_is_yanked_once_and_only_if_there_is_one(self, ground: Ground) -> None:
        writer, sha = ground.forge.writer(ground.repository), (await read(ground)).sha
        await writer.release(Release("v1.0.0", sha, "1.0.0", "First"))
        for _ in range(2):
            await writer.yank(YankRelease("v1.0.0", "Do not use it."))
        assert await ground.notes("v1.0.0") == ["Do not use it.", "First"]
        with pytest.raises(ForgeRefused, match=r"has no GitHub Release of v9"):
            await writer.yank(YankRelease("v9", "Do not use it."))

    async def test_an_issue_of_the_bots_is_opened_once(self, ground: Ground) -> None:
        writer, reader = ground.forge.writer(ground.repository), ground.forge.reader(ground.repository)
        wanted = OpenIssue("yanked 1.0.0", "1.0.0 was yanked", "Release another.")
        number = await writer.open_issue(wanted)
        assert await reader.issue_is_open(number)
        await writer.close_issue(CloseIssue(number, completed=False))
        assert await writer.open_issue(wanted) == number
        assert not await reader.issue_is_open(number)
        assert await writer.open_issue(replace(wanted, key="yanked 1.0.1")) != number

    async def test_checks_and_statuses_say_how_a_commit_fares(self, ground: Ground) -> None:
        writer, reader = ground.forge.writer(ground.repository), ground.forge.reader(ground.repository)
        sha = (await read(ground)).sha
        assert await reader.checks(sha) == ()
        await writer.report(Report(sha, "tests", "Running", "…", None))
        await writer.status(sha, "bolide", "pending", "training", None)
        assert set(await reader.checks(sha)) == {CheckOutcome("tests", "pending"), CheckOutcome("bolide", "pending")}
        await writer.report(Report(sha, "tests", "Broken", "…", "failure"))
        await writer.status(sha, "bolide", "success", "serving", None)
        assert set(await reader.checks(sha)) == {CheckOutcome("tests", "failed"), CheckOutcome("bolide", "passed")}

    async def test_a_merged_proposal_is_told_with_its_commit_and_its_branch_goes_only_as_it_was(
        self, ground: Ground
    ) -> None:
        writer, reader = ground.forge.writer(ground.repository), ground.forge.reader(ground.repository)
        assert await reader.merged_pulls() == ()
        with pytest.raises(ForgeRefused):
            await reader.changed_files(77)
        opened = await writer.propose(await change(ground))
        assert await reader.changed_files(opened.number) == ("Pipfile",)
        sha = await ground.merge(opened.number)
        assert await reader.changed_files(opened.number) == ("Pipfile",)
        seen = await reader.pull_request(opened.number)
        assert seen.merged is not None
        assert (seen.merged.sha, seen.merged.branch, seen.head_sha) == (sha, BRANCH, opened.head_sha)
        (pull,) = await reader.merged_pulls()
        assert (pull.number, pull.title, pull.branch, pull.sha) == (opened.number, "Update", BRANCH, sha)
        await writer.delete_branch(DeleteBranch(BRANCH, sha="0" * 40))
        assert (await read(ground)).branch is not None
        for _ in range(2):
            await writer.delete_branch(DeleteBranch(BRANCH, sha=opened.head_sha))
        assert (await read(ground)).branch is None

    async def test_rights_are_those_of_now(self, ground: Ground) -> None:
        reader = ground.forge.reader(ground.repository)
        rights: tuple[Permission, ...] = ("write", "read", "admin")
        for permission in rights:
            grace = await ground.give("grace", permission)
            assert await reader.standing(grace) == Standing("grace", permission)
            assert await reader.standing(Actor(grace.id, "renamed-since")) == Standing("grace", permission)
        assert await reader.standing(Actor(10**9, "grace")) == Standing("", "none")

    async def test_a_deployment_of_a_commit_is_one(self, ground: Ground) -> None:
        writer, sha = ground.forge.writer(ground.repository), (await read(ground)).sha
        number = await writer.deployment(sha, "production")
        for _ in range(2):
            await writer.deployment_state(number, "success", "serving", "http://127.0.0.1:8090/")
        assert await writer.deployment(sha, "production") == number
        assert await writer.deployment(sha, "preview") != number

    async def test_the_tarball_holds_the_files_in_one_folder(self, ground: Ground) -> None:
        sha = (await read(ground)).sha
        packed = await ground.forge.reader(ground.repository).tarball(sha)
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:
            files = [name.split("/", 1) for name in tar.getnames() if "/" in name]
        assert {name for _, name in files} == set(FILES)
        assert len({folder for folder, _ in files}) == 1

    async def test_the_paths_are_those_of_the_commit(self, ground: Ground) -> None:
        before = (await read(ground)).sha
        await ground.push("ada", {"docs/deep/er.md": "x"})
        reader = ground.forge.reader(ground.repository)
        assert set(await reader.paths(before)) == set(FILES)
        assert set(await reader.paths((await read(ground)).sha)) == {*FILES, "docs/deep/er.md"}

    async def test_labels_are_made_once_and_kept_as_they_are(self, ground: Ground) -> None:
        writer = ground.forge.writer(ground.repository)
        first = Label("minor-release", "0e8a16", "Asks for a release")
        for labels in ((first,), (Label("Minor-Release", "ffffff", "Other"), Label("bot", "6f42c1", "Of a bot"))):
            for _ in range(2):
                await writer.keep_labels(KeepLabels(labels))
        found = await ground.labels()
        assert {name: found[name] for name in ("minor-release", "bot")} == {
            "minor-release": "Asks for a release",
            "bot": "Of a bot",
        }
        assert "Minor-Release" not in found

    async def test_open_pull_requests_are_seen_with_size_paths_and_labels(self, ground: Ground) -> None:
        writer, reader = ground.forge.writer(ground.repository), ground.forge.reader(ground.repository)
        assert await reader.open_pulls() == ()
        opened = await writer.propose(await change(ground))
        await writer.keep_labels(KeepLabels((Label("size/XS", "ededed", ""), Label("bug", "ededed", ""))))
        for _ in range(2):
            await writer.set_labels(SetLabels(opened.number, ("size/XS", "bug"), ()))
            await writer.set_labels(SetLabels(opened.number, (), ("bug", "never there")))
        (seen,) = await reader.open_pulls()
        assert (seen.number, seen.title, seen.paths, seen.labels) == (
            opened.number,
            "Update",
            ("Pipfile",),
            ("size/XS",),
        )
        assert seen.lines > 0
        assert seen.conflicts is False
        await ground.close_pull(opened.number)
        assert await reader.open_pulls() == ()

    async def test_a_body_beyond_the_bound_is_refused(self, ground: Ground) -> None:
        issue = await ground.issue()
        with pytest.raises(ForgeRefused, match="shorten it"):
            await ground.forge.writer(ground.repository).comment(Comment(issue, "key", "x" * 60_001))
        assert await ground.comments(issue) == []
