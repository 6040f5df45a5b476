"""`python -m bot.sandbox` as a person at a terminal meets it."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import github
import pytest

ROOT = Path(__file__).parents[2]
START = [sys.executable, "-m", "bot.sandbox", "--port", "0"]


def told(process: subprocess.Popen[str], words: str) -> str:
    """What follows the words in the next line that holds them."""
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return line.partition(words)[2].strip()
    raise AssertionError(f"no line says {words!r}")


def test_it_tells_a_token_that_a_real_client_can_use(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "README.md").write_text("# digits\n")
    command = [*START, "--state", str(tmp_path / "state"), "--repository", "ada/digits"]
    command += ["--folder", str(tmp_path / "files"), "--app-key", "GENERATE"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = told(process, "REST ").partition(",")[0]
            token = told(process, "ada's token: ")
            told(process, "App bolide has the id ")
            client = github.Github(base_url=address, auth=github.Auth.Token(token), retry=None)
            names = [each.full_name for each in client.get_user().get_repos()]
            client.close()
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert names == ["ada/digits"]


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        (["--repository", "adax"], 2, "--repository 'adax' is not OWNER/NAME"),
        (["--repository", "ada/x.git"], 2, "--repository 'ada/x.git' is not OWNER/NAME"),
        (["--port", "99999"], 2, "--port 99999 is no port"),
        (["--owner", "a b"], 2, "--owner 'a b' is no name"),
        (["--repository", "ada/x", "--folder", "/nope"], 2, "--folder /nope is no folder"),
        (["--folder", "tests"], 2, "--folder needs --repository"),
        (["--app-key", "LICENSE"], 2, "--app-key LICENSE holds no public key in PEM"),
        (["--app-key", "/nope"], 2, "--app-key /nope cannot be read"),
        (["--webhook-secret-file", "/nope"], 2, "--webhook-secret-file /nope cannot be read"),
        (["--webhook-url", "here"], 2, "--webhook-url 'here' is no address"),
        (["--state", "LICENSE"], 1, "The state folder LICENSE cannot be used"),
    ],
)
def test_what_cannot_be_is_told_in_one_sentence(tmp_path: Path, given: list[str], code: int, words: str) -> None:
    assert_refused(["--state", str(tmp_path), *given], code, words)


def test_a_taken_port_is_told_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_refused(["--state", str(tmp_path), "--port", port], 1, f"Port {port} is taken")


def test_a_state_that_is_none_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "sandbox.sqlite").write_text("this is no database, whatever its name says\n" * 9)
    assert_refused(["--state", str(tmp_path)], 1, f"The state folder {tmp_path} cannot be used")


def assert_refused(given: list[str], code: int, words: str) -> None:
    done = subprocess.run([*START, *given], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(words)
    assert done.stderr.count("\n") == 1
