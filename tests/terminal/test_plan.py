"""The dry run: what would be done about a repository on the sandbox, and nothing is."""

import asyncio
from pathlib import Path

import pytest

from bot.core.commands import UpdateNow
from bot.core.errors import Refused
from bot.core.events import CommandGiven, Pushed, Repository, RepositoryAdded
from bot.core.plan import Comment, FileChange, OwnBranch, Plan, ProposeChange, Target
from bot.terminal import plan
from tests.sandbox.harness import judged_sandbox, key_pair

HERE = Repository(7, "ada/digits", 1)


async def test_a_plan_is_printed_and_nothing_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    private, public = key_pair()
    async with judged_sandbox(tmp_path / "github") as sandbox:
        await sandbox.create_repository("ada/digits", {"README.md": "# Digits\n"})
        app = sandbox.register_app("bolide", "ada", public, "http://127.0.0.1:9/webhook", "a secret for this test")
        sandbox.install_app(app, "ada/digits")
        environ = {
            "GITHUB_APP_ID": str(app.id),
            "GITHUB_PRIVATE_KEY": private,
            "GITHUB_WEBHOOK_SECRET": "a secret for this test",
            "GITHUB_API_URL": sandbox.api_url,
            "BOLIDE_STATE_DIR": str(tmp_path / "bot"),
            "BOLIDE_ADVISORIES": "none",
        }
        assert await asyncio.to_thread(plan.main, "ada/digits", "/help", environ) == 0
        out = capsys.readouterr().out
        assert out.startswith("answer: asked for words\n  Comment\n    issue: 0\n")
        assert await asyncio.to_thread(plan.main, "ada/digits", "Kebechet update", environ) == 0
        assert "update: Bolide waits for the pull request with a configuration" in capsys.readouterr().out
        assert await asyncio.to_thread(plan.main, "ada/digits", "dance", environ) == 1
        assert "'dance' is no event; give `push`" in capsys.readouterr().err
        assert await asyncio.to_thread(plan.main, "ada/elsewhere", "push", environ) == 1


def test_a_set_up_that_lacks_something_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan.main("ada/digits", "push", {}) == 2
    assert "GITHUB_APP_ID" in capsys.readouterr().err


def test_words_are_events() -> None:
    assert plan.event_of(HERE, "push", "main", "0" * 40) == Pushed(HERE, "main", "0" * 40)
    assert plan.event_of(HERE, "Installed", "main", "") == RepositoryAdded(HERE)
    given = plan.event_of(HERE, "/update gpu", "main", "")
    assert isinstance(given, CommandGiven)
    assert given.command == UpdateNow("gpu")
    with pytest.raises(Refused, match="is no event"):
        plan.event_of(HERE, "/dance", "main", "")


def test_a_change_is_shown_with_its_files_and_text() -> None:
    change = ProposeChange(
        Target("id", "main", "0" * 40),
        "bolide/update",
        OwnBranch("1" * 40, 3),
        (FileChange("Pipfile.lock", "{}\n"),),
        "Update",
        "Update flask",
        "one\ntwo",
    )
    told = list(plan.lines("update", Plan("because", (change, Comment(3, "key", "word")), again_after=60)))
    assert told[0] == "update: because"
    assert "    file: Pipfile.lock (3 bytes)" in told
    assert told[told.index("    body:") + 1 :][:2] == ["      one", "      two"]
    assert told[-1] == "  and again after 60 s"
