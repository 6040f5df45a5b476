"""The dry run of a release on a local git checkout, through the command line."""

import subprocess
from pathlib import Path

import pytest

from bot.__main__ import main

WHO = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "a@example.org", "HOME": "/nonexistent", "PATH": "/usr/bin:/bin"}
ENVIRONMENT = {**WHO, "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "a@example.org"}
LOCK = '{"_meta": {}, "default": {"flask": {"version": "==%s"}}, "develop": {}}'


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, env=ENVIRONMENT)


def commit(folder: Path, files: dict[str, str], message: str) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    pipfile = '[packages]\nflask = "*"\n'
    commit(tmp_path, {"digits/__init__.py": '__version__ = "1.2.3"\n', "Pipfile": pipfile}, "Begin")
    commit(tmp_path, {"Pipfile.lock": LOCK % "2.2"}, "Lock")
    git(tmp_path, "tag", "-a", "v1.2.3", "-m", "1.2.3")
    git(tmp_path, "remote", "add", "origin", "git@github.com:ada/digits.git")
    commit(tmp_path, {"Pipfile.lock": LOCK % "3.1"}, "chore(deps): flask")
    commit(tmp_path, {"a": "b"}, "feat(page): draw, see #7\n\nCo-authored-by: Eve <e@example.org>")
    return tmp_path


def test_the_pull_request_is_printed_and_nothing_changes(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release", "--dry-run", "minor", str(checkout)]) == 0
    told = capsys.readouterr().out
    assert told.startswith("Release 1.3.0\n=============\n")
    assert "### Added\n\n- **page:** Draw, see #\u200b7 (" in told
    assert "1 package moved in 1 update." in told
    assert "| `flask` | 2.2 | 3.1 |" in told
    assert "### Contributors\n\nAda, Eve" in told
    assert "[2 commits since v1.2.3](https://github.com/ada/digits/compare/v1.2.3...v1.3.0)" in told
    assert '-__version__ = "1.2.3"\n+__version__ = "1.3.0"' in told
    assert (checkout / "digits/__init__.py").read_text() == '__version__ = "1.2.3"\n'


def test_what_cannot_be_released_is_said(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path_factory.mktemp("empty")
    for words, status, said in (
        (["release", "--dry-run", "finalize", str(checkout)], 1, "1.2.3 is final already"),
        (["release", "--dry-run", "1.0.0", str(checkout)], 1, "1.0.0 is not above 1.2.3"),
        (["release", "--dry-run", "tiny", str(checkout)], 2, "'tiny' is neither the kind of a release ("),
        (["release", "minor", str(checkout)], 2, "Add --dry-run"),
        (["release", "--dry-run", str(empty)], 1, f"{empty} is no git checkout to release from"),
        (["release", "--dry-run", str(empty / "none")], 1, "is not a folder"),
    ):
        assert main(words) == status
        assert said in capsys.readouterr().err
    git(checkout, "tag", "-d", "v1.2.3")
    assert main(["release", "--dry-run", "calendar", str(checkout)]) == 0
    assert "All changes" not in capsys.readouterr().out
