"""The sandbox as real clients see it: PyGithub, GitHub's own JavaScript client, git."""

import asyncio
import os
import subprocess
from pathlib import Path

import github
import pytest
from github.ContentFile import ContentFile
from github.Repository import Repository

from bot.sandbox import Sandbox
from tests.npm import installed
from tests.sandbox.harness import webhook_receiver

FILES = {"README.md": "# digits\n", "Pipfile": "[packages]\n"}


def file_of(repository: Repository, path: str, ref: str = "main") -> ContentFile:
    found = repository.get_contents(path, ref=ref)
    assert isinstance(found, ContentFile)
    return found


def pygithub_story(url: str, token: str) -> list[str]:
    """Issue, branch, file, pull request, check, merge, release; what it saw on the way."""
    client = github.Github(
        base_url=url, auth=github.Auth.Token(token), retry=None, seconds_between_requests=0, seconds_between_writes=0
    )
    repository = client.get_repo("ada/digits")
    seen = [
        repository.default_branch,
        client.get_user().login,
        file_of(repository, "README.md").decoded_content.decode(),
    ]
    label = repository.create_label("dependencies", "0366d6", "kept fresh")
    issue = repository.create_issue("New minor release", "please", labels=[label])
    issue.create_reaction("eyes")
    issue.create_comment("on it").edit("done")
    seen += [issue.title, *[each.body for each in issue.get_comments()], *[each.name for each in issue.labels]]
    issue.edit(state="closed", state_reason="completed")
    head = repository.get_branch("main").commit.sha
    repository.create_git_ref("refs/heads/feature/x", head)
    made = repository.create_file("docs/new file.md", "Add a page", "text\n", branch="feature/x")
    changed = repository.update_file(
        "Pipfile",
        "Change",
        "[packages]\nflask = '*'\n",
        file_of(repository, "Pipfile", "feature/x").sha,
        branch="feature/x",
    )
    pull = repository.create_pull("main", "feature/x", title="Feature", body="text", draft=False)
    repository.get_commit(changed["commit"].sha).create_status("success", context="ci", description="fine")
    assert isinstance(made["content"], ContentFile)
    seen += [made["content"].path, *sorted(each.filename for each in pull.get_files()), str(pull.mergeable)]
    seen += [str(pull.get_commits().totalCount), repository.get_commit(pull.head.sha).get_combined_status().state]
    assert pull.merge(merge_method="rebase").merged
    comparison = repository.compare(head, "main")
    release = repository.create_git_release("v0.2.0", "0.2.0", "notes")
    seen += [str(comparison.ahead_by), release.tag_name, repository.get_latest_release().name]
    seen += [tag.name for tag in repository.get_tags()] + [str(each.number) for each in repository.get_pulls("closed")]
    seen.append(repository.get_collaborator_permission("rob"))
    tip = repository.get_commit(changed["commit"].sha)
    seen += [each.context for each in tip.get_statuses()] + [str(each.number) for each in tip.get_pulls()]
    seen += [each.login for each in repository.get_collaborators()]
    seen += [each.full_name for each in client.get_user().get_repos()]
    seen.append(str(len([*pull.get_reviews(), *pull.get_review_comments()])))
    client.close()
    return seen


async def test_pygithub_works_through_a_story(sandbox: Sandbox) -> None:
    await sandbox.create_repository("ada/digits", FILES)
    sandbox.set_role("ada/digits", "rob", "triage")
    seen = await asyncio.to_thread(pygithub_story, sandbox.api_url, sandbox.token("ada"))
    assert seen == [
        "main", "ada", "# digits\n", "New minor release", "done", "dependencies", "docs/new file.md", "Pipfile",
        "docs/new file.md", "True", "2", "success", "2", "v0.2.0", "0.2.0", "v0.2.0", "2", "read",
        "ci", "2", "ada", "rob", "ada/digits", "0",
    ]  # fmt: skip


