"""The command line as a newcomer meets it: help, a set-up that lacks something, taken ports, the installer."""

import hashlib
import io
import json
import platform
import re
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from rich.console import Console

from bot import __version__, bootstrap, doctor
from bot.__main__ import main
from bot.demo.progress import Steps

CHECKOUT = Path(__file__).parents[2]


def bolide(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`python -m bot` with nothing but these variables set."""
    command = [sys.executable, "-m", "bot", *arguments]
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **variables}
    return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60)


def test_every_command_in_the_readme_is_one_and_the_other_way_round() -> None:
    said = io.StringIO()
    with redirect_stdout(said), pytest.raises(SystemExit):
        main(["--help"])
    known = set(re.findall(r"^    (\w+)\s", said.getvalue(), re.MULTILINE))
    readme = (CHECKOUT / "README.md").read_text()
    row = re.compile(r"^\| `python -m bot (\w+)`(.*?)\|", re.MULTILINE)
    told = {name for first, rest in row.findall(readme) for name in (first, *re.findall(r"`(\w+)`", rest))}
    assert told == known


def test_the_readme_opens_with_the_two_commands() -> None:
    lines = (CHECKOUT / "README.md").read_text().splitlines()
    assert [line.split("#")[0].strip() for line in lines[3:5]] == ["make demo", "make test"]
    targets = (CHECKOUT / "Makefile").read_text()
    assert "\ndemo: " in targets
    assert "\ntest: " in targets


def test_the_version_is_one() -> None:
    done = bolide("--version")
    assert done.stdout == f"Bolide {__version__}\n"


def test_without_settings_it_says_all_that_is_missing_at_once() -> None:
    done = bolide("run")
    assert done.returncode == 2
    for name in ("GITHUB_APP_ID", "GITHUB_PRIVATE_KEY", "GITHUB_WEBHOOK_SECRET"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert "doctor" in done.stderr


def test_the_supervisor_names_the_taken_port(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = bolide("supervise", "--state", str(tmp_path), "--port", str(port))
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr


def test_the_sandbox_names_the_taken_port(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = bolide("sandbox", "--state", str(tmp_path), "--port", str(port))
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_leaves_a_folder_alone_that_it_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    done = bolide("demo", "--once", "--state", str(tmp_path))
    assert done.returncode == 1
    assert "was not made by the demo" in done.stdout
    assert (tmp_path / "mine.txt").read_text() == "keep"


@pytest.mark.network
@pytest.mark.enable_socket
async def test_the_doctor_looks_at_machine_and_index(tmp_path: Path) -> None:
    findings = await doctor.examine({"BOLIDE_STATE_DIR": str(tmp_path)})
    assert [finding.thing for finding in findings if finding.state == "missing"] == []
    assert any("package index https://pypi.org/simple answers" in finding.thing for finding in findings)
    assert any("GITHUB_" in finding.thing and finding.remedy for finding in findings)


async def test_the_doctor_names_an_index_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        index = f"https://127.0.0.1:{nobody.getsockname()[1]}/simple"
        wrong = {"BOLIDE_STATE_DIR": str(tmp_path), "BOLIDE_INDEX_URL": index, "GITHUB_APP_ID": "none"}
        findings = await doctor.examine(wrong)
    missing = [finding for finding in findings if finding.state == "missing"]
    assert any(index in finding.thing for finding in missing)
    assert any("GITHUB_APP_ID" in finding.thing for finding in missing)
    assert all(finding.remedy for finding in missing)


def test_the_doctor_ends_with_1_when_something_is_missing(tmp_path: Path) -> None:
    done = bolide("doctor", BOLIDE_STATE_DIR=str(tmp_path), BOLIDE_INDEX_URL="https://127.0.0.1:9/simple")
    assert done.returncode == 1
    assert "✗" in done.stdout
    assert "missing; see above" in done.stdout


@pytest.fixture
def small_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a lock of two packages, in which `bootstrap` runs."""
    whole = json.loads((CHECKOUT / "Pipfile.lock").read_text())
    small = {"_meta": whole["_meta"], "bot": {name: whole["bot"][name] for name in ("uv", "idna")}}
    (tmp_path / "Pipfile.lock").write_text(json.dumps(small))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "Pipfile.lock"


@pytest.mark.network
@pytest.mark.enable_socket
def test_the_installer_needs_nothing_but_python(small_lock: Path) -> None:
    assert bootstrap.main(["bot"]) == 0
    python = small_lock.with_name(".venv") / "bin" / "python"
    done = subprocess.run([str(python), "-c", "import idna; print(idna.__name__)"], capture_output=True, text=True)
    assert done.stdout == "idna\n"
    stamp = small_lock.with_name(".venv") / "installed.txt"
    before = stamp.stat().st_mtime_ns
    assert bootstrap.main(["bot"]) == 0
    assert stamp.stat().st_mtime_ns == before


@pytest.mark.network
@pytest.mark.enable_socket
def test_an_installer_that_is_not_the_pinned_one_is_refused(small_lock: Path) -> None:
    lock = json.loads(small_lock.read_text())
    lock["bot"]["uv"]["hashes"] = ["sha256:" + "0" * 64]
    small_lock.write_text(json.dumps(lock))
    with pytest.raises(SystemExit, match=r"is not what Pipfile\.lock pins; nothing was installed"):
        bootstrap.main(["bot"])
    assert not (small_lock.with_name(".venv") / "bin" / "uv").exists()


FILE_LIMIT = 64 * 1024
CUT_OFF = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({FILE_LIMIT}, {FILE_LIMIT}))
"""


@contextmanager
def index_with_an_installer(place: Path) -> Iterator[tuple[str, str]]:
    """An index on loopback whose uv is a script that installs nothing; its address and the wheel's hash."""
    script = "#!/bin/sh\nexit 0\n" + "# as large as a program\n" * FILE_LIMIT
    wheel = place / "files" / f"uv-1.0-py3-none-manylinux_2_17_musllinux_1_1_{platform.machine()}.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("uv-1.0.data/scripts/uv", script)
    page = place / "simple" / "uv" / "index.html"
    page.parent.mkdir(parents=True)
    handler = partial(SimpleHTTPRequestHandler, directory=str(place))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        page.write_text(json.dumps({"files": [{"filename": wheel.name, "url": f"{address}/files/{wheel.name}"}]}))
        serving = Thread(target=server.serve_forever)
        serving.start()
        yield f"{address}/simple", f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
        server.shutdown()
        serving.join()


