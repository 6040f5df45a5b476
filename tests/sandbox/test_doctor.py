"""`python -m bot doctor` of a folder, and of a repository on the sandbox, as its owner calls it."""

import asyncio
import subprocess
import sys
from pathlib import Path

from bot.sandbox import Sandbox
from bot.sandbox.actions.manifests import convert, read_manifest, register
from bot.sandbox.actions.setup import create_user

CHECKOUT = Path(__file__).parents[2]
MANIFEST = """{"name": "Half", "url": "http://127.0.0.1", "redirect_url": "http://127.0.0.1/",
"hook_attributes": {"url": "http://127.0.0.1/webhook"}, "default_events": ["push", "issues"],
"default_permissions": {"contents": "read", "issues": "write", "pull_requests": "write", "checks": "write",
"statuses": "write", "deployments": "write"}}"""


def doctor(what: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/", "COLUMNS": "300", **variables}
    command = [sys.executable, "-m", "bot", "doctor", what]
    return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60)


def test_this_repository_is_well() -> None:
    done = doctor(".")
    assert done.returncode == 0, done.stdout
    assert "Pipfile.lock matches Pipfile" in done.stdout
    assert "All is well." in done.stdout


def test_a_folder_with_faults(tmp_path: Path) -> None:
    (tmp_path / ".thoth.yaml").write_text("host: {THOTH_SERVICE_HOST}\n")
    done = doctor(str(tmp_path))
    assert done.returncode == 1
    assert ".thoth.yaml line 1, column 7: `host` is no text" in done.stdout
    assert "1 to mend; see above." in done.stdout


def test_an_empty_folder_is_not_called_well_provided(tmp_path: Path) -> None:
    left = tmp_path / ".demo" / "bot" / "scratch"
    left.mkdir(parents=True)
    (left / ".aicoe-ci.yaml").write_text("check: {IMAGE_NAME}\n")
    done = doctor(str(tmp_path))
    assert "! environments: none\n    There is no Pipfile" in done.stdout
    assert (done.returncode, ".demo" in done.stdout) == (0, False)


def test_what_is_neither_folder_nor_repository() -> None:
    done = doctor("/no/such/folder")
    assert done.returncode == 1
    assert "is not a folder and not OWNER/NAME" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_repository_needs_the_app() -> None:
    done = doctor("ada/digits")
    assert done.returncode == 1
    assert "ada/digits is asked of GitHub, and for that these are needed: GITHUB_APP_ID" in done.stdout


async def test_a_repository_on_github(sandbox: Sandbox, tmp_path: Path) -> None:
    forge = sandbox.services.forge
    await sandbox.create_repository("ada/digits", {"version.py": '__version__ = "1.0"\n'})
    await sandbox.create_repository("ada/other", {"README.md": "x"})
    app, key = convert(forge, register(forge, create_user(forge, "ada"), read_manifest(MANIFEST)))
    sandbox.install_app(app, "ada/digits")
    (tmp_path / "key.pem").write_text(key)
    variables = {
        "GITHUB_APP_ID": str(app.id),
        "GITHUB_PRIVATE_KEY_FILE": str(tmp_path / "key.pem"),
        "GITHUB_WEBHOOK_SECRET": "a secret for this test",
        "GITHUB_API_URL": sandbox.api_url,
    }
    done = await asyncio.to_thread(doctor, "ada/digits", **variables)
    assert done.returncode == 1
    for sentence in (
        "the permission contents: read",
        "Grant contents: write in the App's settings.",
        "the event pull_request",
        "the event issue_comment",
        "labels that are not there: ",
        "version 1.0 in version.py",
        "3 to mend",
    ):
        assert sentence in done.stdout, done.stdout + done.stderr
    other = await asyncio.to_thread(doctor, "ada/other", **variables)
    assert "The App is not installed on ada/other" in other.stdout