async def test_pygithub_authenticates_as_the_app(sandbox: Sandbox, keys: tuple[str, str]) -> None:
    await sandbox.create_repository("ada/digits", FILES)
    app = sandbox.register_app("bolide", "ada", keys[1])
    sandbox.install_app(app, "ada/digits")

    def story() -> list[str]:
        integration = github.GithubIntegration(base_url=sandbox.api_url, auth=github.Auth.AppAuth(app.id, keys[0]))
        installation = integration.get_repo_installation("ada", "digits")
        client = installation.get_github_for_installation()
        repository = client.get_repo("ada/digits")
        run = repository.create_check_run(
            "evidence", repository.get_branch("main").commit.sha, status="completed", conclusion="neutral"
        )
        seen = [integration.get_app().slug, run.conclusion, *[each.name for each in installation.get_repos()]]
        client.close()
        integration.close()
        return seen

    assert await asyncio.to_thread(story) == ["bolide", "neutral", "digits"]


async def git(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    who = {
        "GIT_AUTHOR_NAME": "Rob",
        "GIT_AUTHOR_EMAIL": "rob@example.org",
        "GIT_COMMITTER_NAME": "Rob",
        "GIT_COMMITTER_EMAIL": "rob@example.org",
    }
    env = {"PATH": os.environ["PATH"], "HOME": str(cwd), "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", **who}
    return await asyncio.to_thread(
        subprocess.run, ["git", *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=60, check=False
    )


async def test_git_clones_and_pushes_and_the_app_hears_of_it(
    sandbox: Sandbox, keys: tuple[str, str], tmp_path: Path
) -> None:
    await sandbox.create_repository("ada/digits", FILES)
    sandbox.set_role("ada/digits", "rob", "read")
    async with webhook_receiver() as receiver:
        app = sandbox.register_app("bolide", "ada", keys[1], receiver.url, "secret")
        sandbox.install_app(app, "ada/digits")
        assert (await git("clone", f"{sandbox.url}/ada/digits.git", "copy", cwd=tmp_path)).returncode == 0
        assert (await git("clone", f"{sandbox.url}/ada/digits", "again", cwd=tmp_path)).returncode == 0
        copy = tmp_path / "copy"
        assert (copy / "README.md").read_text() == FILES["README.md"]
        (copy / "README.md").write_text("# changed\n")
        await git("commit", "-am", "Change", cwd=copy)
        anonymous = await git("push", "origin", "main", cwd=copy)
        assert anonymous.returncode != 0
        for login, accepted in (("rob", False), ("ada", True)):
            address = f"http://{login}:{sandbox.token(login)}@{sandbox.url.removeprefix('http://')}/ada/digits"
            pushed = await git("push", address, "main", cwd=copy)
            assert (pushed.returncode == 0) is accepted, pushed.stderr
        large = copy / "large.bin"
        large.write_bytes(os.urandom(3_000_000))
        await git("checkout", "-q", "-b", "big/one", cwd=copy)
        await git("add", "large.bin", cwd=copy)
        await git("commit", "-qm", "Add a large file", cwd=copy)
        pushed = await git("push", address, "big/one", cwd=copy)
        assert pushed.returncode == 0, pushed.stderr
        await sandbox.delivered()
        events = [headers["X-GitHub-Event"] for headers, _ in receiver.received]
    assert events.count("push") == 2
    assert events.count("create") == 1


OCTOKIT = Path(__file__).with_name("octokit_story.js")


@pytest.fixture(scope="session")
def octokit() -> Path:
    """A folder with the client installed, kept between runs."""
    return installed("octokit", "5")


async def test_octokit_works_through_a_story(sandbox: Sandbox, keys: tuple[str, str], octokit: Path) -> None:
    await sandbox.create_repository("ada/digits", FILES)
    sandbox.open_issue("ada/digits", "ada", "One")
    app = sandbox.register_app("bolide", "ada", keys[1])
    sandbox.install_app(app, "ada/digits")
    env = {
        "PATH": os.environ["PATH"],
        "API": sandbox.api_url,
        "APP_ID": str(app.id),
        "KEY": keys[0],
        "NODE_PATH": str(octokit / "node_modules"),
    }
    done = await asyncio.to_thread(
        subprocess.run, ["node", str(OCTOKIT)], env=env, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout.strip()
        == '["bolide","# digits\\n",2,2,"Pipfile.lock",422,"A pull request already exists for ada:bot."]'
    )
