"""Reading through the sandbox's door: one query, one commit, and what can be wrong with what is there."""

import io
import tarfile

import pytest

from bot.core.events import Actor, Repository
from bot.core.plan import Release
from bot.core.ports import ForgeRefused, Standing, Unreadable
from bot.sandbox.entities import App
from tests.adapters.github.place import BRANCH, FILES, NAME, Place


async def test_one_request_reads_files_commit_and_branch(place: Place) -> None:
    seen = await place.reader.snapshot(["Pipfile", "Pipfile.lock", "no/such.file"], branch=BRANCH)
    assert place.sent() == ["ReadProject"]
    assert seen.files == {"Pipfile": FILES["Pipfile"], "Pipfile.lock": FILES["Pipfile.lock"], "no/such.file": None}
    assert (seen.name, seen.default_branch, seen.branch, seen.archived) == (NAME, "main", None, False)
    assert seen.sha == await place.head("main")
    assert place.github.login == "bolide[bot]"


async def test_a_snapshot_at_a_commit_does_not_see_later_pushes(place: Place) -> None:
    first = await place.read()
    await place.sandbox.push(NAME, "ada", {"Pipfile": "changed\n"}, "Change")
    again = await place.reader.snapshot(["Pipfile"], branch=BRANCH, sha=first.sha)
    assert (again.sha, again.files) == (first.sha, first.files)
    assert (await place.read()).files == {"Pipfile": "changed\n"}


async def test_what_is_no_text_is_told_apart(place: Place) -> None:
    await place.sandbox.push(NAME, "ada", {"app/model.bin": b"\x00\x01\xff", "crlf": "a\r\nb\r\n", "é/ü": "ö"}, "More")
    files = (await place.reader.snapshot(["app/model.bin", "app", "crlf", "é/ü"], branch=BRANCH)).files
    assert files == {
        "app/model.bin": Unreadable("it is binary"),
        "app": Unreadable("it is no file"),
        "crlf": "a\r\nb\r\n",
        "é/ü": "ö",
    }


async def test_a_symbolic_link_is_not_followed(place: Place) -> None:
    git = place.sandbox.services.forge.git(place.sandbox.repository(NAME))
    link = (await git.run("hash-object", "-w", "--stdin", data=b"README.md")).decode().strip()
    tree = (await git.run("mktree", data=f"120000 blob {link}\tPipfile\n".encode())).decode().strip()
    who = {f"GIT_{role}_{what}": "ada@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    commit = (await git.run("commit-tree", tree, "-m", "Link", env=who)).decode().strip()
    await git.run("update-ref", "refs/heads/main", commit)
    assert (await place.read()).files == {"Pipfile": Unreadable("it is a symbolic link")}


async def test_the_bots_branch_is_seen_with_its_pull_request_and_authors(place: Place) -> None:
    opened = await place.writer.propose(await place.change())
    branch = (await place.read()).branch
    assert branch is not None
    assert (branch.sha, branch.authors, branch.pull_request) == (opened.head_sha, ("bolide[bot]",), opened.number)
    assert branch.pull_request_body == opened.body
    await place.sandbox.push(NAME, "grace", {"Pipfile": "mine\n"}, "Meddle", BRANCH)
    branch = (await place.read()).branch
    assert branch is not None
    assert branch.authors == ("bolide[bot]", "grace")


async def test_what_is_not_there_is_refused_by_name(place: Place) -> None:
    with pytest.raises(ForgeRefused, match="ada/digits has no commit"):
        await place.reader.snapshot(["Pipfile"], branch=BRANCH, sha="0" * 40)
    with pytest.raises(ForgeRefused, match="pulls/99"):
        await place.reader.pull_request(99)
    elsewhere = Repository(4711, "ada/nowhere", place.repository.installation)
    with pytest.raises(ForgeRefused, match="The App may not work on ada/nowhere"):
        await place.github.reader(elsewhere).tags()


async def test_an_empty_repository_says_that_it_is_empty(place: Place) -> None:
    made = await place.sandbox.create_repository("ada/empty")
    (app,) = place.sandbox.services.forge.store.all(App)
    repository = Repository(made.id, "ada/empty", place.sandbox.install_app(app, NAME, "ada/empty").id)
    with pytest.raises(ForgeRefused, match="ada/empty is empty; push a first commit"):
        await place.github.reader(repository).snapshot(["Pipfile"], branch=BRANCH)


async def test_commits_since_a_release(place: Place) -> None:
    first = (await place.read()).sha
    assert [commit.subject for commit in (await place.reader.history(first, None)).commits] == ["Begin"]
    await place.writer.release(Release("v1.0.0", first, "1.0.0", "notes"))
    for subject in ("One", "Two"):
        await place.sandbox.push(NAME, "grace", {"file": subject}, f"{subject}\n\nMore words.")
    commits = (await place.reader.history((await place.read()).sha, "v1.0.0")).commits
    assert [(commit.subject, commit.author) for commit in commits] == [("Two", "grace"), ("One", "grace")]
    assert await place.reader.tags() == ("v1.0.0",)


async def test_rights_are_read_live_by_numeric_id(place: Place) -> None:
    counts_as = {"admin": "admin", "maintain": "write", "write": "write", "triage": "read", "read": "read"}
    for role, permission in counts_as.items():
        place.sandbox.set_role(NAME, "grace", role)
        grace = place.sandbox.services.forge.user_named("grace")
        assert grace is not None
        standing = await place.reader.standing(Actor(grace.id, "renamed-since"))
        assert (standing.login, standing.permission) == ("grace", permission)
    assert await place.reader.standing(Actor(10**9, "grace")) == Standing("", "none")


async def test_the_tarball_holds_the_files_of_its_commit(place: Place) -> None:
    first = (await place.read()).sha
    await place.sandbox.push(NAME, "ada", {"Pipfile": "later\n"}, "Change")
    with tarfile.open(fileobj=io.BytesIO(await place.reader.tarball(first))) as archive:
        names = archive.getnames()
        pipfile = archive.extractfile(next(name for name in names if name.endswith("/Pipfile")))
        assert pipfile is not None
        assert pipfile.read().decode() == FILES["Pipfile"]
    assert len({name.split("/")[0] for name in names}) == 1


async def test_a_reading_token_can_only_read_and_only_here(place: Place) -> None:
    await place.read()
    minted = [entry for entry in place.sandbox.requests if entry["template"].endswith("/access_tokens")]
    assert len(minted) == 1
    session = place.github.reader(place.repository)._session
    answer = await session.repeat("POST", f"repos/{NAME}/git/refs", {"ref": "refs/heads/x", "sha": "0" * 40})
    assert answer.status == 403