def test_an_installation_that_was_cut_off_heals_itself(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    run = "import sys; from bot import bootstrap; sys.exit(bootstrap.main(['bot']))"
    with index_with_an_installer(tmp_path) as (index, digest):
        lock = {"_meta": {}, "bot": {"uv": {"version": "==1.0", "hashes": [digest]}}}
        (project / "Pipfile.lock").write_text(json.dumps(lock))
        environment = {"PATH": "/usr/bin:/bin", "PIP_INDEX_URL": index, "PYTHONPATH": str(CHECKOUT)}

        def install(before: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-c", before + run]
            return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=60)

        cut = install(CUT_OFF)
        assert (cut.returncode, "File too large" in cut.stderr) == (1, True)
        assert not (project / ".venv" / "installed.txt").exists()
        healed = install("")
    assert healed.returncode == 0, healed.stderr
    assert (project / ".venv" / "installed.txt").read_text().startswith("uv==1.0 --hash=sha256:")


def test_an_index_that_does_not_answer_is_named_with_the_remedy(tmp_path: Path) -> None:
    lock = {"_meta": {}, "bot": {"uv": {"version": "==1.0", "hashes": ["sha256:" + "0" * 64]}}}
    (tmp_path / "Pipfile.lock").write_text(json.dumps(lock))
    for index in ("http://127.0.0.1:9/simple", "nonsense"):
        environment = {"PATH": "/usr/bin:/bin", "PIP_INDEX_URL": index, "PYTHONPATH": str(CHECKOUT)}
        command = [sys.executable, "-m", "bot.bootstrap", "bot"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        assert (done.returncode, "Traceback" in done.stderr) == (1, False)
        assert f"the index {index} gives no list of uv" in done.stderr
        assert "set PIP_INDEX_URL to an index that answers" in done.stderr


def test_a_link_of_the_demo_stays_whole_in_a_narrow_terminal() -> None:
    shown = io.StringIO()
    link = "http://127.0.0.1:8300/ada/bolide/issues/new?template=minor-release.yml"
    with Steps(Console(file=shown, width=40)) as steps:
        steps.tell(f"  3. Open the issue: {link}")
    assert link in shown.getvalue()


def test_a_category_that_the_lock_lacks_is_named(small_lock: Path) -> None:
    assert bootstrap.main(["nothing"]) == 1
